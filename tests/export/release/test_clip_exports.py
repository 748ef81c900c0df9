"""What the exports of clips have in common: they go on after a kill, are told when damaged, and mix with nothing."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from signverse.export.formats import clip_content as clips_module
from signverse.export.formats import posefile as posefile_module
from signverse.export.release import folder as folder_module
from signverse.export.release.choice import chosen_clips, frames_of
from signverse.export.release.clip_exports import ClipExport
from signverse.lake.lake import Lake
from signverse.lake.storage.snapshot import Snapshot

ROOT = Path(__file__).parents[3]
KINDS = ["webdataset", "parquet", "pose"]


def everything(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture
def command(sample: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The words of an export of 14 clips in batches of four."""
    monkeypatch.setattr(posefile_module, "CLIPS_PER_CHUNK", 4)

    def words(kind: str, out: Path = tmp_path / "out") -> list[object]:
        sized = [] if kind == "pose" else ["--clips-per-shard", 4]
        return ["export", kind, "--lake", sample.folder, "--out", out, *sized]

    return words


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_is_the_same_however_many_write_it_and_the_usual_tool_confirms_it(
    command, tmp_path: Path, signverse, kind: str
) -> None:
    assert signverse(*command(kind, tmp_path / "one"))[0] == 0
    assert signverse(*command(kind, tmp_path / "two"), "--workers", 2)[0] == 0
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    checked = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path / "one")
    assert checked.returncode == 0
    assert signverse("verify", tmp_path / "one") == (0, "", f"no problems found in the export {tmp_path / 'one'}\n")
    with (tmp_path / "one" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    assert all((tmp_path / "one" / row["file"]).is_file() and len(row["sha256"]) == 64 for row in rows)
    assert [row["segment_id"] for row in rows] == sorted(row["segment_id"] for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_keypoints_of_a_video_are_read_once(command, signverse, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    read: Counter[str] = Counter()
    keypoint_rows = Snapshot.keypoint_rows

    def counting(self: Lake, video_id: str, *rest: object, **range_: int) -> object:
        read[video_id] += 1
        return keypoint_rows(self, video_id, *rest, **range_)

    monkeypatch.setattr(Snapshot, "keypoint_rows", counting)
    # All in one batch.
    words = [word for word in command(kind) if word not in {"--clips-per-shard", 4}]
    monkeypatch.setattr(posefile_module, "CLIPS_PER_CHUNK", 1000)
    assert signverse(*words)[0] == 0
    assert len(read) == 6
    assert set(read.values()) == {1}


def test_clips_far_apart_in_a_long_video_are_read_by_their_row_groups_only(
    make_lake, video, person, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {(i, 0): person(i % 7) for i in range(0, 6000)}
    cues = [(0.0, 1.0, "first"), (1.0, 2.0, "next"), (240.0, 241.0, "last")]
    lake = make_lake(video("long", 6000, people, cues))
    ranges: list[tuple[int, int]] = []
    keypoint_rows = Snapshot.keypoint_rows

    def noting(self: Lake, video_id: str, *rest: object, **range_: int) -> object:
        table = keypoint_rows(self, video_id, *rest, **range_)
        ranges.append((range_["start_frame"], range_["end_frame"]))
        return table

    monkeypatch.setattr(Snapshot, "keypoint_rows", noting)
    assert signverse("export", "pose", "--lake", lake.folder, "--out", tmp_path / "out")[0] == 0
    assert ranges == [(0, 48), (5760, 5784)]
    # Nor is more read at once than memory likes.
    monkeypatch.setattr(clips_module, "_LONG_READ", 30)
    ranges.clear()
    assert signverse("export", "pose", "--lake", lake.folder, "--out", tmp_path / "again")[0] == 0
    assert ranges == [(0, 24), (24, 48), (5760, 5784)]
    assert everything(tmp_path / "again") == everything(tmp_path / "out")


@pytest.fixture
def unfinished(command, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch):
    """Makes the folder of an export whose third of four batches failed in the middle."""

    def make(kind: str) -> Path:
        read_clips = clips_module.read_clips

        def fails(lake: Lake, clips: pl.DataFrame, **options: bool):
            for number, clip in enumerate(read_clips(lake, clips, **options)):
                if number == 2 and clips["segment_id"][0] == fails.at:
                    raise OSError(28, "No space left on device")
                yield clip

        every = chosen_clips(Lake.open(command(kind)[3]), None)
        fails.at = every["segment_id"][8]
        module = {"webdataset": "webdataset", "parquet": "parquet", "pose": "posefile"}[kind]
        with monkeypatch.context() as patch:
            patch.setattr(f"signverse.export.formats.{module}.read_clips", fails)
            assert signverse(*command(kind))[0] == 1
        return tmp_path / "out"

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_finished_is_not_written_again_and_what_is_not_leaves_nothing(
    unfinished, command, tmp_path: Path, signverse, kind: str
) -> None:
    out = unfinished(kind)
    content = [name for name in everything(out) if folder_module.is_content(name)]
    assert len(content) == (8 if kind == "pose" else 2)
    assert [name for name in everything(out) if not folder_module.is_ours(name)] == []
    assert signverse("verify", out)[0] == 1
    before = {name: (out / name).stat().st_mtime_ns for name in content}
    code, _, told = signverse(*command(kind))
    assert (code, "2 " in told.splitlines()[0], "already written" in told) == (0, True, True)
    assert {name: (out / name).stat().st_mtime_ns for name in content} == before
    assert signverse(*command(kind, tmp_path / "whole"))[0] == 0
    assert everything(out) == everything(tmp_path / "whole")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [["--limit", 3], ["--all-people"], ["--language", "ase"]], ids=str)
def test_another_export_in_the_folder_of_an_unfinished_one_is_refused(
    unfinished, command, signverse, kind: str, other: list[object]
) -> None:
    out = unfinished(kind)
    before = everything(out)
    code, _, told = signverse(*command(kind), *other)
    assert (code, "an unfinished export of something else" in told, told.count("\n")) == (1, True, 1)
    assert everything(out) == before


def test_an_export_that_another_version_began_is_not_gone_on_with(
    unfinished, command, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished("webdataset")
    monkeypatch.setattr(folder_module, "version", lambda _: "99.0")
    code, _, told = signverse(*command("webdataset"))
    assert (code, "an unfinished export of something else" in told) == (1, True)


@pytest.mark.parametrize("first", [*KINDS, "shards"])
@pytest.mark.parametrize("second", KINDS)
def test_an_export_of_another_kind_stays_unless_it_may_be_replaced_and_is_then_gone(
    sample: Lake, tmp_path: Path, signverse, first: str, second: str
) -> None:
    out = tmp_path / "out"
    assert signverse("export", first, "--lake", sample.folder, "--out", out)[0] == 0
    (out / "notes.txt").write_text("mine")
    (out / "synthASE001").mkdir(exist_ok=True)
    (out / "synthASE001" / "notes.txt").write_text("mine")
    code, _, told = signverse("export", second, "--lake", sample.folder, "--out", out)
    assert (code, "holds an export already" in told) == (1, True)
    assert signverse("export", second, "--lake", sample.folder, "--out", out, "--overwrite")[0] == 0
    signverse("export", second, "--lake", sample.folder, "--out", tmp_path / "fresh")
    mine = {"notes.txt": b"mine", "synthASE001/notes.txt": b"mine"}
    assert everything(out) == {**everything(tmp_path / "fresh"), **mine}
    assert signverse("verify", out)[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_too_small_a_disk_is_told_before_anything_is_written(
    command, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 100_000))
    code, _, told = signverse(*command(kind))
    assert (code, "has room for" in told, told.count("\n")) == (1, True, 1)
    assert not (tmp_path / "out").exists()


def resum(out: Path, name: str) -> None:
    """Sets a checksum right again, as somebody who changes files would."""
    digest = hashlib.sha256((out / name).read_bytes()).hexdigest()
    text = (out / "SHA256SUMS").read_text()
    (out / "SHA256SUMS").write_text(re.sub(rf"[0-9a-f]{{64}}  {re.escape(name)}", f"{digest}  {name}", text))


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_a_missing_file_and_one_too_many_are_named(command, tmp_path: Path, signverse, kind: str) -> None:
    out = tmp_path / "out"
    signverse(*command(kind))
    one, two, *_ = (out / name for name in everything(out) if folder_module.is_content(name))
    data = bytearray(one.read_bytes())
    data[len(data) // 2] ^= 1
    one.write_bytes(data)
    extra = two.with_name(re.sub(r"\d{5}(?=\.|$)", "99999", two.name))
    two.rename(extra)
    code, said, _ = signverse("verify", out)
    assert code == 1
    assert f"{one} is damaged" in said
    assert f"{two} cannot be read: No such file or directory" in said
    assert f"{extra} is not listed in SHA256SUMS" in said


@pytest.mark.parametrize("kind", KINDS)
def test_content_swapped_together_with_its_checksum_is_found_by_the_index(
    command, tmp_path: Path, signverse, kind: str
) -> None:
    out = tmp_path / "out"
    signverse(*command(kind))
    one, two, *_ = (name for name in everything(out) if folder_module.is_content(name))
    (out / one).write_bytes((out / two).read_bytes())
    resum(out, one)
    code, said, _ = signverse("verify", out)
    assert code == 1
    assert said.splitlines()
    assert all(line.startswith(str(out / one)) for line in said.splitlines())


def test_points_changed_in_a_parquet_file_with_its_checksum_are_found(command, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    signverse(*command("parquet"))
    path = out / "data" / "part-00000.parquet"
    table = pl.read_parquet(path).with_columns(pl.col("face_score").list.eval(pl.element() * 0.5))
    pq.write_table(table.to_arrow().cast(pq.read_schema(path)), path)
    resum(out, "data/part-00000.parquet")
    code, said, _ = signverse("verify", out)
    assert (code, len(said.splitlines())) == (1, 4)
    assert all("the points of " in line for line in said.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_that_the_lake_has_no_more_is_refused_in_one_line(
    make_lake, video, person, tmp_path: Path, signverse, kind: str
) -> None:
    people = {(i, 0): person(i) for i in range(24)}
    lake = make_lake(video("a", 24, people, [(0.0, 0.5, "one"), (0.5, 1.0, "two")]))
    chosen = tmp_path / "clips.parquet"
    lake.clips().collect().write_parquet(chosen)
    lake = make_lake(video("a", 24, people, [(0.0, 0.5, "one")]))
    out = tmp_path / "out"
    code, _, told = signverse("export", kind, "--lake", lake.folder, "--out", out, "--selection", chosen)
    assert (code, told.count("\n"), "a-00001" in told) == (1, 1, True)
    assert not out.exists()
    lake.clips().collect().write_parquet(chosen)
    make_lake(video("a", 24, people, [(0.0, 0.5, "one")]))
    code, _, told = signverse("export", kind, "--lake", lake.folder, "--out", out, "--selection", chosen)
    assert (code, "ingested again since the selection was made" in told) == (0, True)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_lake_and_conditions_beside_a_file_are_told(
    make_lake, sample: Lake, tmp_path: Path, signverse, kind: str
) -> None:
    out = tmp_path / "out"
    assert signverse("export", kind, "--lake", make_lake().folder, "--out", out)[0] == 1
    chosen = tmp_path / "clips.parquet"
    sample.clips().collect().write_parquet(chosen)
    words = ["--selection", chosen, "--limit", 2]
    code, _, told = signverse("export", kind, "--lake", sample.folder, "--out", out, *words)
    assert (code, "both --selection and conditions were given" in told) == (1, True)
    assert not out.exists()


# Spawned workers import it too: they stop as well.
DRIVER = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, os.environ["ROOT"])
from signverse.export.formats import posefile as posefile_module

pose_file = posefile_module.pose_file

def stopping(clip):
    if clip.about["video_id"] == os.environ["STOP_AT"]:
        Path(os.environ["FLAG"]).write_text("")
        time.sleep(120)
    return pose_file(clip)

posefile_module.pose_file = stopping
posefile_module.CLIPS_PER_CHUNK = 2

if __name__ == "__main__":
    from signverse.command_line import main
    main(sys.argv[1:])
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("workers", [1, 2])
def test_after_ctrl_c_and_after_a_kill_the_same_command_goes_on(
    sample: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, workers: int, how: signal.Signals
) -> None:
    out, flag, log = tmp_path / "out", tmp_path / "flag", tmp_path / "log"
    (tmp_path / "driver.py").write_text(DRIVER)
    words = ["export", "pose", "--lake", str(sample.folder), "--out", str(out), "--workers", str(workers)]
    stop_at = sorted(sample.videos().collect()["video_id"])[3]
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "driver.py"), *words],
            stdout=told,
            stderr=told,
            cwd=tmp_path,
            env={**os.environ, "ROOT": str(ROOT), "STOP_AT": stop_at, "FLAG": str(flag)},
            start_new_session=True,
        )
    end = time.monotonic() + 60
    while not flag.exists() and time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    os.killpg(process.pid, how)
    code = process.wait(60)
    text = log.read_text()
    assert "Traceback" not in text
    if how is signal.SIGINT:
        assert code == 130
        assert "the same command goes on" in text
        # Whole batches only, each with its note.
        assert len(list(out.rglob("*.pose"))) == 2 * len(list(out.glob(".clips-*.done.json")))
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.pose")}
    noted = len(list(out.glob(".clips-*.done.json")))
    assert noted
    monkeypatch.setattr(posefile_module, "CLIPS_PER_CHUNK", 2)
    code, _, told = signverse(*words)
    assert (code, "already written" in told) == (0, True), told
    assert sum(path.stat().st_mtime_ns == when for path, when in kept.items()) == 2 * noted
    assert signverse(*words[:4], "--out", tmp_path / "whole")[0] == 0
    assert everything(out) == everything(tmp_path / "whole")


def test_frames_that_several_clips_share_count_once() -> None:
    clips = pl.DataFrame(
        {
            "video_id": ["a", "a", "a", "a", "b"],
            "start_frame": [0, 5, 6, 40, 3],
            "end_frame": [20, 10, 25, 41, 9],
        }
    )
    assert frames_of(clips) == {"a": 26, "b": 6}


@pytest.mark.parametrize("inside", ["", "keypoints", "new/folder"])
def test_an_export_into_a_lake_is_refused(sample: Lake, tmp_path: Path, signverse, inside: str) -> None:
    before = set(sample.folder.rglob("*"))
    code, _, err = signverse("export", "webdataset", "--lake", sample.folder, "--out", sample.folder / inside)
    assert code == 1
    assert "lies in the lake" in err
    assert set(sample.folder.rglob("*")) == before


def test_clips_are_written_where_the_engine_runs_them(sample: Lake, tmp_path: Path) -> None:
    from tests.lake.jobs.test_executor import HereEngine

    chosen = chosen_clips(sample, None).with_columns(absent_frames=pl.lit([], pl.List(pl.Int32)))
    engine = HereEngine()
    for out, options in (("usual", {}), ("engine", {"workers": 2, "engine": engine})):
        export = ClipExport(sample, tmp_path / out, "parquet")
        chunks = export.plan(chosen, 4)
        export.prepare(chunks, overwrite=False)
        export.write(chunks, **options)
    assert [made.closed for made in engine.made] == [True]
    assert everything(tmp_path / "usual") == everything(tmp_path / "engine")
