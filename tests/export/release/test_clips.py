"""`--frames clips` writes the frames of the chosen segments, with their numbers; `--frames all` the whole."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.lake.lake import Lake
from signverse.lake.storage.snapshot import Snapshot

NAME = "Sign_DWPose_NPZ_000001.tar"
CUES = [(0.0, 0.25, "one"), (0.25, 0.5, "two"), (0.4, 0.75, "three"), (0.75, 1.0, "four")]
FRAMES = {"one": range(6), "two": range(6, 12), "three": range(9, 18), "four": range(18, 24)}


@pytest.fixture
def spoken(make_lake, video, person) -> Lake:
    """Two videos of a second with four captions; one lacks frames, and has two people, and one nobody for a while."""
    people = {(i, 0): person(i) for i in range(24)}
    some = {(i, p): person(i + 50 * p) for i in range(24) for p in range(2) if i not in {7, 8, 9} and (i < 20 or p)}
    return make_lake(video("a", 24, people, CUES), video("b", 24, some, CUES, absent_frames=[7, 8]))


def choose(lake: Lake, path: Path, *wanted: tuple[str, str]) -> Path:
    """A selection of clips by video id and text."""
    rows = lake.clips().collect()
    keep = [(row["video_id"], row["text"]) in wanted for row in rows.iter_rows(named=True)]
    rows.filter(pl.Series(keep)).write_parquet(path)
    return path


def files_of(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


def load(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=True) as npz:
        return {key: npz[key] for key in npz.files}


def numbers(files: dict[str, bytes], video_id: str) -> list[int]:
    """The frames of a video, from 0, in either dialect."""
    if f"{video_id}/poses.npz" in files:
        return load(files[f"{video_id}/poses.npz"])["frame_ids"].tolist()
    return (load(files[f"{video_id}/npz/poses.npz"])["frame_indices"] - 1).tolist()


def same(one: Any, two: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return bool(np.array_equal(one, two))


@pytest.mark.parametrize("dialect", ["card", "consolidated"])
@pytest.mark.parametrize(
    "wanted", [["one"], ["four"], ["one", "four"], ["two", "three"], ["one", "two", "three", "four"]], ids=" ".join
)
def test_only_the_frames_of_the_chosen_clips_go_out_with_their_numbers(
    spoken: Lake, tmp_path: Path, signverse, dialect: str, wanted: list[str]
) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", *[(v, text) for v in "ab" for text in wanted])
    common = ["export", "shards", "--lake", spoken.folder, "--selection", chosen, "--layout", dialect]
    assert signverse(*common, "--out", tmp_path / "clip", "--frames", "clips")[0] == 0
    assert signverse(*common, "--out", tmp_path / "video", "--frames", "all")[0] == 0
    clips, whole = files_of(tmp_path / "clip" / NAME), files_of(tmp_path / "video" / NAME)
    frames = sorted(set().union(*(FRAMES[text] for text in wanted)))
    for video_id, absent in (("a", set()), ("b", {7, 8})):
        expected = [frame for frame in frames if frame not in absent]
        assert numbers(clips, video_id) == expected
        everything = [frame for frame in range(24) if frame not in absent]
        assert numbers(whole, video_id) == everything
        name, key = ("poses.npz", "frames") if dialect == "card" else ("npz/poses.npz", "frame_payloads")
        ours, theirs = load(clips[f"{video_id}/{name}"]), load(whole[f"{video_id}/{name}"])
        assert int(ours["num_frames" if dialect == "card" else "total_frames"]) == len(expected)
        for at, frame in zip(expected, ours[key], strict=True):
            assert same(frame, theirs[key][everything.index(at)])
        if dialect == "card":
            told = json.loads(clips[f"{video_id}/caption.json"])["segments"]
            assert [segment["text"] for segment in told] == wanted
            told = json.loads(whole[f"{video_id}/caption.json"])["segments"]
            assert [segment["text"] for segment in told] == [text for *_, text in CUES]
    for out in ("clip", "video"):
        assert signverse("verify", tmp_path / out)[0] == 0


def test_a_video_of_which_nothing_was_chosen_stays_at_home(spoken: Lake, tmp_path: Path, signverse) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", ("b", "four"))
    code, _, told = signverse(
        "export",
        "shards",
        "--lake",
        spoken.folder,
        "--selection",
        chosen,
        "--out",
        tmp_path / "out",
        "--frames",
        "clips",
    )
    assert (code, told) == (0, f"1 video, 6 frames in 1 shard -> {tmp_path / 'out'}\n")
    files = files_of(tmp_path / "out" / NAME)
    assert {name.split("/")[0] for name in files} == {"b"}
    # Of the last four frames only the second person is there, who keeps the number.
    frames = load(files["b/poses.npz"])["frames"]
    assert [frame["num_people"] for frame in frames] == [2] * 6
    assert [bool(frame["person_0"]["body"].any()) for frame in frames] == [True] * 2 + [False] * 4


def test_each_video_gives_its_own_clips(spoken: Lake, tmp_path: Path, signverse) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", ("a", "one"), ("b", "four"))
    signverse("export", "shards", "--lake", spoken.folder, "--selection", chosen, "--out", tmp_path / "out", "--frames", "clips")  # fmt: skip # noqa: E501
    files = files_of(tmp_path / "out" / NAME)
    assert (numbers(files, "a"), numbers(files, "b")) == (list(range(6)), list(range(18, 24)))


def test_clips_of_everything_are_the_frames_of_all_segments(
    make_lake, video, person, tmp_path: Path, signverse
) -> None:
    lake = make_lake(
        video("a", 24, {(i, 0): person(i) for i in range(24)}, CUES[:1] + CUES[3:]),
        # Without captions a video is one clip of its whole length.
        video("b", 5, {(i, 0): person(i) for i in range(5)}),
    )
    code, _, told = signverse("export", "shards", "--lake", lake.folder, "--out", tmp_path / "out", "--frames", "clips")
    assert (code, told) == (0, f"2 videos, 17 frames in 1 shard -> {tmp_path / 'out'}\n")
    files = files_of(tmp_path / "out" / NAME)
    assert numbers(files, "a") == [*range(6), *range(18, 24)]
    assert json.loads(files["b/caption.json"])["segments"] == []


@pytest.mark.parametrize("dialect", ["card", "consolidated"])
def test_clips_can_be_brought_into_a_lake_at_their_places(
    spoken: Lake, tmp_path: Path, signverse, dialect: str
) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", ("a", "two"), ("a", "four"))
    signverse("export", "shards", "--lake", spoken.folder, "--selection", chosen, "--out", tmp_path / "out", "--frames", "clips", "--layout", dialect)  # fmt: skip # noqa: E501
    lake = Lake.create(tmp_path / "again")
    import_shards(lake, [tmp_path / "out" / NAME], Options())
    lake.refresh()
    there = [*range(6, 12), *range(18, 24)]
    assert lake.video("a")["absent_frames"] == [frame for frame in range(24) if frame not in there]
    found = lake.keypoints("a")
    np.testing.assert_allclose(found[there], spoken.keypoints("a")[there], atol=1 / 16)
    assert np.isnan(found[[0, 5, 12, 17], :, :2]).all()


def test_a_clip_that_the_lake_has_no_more_is_refused_in_one_line(
    make_lake, video, person, tmp_path: Path, signverse
) -> None:
    """The video was ingested again, with fewer captions: an empty video would help nobody."""
    people = {(i, 0): person(i) for i in range(24)}
    lake = make_lake(video("a", 24, people, CUES))
    chosen = choose(lake, tmp_path / "clips.parquet", ("a", "four"))
    lake = make_lake(video("a", 24, people, CUES[:1]))
    code, _, told = signverse(
        "export", "shards", "--lake", lake.folder, "--selection", chosen, "--out", tmp_path / "out", "--frames", "clips"
    )
    assert code == 1
    assert "a-00003" in told
    assert not (tmp_path / "out").exists()
    # Whole videos do not ask which clips there are.
    assert (
        signverse("export", "shards", "--lake", lake.folder, "--selection", chosen, "--out", tmp_path / "out")[0] == 0
    )


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_clips_can_be_chosen_by_any_of_the_three_kinds_of_file(
    spoken: Lake, tmp_path: Path, signverse, ending: str
) -> None:
    chosen = tmp_path / f"clips.{ending}"
    assert signverse("select", "--lake", spoken.folder, "--text", "four", "-o", chosen)[0] == 0
    out = tmp_path / "out"
    command = ["export", "shards", "--lake", spoken.folder, "--selection", chosen, "--out", out, "--frames", "clips"]
    assert signverse(*command)[0] == 0
    assert numbers(files_of(out / NAME), "a") == list(range(18, 24))


def test_a_clip_that_was_moved_since_it_was_chosen_is_refused(
    make_lake, video, person, tmp_path: Path, signverse
) -> None:
    people = {(i, 0): person(i) for i in range(24)}
    chosen = choose(make_lake(video("a", 24, people, CUES)), tmp_path / "clips.parquet", ("a", "one"), ("a", "two"))
    lake = make_lake(video("a", 24, people, [CUES[0], (0.3, 0.5, "two"), *CUES[2:]]))
    out = tmp_path / "out"
    command = ["export", "shards", "--lake", lake.folder, "--selection", chosen, "--out", out, "--frames", "clips"]
    code, _, told = signverse(*command)
    assert (code, told.count("\n")) == (1, 1)
    assert "1 clip of the selection" in told
    assert "a-00001" in told


def test_the_text_of_the_whole_is_that_of_the_chosen_clips(spoken: Lake, tmp_path: Path, signverse) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", ("a", "one"), ("a", "four"), ("b", "two"))
    common = ["export", "shards", "--lake", spoken.folder, "--selection", chosen]
    for frames, expected in (("clips", ["one four", "two"]), ("all", ["one two three four"] * 2)):
        assert signverse(*common, "--out", tmp_path / frames, "--frames", frames)[0] == 0
        files = files_of(tmp_path / frames / NAME)
        assert [json.loads(files[f"{name}/caption.json"])["document_text"] for name in "ab"] == expected


def test_caption_tracks_hold_only_the_cues_of_the_chosen_clips(spoken: Lake, tmp_path: Path, signverse) -> None:
    chosen = choose(spoken, tmp_path / "clips.parquet", ("a", "one"), ("b", "two"))
    common = ["export", "shards", "--lake", spoken.folder, "--selection", chosen, "--layout", "consolidated"]
    for frames, expected in (
        # "three" begins while "two" is still spoken.
        ("clips", [["one"], ["two", "three"]]),
        ("all", [["one", "two", "three", "four"]] * 2),
    ):
        assert signverse(*common, "--out", tmp_path / frames, "--frames", frames)[0] == 0
        files = files_of(tmp_path / frames / NAME)
        told = [files[f"{name}/captions/{name}.en.vtt"].decode().split() for name in "ab"]
        assert [[word for word in words if word in FRAMES] for words in told] == expected


def test_a_shards_size_is_that_of_the_frames_that_go_out(
    make_lake, video, person, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {(i, 0): person(i) for i in range(24)}
    lake = make_lake(*(video(name, 24, people, CUES) for name in "abcd"))
    chosen = choose(lake, tmp_path / "clips.parquet", *((name, "one") for name in "abcd"))
    common = ["export", "shards", "--lake", lake.folder, "--selection", chosen, "--shard-size", "80kB"]
    for frames, shards in (("all", 4), ("clips", 1)):
        assert signverse(*common, "--out", tmp_path / frames, "--frames", frames)[0] == 0
        assert len(list((tmp_path / frames).glob("*.tar"))) == shards
    # And so is the room that is asked for.
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 100_000))
    assert signverse(*common, "--out", tmp_path / "tight-video", "--frames", "all")[0] == 1
    assert signverse(*common, "--out", tmp_path / "tight-clip", "--frames", "clips")[0] == 0


@pytest.mark.parametrize("frames", ["all", "clips"])
def test_segments_are_read_once_however_many_shards_there_are(
    sample: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, frames: str
) -> None:
    read: list[str] = []
    table = Snapshot.table
    monkeypatch.setattr(Snapshot, "table", lambda self, name, **more: (read.append(name), table(self, name, **more))[1])
    out = tmp_path / "out"
    words = ["--frames", frames, "--videos-per-shard", 1]
    assert signverse("export", "shards", "--lake", sample.folder, "--out", out, *words)[0] == 0
    assert len(list(out.glob("*.tar"))) == 6
    # Of clips once more, to know how many frames they have.
    assert read.count("segments") == (1 if frames == "all" else 2)
