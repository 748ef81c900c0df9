"""A lake of an older version, whose files lack a column that was added since: it reads as null, and is filled later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from signverse.lake.lake import Lake
from signverse.lake.model import schema
from signverse.lake.model.schema import TABLES, VIDEOS
from signverse.lake.storage import committer, delta, location
from signverse.lake.storage import snapshot as snapshot_module
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.verify import verify_lake

OLD_VIDEOS = replace(VIDEOS, schema=pa.schema([field for field in VIDEOS.schema if field.name != "events"]))
OLD_TABLES = tuple(OLD_VIDEOS if table is VIDEOS else table for table in TABLES)


@pytest.fixture
def old(tmp_path, fill, video, monkeypatch):
    """A lake as a version without the column wrote it: two commits, a and b."""
    with monkeypatch.context() as patch:
        for module in (snapshot_module, location):
            patch.setattr(module, "TABLES", OLD_TABLES)
            patch.setattr(module, "VIDEOS", OLD_VIDEOS)
        patch.setattr(committer, "VIDEOS", OLD_VIDEOS)
        for name in ("a", "b"):
            folder = fill(tmp_path / "lake", video(name))
    assert [file for file in (folder / "videos").glob("*.parquet") if "events" in pq.read_schema(file).names] == []
    assert "events" not in DeltaTable(str(folder / "videos")).schema().to_arrow().names
    return folder


def events(folder) -> dict[str, list[str] | None]:
    """By video, as Polars and as DuckDB have them."""
    lake = Lake.open(folder)
    rows = dict(lake.table("videos").select("video_id", "events").collect().iter_rows())
    assert lake.raw_table("videos").collect().columns == schema.VIDEOS.schema.names
    with lake.duckdb() as con:
        assert dict(con.sql("select video_id, events from videos").fetchall()) == rows
        assert con.sql("from videos").columns == schema.VIDEOS.schema.names
    return rows


def test_files_without_the_column_read_as_null(old):
    assert events(old) == {"a": None, "b": None}
    lake = Lake.open(old)
    assert lake.video("a")["events"] is None
    assert lake.clips().collect().height == lake.clips(where="duration_s > 0").collect().height == 4
    assert lake.keypoints("a").shape == (50, 128, 3)
    assert list(verify_lake(lake.snapshot)) == []


def test_files_with_and_without_the_column_are_read_and_maintained_together(old, fill, video):
    fill(old, video("c", video={"events": ["cuts:2"]}), video("d"))
    filled = {"a": None, "b": None, "c": ["cuts:2"], "d": []}
    assert events(old) == filled
    # The log has the column now, for other readers of Delta.
    assert "events" in DeltaTable(str(old / "videos")).schema().to_arrow().names
    before = Lake.open(old).table("videos").sort("video_id").drop("keypoints_file", "first_row_group").collect()
    lake = Lake.open(old)
    maintain(lake.snapshot, make_plan(lake.snapshot, retention=timedelta(0)), retention=timedelta(0))
    assert len(lake.snapshot.files("videos")) == 1
    assert events(old) == filled
    after = Lake.open(old).table("videos").sort("video_id").drop("keypoints_file", "first_row_group").collect()
    assert after.equals(before)
    assert list(verify_lake(lake.snapshot)) == []


def test_a_lake_of_old_files_only_is_maintained(old):
    lake = Lake.open(old)
    maintain(lake.snapshot, make_plan(lake.snapshot))
    assert events(old) == {"a": None, "b": None}
    assert list(verify_lake(lake.snapshot)) == []


def test_opening_a_lake_to_write_adds_the_column_once(old):
    version = Lake.open(old).version
    assert Lake.create(old).version == version + 1
    assert Lake.create(old).version == version + 1
    delta.add_missing_columns(old / "videos", VIDEOS)
    assert Lake.open(old).version == version + 1


def test_columns_that_cannot_be_added_are_an_error(old, monkeypatch):
    class Refused:
        def __init__(self, table):
            self.schema = table.schema
            self.alter = self

        def add_columns(self, fields, **_):
            raise CommitFailedError("another process committed first")

    opened = delta.open_table
    monkeypatch.setattr(delta, "open_table", lambda folder: Refused(opened(folder)))
    with pytest.raises(CommitFailedError, match="committed first"):
        delta.add_missing_columns(old / "videos", VIDEOS)
