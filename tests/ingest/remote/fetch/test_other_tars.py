"""Tars of small files, tars of captions and damaged tars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ingest.remote.fetch.remote_shards import content, ids_in, listed, members, outcomes, release
from tests.ingest.shards import dialect_files, made_shards

pytestmark = pytest.mark.slow

Command = Callable[..., tuple[int, str, str]]

FRAMES = dialect_files.per_frame([dialect_files.flat([dialect_files.person(seed)]) for seed in range(60)])


@pytest.fixture
def small_files(tmp_path: Path) -> Path:
    """A tar of a file a frame, 2.4 MB of 5 kB each."""
    folder = tmp_path / "shards"
    folder.mkdir()
    videos = {}
    for number in range(9):
        videos |= dialect_files.video(f"p{number}", FRAMES)
    made_shards.pack(folder / "Sign_DWPose_NPZ_000001.tar", videos)
    return folder


def test_a_tar_of_small_files_is_read_once_and_known_from_then_on(
    tmp_path: Path, signverse: Command, small_files: Path
) -> None:
    size = next(small_files.iterdir()).stat().st_size
    ids = listed(tmp_path / "ids.txt", ["p2", "p8"])
    _, out, _ = signverse("fetch", small_files, "--ids", ids, "--dry-run")
    assert "holds many small files: all of it is read" in out
    code, _, err = signverse("fetch", small_files, "--ids", ids, "--lake", tmp_path / "lake")
    assert code == 0
    assert ids_in(tmp_path / "lake") == {"p2", "p8"}
    mb = float(err.split("; ")[1].split(" MB")[0])
    assert size / 1e6 - 0.01 <= mb <= size / 1e6 + 0.03
    # Now it is known where each file lies: a video costs its own bytes.
    _, _, err = signverse(
        "fetch", small_files, "--ids", listed(tmp_path / "b.txt", ["p5"]), "--lake", tmp_path / "lake"
    )
    assert float(err.split("; ")[1].split(" kB")[0]) * 1e3 < size / 8
    assert signverse("ingest", "shards", small_files, "--lake", tmp_path / "whole")[0] == 0
    found, expected = content(tmp_path / "lake"), content(tmp_path / "whole")
    for table, rows in found.items():
        assert rows == [row for row in expected[table] if row["video_id"] in ("p2", "p5", "p8")]


@pytest.mark.parametrize("beside", [True, False], ids=["beside the shards", "named"])
def test_captions_of_wanted_videos_come_along_from_the_subtitles_tar(
    tmp_path: Path, signverse: Command, beside: bool
) -> None:
    release(tmp_path / "shards", 1, 3, ("consolidated",))
    text = b"WEBVTT\n\n00:00.000 --> 00:00.100\nwords\n"
    place = tmp_path / ("shards" if beside else "captions")
    place.mkdir(exist_ok=True)
    subtitles = {f"v00x{n:02d}/english.en.native.vtt": text for n in range(3)}
    made_shards.pack(place / "signverse_subtitles_with_english.tar", subtitles)
    ids = listed(tmp_path / "ids.txt", ["v00x01"])
    named = [] if beside else ["--subtitles", place]
    assert signverse("fetch", tmp_path / "shards", "--ids", ids, "--lake", tmp_path / "lake", *named)[0] == 0
    assert signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "whole", *named)[0] == 0
    found, expected = content(tmp_path / "lake"), content(tmp_path / "whole")
    assert "words" in str(found["captions"])
    for table, rows in found.items():
        assert rows == [row for row in expected[table] if row["video_id"] == "v00x01"]
    # Into tars of their own: those of the other videos stay away.
    assert signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / "out", *named)[0] == 0
    assert signverse("ingest", "shards", tmp_path / "out", "--lake", tmp_path / "of tars")[0] == 0
    assert content(tmp_path / "of tars")["captions"] == found["captions"]


def test_a_tar_that_is_cut_short_gives_what_lies_before(tmp_path: Path, signverse: Command) -> None:
    languages = release(tmp_path / "shards", 1, 4)
    tar = next((tmp_path / "shards").iterdir())
    with tar.open("r+b") as file:
        file.truncate(tar.stat().st_size * 5 // 8)
    code, _, err = signverse(
        "fetch", tmp_path / "shards", "--ids", listed(tmp_path / "ids.txt", languages), "--lake", tmp_path / "lake"
    )
    assert code == 1
    assert "4 videos wanted: 2 fetched, 2 failed" in err
    found = outcomes(tmp_path / "lake")
    assert {found["v00x02"][0], found["v00x03"][0]} == {"failed"}
    assert found["v00x03"][1] == "bad_shard"


def test_a_video_that_one_tar_holds_damaged_comes_from_another(tmp_path: Path, signverse: Command) -> None:
    (tmp_path / "shards").mkdir()
    good = members("v")
    bad = {name: (b"PK" if name.endswith(".npz") else data) for name, data in good.items()}
    made_shards.pack(tmp_path / "shards" / "1.tar", bad | members("w"))
    made_shards.pack(tmp_path / "shards" / "2.tar", good)
    ids = listed(tmp_path / "ids.txt", ["v", "w"])
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--lake", tmp_path / "lake")
    assert code == 0
    assert "2 videos wanted: 2 fetched" in err
    assert ids_in(tmp_path / "lake") == {"v", "w"}
