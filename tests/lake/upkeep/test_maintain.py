"""Upkeep: the same lake in fewer and sorted files, whatever comes in between."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, VIDEOS, Table
from signverse.lake.storage import delta
from signverse.lake.storage.committer import Committer
from signverse.lake.storage.parquet_layout import FILE_BYTES
from signverse.lake.upkeep import maintain as maintain_module
from signverse.lake.upkeep import rewrite as rewrite_module
from signverse.lake.upkeep.compaction import has_many_small_files
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.vacuum import unreferenced_files
from signverse.lake.upkeep.verify import verify_lake

NOW = timedelta(0)


def files(folder: Path, table: Table) -> list[delta.ActiveFile]:
    return delta.active_files(delta.open_table(folder / table.name), table)


def told(folder: Path) -> dict[str, pl.DataFrame]:
    """Everything a user can ask of a lake, but for where its keypoints lie."""
    opened = Lake.open(folder)
    place = ["keypoints_file", "first_row_group", "row_group_count"]
    answers = {
        "videos": opened.videos().drop(place).collect(),
        "segments": opened.table("segments").sort("segment_id").collect(),
        "captions": opened.table("captions").sort("video_id", "track", "ordinal").collect(),
        "keypoints": opened.table("keypoints").sort("video_id", "frame", "person").collect(),
        "outcomes": opened.table("outcomes").sort("attempted_at", "video_id").collect(),
    }
    with opened.duckdb() as con:
        answers["sql"] = con.sql("select video_id, count(*) as n from keypoints group by all order by all").pl()
    return answers


def assert_same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for name, rows in one.items():
        assert_frame_equal(rows, other[name])


@pytest.fixture
def scattered(tmp_path: Path, fill: Callable[..., Path], video: Callable[..., object]) -> Path:
    """Twelve videos of two languages, two a commit, in no order of ids; one of them ingested again."""
    folder = tmp_path / "lake"
    names = [f"v{number:02d}" for number in (7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 4, 6)]
    for first, second in zip(names[::2], names[1::2], strict=True):
        pair = [
            video(n, "ase" if int(n[1:]) % 2 else "pso", 40 + int(n[1:]), people=1 + (n > "v08"))
            for n in (first, second)
        ]
        fill(folder, *pair)
    return fill(folder, video("v05", "ase", 1100, seed=99, texts=("New words",)))


def test_upkeep_makes_few_sorted_files_and_changes_no_answer(scattered):
    before = told(scattered)
    points = {name: Lake.open(scattered).keypoints(name) for name in before["videos"]["video_id"]}
    assert len(files(scattered, KEYPOINTS)) > 6

    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))

    assert_same(told(scattered), before)
    for name, was in points.items():
        np.testing.assert_array_equal(Lake.open(scattered).keypoints(name), was)
    for table in (SEGMENTS, CAPTIONS, KEYPOINTS):
        assert [file.partition for file in files(scattered, table)] in (["ase", "pso"], ["pso", "ase"])
    assert len(files(scattered, VIDEOS)) == len(files(scattered, OUTCOMES)) == 1
    for file in files(scattered, KEYPOINTS):
        rows = pl.read_parquet(
            scattered / "keypoints" / file.name, columns=["video_id", "ingest_id", "frame", "person"]
        )
        assert rows.equals(rows.sort("video_id", "ingest_id", "frame", "person"))
        assert (file.first_id, file.last_id) == (rows["video_id"].min(), rows["video_id"].max())
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []
    assert make_plan(Lake.open(scattered).snapshot).empty


def test_row_groups_stay_inside_videos(scattered):
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    # 1,100 frames are two row groups; verify reads every placement and compares it with the footer.
    assert Lake.open(scattered).video("v05")["row_group_count"] == 2
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []


def test_who_had_the_lake_open_reads_on_and_so_does_an_older_version(scattered):
    opened = Lake.open(scattered)
    version = opened.version
    points = opened.keypoints("v03")
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    np.testing.assert_array_equal(opened.keypoints("v04"), Lake.open(scattered).keypoints("v04"))
    assert Lake.open(scattered).version == version + 1
    older = Lake.open(scattered, version=version)
    np.testing.assert_array_equal(older.keypoints("v03"), points)
    assert older.table("keypoints").filter(pl.col("video_id") == "v03").collect().height == len(points)


def test_an_ingestion_that_was_replaced_stays_for_the_retention_and_then_goes(scattered):
    first = Lake.open(scattered, version=6)
    assert first.num_frames("v05") == 45
    points = first.keypoints("v05")

    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    np.testing.assert_array_equal(Lake.open(scattered, version=6).keypoints("v05"), points)
    assert Lake.open(scattered).raw_table("keypoints").filter(pl.col("video_id") == "v05").collect().height == 1145

    plan = make_plan(Lake.open(scattered).snapshot, retention=NOW)
    assert len(plan.replaced) == 1
    removed = maintain(Lake.open(scattered).snapshot, plan, retention=NOW)
    assert len(removed) > 20
    for table in ("keypoints", "segments", "captions", "videos"):
        rows = Lake.open(scattered).raw_table(table).filter(pl.col("video_id") == "v05").collect()
        assert rows["ingest_id"].n_unique() == 1
    assert Lake.open(scattered).num_frames("v05") == 1100
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []
    on_disk = {path for path in scattered.rglob("*.parquet") if "_delta_log" not in path.parts}
    tables = (SEGMENTS, CAPTIONS, KEYPOINTS, VIDEOS, OUTCOMES)
    assert on_disk == {scattered / table.name / file.name for table in tables for file in files(scattered, table)}


def test_files_of_a_killed_run_go_when_they_are_old_and_not_before(scattered):
    stray = scattered / "keypoints" / "sign_language=ase" / "part-0.parquet"
    stray.write_bytes(b"half a file")
    assert unreferenced_files(Lake.open(scattered).snapshot) == []
    eight_days_ago = time.time() - 8 * 86400
    os.utime(stray, (eight_days_ago, eight_days_ago))
    assert unreferenced_files(Lake.open(scattered).snapshot) == [stray]
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert not stray.exists()


def test_rows_whose_video_is_on_its_way_are_left_alone_and_go_when_nobody_comes_for_them(scattered, video, monkeypatch):
    before = told(scattered)
    with monkeypatch.context() as patch:
        real = delta.write_files

        def killed(folder: Path, table: Table, rows: list) -> list:
            if table is VIDEOS:
                raise KeyboardInterrupt
            return real(folder, table, rows)

        patch.setattr(delta, "write_files", killed)
        with pytest.raises(KeyboardInterrupt), Committer(scattered) as committer:
            committer.add(video("v99", "ase", 33))
    plan = make_plan(Lake.open(scattered).snapshot)
    late = [file for file in files(scattered, KEYPOINTS) if file.last_id == "v99"]
    assert late and all(late[0] not in rewrite.files for rewrite in plan.rewrites)
    maintain(Lake.open(scattered).snapshot, plan)
    assert Lake.open(scattered).raw_table("keypoints").filter(pl.col("video_id") == "v99").collect().height == 33

    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot, retention=NOW), retention=NOW)
    for table in ("keypoints", "segments", "captions"):
        assert Lake.open(scattered).raw_table(table).filter(pl.col("video_id") == "v99").collect().is_empty()
    assert_same(told(scattered), before)


@pytest.mark.parametrize("retention", [timedelta(days=7), NOW])
def test_upkeep_that_is_killed_before_videos_are_told_is_mended_by_the_next(scattered, monkeypatch, retention):
    before = told(scattered)
    with monkeypatch.context() as patch:
        patch.setattr(maintain_module, "rewrite_videos", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert_same(told(scattered), before)
    # Files that rows of videos still point to are needed, whatever the log says.
    assert [
        path for path in unreferenced_files(Lake.open(scattered).snapshot, NOW) if path.parts[-3] == "keypoints"
    ] == []

    plan = make_plan(Lake.open(scattered).snapshot, retention=retention)
    assert len(plan.moved) == (13 if retention else 12)
    maintain(Lake.open(scattered).snapshot, plan, retention=retention)
    assert_same(told(scattered), before)
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []
    used = {file.name for file in files(scattered, KEYPOINTS)}
    assert set(Lake.open(scattered).videos().collect()["keypoints_file"]) <= used


def test_two_who_maintain_at_once_do_not_double_a_row(scattered):
    before = told(scattered)
    plan = make_plan(Lake.open(scattered).snapshot)
    maintain(Lake.open(scattered).snapshot, plan)
    after_one = set(scattered.rglob("*.parquet"))
    with pytest.raises(SignverseError, match="another process is maintaining"):
        maintain(Lake.open(scattered).snapshot, plan)
    assert_same(told(scattered), before)
    # What the second wrote in vain is gone.
    assert set(scattered.rglob("*.parquet")) == after_one


def test_a_video_that_is_committed_meanwhile_is_kept(scattered, fill, video, monkeypatch):
    real = rewrite_module._swap
    added = []

    def busy(folder: Path, table: Table, gone: object, new: object) -> None:
        name = f"w{len(added):02d}"
        added.append(name)
        fill(scattered, video(name, "ase", 20))
        real(folder, table, gone, new)

    monkeypatch.setattr(rewrite_module, "_swap", busy)
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert len(added) > 5
    assert set(added) <= set(Lake.open(scattered).videos().collect()["video_id"])
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []


def test_a_small_ingestion_into_a_large_sorted_partition_does_not_rewrite_it(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", *(video(f"v{n:02d}", "ase", 1500) for n in range(30)))
    for n in range(4):
        fill(folder, video(f"v{n:02d}-new", "ase", 20))
    plan = [rewrite for rewrite in make_plan(Lake.open(folder).snapshot).rewrites if rewrite.table is KEYPOINTS]
    assert [(len(rewrite.files), rewrite.why) for rewrite in plan] == [(4, "4 small files")]
    everything = [
        rewrite for rewrite in make_plan(Lake.open(folder).snapshot, full=True).rewrites if rewrite.table is KEYPOINTS
    ]
    assert [len(rewrite.files) for rewrite in everything] == [5]


def test_files_are_closed_at_a_good_size(scattered, monkeypatch):
    assert FILE_BYTES == 128 * 1024**2
    monkeypatch.setattr("signverse.lake.storage.parquet_layout.FILE_BYTES", 50_000)
    monkeypatch.setattr("signverse.lake.upkeep.plan.FILE_BYTES", 50_000)
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot, full=True))
    sizes = [file.size for file in files(scattered, KEYPOINTS) if file.partition == "pso"]
    assert len(sizes) > 2
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []
    assert [one for one in make_plan(Lake.open(scattered).snapshot, full=True).rewrites if one.table is KEYPOINTS] == []


def test_a_full_disk_is_said_before_anything_is_written(scattered, monkeypatch):
    monkeypatch.setattr("signverse.lake.upkeep.maintain.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    there = set(scattered.rglob("*"))
    with pytest.raises(SignverseError, match=r"10 bytes of free space, its new files may take [\d.]+ [kM]B"):
        maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert set(scattered.rglob("*")) == there


def test_lost_keypoints_are_left_as_they_are_and_the_rest_is_maintained(scattered):
    lost = scattered / "keypoints" / Lake.open(scattered).video("v03")["keypoints_file"]
    lost.unlink()
    plan = make_plan(Lake.open(scattered).snapshot)
    assert plan.lost == (f"keypoints/{lost.relative_to(scattered / 'keypoints')}",)
    maintain(Lake.open(scattered).snapshot, plan)
    lake = Lake.open(scattered)
    assert make_plan(lake.snapshot).lost == plan.lost
    with pytest.raises(DamagedLakeError):
        lake.keypoints("v03")
    there = set(lake.snapshot.visible()["video_id"]) - set(lake.snapshot.lost("keypoints")[0].videos)
    assert all(len(lake.keypoints(name)) for name in there)


def test_a_rotten_byte_is_not_copied_on(scattered):
    place = Lake.open(scattered).video("v03")["keypoints_file"]
    path = scattered / "keypoints" / place
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLakeError, match="verify"):
        maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert [problem for problem in verify_lake(Lake.open(scattered).snapshot) if path.name in problem]


def test_many_small_files_are_noticed_after_an_ingestion(scattered):
    assert has_many_small_files(Lake.open(scattered).snapshot, 6)
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot, small_only=True))
    assert not has_many_small_files(Lake.open(scattered).snapshot, 1)
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["ase", "pso"]), st.integers(0, 40)), max_size=3),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_whatever_was_ingested_in_whatever_order_upkeep_changes_no_answer(fill, video, commits, small_only):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lake"
        for seed, commit in enumerate(commits):
            fill(folder, *(video(f"v{who}", language, count, seed=seed) for who, language, count in commit))
        before = told(folder)
        for retention in (timedelta(days=7), NOW):
            plan = make_plan(Lake.open(folder).snapshot, retention=retention, small_only=small_only)
            maintain(Lake.open(folder).snapshot, plan, retention=retention)
            assert_same(told(folder), before)
            assert list(verify_lake(Lake.open(folder).snapshot)) == []


def test_a_lake_that_was_opened_long_ago_plans_with_what_is_there_now(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a"))
    opened = Lake.open(folder)
    opened.snapshot.visible()
    fill(folder, video("b"), video("c", "pso"))
    fill(folder, video("d"))
    before = told(folder)
    plan = make_plan(opened.snapshot, retention=NOW)
    assert plan.orphans == frozenset()
    maintain(opened.snapshot, plan, retention=NOW)
    assert_same(told(folder), before)
    assert list(verify_lake(Lake.open(folder).snapshot)) == []


def test_every_attempt_stays_in_outcomes(scattered):
    before = told(scattered)["outcomes"]
    plan = make_plan(Lake.open(scattered).snapshot, retention=NOW)
    assert plan.replaced
    maintain(Lake.open(scattered).snapshot, plan, retention=NOW)
    assert_frame_equal(told(scattered)["outcomes"], before)


def test_a_version_that_upkeep_is_dropping_is_refused_from_the_first_moment(scattered, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(maintain_module, "rewrite_keypoints", broken)
    with pytest.raises(KeyboardInterrupt):
        maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot, retention=NOW), retention=NOW)
    with pytest.raises(SignverseError, match="past the retention"):
        Lake.open(scattered, version=6).videos().collect()
    assert list(verify_lake(Lake.open(scattered).snapshot)) == []


def test_a_retention_of_minutes_is_kept_and_one_of_ages_too(scattered):
    maintain(Lake.open(scattered).snapshot, make_plan(Lake.open(scattered).snapshot))
    assert unreferenced_files(Lake.open(scattered).snapshot, timedelta(minutes=50)) == []
    assert unreferenced_files(Lake.open(scattered).snapshot, timedelta(days=10**8)) == []
    assert make_plan(Lake.open(scattered).snapshot, retention=timedelta(days=10**8)).empty
    assert len(unreferenced_files(Lake.open(scattered).snapshot, NOW)) > 20
