"""Released shards come in as they went out; what is wrong in one video costs that video only."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse import ingest
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.ingest.shards.tar_files import find_tars
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS
from signverse.lake.storage.committer import Committer
from signverse.lake.upkeep.verify import verify_lake

SAMPLE = Path(ingest.__file__).parent / "sample" / "synthetic.tar"


# Round trips


@st.composite
def videos(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Small videos with absent frames, several people, absent points and captions, as a lake can hold them."""
    found = []
    for name in draw(st.lists(st.sampled_from(["-a", "b", "ö 1", "c" * 99]), min_size=1, max_size=3, unique=True)):
        num_frames = draw(st.integers(1, 6))
        # The last frame is there: a card says no more of a video's length.
        absent = draw(st.lists(st.integers(0, num_frames - 1), unique=True, max_size=3).map(sorted))
        absent = [frame for frame in absent if frame < num_frames - 1]
        there = [(f, p) for f in range(num_frames) if f not in absent for p in range(3)]
        who = sorted(draw(st.lists(st.sampled_from(there), unique=True, max_size=6)))
        random = np.random.default_rng(draw(st.integers(0, 999)))
        points = np.empty((len(who), NUM_JOINTS, 3), np.float32)
        points[..., :2] = random.integers(-800, 8000, points[..., :2].shape) / 8
        points[..., 2] = random.integers(1, 257, points[..., 2].shape) / 256
        for row, part in draw(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(PARTS)), max_size=6)):
            if row < len(who):
                points[row, part.slice] = (np.nan, np.nan, 0)
        points[random.uniform(size=points.shape[:2]) < draw(st.floats(0, 0.9))] = (np.nan, np.nan, 0)
        # Somebody without a single point is nobody.
        points[:, 40] = (1.5, 2.5, 0.5)
        texts = draw(st.lists(st.text("añ語 \"'\\", min_size=1, max_size=5).filter(str.strip), max_size=3))
        length = num_frames / 24
        found.append(
            {
                "entry": Entry(name, "ase", "ase", title=draw(st.sampled_from([None, "A, b"]))),
                "num_frames": num_frames,
                "absent": absent,
                "who": who,
                "points": points,
                "cues": [
                    Cue(i * length / 4, (i + 1) * length / 4, " ".join(text.split())) for i, text in enumerate(texts)
                ],
                "source": draw(st.sampled_from(["", "de"])),
            }
        )
    return found


def fill(folder: Path, contents: list[dict[str, Any]]) -> Lake:
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for video in contents:
            where = np.array(video["who"], np.int32).reshape(-1, 2)
            kind = "translated" if video["source"] else "manual"
            committer.add(
                build_rows(
                    video["entry"],
                    stage="import",
                    width=640,
                    height=480,
                    num_frames=video["num_frames"],
                    frames=where[:, 0].copy(),
                    persons=where[:, 1].astype(np.int8),
                    points=video["points"],
                    tracks=[Track(f"en.{kind}", kind, "en", tuple(video["cues"]), video["source"])],
                    about={"source": "shard", "absent_frames": video["absent"]},
                )
            )
    lake.refresh()
    return lake


NOT_CARRIED = {"ingest_id", "ingested_at", "source_shard", "source_position", "keypoints_file", "first_row_group"}


def everything(lake: Lake) -> dict[str, list[dict]]:
    tables = {}
    for name in ("videos", "segments", "captions", "keypoints"):
        rows = lake.table(name).collect()
        rows = rows.drop(NOT_CARRIED & set(rows.columns))
        keys = [key for key in ("video_id", "frame", "person", "track", "ordinal") if key in rows.columns]
        tables[name] = rows.sort(keys).to_dicts()
    return tables


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(videos())
def test_a_lake_exported_and_imported_again_is_the_same_lake(contents: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        first = fill(here / "first", contents)
        (here / "out").mkdir()
        shards = plan_shards(chosen_videos(first, None)[0], videos_per_shard=2)
        export_shards(first, shards, here / "out", Spec())
        second = Lake.create(here / "second")
        # In this process: a new one for each example would take longer than the rest.
        from signverse.ingest.shards.reader import ShardTask, read_shard

        with Committer(second.folder) as committer:
            for shard in sorted((here / "out").glob("*.tar")):
                for item in read_shard(ShardTask(shard), Options()):
                    if hasattr(item, "keypoints"):
                        committer.add(item)
                    else:
                        assert not hasattr(item, "why"), item
        second.refresh()
        ours, theirs = everything(first), everything(second)
        for name in ours:
            assert ours[name] == theirs[name], name
        assert list(verify_lake(second.snapshot)) == []


def test_the_sample_goes_out_and_in_unchanged_through_the_command_line(tmp_path: Path, signverse) -> None:
    assert signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "one")[0] == 0
    assert signverse("export", "shards", "--lake", tmp_path / "one", "--out", tmp_path / "out")[0] == 0
    code, out, err = signverse("ingest", "shards", tmp_path / "out", "--lake", tmp_path / "two", "--workers", 2)
    assert (code, out, err) == (0, "", "6 videos in, 804 frames, from 1 shard\n")
    assert everything(Lake.open(tmp_path / "one")) == everything(Lake.open(tmp_path / "two"))
    assert signverse("verify", tmp_path / "two")[0] == 0
    # Nothing of the way in remains: the second lake gives the same bytes as the first.
    assert signverse("export", "shards", "--lake", tmp_path / "two", "--out", tmp_path / "again")[0] == 0
    for file in (tmp_path / "out").iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


# Shards that others wrote


def frame(frame_id: int, *people: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "num_people": len(people),
        "frame_id": frame_id,
        "width": 64,
        "height": 48,
        **{f"person_{i}": parts for i, parts in enumerate(people)},
    }


def parts(value: float = 5.0, score: float = 0.5) -> dict[str, np.ndarray]:
    return {part.name: np.full((part.size, 3), (value, value, score), np.float32) for part in PARTS}


def poses(frames: Sequence[Any] | None = None, **changes: Any) -> bytes:
    """A poses.npz as numpy writes it."""
    entries = [frame(i, parts(i + 1.0)) for i in range(3)] if frames is None else frames
    array = np.empty(len(entries), object)
    array[:] = entries
    arrays = {
        "video_id": np.array("x"),
        "fps": np.array(24.0),
        "num_frames": np.array(len(entries)),
        "frame_ids": np.arange(len(entries)),
        "width": np.array(64),
        "height": np.array(48),
        "frames": array,
        **changes,
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in arrays.items() if value is not None})
    return buffer.getvalue()


def caption(**changes: Any) -> bytes:
    document = {
        "video_id": "x",
        "sign_language": "ase",
        "title": "T",
        "duration_s": 1.0,
        "segments": [{"start": 0.0, "end": 0.1, "text": "hello"}],
        "document_text": "hello",
        "english_source": "native",
    }
    return json.dumps({**document, **changes}).encode()


def pack(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def video(video_id: str, data: bytes | None = None, text: bytes | None = None) -> dict[str, bytes]:
    return {
        f"{video_id}/poses.npz": poses() if data is None else data,
        f"{video_id}/caption.json": caption() if text is None else text,
        f"{video_id}/{video_id}.complete": b"",
    }


def outcomes(lake: Path) -> dict[str, tuple[str, str | None, int]]:
    rows = Lake.open(lake).raw_table("outcomes").sort("attempted_at").collect()
    return {row["video_id"]: (row["outcome"], row["reason"], row["attempt"]) for row in rows.iter_rows(named=True)}


@pytest.fixture
def brought_in(tmp_path: Path, signverse) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Imports a tar of members; gives the exit code, the ids in the lake and the lines about failures."""

    def bring(members: dict[str, Any], *options: object) -> tuple[int, list[str], list[str]]:
        path = pack(tmp_path / "Sign_DWPose_NPZ_000001.tar", members)
        code, out, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", *options)
        assert out == ""
        failures = [line for line in err.splitlines() if ": failed: " in line]
        # All that is said besides: how many came in, and where to look.
        # The summary in a line or two, without a line for any of those that came in.
        summary = [
            line for line in err.splitlines() if line not in failures and not line.startswith("  without a language")
        ]
        assert len(summary) == 1 + (code == 1)
        return code, Lake.open(tmp_path / "lake").snapshot.visible()["video_id"].to_list(), failures

    return bring


def test_what_numpy_writes_by_the_card_is_read(brought_in, tmp_path: Path) -> None:
    people = {**parts(9.0), "left_hand": np.zeros((21, 3), np.float32)}
    entries = [frame(0, parts(1.0), people), frame(1), frame(2, parts(3.0, 1.125))]
    faceless = {name: values for name, values in parts().items() if name != "face"}
    code, ids, failures = brought_in(
        video("x", poses(entries, frame_ids=np.array([0, 1, 4])))
        | video("faceless", poses([frame(0, faceless)]))
        | video("nobody", poses([frame(0), frame(1)]))
        | video("nothing", poses([]))
    )
    assert (code, ids, failures) == (0, ["faceless", "nobody", "nothing", "x"], [])
    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    row = lake.video("x")
    assert (row["num_frames"], row["absent_frames"], row["width"], row["height"]) == (5, [2, 3], 64, 48)
    assert (row["sign_language"], row["title"], row["people_max"]) == ("ase", "T", 2)
    assert (row["source"], row["source_shard"], row["source_position"]) == ("shard", "Sign_DWPose_NPZ_000001.tar", 0)
    signer, other = lake.keypoints("x"), lake.keypoints("x", person=1)
    assert signer[0, 0].tolist() == [1, 1, 0.5]
    assert signer[4, 0].tolist() == [3, 3, 1.125]  # The score as the model gave it.
    assert np.isnan(signer[1:4, :, 0]).all()
    assert other[0, 0].tolist() == [9, 9, 0.5]
    assert np.isnan(other[0, 86:107, :2]).all()
    assert (other[0, 86:107, 2] == 0).all()
    assert lake.clips(videos=["x"]).collect()["text"].to_list() == ["hello"]
    (row,) = lake.table("keypoints").filter(pl.col("video_id") == "faceless").collect().to_dicts()
    assert (row["face_xy"], row["face_confidence"], row["body_confidence"]) == (None, None, 0.5)
    assert [lake.num_frames(name) for name in ("nobody", "nothing")] == [2, 0]


def test_the_manifests_word_counts_over_the_captions(brought_in, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("x,pso\n")
    brought_in(video("x") | video("y", text=caption(sign_language="Klingon")), "--manifest", tmp_path / "m.csv")
    rows = Lake.open(tmp_path / "lake").videos().select("video_id", "sign_language", "language_label").collect().rows()
    assert rows == [("x", "pso", "pso"), ("y", "und", "Klingon")]


def test_rows_of_the_manifest_that_cannot_be_used_are_told(tmp_path: Path, signverse) -> None:
    (tmp_path / "m.csv").write_text("x,ase\n../x,ase\nx,pso\n")
    path = pack(tmp_path / "a.tar", video("x"))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", "--manifest", tmp_path / "m.csv")
    assert code == 0
    assert "m.csv: 1 repeated id" in err
    assert "m.csv line 2: video id '../x' is not a plain name" in err


def test_what_is_there_is_skipped_what_failed_is_tried_again_and_redo_brings_all(brought_in, tmp_path: Path) -> None:
    assert brought_in(video("x") | video("bad", b"nonsense"))[0] == 1
    first = Lake.open(tmp_path / "lake").snapshot.visible().rows()
    assert brought_in(video("x") | video("bad", b"nonsense"))[:2] == (1, ["x"])
    assert Lake.open(tmp_path / "lake").snapshot.visible().rows() == first
    assert outcomes(tmp_path / "lake") == {"x": ("done", None, 1), "bad": ("failed", "bad_shard", 2)}
    assert brought_in(video("x") | video("bad"), "--redo")[:2] == (0, ["bad", "x"])
    lake = Lake.open(tmp_path / "lake")
    assert first[0] not in lake.snapshot.visible().rows()
    assert lake.raw_table("videos").collect()["video_id"].sort().to_list() == ["bad", "x", "x"]
    assert outcomes(tmp_path / "lake") == {"x": ("done", None, 2), "bad": ("done", None, 3)}


def test_a_tar_named_twice_is_read_once(tmp_path: Path, signverse) -> None:
    pack(tmp_path / "a.tar", video("x"))
    assert find_tars([tmp_path, tmp_path / "a.tar"]) == [tmp_path / "a.tar"]
    code, _, err = signverse("ingest", "shards", tmp_path, tmp_path / "a.tar", "--lake", tmp_path / "lake")
    assert (code, err) == (0, "1 video in, 3 frames, from 1 shard\n")


def test_where_there_is_no_tar_nothing_is_made(tmp_path: Path, signverse) -> None:
    for path in (tmp_path / "none.tar", tmp_path):
        code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
        assert (code, err.count("\n")) == (1, 1)
    assert not (tmp_path / "lake").exists()


# Hostile ones

MARK = Path(tempfile.gettempdir()) / f"signverse-hostile-shard-{os.getpid()}"


def pickled(program: bytes) -> bytes:
    """A poses.npz whose frames are this pickle."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    with zipfile.ZipFile(io.BytesIO(poses())) as honest:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in honest.namelist():
                archive.writestr(name, head.getvalue() + program if name == "frames.npy" else honest.read(name))
    return buffer.getvalue()


TOUCH = f"touch {MARK}".encode()
SHELL = b"\x80\x03cos\nsystem\nX" + struct.pack("<I", len(TOUCH)) + TOUCH + b"\x85R"

BAD_POSES = {
    "a pickle that runs a program": pickled(SHELL + b"."),
    "a program inside a frame": pickled(
        pickle.dumps(np.array([{"a": 1}, 2, 3], object), 3).replace(b"X\x01\x00\x00\x00a", SHELL[2:])
    ),
    "a pickle that asks for gigabytes": pickled(b"\x80\x03]r\x00\x00\x00\x08."),
    "a pickle of something else": pickled(pickle.dumps([1, 2, 3])),
    "not an npz": b"nonsense",
    "empty": b"",
    "cut short": poses()[:-400],
    "no frames": poses(frames=None, fps=None),
    "no width": poses(width=None),
    "an endless width": poses(width=np.array(np.inf)),
    "a width of nothing": poses(width=np.array(0)),
    "a width in words": poses(width=np.array("wide")),
    "other frames a second": poses(fps=np.array(30.0)),
    "a list of frames a second": poses(fps=np.array([24.0, 24.0])),
    "ids in words": poses(frame_ids=np.array(["a", "b", "c"])),
    "ids beyond all numbers": poses(frame_ids=np.array([10**30, 1, 2], object)),
    "ids that fall": poses(frame_ids=np.array([2, 1, 0])),
    "ids below zero": poses(frame_ids=np.array([-1, 0, 1])),
    "ids beyond all videos": poses(frame_ids=np.array([0, 1, 2**40])),
    "too few ids": poses(frame_ids=np.array([0, 1])),
    "a frame that is no dict": poses([frame(0), [1, 2], frame(2)]),
    "a person who is missing": poses([{**frame(0), "num_people": 2}]),
    "a million people": poses([{**frame(0), "num_people": 10**6}]),
    "fewer than no people": poses([{**frame(0), "num_people": -1}]),
    "people in words": poses([{**frame(0), "num_people": "many"}]),
    "a body of another size": poses([frame(0, {**parts(), "body": np.zeros((17, 3), np.float32)})]),
    "a face in words": poses([frame(0, {**parts(), "face": np.full((68, 3), "x")})]),
    "codes for scores": poses([frame(0, {**parts(), "body": np.full((18, 3), 17, np.float32)})]),
    "scores below zero": poses([frame(0, parts(score=-1))]),
    "endless scores": poses([frame(0, parts(score=np.inf))]),
}


def test_every_bad_video_is_told_in_a_line_and_recorded_and_the_others_come_in(brought_in, tmp_path: Path) -> None:
    MARK.unlink(missing_ok=True)
    bad = {name: data for name, data in BAD_POSES.items() if name != "endless scores"}
    members = video("a")
    for i, (name, data) in enumerate(bad.items()):
        members |= video(name, data) | (video("m") if i == 9 else {})
    code, ids, failures = brought_in(members | video("z"))
    assert not MARK.exists()
    assert (code, ids) == (1, ["a", "m", "z"])
    for line, name in zip(failures, bad, strict=True):
        assert line.startswith(f"{name}: failed: {tmp_path}/Sign_DWPose_NPZ_000001.tar: {name}"), line
        assert "poses.npz" in line
    told = outcomes(tmp_path / "lake")
    assert {name for name, outcome in told.items() if outcome == ("failed", "bad_shard", 1)} == bad.keys()
    assert {name for name, outcome in told.items() if outcome == ("done", None, 1)} == {"a", "m", "z"}
    assert list(verify_lake(Lake.open(tmp_path / "lake").snapshot)) == []


def test_points_and_scores_without_end_are_absent(brought_in, tmp_path: Path) -> None:
    endless = parts()
    endless["body"] = endless["body"].copy()
    endless["body"][0, 0], endless["body"][1, 2], endless["body"][2] = np.inf, -np.inf, np.nan
    code, ids, _ = brought_in(video("x", poses([frame(0, endless)])) | video("y", BAD_POSES["endless scores"]))
    assert (code, ids) == (0, ["x", "y"])
    lake = Lake.open(tmp_path / "lake")
    assert np.isnan(lake.keypoints("x")[0, :3, 0]).all()
    assert np.isfinite(lake.keypoints("x")[0, 3:]).all()
    assert list(verify_lake(lake.snapshot)) == []
    assert lake.table("keypoints").collect()["body_confidence"].is_finite().all()


BAD_CAPTIONS = {
    "empty": b"",
    "a list": b"[]",
    "cut short": b"{",
    "not UTF-8": b"\xff",
    "nested without end": b"[" * 100_000,
    "half a segment": caption(segments=[{"start": 0}]),
    "a time in words": caption(segments=[{"start": "now", "end": 1, "text": "x"}]),
    "a time beyond all numbers": caption(segments=[{"start": 0, "end": 10**400, "text": "x"}]),
    "a text that is a number": caption(segments=[{"start": 0, "end": 1, "text": 7}]),
    "segments that are a number": caption(segments=7),
    "a title that is a list": caption(title=["T"]),
    "a language that is a number": caption(sign_language=7),
    "a source that is a list": caption(english_source=["native"]),
}


def test_every_bad_caption_file_costs_its_own_video_only(brought_in) -> None:
    members = video("a")
    for name, text in BAD_CAPTIONS.items():
        members |= video(name, text=text)
    code, ids, failures = brought_in(members | video("z"))
    assert (code, ids) == (1, ["a", "z"])
    assert [line.split(": failed: ")[0] for line in failures] == list(BAD_CAPTIONS)


def test_times_of_captions_that_are_none_are_left_out(brought_in, tmp_path: Path) -> None:
    bad = [(-1, 1), (1, 1), (2, 1), (float("nan"), 1), (0, float("inf"))]
    segments = [{"start": start, "end": end, "text": "bad"} for start, end in bad]
    segments.append({"start": 0.0, "end": 0.1, "text": "good"})
    assert brought_in(video("x", text=caption(segments=segments)))[0] == 0
    assert Lake.open(tmp_path / "lake").table("segments").collect()["text"].to_list() == ["good"]


def link(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_names_that_lead_elsewhere_write_nothing_and_get_a_line_each(
    brought_in, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    target = tmp_path / "target"
    target.mkdir()
    hostile = {
        f"{target}/poses.npz": poses(),
        "../target/poses.npz": poses(),
        "../../../../../../../../tmp/x/poses.npz": poses(),
        "./dot/poses.npz": poses(),
        "a\nb/poses.npz": poses(),
        "soft/poses.npz": link("soft/poses.npz", tarfile.SYMTYPE, "/etc/passwd"),
        "hard/poses.npz": link("hard/poses.npz", tarfile.LNKTYPE, "good/poses.npz"),
        "dev/poses.npz": link("dev/poses.npz", tarfile.CHRTYPE),
        "pipe/poses.npz": link("pipe/poses.npz", tarfile.FIFOTYPE),
    }
    code, ids, failures = brought_in(video("good") | hostile)
    assert (code, ids) == (1, ["dot", "good"])
    for name in ("soft", "hard", "dev", "pipe"):
        (line,) = [line for line in failures if line.startswith(f"{name}: failed: ")]
        assert f"{name}/poses.npz" in line
    # "", ".." (twice, one id) and the one with a line break. "./" is how tar itself begins names.
    assert len(failures) == 4 + 3
    assert everything_below(target) == everything_below(work) == set()
    lake = Lake.open(tmp_path / "lake")
    assert {path.parts[0] for path in map(Path, everything_below(lake.folder))} == {
        "captions", "keypoints", "outcomes", "segments", "sources", "splits", "videos"
    }  # fmt: skip


def test_folders_and_files_beside_the_videos_do_not_disturb(brought_in) -> None:
    folder = link("x", tarfile.DIRTYPE)
    code, ids, failures = brought_in({"x": folder, **video("x"), "x/extra.txt": b"", "x/deep/er/poses.npz": b"no"})
    assert (code, ids, failures) == (0, ["x"], [])


def test_a_video_not_marked_complete_comes_in_with_a_remark(brought_in, tmp_path: Path) -> None:
    members = video("x")
    del members["x/x.complete"]
    assert brought_in(members)[:2] == (0, ["x"])
    assert outcomes(tmp_path / "lake") == {"x": ("done", "not_marked_complete", 1)}


def test_a_tar_cut_short_and_what_is_no_tar_are_told_in_a_line_and_the_next_comes_in(tmp_path: Path, signverse) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    bad = {"nonsense.tar": b"nonsense" * 200, "empty.tar": b"", "zeros.tar": bytes(4096)}
    for share in (0.001, 0.3, 0.7, 0.95):
        # Two videos each: where the cut is late, the first may come in.
        both = video(f"x{share}", poses([frame(i, parts()) for i in range(40)])) | video(f"y{share}")
        data = pack(tmp_path / "whole.tar", both).read_bytes().rstrip(b"\0")
        bad[f"cut{share}.tar"] = data[: int(share * len(data))]
    for name, content in bad.items():
        (shards / name).write_bytes(content)
    pack(shards / "z.tar", video("good"))
    code, _, err = signverse("ingest", "shards", shards, "--lake", tmp_path / "lake", "--workers", 2)
    assert code == 1
    failures = [line for line in err.splitlines() if ": failed: " in line]
    for name in bad.keys() - {"zeros.tar"}:  # An archive without a member is one, strictly speaking.
        assert [line for line in failures if str(shards / name) in line], name
    assert len(failures) <= len(bad) + 1
    lake = Lake.open(tmp_path / "lake")
    ids = set(lake.snapshot.visible()["video_id"])
    assert "good" in ids
    assert not [video_id for video_id in ids if video_id.startswith("y")]
    assert list(verify_lake(lake.snapshot)) == []


def test_a_video_that_ends_the_process_that_reads_it_costs_only_itself(
    tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A key of tuples in tuples, two million deep: CPython's own hash runs out of stack.
    deep = pickled(b"\x80\x03}(" + b")" + b"\x85" * 2_000_000 + b"K\x01u.")
    path = pack(tmp_path / "a.tar", video("a") | video("deep", deep) | video("m") | video("ö", b"no") | video("z"))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 1
    lines = [line for line in err.splitlines() if ": failed: " in line]
    assert sorted(line.split(":")[0] for line in lines) == ["deep", "ö"]
    assert Lake.open(tmp_path / "lake").snapshot.visible()["video_id"].to_list() == ["a", "m", "z"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8))
def test_random_damage_to_a_shard_never_raises_and_never_spoils_the_lake(seed: int, flips: int) -> None:
    from signverse.ingest.shards.reader import ShardTask, read_shard

    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = pack(Path(folder) / "a.tar", video("a") | video("b"))
        data = bytearray(path.read_bytes())
        for at in random.integers(0, len(data), flips):
            data[at] ^= 1 << random.integers(8)
        path.write_bytes(data)
        try:
            items = list(read_shard(ShardTask(path), Options()))
        except BadInputError as error:
            assert "\n" not in str(error)
            return
        for item in items:
            if hasattr(item, "keypoints"):
                scores = pl.DataFrame(item.keypoints)["body_score"].explode().drop_nulls()
                assert scores.is_empty() or (scores.is_finite().all() and 0 <= scores.min() <= scores.max() <= 2)


def test_a_process_that_cannot_be_started_anew_leaves_what_came_before(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    path = pack(tmp_path / "a.tar", video("a") | video("b"))

    def stop(item: object) -> None:
        if getattr(item, "video", {}).get("video_id") == "b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_shards(lake, [path], Options(), on_video=stop)
    lake.refresh()
    # Ctrl-C keeps what was finished.
    assert lake.snapshot.visible()["video_id"].to_list() == ["a", "b"]


def test_an_import_that_leaves_many_small_files_gathers_them(tmp_path: Path, signverse, monkeypatch) -> None:
    monkeypatch.setattr("signverse.lake.upkeep.compaction.MAX_SMALL_FILES", 3)
    for _ in range(3):
        code, _, err = signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "lake", "--redo")
        assert code == 0
        assert "compacted" not in err
    code, _, err = signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "lake", "--redo")
    assert code == 0
    assert "small files compacted: " in err
    opened = Lake.open(tmp_path / "lake")
    assert len(opened.snapshot.files("videos")) == 1
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.parametrize("dialect", ["card", "consolidated"])
def test_a_body_score_that_was_lost_goes_out_as_visibility_and_never_comes_back_as_a_confidence(
    tmp_path: Path, signverse, dialect: str
) -> None:
    random = np.random.default_rng(5)
    points = random.integers(8, 4000, (20, NUM_JOINTS, 3)).astype(np.float32) / 8
    points[..., 2] = random.integers(1, 257, (20, NUM_JOINTS)) / 256
    visible = random.random((20, 18)) < 0.8
    points[:, :18][~visible] = (np.nan, np.nan, 0)
    points[:, :18, 2][visible] = np.nan
    first = Lake.create(tmp_path / "first")
    rows = build_rows(
        Entry("lost", "ase", "ase"),
        stage="import",
        width=640,
        height=480,
        num_frames=20,
        frames=np.arange(20, dtype=np.int32),
        persons=np.zeros(20, np.int8),
        points=points,
        body_visible=visible,
        tracks=[],
        about={"source": "shard", "repairs": ["body_scores_unknown"]},
    )
    with Committer(first.folder) as committer:
        committer.add(rows)
    out = tmp_path / "out"
    assert signverse("export", "shards", "--lake", first.folder, "--out", out, "--layout", dialect)[0] == 0
    assert signverse("ingest", "shards", out, "--lake", tmp_path / "second")[0] == 0
    first.refresh()
    ours, theirs = everything(first)["keypoints"], everything(Lake.open(tmp_path / "second"))["keypoints"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["body_score"] == other["body_score"]
        assert one["body_visible"] == other["body_visible"]
        assert other["body_confidence"] is None
    assert Lake.open(tmp_path / "second").video("lost")["repairs"] == ["body_scores_unknown"]
