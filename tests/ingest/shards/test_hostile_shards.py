"""Shards made to do harm, and damaged ones: each costs its own video only, and nothing of them is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.inspection.shard import inspect_shard
from signverse.ingest.shards.card import read_caption
from signverse.ingest.shards.reader import Options, read_shard
from signverse.ingest.shards.tar_files import ShardTask
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.shards.made_shards import caption, frame, outcomes, pack, parts, poses, video

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


@pytest.mark.parametrize(
    ("value", "dtype"), [(1e38, np.float32), (-1e300, np.float64), (np.nan, np.float32), (-np.inf, np.float64)]
)
def test_coordinates_beyond_all_pictures_are_absent_counted_and_bring_no_warning(
    signverse, tmp_path: Path, value: float, dtype: type, recwarn: pytest.WarningsRecorder
) -> None:
    far = {part: points.astype(dtype) for part, points in parts().items()}
    with np.errstate(over="ignore"):
        far["body"][0, 0], far["face"][3, 1] = value, value
    path = pack(tmp_path / "a.tar", video("x", poses([frame(0, far)])))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 0
    assert "Warning" not in err
    lake = Lake.open(tmp_path / "lake")
    assert lake.table("videos").collect()["repairs"].to_list() == [["impossible_points:2"]]
    assert np.isnan(lake.keypoints("x")[0, 0, :2]).all()
    assert "repaired: impossible_points in 1 video" in err
    (row,) = inspect_shard(path)
    assert (row["problem"], row["defects"]) == ("", "impossible_points:2")
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, RuntimeWarning)] == []


NO_TIMES = {
    "before the beginning": (-1, 1),
    "nothing": (1, 1),
    "the end first": (2, 1),
    "not a number": (float("nan"), 1),
    "without end": (0, float("inf")),
    "beyond all videos": (0, 1e308),
    "beyond a hundred hours": (0, 360_001),
    "beyond all numbers": ("10**4000", 1),
    "an end beyond all numbers": (0, 10**400),
    "in words": ("now", 1),
    "in digits that are text": ("0", "1"),
    "true": (False, True),
    "null": (None, 1),
    "a list": ([0], 1),
}
JSON_VALUES = st.one_of(
    st.floats(), st.integers(), st.integers(0, 400_000), st.booleans(), st.none(), st.text(max_size=3), st.just([])
)


def test_times_of_captions_that_are_none_are_left_out_and_counted(signverse, tmp_path: Path) -> None:
    segments = [{"start": start, "end": end, "text": "bad"} for start, end in NO_TIMES.values()]
    segments.append({"start": 0.0, "end": 0.1, "text": "good"})
    # Whole numbers of thousands of digits are no valid arguments of Python's own writer.
    text = caption(segments=segments).replace(b'"10**4000"', b"1" + b"0" * 4000)
    path = pack(tmp_path / "a.tar", video("x", text=text))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    said = f"caption.json: {len(NO_TIMES)} cues left out: no times from 0 to 360,000 s, the end after the start"
    assert (code, err.splitlines()[0]) == (0, f"x: {said}")
    lake = Lake.open(tmp_path / "lake")
    assert lake.table("segments").collect()["text"].to_list() == ["good"]
    assert lake.table("outcomes").collect()["message"].to_list() == [said]
    (row,) = inspect_shard(path)
    assert (row["problem"], row["captions"]) == ("", f"caption.json ({said.removeprefix('caption.json: ')})")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(JSON_VALUES, JSON_VALUES), max_size=5))
def test_whatever_the_times_of_a_caption_file_are_each_cue_is_kept_or_counted(times: list[tuple]) -> None:
    segments = [{"start": start, "end": end, "text": "x"} for start, end in times]
    found = read_caption(json.dumps({"segments": segments}).encode(), "x")
    kept = found.track.cues if found.track else ()
    left_out = int(found.left_out.split()[0]) if found.left_out else 0
    assert len(kept) + left_out == len(times)
    assert all(0 <= cue.start_s < cue.end_s <= 360_000 for cue in kept)


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
    assert {path.parts[0] for path in map(Path, everything_below(lake.folder))} - {"_writers", "_versions"} == {
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


def huge(name: str) -> bytes:
    """The header of a file that claims more bytes than any tar has."""
    member = tarfile.TarInfo(name)
    member.size = 8 * 2**30
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("name", "blamed"),
    [
        ("README", "Sign_DWPose_NPZ_000001.tar"),
        ("other/poses.npz", "other"),
        ("deep/down/other/poses.npz", "other"),
        ("..", "Sign_DWPose_NPZ_000001.tar"),
        ("../poses.npz", "Sign_DWPose_NPZ_000001.tar"),
        ("good/poses2.npz", "good"),
        ("first/more.txt", "first"),
    ],
)
def test_a_tar_that_is_cut_in_a_file_blames_the_video_of_that_file_only(
    tmp_path: Path, name: str, blamed: str, signverse
) -> None:
    path = pack(tmp_path / "Sign_DWPose_NPZ_000001.tar", video("first") | video("good"))
    path.write_bytes(path.read_bytes().rstrip(b"\0"))
    with path.open("r+b") as file:
        file.seek(-(-path.stat().st_size // 512) * 512)
        file.write(huge(name))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 1
    (line,) = [line for line in err.splitlines() if ": failed: " in line]
    assert line.startswith(f"{blamed}: failed: {path} ends early, in {name!r}")
    visible = Lake.open(tmp_path / "lake").snapshot.visible()["video_id"]
    assert visible.to_list() == [video_id for video_id in ("first", "good") if video_id != blamed]
    problems = {row["video_id"]: row["problem"] for row in inspect_shard(path)}
    assert [video_id for video_id in problems if problems[video_id]] == [blamed if blamed != path.name else ""]


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
