"""Writing a lake: what is visible when, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, UnknownVideoError
from signverse.lake.model.schema import TABLES
from signverse.lake.storage import committer as commit_module
from signverse.lake.storage import delta, parquet_layout
from signverse.lake.storage.committer import Committer
from signverse.lake.upkeep.verify import verify_lake

BY_INGESTION = ("videos", "segments", "captions", "keypoints")


def on_disk(folder: Path) -> set[str]:
    """The data files that lie in the lake, named or not."""
    return {str(path) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def in_the_logs(folder: Path) -> set[str]:
    opened = Lake.open(folder)
    return {name for table in TABLES for name in opened.snapshot.files(table.name)}


def test_a_committed_video_is_there_in_every_way_of_asking(tmp_path, fill, video):
    made = video("abc", "ase", 30)
    opened = Lake.open(fill(tmp_path / "lake", made))
    assert opened.videos().collect()["video_id"].to_list() == ["abc"]
    assert opened.table("segments").collect()["text"].to_list() == ["Hello there.", "How are you?"]
    assert opened.table("captions").collect().height == 2
    assert opened.table("keypoints").collect().height == 30
    outcome = opened.table("outcomes").collect().row(0, named=True)
    assert (outcome["video_id"], outcome["stage"], outcome["outcome"]) == ("abc", "extract", "done")
    assert (outcome["reason"], outcome["message"], outcome["attempt"]) == (None, None, 1)
    assert outcome["ingest_id"] == opened.video("abc")["ingest_id"]
    assert list(verify_lake(opened.snapshot)) == []


def test_every_row_carries_the_language_and_the_ingestion_of_its_video(town):
    opened = Lake.open(town)
    videos = opened.videos().select("video_id", "ingest_id", "sign_language").collect()
    for name in ("segments", "captions", "keypoints"):
        rows = opened.raw_table(name).select("video_id", "ingest_id", "sign_language").unique().collect()
        assert rows.height
        assert rows.join(videos, on=rows.columns, how="anti").height == 0


def test_a_video_ingested_again_replaces_the_first_everywhere(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("same", "ase", 40, seed=1), video("other", "ase", 20))
    before = Lake.open(folder)
    old = before.keypoints("same")
    again = video("same", "pso", 25, seed=2, texts=("New words",))
    fill(folder, again)

    # What was opened earlier stays as it was until it is refreshed.
    assert before.num_frames("same") == 40
    np.testing.assert_array_equal(before.keypoints("same"), old)

    for opened in (Lake.open(folder), before):
        opened.refresh()
        assert opened.num_frames("same") == 25
        assert opened.keypoints("same").shape == (25, 128, 3)
        assert (
            opened.snapshot.keypoint_rows("same", ["body_xy"])["body_xy"].to_pylist()
            == again.keypoints["body_xy"].to_pylist()
        )
        mine = pl.col("video_id") == "same"
        assert opened.table("keypoints").filter(mine).collect().height == 25
        assert opened.clips(videos=["same"]).collect()["text"].to_list() == ["New words"]
        assert opened.clips(languages=["ase"]).collect()["video_id"].unique().to_list() == ["other"]
        assert opened.snapshot.visible().height == 2
        with opened.duckdb() as con:
            assert con.sql("select count(*) from keypoints where video_id = 'same'").fetchall() == [(25,)]
            assert con.sql("select text from clips where video_id = 'same'").fetchall() == [("New words",)]
            assert con.sql("select count(*) from captions where video_id = 'same'").fetchall() == [(1,)]
            assert con.sql("select count(*) from files.keypoints where video_id = 'same'").fetchall() == [(65,)]
        assert list(verify_lake(opened.snapshot)) == []


def test_an_older_version_is_read_as_it_was(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("same", "ase", 40, seed=1))
    first = Lake.open(folder)
    old, version = first.keypoints("same"), first.version
    fill(folder, video("same", "pso", 25, seed=2, texts=("New words",)), video("more"))

    then = Lake.open(folder, version=version)
    np.testing.assert_array_equal(then.keypoints("same"), old)
    assert then.snapshot.visible()["video_id"].to_list() == ["same"]
    assert then.unfiltered_clips().collect()["text"].to_list() == ["Hello there.", "How are you?"]
    with then.duckdb() as con:
        assert con.sql("select distinct sign_language, count(*) from keypoints group by all").fetchall() == [
            ("ase", 40)
        ]
    assert list(verify_lake(then.snapshot)) == []
    assert Lake.open(folder, version=0).snapshot.visible().height == 0
    assert Lake.open(folder).version == version + 1


def test_of_two_ingestions_at_one_time_the_larger_ingest_id_is_visible(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("v", frames=9, texts=("a",)))
    row = Lake.open(folder).video("v")
    for ingest_id, frames in (("ffffffff-0000-7000-8000-000000000000", 3), ("00000000-0000-7000-8000-000000000000", 4)):
        delta.append(folder / "videos", commit_module.VIDEOS, [{**row, "ingest_id": ingest_id, "num_frames": frames}])
    assert Lake.open(folder).num_frames("v") == 3


def test_a_video_twice_in_one_commit_is_the_one_that_came_last(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("v", frames=9, texts=("a",)), video("v", frames=5, texts=("b",)))
    assert Lake.open(folder).num_frames("v") == 5


def test_a_later_time_wins_over_a_larger_ingest_id(tmp_path, fill, video, monkeypatch):
    folder = fill(tmp_path / "lake", video("v", frames=9, texts=("a",)))
    row = Lake.open(folder).video("v")
    small = "00000000-0000-7000-8000-000000000000"
    later = {**row, "ingest_id": small, "num_frames": 3, "ingested_at": row["ingested_at"] + timedelta(seconds=1)}
    delta.append(folder / "videos", commit_module.VIDEOS, [later])
    assert Lake.open(folder).video("v")["ingest_id"] == small


def test_a_video_without_its_videos_row_is_never_seen(tmp_path, fill, video, monkeypatch):
    folder = fill(tmp_path / "lake", video("first"))
    whole = delta.write_files

    def all_but_videos(path, table, rows):
        if table.name == "videos":
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(delta, "write_files", all_but_videos)
        with pytest.raises(OSError, match="No space"):
            fill(folder, video("half", "pso"), video("first", frames=7))
    opened = Lake.open(folder)
    assert opened.raw_table("keypoints").filter(pl.col("video_id") == "half").collect().height == 50
    assert opened.snapshot.visible()["video_id"].to_list() == ["first"]
    assert opened.num_frames("first") == 50
    with pytest.raises(UnknownVideoError):
        opened.keypoints("half")
    for name in BY_INGESTION:
        assert opened.table(name).collect()["video_id"].unique().to_list() == ["first"]
    with opened.duckdb() as con:
        for name in (*BY_INGESTION, "clips"):
            assert con.sql(f"select distinct video_id from {name}").fetchall() == [("first",)]
    assert list(verify_lake(opened.snapshot)) == []


def test_an_error_in_the_block_leaves_no_row_and_no_file(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("first"))
    before = on_disk(folder)
    with pytest.raises(RuntimeError, match="no more"), Committer(folder) as committer:
        committer.add(video("lost"))
        committer.add(video("gone", "pso", 2000))
        assert on_disk(folder) > before
        assert committer.pending == 2
        raise RuntimeError("no more")
    assert on_disk(folder) == before == in_the_logs(folder)
    assert Lake.open(folder).snapshot.visible()["video_id"].to_list() == ["first"]
    assert Lake.open(folder).table("outcomes").collect().height == 1


def test_ctrl_c_keeps_what_is_finished(tmp_path, video):
    folder = tmp_path / "lake"
    Lake.create(folder)
    with pytest.raises(KeyboardInterrupt), Committer(folder) as committer:
        committer.add(video("done"))
        raise KeyboardInterrupt
    opened = Lake.open(folder)
    assert opened.keypoints("done").shape == (50, 128, 3)
    assert list(verify_lake(opened.snapshot)) == []


def test_a_commit_that_failed_after_it_took_effect_keeps_its_files(tmp_path, fill, video, monkeypatch):
    folder = fill(tmp_path / "lake", video("first"))
    real = delta.commit

    def then_the_disk_is_full(path, table, files, **again):
        real(path, table, files, **again)
        if table.name == "keypoints":
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(delta, "commit", then_the_disk_is_full)
        with pytest.raises(OSError, match="No space"):
            fill(folder, video("second"))
    assert in_the_logs(folder) <= on_disk(folder)
    opened = Lake.open(folder)
    assert list(verify_lake(opened.snapshot)) == []
    with opened.duckdb() as con:
        assert con.sql("select count(*) from keypoints").fetchall() == [(50,)]


def test_a_bad_id_is_refused_before_anything_is_written(tmp_path, fill, video):
    folder = tmp_path / "lake"
    with pytest.raises(BadInputError):
        fill(folder, video("../escape"))
    assert on_disk(folder) == set()
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


def test_videos_are_committed_when_enough_have_gathered(tmp_path, video, monkeypatch):
    Lake.create(tmp_path / "lake")
    with Committer(tmp_path / "lake") as committer:
        committer.add(video("a"))
        assert (committer.pending, Lake.open(tmp_path / "lake").snapshot.visible().height) == (1, 0)
        monkeypatch.setattr(parquet_layout, "FILE_BYTES", 1)
        committer.add(video("b"))
        assert (committer.pending, Lake.open(tmp_path / "lake").snapshot.visible().height) == (0, 2)


def test_videos_are_committed_when_a_minute_has_passed(tmp_path, video, monkeypatch):
    Lake.create(tmp_path / "lake")
    with Committer(tmp_path / "lake") as committer:
        committer.add(video("a"))
        monkeypatch.setattr(commit_module, "COMMIT_SECONDS", 0.0)
        committer.add(video("b"))
        assert Lake.open(tmp_path / "lake").snapshot.visible().height == 2


def test_an_attempt_is_noted_without_a_video(tmp_path):
    Lake.create(tmp_path / "lake")
    with Committer(tmp_path / "lake") as committer:
        committer.record("gone", "download", "unavailable", "private", "Private video", attempt=2)
    row = Lake.open(tmp_path / "lake").table("outcomes").collect().row(0, named=True)
    assert (row["video_id"], row["stage"], row["outcome"]) == ("gone", "download", "unavailable")
    assert (row["reason"], row["message"], row["attempt"], row["ingest_id"]) == ("private", "Private video", 2, None)
    assert Lake.open(tmp_path / "lake").snapshot.visible().height == 0


def test_nothing_to_commit_makes_no_version(tmp_path):
    before = Lake.create(tmp_path / "lake").version
    with Committer(tmp_path / "lake"):
        pass
    assert Lake.open(tmp_path / "lake").version == before


def test_the_log_holds_statistics_of_the_ids_and_the_count(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("b", frames=3), video("a", frames=4), video("c", frames=5))
    newest = max((folder / "keypoints" / "_delta_log").glob("*.json"))
    adds = [json.loads(line)["add"] for line in newest.read_text().splitlines() if "add" in json.loads(line)]
    statistics = json.loads(adds[0]["stats"])
    assert statistics["numRecords"] == 12
    assert (statistics["minValues"], statistics["maxValues"]) == ({"video_id": "a"}, {"video_id": "c"})
    # Delta's own reader prunes by them and still finds every row.
    found = DeltaTable(str(folder / "keypoints")).to_pyarrow_table(filters=[("video_id", "=", "b")])
    assert found.num_rows == 3


def write_some(folder: str, helper: str, name: str, count: int) -> None:
    """Runs in a process of its own: one commit a video."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("lakes", helper)
    lakes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lakes)
    Lake.create(folder).close()
    for i in range(count):
        with Committer(Path(folder)) as committer:
            committer.add(lakes._video(f"{name}-{i}", "ase", 10))
            committer.add(lakes._video("shared", "ase", 10 + i, texts=(name,)))


@pytest.fixture
def conftest_file() -> str:
    return str(Path(__file__).parents[1] / "conftest.py")


def test_two_processes_that_write_at_once_lose_nothing(tmp_path, conftest_file):
    folder, script = tmp_path / "lake", tmp_path / "write.py"
    # A module that a fresh process can import; both make the lake, too.
    script.write_text(
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('writers', {__file__!r})\n"
        "writers = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(writers)\n"
        "def run(*arguments):\n    writers.write_some(*arguments)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import write

        start = multiprocessing.get_context("spawn")
        processes = [
            start.Process(target=write.run, args=(str(folder), conftest_file, name, 4)) for name in ("left", "right")
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
    finally:
        sys.path.remove(str(tmp_path))
    opened = Lake.open(folder)
    wanted = {f"{name}-{i}" for name in ("left", "right") for i in range(4)}
    assert set(opened.snapshot.visible()["video_id"]) == wanted | {"shared"}
    assert opened.raw_table("videos").collect().height == 16
    assert opened.raw_table("keypoints").filter(pl.col("video_id") != "shared").collect().height == 80
    assert opened.table("outcomes").collect().height == 16
    assert list(verify_lake(opened.snapshot)) == []
    assert on_disk(folder) == in_the_logs(folder)


@pytest.mark.parametrize("limit", [3_000, 400_000])
def test_a_write_that_hits_a_limit_leaves_a_lake_that_is_whole(tmp_path, fill, video, conftest_file, limit):
    """The disk is full, in effect: no file may grow past the limit."""
    folder = fill(tmp_path / "lake", video("first"))
    program = textwrap.dedent(
        f"""
        import importlib.util, resource, signal, sys
        from pathlib import Path
        from signverse.lake.storage.committer import Committer
        spec = importlib.util.spec_from_file_location("lakes", {conftest_file!r})
        lakes = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(lakes)
        videos = [lakes._video("small", frames=3), *(lakes._video(f"large{{i}}", frames=1500) for i in range(2))]
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        try:
            with Committer(Path({str(folder)!r})) as committer:
                for rows in videos:
                    committer.add(rows)
        except OSError as error:
            sys.exit(f"OSError {{error}}"[:200])
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert run.returncode == 1
    assert run.stderr.startswith("OSError")
    # Only a commit that may have taken effect leaves files that no log names.
    assert limit > 3_000 or on_disk(folder) == in_the_logs(folder)
    opened = Lake.open(folder)
    assert opened.snapshot.visible()["video_id"].to_list() == ["first"]
    assert list(verify_lake(opened.snapshot)) == []
    assert in_the_logs(folder) <= on_disk(folder)
    # Once there is room the same works.
    fill(folder, video("large", frames=1500))
    assert Lake.open(folder).snapshot.visible()["video_id"].to_list() == ["first", "large"]
    assert list(verify_lake(Lake.open(folder).snapshot)) == []


def test_a_video_ingested_again_by_a_machine_whose_clock_is_behind_is_the_newest_all_the_same(
    tmp_path, fill, video, monkeypatch
):
    folder = fill(tmp_path / "lake", video("a", frames=50))

    class Behind(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=8)

    with monkeypatch.context() as patch:
        patch.setattr(commit_module, "datetime", Behind)
        fill(folder, video("a", frames=70), video("b"))
        fill(folder, video("a", frames=80))
    assert Lake.open(folder).num_frames("a") == 80
