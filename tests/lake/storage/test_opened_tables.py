"""A table whose log stays the same is not opened twice in a process; whatever happens to it on disk is noticed."""

from __future__ import annotations

import shutil

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import TABLES, VIDEOS
from signverse.lake.storage.opened_tables import opened_table


def asked(lake):
    """What a session of its own counts."""
    with Lake.open(lake) as opened, opened.duckdb() as con:
        return con.execute("select count(*) from videos").fetchall()[0][0]


def test_a_log_that_stays_the_same_is_read_once(town):
    assert opened_table(town / "videos", VIDEOS) is opened_table(town / "videos", VIDEOS)


def test_a_session_sees_what_was_committed_since_the_last_one(tmp_path, fill, video):
    lake = fill(tmp_path / "lake", video("one"))
    with Lake.open(lake) as earlier:
        assert asked(lake) == 1
        fill(lake, video("two"))
        assert asked(lake) == 2
        # One that is open stays where it is, though both opened the same log.
        assert earlier.videos().collect().height == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("harm", ["emptied", "cut", "changed in place", "removed"])
def test_a_session_notices_what_happened_to_a_log_since_the_last_one(tmp_path, town, table, harm):
    lake = tmp_path / "lake"
    shutil.copytree(town, lake)
    before = asked(lake)
    entry = max((lake / table.name / "_delta_log").glob("*.json"))
    whole = entry.read_bytes()
    if harm == "removed":
        entry.unlink()
    else:
        entry.write_bytes({"emptied": b"", "cut": whole[:-9], "changed in place": b"#" * len(whole)}[harm])
    with pytest.raises(DamagedLakeError):
        asked(lake)
    entry.write_bytes(whole)
    assert asked(lake) == before


def test_a_lake_that_takes_the_place_of_another_is_read(tmp_path, fill, video):
    lake, other = fill(tmp_path / "lake", video("one")), fill(tmp_path / "other", video("a"), video("b"))
    assert asked(lake) == 1
    shutil.rmtree(lake)
    other.rename(lake)
    assert asked(lake) == 2


def test_a_file_of_videos_that_is_damaged_since_is_not_answered_from_memory(tmp_path, town):
    lake = tmp_path / "lake"
    shutil.copytree(town, lake)
    assert asked(lake)
    for file in (lake / "videos").rglob("part-*.parquet"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    with pytest.raises(Exception, match="part-"):
        asked(lake)
