"""Property: whatever commit fails, before or after it took effect, the next flush commits what is missing, once.

The rows are counted in every table, in DuckDB and Polars alike, and no file lies in the lake that no log names.
"""

from __future__ import annotations

import errno

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.schema import TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.committer import Committer
from signverse.lake.storage.integrity import sync
from signverse.lake.upkeep.absence import in_no_version
from signverse.lake.upkeep.vacuum import data_files
from signverse.lake.upkeep.verify import verify_folder

WRITTEN = ["keypoints", "segments", "captions", "videos", "outcomes"]
ROWS = {"keypoints": 150, "segments": 6, "captions": 6, "videos": 3, "outcomes": 3}


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("table", WRITTEN)
@pytest.mark.parametrize("moment", ["before", "after", "write"])
def test_a_flush_after_a_failed_one_writes_nothing_twice_or_half(tmp_path, video, monkeypatch, table, moment):
    folder = tmp_path / "lake"
    Lake.create(folder).close()
    real_write, real_files = delta._write, delta.write_files
    committer = Committer(folder)
    committer.add(video("first"))

    def failing(opened, of, actions, *, retries):
        if of.name == table and moment == "before":
            full()
        real_write(opened, of, actions, retries=retries)
        if of.name == table:
            full()

    def not_written(path, of, rows):
        return full() if of.name == table else real_files(path, of, rows)

    with monkeypatch.context() as patch:
        if moment == "write":
            patch.setattr(delta, "write_files", not_written)
        else:
            patch.setattr(delta, "_write", failing)
        if moment == "before" or (moment == "write" and table != "keypoints"):
            for _ in range(2):
                with pytest.raises(OSError, match="No space"):
                    committer.flush()
        else:
            # The log names the files: the commit took effect, whatever the library says.
            committer.flush()
    committer.add(video("second"))
    committer.flush()
    committer.add(video("third"))
    committer.flush()
    check(folder)


@pytest.mark.parametrize("table", WRITTEN)
def test_what_is_not_known_to_be_on_disk_is_tried_again_and_not_doubled(tmp_path, video, monkeypatch, table):
    folder = tmp_path / "lake"
    Lake.create(folder).close()
    committer = Committer(folder)
    committer.add(video("first"))
    real = sync.sync_log
    with monkeypatch.context() as patch:
        patch.setattr(delta, "sync_log", lambda path, **_: full() if path.name == table else real(path))
        with pytest.raises(OSError, match="No space"):
            committer.flush()
    committer.flush()
    for name in ("second", "third"):
        committer.add(video(name))
        committer.flush()
    check(folder)


@pytest.mark.parametrize("table", WRITTEN)
def test_giving_up_after_an_unclear_failure_removes_nothing_that_a_log_names(tmp_path, video, monkeypatch, table):
    folder = tmp_path / "lake"
    Lake.create(folder).close()
    real = sync.sync_log
    with monkeypatch.context() as patch:
        patch.setattr(delta, "sync_log", lambda path, **_: full() if path.name == table else real(path))
        with pytest.raises(OSError, match="No space"), Committer(folder) as committer:
            committer.add(video("first"))
    assert [line for line in verify_folder(folder) if "done" not in line] == []
    with Committer(folder) as committer:
        committer.add(video("second"))
    assert list(verify_folder(folder)) == []


def check(folder) -> None:
    opened = Lake.open(folder)
    assert {name: opened.raw_table(name).collect().height for name in WRITTEN} == ROWS
    with opened.duckdb() as con:
        assert {name: con.sql(f"select count(*) from {name}").fetchall()[0][0] for name in WRITTEN} == ROWS
    assert list(verify_folder(folder)) == []
    named = {table.name: set(opened.snapshot.files(table.name)) for table in TABLES}
    lying = {t.name: {f"{folder / t.name}/{name}" for name in data_files(folder / t.name)} for t in TABLES}
    assert lying == named
    assert [in_no_version(folder, table) for table in TABLES] == [set()] * len(TABLES)


def test_the_outcome_that_a_killed_process_did_not_record_is_recorded_by_the_next_run(tmp_path, video, monkeypatch):
    folder = tmp_path / "lake"
    Lake.create(folder).close()
    real = delta.write_files
    with monkeypatch.context() as patch:
        patch.setattr(
            delta, "write_files", lambda path, of, rows: [] if of.name == "outcomes" else real(path, of, rows)
        )
        with Committer(folder) as committer:
            committer.add(video("first"))
            committer.add(video("second"))
    assert "without the outcome 'done'" in " ".join(verify_folder(folder))
    with Committer(folder):
        pass
    with Committer(folder) as committer:
        committer.add(video("third"))
    assert Lake.open(folder).sql("select count(*) from outcomes where outcome = 'done'").item() == 3
    assert list(verify_folder(folder)) == []
