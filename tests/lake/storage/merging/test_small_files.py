"""The number of files of a partition is bounded at all times, and no answer changes."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.schema import CAPTIONS, OUTCOMES, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.storage import committer, delta, merging
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.merging import replaced, small_files
from signverse.lake.storage.merging.lease import upkeep_lease
from signverse.lake.storage.merging.levels import FAN_IN, due, most_files
from signverse.lake.storage.merging.small_files import MERGED, merge_small_files
from signverse.lake.upkeep.verify import verify_lake


def files(folder: Path, table: Table) -> list[ActiveFile]:
    return delta.active_files(delta.open_table(folder / table.name), table)


def most(folder: Path) -> int:
    """The most files of a partition."""
    counts = (Counter(file.partition for file in files(folder, table)) for table in MERGED)
    return max(max(count.values(), default=0) for count in counts)


def rows(folder: Path) -> dict[str, pl.DataFrame]:
    """All rows of a lake, those of replaced ingestions too, in an order."""
    lake = Lake.open(folder)
    found = {table.name: lake.snapshot.raw_table(table.name).collect() for table in MERGED}
    return {name: table.sort(*table.columns[:4], nulls_last=True) for name, table in found.items()}


@pytest.fixture
def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "merge_after_commit", lambda _: None)


def test_many_commits_leave_few_files_and_every_row(tmp_path, fill, video, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(committer, "merge_after_commit", lambda _: None)
        for number in range(2 * FAN_IN + 3):
            fill(tmp_path / "lake", video(f"v{number:02}", "pso" if number % 2 else "ase", 3))
    folder = tmp_path / "lake"
    assert most(folder) == 2 * FAN_IN + 3
    before, version = rows(folder), Lake.open(folder).version
    with monkeypatch.context() as patch:
        # Files that stand for more than memory should hold stay as they are.
        patch.setattr(merging.rows, "MOST_UNPACKED", 100)
        assert merge_small_files(folder) == 0
    assert merge_small_files(folder) > 40
    assert most(folder) == 1
    for name, table in rows(folder).items():
        assert table.equals(before[name]), name
    assert list(verify_lake(Lake.open(folder).snapshot)) == []
    # An older version is read as before, and rows lie in the table's order.
    assert Lake.open(folder, version=version).snapshot.visible().height == 23
    ids = Lake.open(folder).snapshot.raw_table("videos").collect()["video_id"]
    assert ids.is_sorted()
    assert merge_small_files(folder) == 0


def test_commits_keep_it_bounded_by_themselves(tmp_path, fill, video):
    counts = []
    for number in range(FAN_IN + 2):
        fill(tmp_path / "lake", video(f"v{number:02}", frames=2))
        counts.append(most(tmp_path / "lake"))
    assert counts == [*range(1, FAN_IN), 1, 2, 3]
    assert list(verify_lake(Lake.open(tmp_path / "lake").snapshot)) == []
    # Opening reads a checkpoint, not every entry.
    assert list((tmp_path / "lake" / "videos" / "_delta_log").glob("*.checkpoint.parquet"))


_BYTES = st.integers(1, 2000).map(lambda n: n * n * n * 9)


def _file(number: int, partition: str, size: int) -> ActiveFile:
    return ActiveFile(f"{partition}/{number}", partition, size, 1, None, "", "")  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from("abc"), _BYTES), max_size=120))
def test_a_partition_never_has_more_files_than_its_bytes_allow(commits):
    """Whatever sizes come in whatever order; and a byte is rewritten a few times at most where files are small."""
    now: list[ActiveFile] = []
    for number, (partition, size) in enumerate(commits):
        now.append(_file(number, partition, size))
        while groups := due(SEGMENTS, now):
            for at, group in enumerate(groups):
                assert len(group) > 1 and len({file.partition for file in group}) == 1
                assert sum(file.size for file in group) <= 40 << 20
                now = [file for file in now if file not in group]
                now.append(_file(1000 * number + at + 10**6, str(group[0].partition), sum(f.size for f in group)))
        for name in "abc":
            sizes = [file.size for file in now if file.partition == name]
            assert len(sizes) <= most_files(SEGMENTS, sum(sizes))


def test_another_process_that_merges_or_maintains_is_left_alone(tmp_path, fill, video, unmerged):
    for number in range(FAN_IN):
        fill(tmp_path / "lake", video(f"v{number}", frames=2))
    with upkeep_lease(tmp_path / "lake"):
        assert merge_small_files(tmp_path / "lake") == 0
    assert most(tmp_path / "lake") == FAN_IN


def test_who_commits_while_files_are_merged_keeps_its_rows(tmp_path, fill, video, monkeypatch, unmerged):
    """And who loses to another rewriting of the same files changes nothing, and leaves no file."""
    folder = tmp_path / "lake"
    for number in range(FAN_IN):
        fill(folder, video(f"v{number}", frames=2))
    real, late = small_files.merged_rows, []

    def meanwhile(*args: object) -> object:
        if not late:
            late.append(fill(folder, video("late", frames=2)))
        return real(*args)

    monkeypatch.setattr(small_files, "merged_rows", meanwhile)
    assert merge_small_files(folder)
    assert Lake.open(folder).snapshot.visible().height == FAN_IN + 1
    assert most(folder) == 2
    there = set(folder.rglob("*.parquet"))
    for number in range(FAN_IN):
        fill(folder, video(f"w{number}", frames=2))
    there = set(folder.rglob("part-*.parquet"))
    monkeypatch.setattr(small_files, "merged_rows", real)
    monkeypatch.setattr(delta, "replace_files", lambda *_: False)
    assert merge_small_files(folder) == 0
    assert set(folder.rglob("part-*.parquet")) == there
    assert list(verify_lake(Lake.open(folder).snapshot)) == []


_WHAT_MAY_HAPPEN = [
    OSError(28, "disk"),
    MemoryError(),
    RuntimeError("can't start new thread"),
    pa.ArrowInvalid("offset overflow while concatenating arrays"),
    pa.ArrowNotImplementedError("cast"),
    DeltaError("log"),
    pl.exceptions.ComputeError("rows"),
    KeyError("column"),
]


@pytest.mark.parametrize("error", _WHAT_MAY_HAPPEN, ids=repr)
def test_whatever_keeps_files_from_being_merged_no_commit_fails_of_it(tmp_path, monkeypatch, error):
    def fail(_: Path) -> int:
        raise error

    monkeypatch.setattr(small_files, "merge_small_files", fail)
    small_files.merge_after_commit(tmp_path)


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()])
def test_a_merge_that_fails_leaves_no_file_and_fails_no_ingestion(tmp_path, fill, video, monkeypatch, error):
    folder = tmp_path / "lake"
    for number in range(FAN_IN - 1):
        fill(folder, video(f"v{number}", frames=2))

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(delta, "replace_files", fail)
        if isinstance(error, OSError):
            fill(folder, video("last", frames=2))
        else:
            with pytest.raises(KeyboardInterrupt):
                fill(folder, video("last", frames=2))
    assert Lake.open(folder).snapshot.visible().height == FAN_IN
    named = {f"{table.name}/{file.name}" for table in TABLES for file in files(folder, table)}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("part-*.parquet")} == named
    assert merge_small_files(folder) and most(folder) == 1


def test_a_damaged_file_is_not_merged_and_stays_to_be_found(tmp_path, fill, video, unmerged):
    folder = tmp_path / "lake"
    for number in range(FAN_IN):
        fill(folder, video(f"v{number}", frames=2))
    path = folder / "captions" / files(folder, CAPTIONS)[0].name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with committer.Committer(folder) as writing:
        writing.record("v0", "list", "done")
    with pytest.raises(Exception, match="damaged"):
        merge_small_files(folder)
    assert any(path.name in problem for problem in verify_lake(Lake.open(folder).snapshot))


def test_what_was_merged_is_deleted_after_the_retention_and_nothing_else(tmp_path, fill, video, unmerged):
    """Not a file that no version names: it may be all there is of a video."""
    folder = tmp_path / "lake"
    for number in range(FAN_IN):
        fill(folder, video(f"v{number}", frames=2))
    lost = folder / "segments" / "sign_language=ase" / f"part-{'0' * 8}-0000-0000-0000-{'1' * 12}-{'0' * 32}.parquet"
    lost.write_bytes(b"")
    os.utime(lost, (0, 0))
    old = {folder / table.name / file.name for table in MERGED for file in files(folder, table)}
    before = rows(folder)
    merge_small_files(folder)
    assert all(path.exists() for path in old)
    replaced._looked.clear()
    assert replaced.delete_replaced(folder) == []
    replaced._looked.clear()
    merged = {path for table in (VIDEOS, SEGMENTS, CAPTIONS, OUTCOMES) for path in old if table.name in path.parts}
    assert set(replaced.delete_replaced(folder, timedelta(0))) == merged
    assert lost.exists()
    for name, table in rows(folder).items():
        assert table.equals(before[name]), name
    lost.unlink()
    assert list(verify_lake(Lake.open(folder).snapshot)) == []


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ase", "pso"]), st.integers(0, 9)), max_size=3),
        min_size=3,
        max_size=9,
    )
)
def test_whatever_was_committed_in_whatever_order_merging_changes_no_row(
    fill: Callable[..., Path], video: Callable[..., object], commits: list[list[tuple[int, str, int]]]
):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name) / "lake"
        patch.setattr(committer, "merge_after_commit", lambda _: None)
        patch.setattr("signverse.lake.storage.merging.levels.FAN_IN", 3)
        for seed, commit in enumerate(commits):
            fill(folder, *(video(f"v{who}", language, count, seed=seed) for who, language, count in commit))
            before = rows(folder)
            merge_small_files(folder)
            for table_name, table in rows(folder).items():
                assert table.equals(before[table_name]), table_name
            assert most(folder) < 3
        assert list(verify_lake(Lake.open(folder).snapshot)) == []
