"""Exports: shards, index and checksums, from whole lakes and from selections."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from signverse.lake.lake import Lake

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clips(sample: Lake) -> pl.DataFrame:
    """A selection of the clips of two videos."""
    return sample.clips(videos=["synthASE001", "-synthGSG02"]).collect()


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def videos_in(shard: Path) -> list[str]:
    with tarfile.open(shard) as tar:
        return list(dict.fromkeys(name.split("/")[0] for name in tar.getnames()))


def test_an_export_is_shards_an_index_and_checksums_that_the_usual_tool_confirms(
    sample: Lake, tmp_path: Path, signverse
) -> None:
    out = tmp_path / "out"
    code, said, told = signverse("export", "shards", "--lake", sample.folder, "--out", out)
    assert (code, said) == (0, "")
    assert told == f"6 videos, 804 frames in 1 shard -> {out}\n"
    assert names(out) == ["SHA256SUMS", "Sign_DWPose_NPZ_000001.tar", "index.csv", "members.parquet"]
    checked = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=out, capture_output=True, text=True)
    assert checked.returncode == 0
    checked_files = [line.removesuffix(": OK") for line in checked.stdout.splitlines()]
    assert checked_files == ["Sign_DWPose_NPZ_000001.tar", "index.csv", "members.parquet"]
    assert signverse("verify", out) == (0, "", f"no problems found in the export {out}\n")


def test_the_index_has_a_row_a_video_with_the_checksum_of_its_poses(sample: Lake, tmp_path: Path, signverse) -> None:
    signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--videos-per-shard", 4)
    with (tmp_path / "out" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lake = sample.videos().collect()
    assert [row["video_id"] for row in rows] == lake["video_id"].to_list()
    assert [row["language"] for row in rows] == lake["sign_language"].to_list()
    assert [int(row["frames"]) for row in rows] == lake["num_frames"].to_list()
    assert [row["shard"][-10:] for row in rows] == ["000001.tar"] * 4 + ["000002.tar"] * 2
    for row in rows:
        with tarfile.open(tmp_path / "out" / row["shard"]) as tar:
            poses = tar.extractfile(f"{row['video_id']}/poses.npz").read()
            captions = json.load(tar.extractfile(f"{row['video_id']}/caption.json"))
        assert hashlib.sha256(poses).hexdigest() == row["sha256"]
        assert len(captions["segments"]) == int(row["segments"])


def test_a_shard_lists_each_videos_files_together_and_nothing_else(sample: Lake, tmp_path: Path, signverse) -> None:
    signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") as tar:
        members = tar.getmembers()
    ids = sorted({member.name.split("/")[0] for member in members})
    assert [member.name for member in members] == [
        f"{video_id}/{name}" for video_id in ids for name in ("poses.npz", "caption.json", f"{video_id}.complete")
    ]
    assert {(member.mtime, member.uid, member.uname, member.type) for member in members} == {(0, 0, "", b"0")}


def test_a_shard_holds_forty_videos(make_lake, video, person, tmp_path: Path, signverse) -> None:
    lake = make_lake(*(video(f"v{i:03d}", 1, {(0, 0): person(i)}) for i in range(81)))
    signverse("export", "shards", "--lake", lake.folder, "--out", tmp_path / "out")
    shards = [name for name in names(tmp_path / "out") if name.endswith(".tar")]
    assert shards == [f"Sign_DWPose_NPZ_00000{i}.tar" for i in (1, 2, 3)]
    held = [videos_in(tmp_path / "out" / name) for name in shards]
    assert [len(ids) for ids in held] == [40, 40, 1]
    assert [video_id for ids in held for video_id in ids] == [f"v{i:03d}" for i in range(81)]


def test_the_same_lake_gives_the_same_bytes(sample: Lake, tmp_path: Path, signverse) -> None:
    for name in ("one", "two"):
        signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / name, "--videos-per-shard", 4)
    assert names(tmp_path / "one") == names(tmp_path / "two")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_long_id_and_one_with_foreign_letters_are_kept(make_lake, video, person, tmp_path: Path, signverse) -> None:
    ids = ["-" + "x" * 127, "gebärde 手語"]
    lake = make_lake(*(video(name, points={(0, 0): person()}) for name in ids))
    assert signverse("export", "shards", "--lake", lake.folder, "--out", tmp_path / "out")[0] == 0
    assert videos_in(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") == ids
    assert signverse("verify", tmp_path / "out")[0] == 0


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_the_file_of_a_selection_chooses_the_videos(
    sample: Lake, tmp_path: Path, signverse, ending: str
) -> None:  # fmt: skip
    chosen = tmp_path / f"clips.{ending}"
    code, *_ = signverse(
        "select", "--lake", sample.folder, "--video", "synthASE001", "--video=-synthGSG02", "-o", chosen
    )
    assert code == 0
    code, _, told = signverse(
        "export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--selection", chosen
    )
    assert (code, told.startswith("2 videos, 312 frames in 1 shard")) == (0, True)
    assert videos_in(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") == ["-synthGSG02", "synthASE001"]


def write(clips: pl.DataFrame, path: Path) -> Path:
    {".csv": clips.write_csv, ".json": clips.write_json, ".parquet": clips.write_parquet}[path.suffix](path)
    return path


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_ids_made_of_digits_stay_ids(make_lake, video, person, tmp_path: Path, signverse, ending: str) -> None:
    ids = ["00123", "12345678901"]
    lake = make_lake(*(video(name, points={(0, 0): person()}) for name in [*ids, "other"]))
    columns = ["segment_id", "video_id", "ingest_id", "start_frame", "end_frame"]
    chosen = write(lake.clips(videos=ids).collect().select(columns), tmp_path / f"clips.{ending}")
    code, _, told = signverse(
        "export", "shards", "--lake", lake.folder, "--out", tmp_path / "out", "--selection", chosen
    )
    assert (code, told.startswith("2 videos")) == (0, True), told
    assert videos_in(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") == ids


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda clips: clips.head(0), "has no rows"),
        (lambda clips: clips.drop("ingest_id"), "lacks the columns ingest_id"),
        (lambda clips: clips.select(pl.lit(1).alias("a")), "lacks the columns segment_id, video_id"),
        (lambda clips: clips.with_columns(video_id=pl.lit("gone")), "not in the lake: gone"),
        (
            lambda clips: clips.with_columns(video_id=pl.lit(None, pl.String)),
            "lacks a value of segment_id",
        ),
    ],
    ids=["empty", "a column missing", "other columns", "unknown video", "no video"],
)
def test_a_selection_that_cannot_be_used_is_refused_in_one_line_and_nothing_is_made(
    sample: Lake, clips: pl.DataFrame, tmp_path: Path, signverse, ending: str, change, says: str
) -> None:
    chosen = write(change(clips), tmp_path / f"clips.{ending}")
    if ending == "json" and says == "has no rows":
        # A list of nothing has no columns either.
        says = "lacks the columns"
    code, said, told = signverse(
        "export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--selection", chosen
    )
    assert (code, said) == (1, "")
    assert says in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"nonsense"),
        ("a.parquet", b""),
        ("a.json", b"{"),
        ("a.json", b"[1, 2]"),
        ("a.json", b"{}"),
        ("a.csv", b""),
        ("a.csv", bytes(range(256))),
        ("a.txt", b"video_id\n"),
        ("a", b""),
        ("none.csv", None),
        ("folder.csv", "folder"),
    ],
)
def test_what_is_no_selection_is_refused_in_one_line_with_its_path(
    sample: Lake, tmp_path: Path, signverse, name: str, content: bytes | str | None
) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    code, _, told = signverse(
        "export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--selection", path
    )
    assert code == 1
    assert told.count("\n") == 1
    assert str(path) in told


def test_videos_ingested_again_since_the_selection_are_told_and_the_newest_is_exported(
    make_lake, video, person, tmp_path: Path, signverse
) -> None:
    lake = make_lake(video("x", points={(0, 0): person(1)}))
    chosen = write(lake.clips().collect(), tmp_path / "clips.parquet")
    lake = make_lake(video("x", 5, points={(0, 0): person(2)}))
    code, _, told = signverse(
        "export", "shards", "--lake", lake.folder, "--out", tmp_path / "out", "--selection", chosen
    )
    assert code == 0
    assert "ingested again since the selection was made: the newest is exported" in told.splitlines()[0]
    with tarfile.open(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") as tar:
        data = tar.extractfile("x/poses.npz").read()
    assert int(np.load(io.BytesIO(data), allow_pickle=True)["num_frames"]) == 5


def test_an_empty_lake_has_nothing_to_export(make_lake, tmp_path: Path, signverse) -> None:
    lake = make_lake()
    code, _, told = signverse("export", "shards", "--lake", lake.folder, "--out", tmp_path / "out")
    assert (code, told) == (1, f"signverse: the lake {lake.folder} holds no video to export\n")
    assert not (tmp_path / "out").exists()


def test_an_export_that_is_there_stays_as_it_is_unless_it_may_be_replaced(
    sample: Lake, make_lake, video, person, tmp_path: Path, signverse
) -> None:
    out = tmp_path / "out"
    signverse("export", "shards", "--lake", sample.folder, "--out", out, "--videos-per-shard", 2)
    (out / "notes.txt").write_text("mine")
    before = {name: (out / name).read_bytes() for name in names(out)}
    small = make_lake(video("x", points={(0, 0): person()}))
    code, _, told = signverse("export", "shards", "--lake", small.folder, "--out", out)
    assert (code, told) == (
        1,
        f"signverse: {out} holds an export already. Name another folder, or give --overwrite.\n",
    )
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    code, *_ = signverse("export", "shards", "--lake", small.folder, "--out", out, "--overwrite")
    assert code == 0
    assert names(out) == ["SHA256SUMS", "Sign_DWPose_NPZ_000001.tar", "index.csv", "members.parquet", "notes.txt"]
    assert (out / "notes.txt").read_text() == "mine"
    assert signverse("verify", out)[0] == 0


def test_a_folder_that_cannot_be_made_is_told(sample: Lake, tmp_path: Path, signverse) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        code, _, told = signverse("export", "shards", "--lake", sample.folder, "--out", out)
        assert (code, told.count("\n")) == (1, 1)
        assert "cannot be made" in told


LIMITED = """
import resource, sys
from signverse.command_line import main
from signverse.lake.lake import Lake
import polars, signverse.export.release.shards, pyarrow.parquet
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
main(sys.argv[2:])
"""


@pytest.mark.parametrize(("limit", "left"), [(20_000, []), (100_000, ["Sign_DWPose_NPZ_000001.tar"])])
def test_a_disk_that_fills_leaves_no_shard_under_its_name_and_no_checksums(
    sample: Lake, make_lake, video, person, tmp_path: Path, signverse, limit: int, left: list[str]
) -> None:
    out = tmp_path / "out"
    # The first video is small, the second large: with room for one, its shard is whole.
    lake = make_lake(
        video("a", 20, {(i, 0): person(i) for i in range(20)}),
        video("b", 600, {(i, 0): person(i) for i in range(600)}),
    )
    command = ["export", "shards", "--lake", lake.folder, "--out", out, "--videos-per-shard", "1"]
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *map(str, command)], capture_output=True, text=True, cwd=ROOT
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"Sign_DWPose_NPZ_00000{len(left) + 1}.tar cannot be written" in ran.stderr
    assert [name for name in names(out) if not name.startswith(".")] == left
    assert signverse("verify", out)[0] == 1
    # The same command goes on; with what is there it does not begin anew.
    times = [(out / name).stat().st_mtime_ns for name in left]
    assert signverse(*command)[0] == 0
    assert [(out / name).stat().st_mtime_ns for name in left] == times
    assert signverse("verify", out)[0] == 0
    assert [name for name in names(out) if name.startswith(".")] == []


def test_too_small_a_disk_is_told_before_anything_is_written(
    sample: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signverse.export.release import shards as shards_module

    monkeypatch.setattr(shards_module, "_BYTES_A_ROW", 10**15)
    code, _, told = signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out")
    assert code == 1
    assert "has room for" in told
    assert not (tmp_path / "out").exists()


def test_shards_are_written_where_the_engine_runs_them(sample: Lake, tmp_path: Path) -> None:
    from signverse.export.formats.format import SHARD_FOLDER
    from signverse.export.release.choice import chosen_videos
    from signverse.export.release.folder import Folder
    from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
    from tests.lake.jobs.test_executor import HereEngine

    shards = plan_shards(chosen_videos(sample, None)[0], videos_per_shard=2)
    engine = HereEngine()
    for out in (tmp_path / "usual", tmp_path / "engine"):
        prepare_folder(out, sample, shards, Spec(), overwrite=False)
    export_shards(sample, shards, tmp_path / "usual", Spec())
    seen: list[str] = []
    folder = Folder(tmp_path / "engine", SHARD_FOLDER)
    with pytest.raises(ZeroDivisionError):
        folder.write(sample, shards, lambda *_: 1 // 0, workers=2, engine=engine)
    prepare_folder(tmp_path / "engine", sample, shards, Spec(), overwrite=False)
    out = tmp_path / "engine"
    export_shards(sample, shards, out, Spec(), workers=2, engine=engine, on_shard=lambda unit: seen.append(unit.name))
    assert seen == [shard.name for shard in shards]
    assert [made.closed for made in engine.made] == [True, True]
    assert {path.name: path.read_bytes() for path in (tmp_path / "engine").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "usual").iterdir()
    }
