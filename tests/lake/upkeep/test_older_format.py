"""Lakes of an older format are read and written as they are; maintenance makes them lakes of today's format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import NewerLakeError, SignverseError
from signverse.lake.model.schema import FORMAT_VERSION, KEYPOINTS, PLACEMENT, TABLES, VIDEOS, Table
from signverse.lake.storage import delta, lake_format
from signverse.lake.storage.committer import Committer, StoredKeypoints
from signverse.lake.storage.lake_format import format_of, raise_format
from signverse.lake.storage.parquet_layout import format_of_file
from signverse.lake.upkeep import maintain as maintain_module
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.migrations import due_migrations, migration_plan
from signverse.lake.upkeep.plan import OLDER_FORMAT, make_plan
from signverse.lake.upkeep.verify import verify_lake
from tests.lake.older import format_1
from tests.lake.upkeep.test_maintain import assert_same, files, told


def formats(folder: Path) -> list[int]:
    """The formats of the keypoints files, sorted."""
    return sorted(format_of_file(pq.read_metadata(folder / "keypoints" / f.name)) for f in files(folder, KEYPOINTS))


def upkeep(folder: Path, **options) -> None:
    snapshot = Lake.open(folder).snapshot
    maintain(snapshot, make_plan(snapshot, **options))


@pytest.fixture
def older(tmp_path: Path, fill: Callable[..., Path], video: Callable[..., object]) -> Path:
    """A lake of format 1, with two keypoints files."""
    folder = tmp_path / "lake"
    with format_1():
        fill(folder, video("a", "ase", 1100), video("b", "pso", 40, people=2), video("c", "ase", 30))
    assert (format_of(folder), formats(folder)) == (1, [1, 1])
    return folder


def test_what_is_added_to_an_older_lake_has_todays_layout_and_the_lake_keeps_its_format(older, fill, video):
    """So that software of that format still reads all of it."""
    before = {name: Lake.open(older).keypoints(name) for name in "abc"}
    fill(older, video("d", "ase", 70))
    assert (format_of(older), formats(older)) == (1, [1, 1, 2])
    assert Lake.open(older).info()["format_version"] == 1
    for name, points in before.items():
        np.testing.assert_array_equal(Lake.open(older).keypoints(name), points)
    assert list(verify_lake(Lake.open(older).snapshot)) == []


def test_new_captions_raise_the_format_as_older_software_would_miss_the_video(older, video, monkeypatch):
    row = Lake.open(older).video("a")
    new = video("a", "ase", 1100, texts=("Other words",))
    new.keypoints = StoredKeypoints.of(row)
    with Committer(older) as committer:
        committer.add(new)
    tables = [delta.open_table(older / table.name) for table in TABLES]
    assert {delta.format_property(table) for table in tables} == {str(FORMAT_VERSION)}
    assert len(Lake.open(older).keypoints("a")) == 1100
    monkeypatch.setattr(delta, "FORMAT_VERSION", 1)
    with pytest.raises(NewerLakeError, match="has format 2, this version reads up to 1"):
        Lake.open(older)


def test_maintain_says_what_the_format_costs_and_then_every_file_has_it(older, signverse):
    before = told(older)
    code, out, err = signverse("maintain", "--lake", older, "--dry-run")
    assert code == 0
    assert OLDER_FORMAT in out
    assert "rewriting 2 keypoints files of an older format (" in err and "would take about 1 s; --keep-format" in err
    assert "the lake would become one of format 2, which older installations refuse to open" in err
    assert "migrations due: columns, pages, format-2; --migrate" in err
    assert (format_of(older), formats(older)) == (1, [1, 1])

    code, _, err = signverse("maintain", "--lake", older)
    assert code == 0 and "the lake becomes one of format 2" in err
    assert (format_of(older), formats(older)) == (2, [2, 2])
    assert_same(told(older), before)
    assert list(verify_lake(Lake.open(older).snapshot)) == []
    assert make_plan(Lake.open(older).snapshot).empty
    assert "format 2" in " ".join(signverse("info", older)[1].split())


def test_files_of_an_older_format_may_stay(older, signverse, fill, video):
    code, _, err = signverse("maintain", "--lake", older, "--keep-format")
    assert code == 0 and "nothing to do" in err
    fill(older, video("d", "ase", 70))
    fill(older, video("e", "pso", 70))
    before = told(older)
    upkeep(older, keep_format=True)
    assert (format_of(older), formats(older)) == (1, [2, 2])
    assert_same(told(older), before)


def test_a_rewriting_that_is_interrupted_is_gone_on_with(older, monkeypatch):
    before = told(older)
    real, rewritten = maintain_module.rewrite_keypoints, []

    def stopped(*args: object) -> object:
        if rewritten:
            raise KeyboardInterrupt
        rewritten.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(maintain_module, "rewrite_keypoints", stopped)
        with pytest.raises(KeyboardInterrupt):
            upkeep(older)
    assert (format_of(older), formats(older)) == (1, [1, 2])
    assert_same(told(older), before)
    plan = make_plan(Lake.open(older).snapshot)
    assert [len(rewrite.files) for rewrite in plan.older] == [1] and plan.raises_format
    maintain(Lake.open(older).snapshot, plan)
    assert (format_of(older), formats(older)) == (2, [2, 2])
    assert_same(told(older), before)


def test_a_raising_that_is_broken_off_is_done_again(older, monkeypatch):
    upkeep(older, keep_format=True)
    with monkeypatch.context() as patch:
        patch.setattr(lake_format, "TABLES", [table for table in TABLES if table is not VIDEOS])
        raise_format(older)
    assert format_of(older) == 1
    upkeep(older)
    assert format_of(older) == 2 and make_plan(Lake.open(older).snapshot).empty


def test_who_commits_while_the_format_is_raised_is_not_refused(older, fill, video, monkeypatch):
    real, raised = delta._write, []

    def late(opened: object, table: object, *args: object, **options: object) -> None:
        if not raised:
            raised.append(table)
            raise_format(older)
        real(opened, table, *args, **options)

    monkeypatch.setattr(delta, "_write", late)
    fill(older, video("d", "ase", 70))
    assert raised and format_of(older) == 2
    assert len(Lake.open(older).keypoints("d")) == 70
    assert list(verify_lake(Lake.open(older).snapshot)) == []


def test_a_disk_without_room_for_the_rewriting_says_how_to_go_on(older, monkeypatch):
    monkeypatch.setattr("signverse.lake.upkeep.maintain.shutil.disk_usage", lambda _: type("", (), {"free": 10}))
    with pytest.raises(SignverseError) as raised:
        upkeep(older)
    assert "--keep-format" in raised.value.hint


@pytest.mark.parametrize("keep_format", [False, True])
def test_a_lost_log_of_a_mixed_lake_is_repaired(older, fill, video, signverse, keep_format):
    fill(older, video("d", "ase", 70))
    before = {name: Lake.open(older).keypoints(name) for name in "abcd"}
    for entry in (older / "keypoints" / "_delta_log").iterdir():
        entry.unlink()
    assert signverse("repair", older)[0] == 0
    upkeep(older, keep_format=keep_format)
    for name, points in before.items():
        np.testing.assert_array_equal(Lake.open(older).keypoints(name), points)
    assert list(verify_lake(Lake.open(older).snapshot)) == []


@pytest.mark.slow
def test_an_export_of_a_mixed_lake_is_that_of_the_maintained_one(older, fill, video, signverse, tmp_path):
    fill(older, video("d", "ase", 70, people=2))
    sums = []
    for name in ("mixed", "maintained"):
        assert signverse("export", "shards", "--lake", older, "--out", tmp_path / name)[0] == 0
        sums.append((tmp_path / name / "SHA256SUMS").read_text())
        upkeep(older)
    assert sums[0] == sums[1]
    assert (format_of(older), set(formats(older))) == (2, {2})


COMMIT = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ase", "pso"]), st.integers(0, 40)), max_size=3)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["today", "older", "oldest"]), COMMIT), min_size=1, max_size=5),
    st.lists(
        st.fixed_dictionaries({"small_only": st.booleans(), "keep_format": st.booleans()}), min_size=1, max_size=3
    ),
)
def test_whoever_wrote_what_upkeep_changes_no_answer(fill, video, commits, runs):
    """Made by any software and added to by any other, whatever maintenance is asked for, and at last all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lake"
        for seed, (by, videos) in enumerate(commits):
            made = [video(f"v{who}", language, count, seed=seed) for who, language, count in videos]
            if by == "today":
                fill(folder, *made)
            else:
                with format_1(checksums=by == "older"):
                    fill(folder, *made)
        before = told(folder)
        for options in (*runs, {}):
            upkeep(folder, retention=timedelta(0), **options)
            assert_same(told(folder), before)
            assert list(verify_lake(Lake.open(folder).snapshot)) == []
        assert (format_of(folder), set(formats(folder))) in [(2, {2}), (2, set())]
        assert make_plan(Lake.open(folder).snapshot).empty


def test_migrations_are_named_and_do_nothing_else(older, fill, video, signverse):
    """An older lake is read and written without them; afterwards it has every row that it had, and all its files."""
    fill(older, video("a", "ase", 60, seed=3))
    before, there = told(older), set(older.rglob("part-*.parquet"))
    raw = {table.name: raw_rows(older, table) for table in TABLES}
    code, out, err = signverse("maintain", "--lake", older, "--migrate", "--dry-run", "--format", "csv")
    assert code == 0 and "would become one of format 2" in err
    assert [line.split(",")[:2] for line in out.splitlines()[1:]] == [["pages", "2"], ["format-2", "1"]]
    assert format_of(older) == 1
    code, _, err = signverse("maintain", "--lake", older, "--migrate")
    assert code == 0 and "2 migrations carried out" in err
    assert (format_of(older), formats(older)) == (2, [2, 2, 2])
    assert there < set(older.rglob("part-*.parquet"))
    assert_same(told(older), before)
    assert {table.name: raw_rows(older, table) for table in TABLES} == raw
    assert due_migrations(Lake.open(older).snapshot) == []
    assert "nothing to do" in signverse("maintain", "--lake", older, "--migrate")[2]
    assert list(verify_lake(Lake.open(older).snapshot)) == []


def raw_rows(folder: Path, table: Table) -> list[str]:
    """All rows of a table, but for where keypoints lie."""
    rows = Lake.open(folder).snapshot.raw_table(table.name).collect()
    names = [name for name in rows.columns if name not in (*PLACEMENT, "keypoints_ingest_id")]
    return sorted(map(repr, rows.select(names).rows()))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["today", "older", "oldest"]), COMMIT), min_size=1, max_size=5))
def test_of_whatever_was_written_by_whatever_software_a_migration_changes_no_row(fill, video, commits):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lake"
        for seed, (by, videos) in enumerate(commits):
            made = [video(f"v{who}", language, count, seed=seed) for who, language, count in videos]
            with nullcontext() if by == "today" else format_1(checksums=by == "older"):
                fill(folder, *made)
        before = {table.name: raw_rows(folder, table) for table in TABLES}
        maintain(Lake.open(folder).snapshot, migration_plan(Lake.open(folder).snapshot))
        assert due_migrations(Lake.open(folder).snapshot) == []
        assert {table.name: raw_rows(folder, table) for table in TABLES} == before
        assert list(verify_lake(Lake.open(folder).snapshot)) == []
