"""A lost file of a lake costs its own videos: the others and the other tables go on, and no answer is smaller."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from signverse.ingest.videos.redo import videos_to_keep
from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.query.selection import Selection
from signverse.lake.storage.integrity.lost_files import LOST, lost_in

TABLES = ("sources", "videos", "segments", "captions", "keypoints", "outcomes", "splits")


@pytest.fixture(scope="module")
def three(tmp_path_factory, fill, video):
    """Three videos in files of their own: a and c of one language, b of another."""
    folder = tmp_path_factory.mktemp("three") / "lake"
    for name, language in (("a", "ase"), ("b", "bfi"), ("c", "ase")):
        fill(folder, video(name, language, 12))
    return folder


@pytest.fixture
def copy(three, tmp_path):
    return Path(shutil.copytree(three, tmp_path / "lake"))


def lose(folder: Path, table: str, of: str, how: str = "removed") -> Path:
    """Loses the file of a table that holds the rows of one video."""
    lake = Lake.open(folder)
    (name,) = [file.name for file in lake.snapshot.stored_files(table) if file.first_id == of]
    path = folder / table / name
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if how == "emptied" else -1])
    return path


def ask(folder: Path, query: str) -> list[tuple]:
    return Lake.open(folder).sql(query).rows()


@pytest.mark.parametrize("how", ["removed", "emptied", "cut"])
def test_lost_keypoints_cost_their_video_and_nothing_else(copy, three, how):
    lost = lose(copy, "keypoints", "a", how)
    whole = Lake.open(three)
    for query in (
        "select 1",
        "select sign_language, count(*) from videos group by all order by all",
        "select count(*) from clips",
        "select count(*) from outcomes",
        "select sum(frame) from keypoints where sign_language = 'bfi'",
        "select sum(frame) from keypoints where video_id = 'c'",
        "select avg(x) from joints where video_id in ('b', 'c') and joint = 'nose'",
    ):
        assert ask(copy, query) == whole.sql(query).rows(), query
    for query in (
        "select count(*) from keypoints",
        "select count(*) from keypoints where sign_language = 'ase'",
        "select count(*) from keypoints where video_id = 'a'",
        "select max(frame) from keypoints where frame < 5",
        "select video_id from keypoints limit 1",
        "select count(*) from joints where joint = 'nose'",
        "select video_id from videos anti join keypoints using (video_id)",
    ):
        with pytest.raises(DamagedLakeError) as said:
            ask(copy, query)
        assert said.value.message.startswith(LOST)
        assert lost.name in str(said.value)
        assert "1 video (a)" in str(said.value)
        assert "signverse ingest" in str(said.value)
    lake = Lake.open(copy)
    assert lake.select(Selection()).collect().equals(whole.select(Selection()).collect())
    assert (lake.keypoints("c") == whole.keypoints("c")).sum() > 0
    with pytest.raises(DamagedLakeError):
        lake.keypoints("a")
    assert lake.info()["videos"] == 3


def test_the_next_ingestion_takes_videos_of_lost_keypoints_again(copy, fill, video):
    lose(copy, "keypoints", "a")
    assert videos_to_keep(Lake.open(copy), None) == {"b", "c"}
    assert videos_to_keep(Lake.open(copy), "true") == set()
    assert videos_to_keep(Lake.open(copy), "sign_language = 'bfi'") == {"c"}
    fill(copy, video("a", "ase", 12))
    # The lost file now holds what was replaced: nobody misses it.
    assert ask(copy, "select count(*) from keypoints") == [(36,)]
    assert Lake.open(copy).table("keypoints").collect().height == 36
    assert [lost.videos for lost in lost_in(Lake.open(copy).snapshot)] == [()]


@pytest.mark.parametrize("table", ["segments", "captions"])
def test_lost_segments_and_captions_are_those_of_the_videos_that_have_none_now(copy, table):
    lose(copy, table, "c")
    lake = Lake.open(copy)
    assert [lost.videos for lost in lost_in(lake.snapshot)] == [("c",)]
    assert ask(copy, f"select distinct video_id from {table} where video_id <= 'b' order by all") == [("a",), ("b",)]
    with pytest.raises(DamagedLakeError, match=r"1 video \(c\).*signverse repair"):
        ask(copy, f"select count(*) from {table}")
    with pytest.raises(DamagedLakeError, match=r"1 video \(c\)"):
        lake.table(table)
    assert lake.table(table, languages=["bfi"]).collect().height == 2
    assert ask(copy, "select count(*) from keypoints") == [(36,)]


@pytest.mark.parametrize("table", ["videos", "outcomes"])
def test_a_lost_file_of_a_table_without_placements_says_that_its_rows_are_not_known(copy, table):
    lose(copy, table, "b")
    for query in (f"select count(*) from {table}", f"select 1 from {table} where video_id = 'a'", f"from {table}"):
        with pytest.raises(DamagedLakeError, match=rf"which rows of {table} were in it is not known.*signverse repair"):
            ask(copy, query)
    assert ask(copy, "select 1") == [(1,)]
    assert ask(copy, "select count(*) from splits") == [(0,)]
    if table == "videos":
        for view in ("keypoints", "segments", "captions", "clips", "joints"):
            with pytest.raises(DamagedLakeError, match="rows of videos"):
                ask(copy, f"select count(*) from {view} where video_id = 'a'")
        assert ask(copy, "select count(*) from outcomes") == [(3,)]
    else:
        assert ask(copy, "select count(*) from keypoints") == [(36,)]


def test_a_snapshot_that_outlives_the_retention_says_so(copy):
    from datetime import timedelta

    from signverse.lake.upkeep.maintain import maintain
    from signverse.lake.upkeep.plan import make_plan

    old, other = Lake.open(copy), Lake.open(copy)
    maintain(other.snapshot, make_plan(other.snapshot, retention=timedelta(0)), retention=timedelta(0))
    with pytest.raises(DamagedLakeError, match="Open the lake again"):
        old.table("segments")
