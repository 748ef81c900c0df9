"""A release on the hub: what is wanted comes in few requests and bytes, and after any interruption the rest of it."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakehub.hub import Answer, Hub
from tests.ingest.remote.fetch.remote_shards import LANGUAGES, content, ids_in, listed, manifest, release
from tests.ingest.shards import dialect_files, made_shards

Command = Callable[..., tuple[int, str, str]]

WINDOW = 64 * 1024


@functools.cache
def large() -> bytes:
    """A video's poses of more than a window of the walk."""
    return dialect_files.consolidated([dialect_files.flat([dialect_files.person(seed)]) for seed in range(80)])


def large_release(folder: Path, tars: int, videos: int) -> dict[str, str]:
    """Tars of videos that are larger than what is read of a header; gives each video's language."""
    folder.mkdir(parents=True)
    languages = {}
    for tar in range(tars):
        members = {}
        for place in range(videos):
            video_id = f"v{tar:02d}x{place:02d}"
            languages[video_id] = LANGUAGES[(tar + place) % len(LANGUAGES)]
            members |= dialect_files.video(video_id, large())
            members[f"{video_id}/captions/{video_id}.en.vtt"] = b"WEBVTT\n\n00:00.000 --> 00:00.100\nhello\n"
        made_shards.pack(folder / f"Sign_DWPose_NPZ_{tar + 1:06d}.tar", members)
    return languages


def publish(hub: Hub, folder: Path) -> None:
    hub.put("owner/name", {f"dataset/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.tar"))})


def received(hub: Hub) -> int:
    return sum(request.sent for request in hub.requests_for("/cdn/"))


def wanted_of(languages: dict[str, str]) -> list[str]:
    return [video_id for video_id, code in languages.items() if code in ("asf", "bfi")]


def most_bytes(languages: dict[str, str], walked: bool = True) -> float:
    """1.1 of the wanted members, and 64 KiB for each member whose header is read."""
    each = len(large()) + 200
    return 1.1 * each * len(wanted_of(languages)) + (3 * WINDOW * len(languages) if walked else 0)


def test_two_languages_cost_their_own_bytes_and_two_resolves_a_tar(
    hub: Hub, tmp_path: Path, signverse: Command
) -> None:
    languages = large_release(tmp_path / "shards", 3, 6)
    publish(hub, tmp_path / "shards")
    assert len(large()) > 2 * WINDOW
    choice = ("--manifest", manifest(tmp_path / "m.csv", languages), "--language", "asf", "--language", "bfi")
    code, _, err = signverse("fetch", "owner/name", *choice, "--lake", tmp_path / "lake")
    assert code == 0, err
    assert ids_in(tmp_path / "lake") == set(wanted_of(languages))
    assert received(hub) <= most_bytes(languages)
    # A walk costs about a window a large member, not one for each member.
    walked = received(hub) - (len(large()) + 2048) * len(wanted_of(languages))
    assert walked <= 2 * WINDOW * len(languages)
    assert len(hub.requests_for("/resolve/.*tar")) <= 2 * 3
    # Once walked, the index says where everything lies.
    before, resolves = received(hub), len(hub.requests_for("/resolve/.*tar"))
    assert signverse("fetch", "owner/name", *choice, "--lake", tmp_path / "again")[0] == 0
    assert received(hub) - before <= most_bytes(languages, walked=False)
    assert len(hub.requests_for("/resolve/.*tar")) - resolves == 3
    assert content(tmp_path / "again") == content(tmp_path / "lake")
    # Where a video is from: the commit, the tar and its sum.
    (commit,) = hub.repositories["datasets/owner/name"].branches["main"][-1:]
    _, out, _ = signverse(
        "sql", "select min(source_shard) as s from videos", "--format", "csv", "--lake", tmp_path / "lake"
    )
    sha = hub.repositories["datasets/owner/name"].at("main").files["dataset/Sign_DWPose_NPZ_000001.tar"].sha256
    assert f"hf://datasets/owner/name@{commit.oid}/dataset/Sign_DWPose_NPZ_000001.tar#sha256:{sha}" in out


def test_the_state_json_says_which_tars_matter(hub: Hub, tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 4, 2)
    publish(hub, tmp_path / "shards")
    names = [f"Sign_DWPose_NPZ_{number:06d}.tar" for number in (1, 2, 3, 4, 5)]
    folders = [["v00x00", "v00x01"], ["v01x00", "v01x01", "lost"], ["v02x00", "v02x01"], ["v03x00"], ["far"]]
    archives = {name: {"folders": ids} for name, ids in zip(names, folders, strict=True)}
    text = json.dumps({"archives": archives}).encode()
    hub.put("owner/name", {"runtime_state/archive_upload_progress.json": text})
    ids = listed(tmp_path / "ids.txt", ["v01x01", "lost", "far", "nowhere"])
    code, _, err = signverse("fetch", "owner/name", "--ids", ids, "--out", tmp_path / "out")
    assert code == 0
    assert "4 videos wanted: 1 fetched, 3 absent" in err
    assert "absent_from_shard: 1: lost (Sign_DWPose_NPZ_000002.tar is said to hold it, and does not)" in err
    assert "absent_shard: 1: far" in err
    assert "not_listed: 1: nowhere" in err
    assert {request.path.split("/")[-1].split("?")[0] for request in hub.requests_for("/resolve/.*tar")} == {names[1]}


def test_a_tar_that_the_server_does_not_give_costs_its_own_videos_only(
    hub: Hub, tmp_path: Path, signverse: Command
) -> None:
    release(tmp_path / "shards", 2, 2)
    publish(hub, tmp_path / "shards")
    ids = listed(tmp_path / "ids.txt", ["v00x00", "v01x00"])
    hub.fail(Answer(404, {"X-Error-Code": "EntryNotFound"}), path="/resolve/.*000001.tar", times=None)
    code, _, err = signverse("fetch", "owner/name", "--ids", ids, "--out", tmp_path / "out")
    assert code == 1
    assert "2 videos wanted: 1 fetched, 1 failed" in err
    assert [path.name for path in (tmp_path / "out").glob("*.tar")] == ["Sign_DWPose_NPZ_000002.tar"]


def test_a_dry_run_says_what_it_would_cost_and_brings_nothing(hub: Hub, tmp_path: Path, signverse: Command) -> None:
    languages = large_release(tmp_path / "shards", 3, 6)
    publish(hub, tmp_path / "shards")
    archives = {
        f"Sign_DWPose_NPZ_{tar + 1:06d}.tar": {"folders": [name for name in languages if name[:3] == f"v{tar:02d}"]}
        for tar in range(3)
    }
    hub.put("owner/name", {"runtime_state/archive_upload_progress.json": json.dumps({"archives": archives}).encode()})
    choice = ("--manifest", manifest(tmp_path / "m.csv", languages), "--language", "asf", "--language", "bfi")
    code, out, _ = signverse("fetch", "owner/name", *choice, "--dry-run")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    said = re.search(r"(?m)^wanted, about +(\d+) +(\d+) +([\d.]+) MB", out)
    assert said
    assert int(said[1]) == len(wanted_of(languages))
    assert float(said[3]) * 1e6 == pytest.approx(len(large()) * len(wanted_of(languages)), rel=0.1)
    assert "measured by reading" in out
    # Once the headers are known, it is exact.
    assert signverse("fetch", "owner/name", *choice, "--out", tmp_path / "out")[0] == 0
    _, out, _ = signverse("fetch", "owner/name", *choice, "--dry-run")
    assert re.search(rf"(?m)^wanted +{len(wanted_of(languages))} +3 ", out)
    assert not (tmp_path / "lake").exists()


def start(words: list[object]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "signverse", *map(str, words)], stderr=subprocess.DEVNULL, env=dict(os.environ)
    )


@pytest.mark.slow
@pytest.mark.parametrize("out", [False, True], ids=["lake", "tars"])
def test_killed_ten_times_nothing_comes_twice_but_what_was_under_way(
    hub: Hub, tmp_path: Path, signverse: Command, out: bool
) -> None:
    languages = large_release(tmp_path / "shards", 20, 40)
    publish(hub, tmp_path / "shards")
    choice = ["--manifest", manifest(tmp_path / "m.csv", languages), "-l", "asf", "-l", "bfi"]
    target = ["--out", tmp_path / "out"] if out else ["--lake", tmp_path / "lake"]
    command = ["fetch", "owner/name", *choice, *target]
    total = most_bytes(languages)
    kills = 0
    for part in range(1, 11):
        process = start(command)
        while process.poll() is None and received(hub) < part * total / 16:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 8
    assert start(command).wait() == 0
    # A kill costs what 8 streams were reading, a video at most each.
    assert received(hub) <= total + kills * 8 * (len(large()) + WINDOW)
    whole = tmp_path / "whole"
    assert signverse("ingest", "shards", tmp_path / "shards", *choice, "--lake", whole)[0] == 0
    if out:
        assert signverse("ingest", "shards", tmp_path / "out", *choice, "--lake", tmp_path / "lake")[0] == 0
    found, expected = content(tmp_path / "lake"), content(whole)
    for row in found["videos"] + expected["videos"]:
        # Of tars with fewer videos the places differ.
        row["source_position"] = row["source_position"] if not out else None
    assert found == expected


@pytest.mark.parametrize("size", [10**13, 2**63 - 1, 10**30])
def test_a_tar_of_a_size_that_none_has_is_one_that_cannot_be_read(
    hub: Hub, tmp_path: Path, signverse: Command, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    from signverse.ingest.remote.sources import hub as hub_source

    release(tmp_path / "shards", 2, 1)
    hub.put("owner/name", {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()})
    row = hub_source.HubSource._file

    def lying(self: hub_source.HubSource, found: dict[str, object]) -> object:
        is_first = str(found.get("path")).endswith("1.tar")
        return row(self, {**found, "size": size, "lfs": None} if is_first else found)

    monkeypatch.setattr(hub_source.HubSource, "_file", lying)
    ids = listed(tmp_path / "ids.txt", ["v00x00", "v01x00"])
    code, _, err = signverse("fetch", "owner/name", "--ids", ids, "--out", tmp_path / "out")
    assert code == 1
    assert "2 videos wanted: 1 fetched, 1 failed" in err and "is said to have" in err
