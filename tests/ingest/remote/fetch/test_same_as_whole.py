"""Whatever is wanted of whatever tars: it comes in as from whole tars, and what fails there fails here."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.remote.fetch.find import find_videos, look_at
from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import origin, try_elsewhere
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.transfer import Transfers
from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.shards.reader import Failure, Options, read_shard
from signverse.ingest.shards.tar_files import Copy, ShardTask
from signverse.lake.storage.committer import VideoRows
from tests.ingest.remote.fetch.remote_shards import MAKERS, members

IDS = [f"v{number}" for number in range(6)]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}


def write(path: Path, files: list[tuple[str, bytes]], form: int) -> None:
    with tarfile.open(path, "w", format=form) as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


Video = tuple[str, str, str, str]
"""Its id, dialect, the folders around it, and what is wrong with it."""

VIDEOS = st.tuples(
    st.sampled_from(IDS),
    st.sampled_from([*MAKERS]),
    st.sampled_from(["", "", "./", "inner/", "x" * 90 + "/", "ü/"]),
    st.sampled_from(["", "", "", "", "repeated", "without poses", "damaged"]),
)
TARS = st.tuples(
    st.lists(VIDEOS, unique_by=lambda video: video[0], min_size=1, max_size=4),
    st.sampled_from([*FORMATS]),
    st.one_of(st.none(), st.integers(0, 999)),
)
"""The videos of a tar, its format, and where it is cut short, in thousandths."""


def files_of(video: Video) -> list[tuple[str, bytes]]:
    video_id, dialect, folder, fault = video
    found = [(f"{folder}{name}", data) for name, data in members(video_id, dialect).items()]
    if fault == "repeated":
        return found + found[:1]
    if fault == "without poses":
        return found[1:]
    return [(found[0][0], b"PK"), *found[1:]] if fault == "damaged" else found


def seen(item: VideoRows) -> dict[str, Any]:
    video = {name: value for name, value in item.video.items() if name != "source_shard"}
    return {
        "video": video,
        "keypoints": item.keypoints.to_pylist(),  # type: ignore[union-attr]
        "segments": item.segments,
        "captions": item.captions,
        "reason": item.reason,
    }


def whole(folder: Path, wanted: set[str]) -> tuple[dict[str, Any], set[str]]:
    """What an import of whole tars makes of the wanted videos: the first that can be read of each; and what failed."""
    done: dict[str, Any] = {}
    failed = set()
    for path in sorted(folder.glob("*.tar")):
        for item in read_shard(ShardTask(path), Options()):
            if isinstance(item, VideoRows) and item.video["video_id"] in wanted:
                done.setdefault(item.video["video_id"], seen(item))
            elif isinstance(item, Failure) and item.video_id in wanted:
                failed.add(item.video_id)
    return done, failed - done.keys()


def fetched(folder: Path, wanted: set[str], copies: Path) -> tuple[dict[str, Any], set[str], set[str]]:
    """What comes of the wanted videos, what failed, and what no tar has."""
    done: dict[str, Any] = {}
    with open_source(folder) as source, Streams(2) as streams:
        found = find_videos(look_at(source), sorted(wanted), streams)
        transfers = Transfers(copies, streams, KnownTars(source.address))
        shards, failed = found.poses, set[str]()
        while shards:
            for arrived in transfers.bring(shards):
                if arrived is None:
                    continue
                assert arrived.problem == ""
                shard = arrived.shard
                copy = Copy(arrived.copy.path, shard.listing, origin(shard), shard.only)
                for item in read_shard(ShardTask(Path(shard.path), copy=copy), Options()):
                    if isinstance(item, VideoRows):
                        done[item.video["video_id"]] = seen(item)
                    elif isinstance(item, Failure):
                        failed.add(item.video_id)
                arrived.copy.remove()
            failed -= done.keys()
            shards = try_elsewhere(found.shards, failed)
    return done, failed, found.left


def compare(written: list[tuple[list[Video], str, int | None]], wanted: set[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, copies = Path(place) / "shards", Path(place) / "copies"
        folder.mkdir()
        copies.mkdir()
        for number, (videos, form, cut) in enumerate(written):
            path = folder / f"{number}.tar"
            write(path, [file for video in videos for file in files_of(video)], FORMATS[form])
            if cut is not None:
                os.truncate(path, path.stat().st_size * cut // 1000)
        try:
            expected, lost = whole(folder, wanted)
        except Exception:
            # One that is no tar at all ends an import of its own; here it is one of several.
            return
        done, failed, left = fetched(folder, wanted, copies)
        assert done == expected
        assert failed == lost
        assert failed | left | done.keys() == wanted


@pytest.mark.usefixtures("cache")
@settings(max_examples=25)
@given(st.lists(TARS, min_size=1, max_size=3), st.sets(st.sampled_from(IDS), min_size=1))
def test_any_wish_of_any_tars_comes_in_as_from_whole_tars(
    written: list[tuple[list[Video], str, int | None]], wanted: set[str]
) -> None:
    compare(written, wanted)


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
@settings(max_examples=600)
@given(st.lists(TARS, min_size=1, max_size=3), st.sets(st.sampled_from(IDS), min_size=1))
def test_any_of_many_wishes_comes_in_as_from_whole_tars(
    written: list[tuple[list[Video], str, int | None]], wanted: set[str]
) -> None:
    compare(written, wanted)
