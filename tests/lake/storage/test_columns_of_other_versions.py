"""A lake that lacks a column of today, or has one that today's code does not know: read, written and maintained."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from signverse.lake.lake import Lake
from signverse.lake.model.schema import TABLES
from signverse.lake.query.selection import Selection
from signverse.lake.storage import sources
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.verify import verify_lake
from tests.lake.upkeep import damage

COLUMN = {
    "sources": "language_label",
    "videos": "codec",
    "segments": "hands_seen",
    "captions": "kind",
    "keypoints": "right_hand_confidence",
    "outcomes": "attempt",
    "splits": "group",
}
TABLE = {table.name: table for table in TABLES}
NEW = [
    pa.field("signing_speed", pa.float32()),
    pa.field("tags", pa.list_(pa.string())),
    pa.field("seen_at", pa.date32()),
]


NAMES = [pytest.param(name, marks=[] if name == "segments" else pytest.mark.slow) for name in COLUMN]


@contextmanager
def schema_of(name: str, schema: pa.Schema):
    """As if this were the schema of the table."""
    table, today = TABLE[name], TABLE[name].schema
    object.__setattr__(table, "schema", schema)
    try:
        yield
    finally:
        object.__setattr__(table, "schema", today)


def check(folder, name: str, column: str, *, rows: int) -> None:
    """All that reads the column reads null, and nothing is called damaged."""
    lake = Lake.open(folder)
    values = collect(lake.table(name).select(column))[column]
    assert values.len() >= rows
    assert values.null_count() >= rows
    assert lake.sql(f'select count(*) from {name} where "{column}" is null').item() == values.null_count()
    for table in damage.TABLE_NAMES:
        assert lake.sql(f"select count(*) from {table}").item() == collect(lake.table(table)).height
    assert collect(lake.select(Selection())).height == collect(lake.select(Selection(), engine="duckdb")).height
    assert lake.keypoints("a").shape == (12, 128, 3)
    assert list(verify_lake(lake.snapshot)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lake_that_lacks_a_column_reads_null_and_gets_the_column_with_the_next_rows(
    tmp_path, fill, video, name, monkeypatch
):
    column = COLUMN[name]
    today = TABLE[name].schema
    with schema_of(name, pa.schema([field for field in today if field.name != column])), monkeypatch.context() as patch:
        patch.setattr(sources, "NAMES", tuple(known for known in sources.NAMES if known != column))
        folder = damage.make(tmp_path / "lake", fill, video)
    old = collect(Lake.open(folder).table(name)).height
    check(folder, name, column, rows=old)
    damage.make(
        folder, lambda at, *videos: fill(at, *videos), lambda key, *more, **rest: video(f"{key}2", *more, **rest)
    )
    check(folder, name, column, rows={"sources": 0, "splits": 1}.get(name, old))
    assert column in DeltaTable(str(folder / name)).schema().to_arrow().names
    lake = Lake.open(folder)
    maintain(lake.snapshot, make_plan(lake.snapshot, full=True, retention=timedelta(0)), retention=timedelta(0))
    check(folder, name, column, rows={"sources": 0, "splits": 1}.get(name, old))


@pytest.mark.parametrize("name", NAMES)
def test_columns_of_a_newer_version_are_read_and_kept(tmp_path, fill, video, name):
    today = TABLE[name].schema
    with schema_of(name, pa.schema([*today, *NEW])):
        folder = damage.make(tmp_path / "lake", fill, video)
    fill(folder, video("d", "bfi", 12))
    lake = Lake.open(folder)
    maintain(lake.snapshot, make_plan(lake.snapshot, full=True, retention=timedelta(0)), retention=timedelta(0))
    lake = Lake.open(folder)
    for field in NEW:
        assert field.name in lake.sql(f"from {name} limit 0").columns
        assert field.name in DeltaTable(str(folder / name)).schema().to_arrow().names
        check(folder, name, field.name, rows=3)
