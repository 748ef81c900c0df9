"""Opening and making a lake, and what it says when it cannot."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from deltalake import DeltaTable

import signverse
from signverse.lake.lake import Lake
from signverse.lake.model.errors import (
    BadInputError,
    DamagedLakeError,
    NewerLakeError,
    NotALakeError,
    UnknownVideoError,
)
from signverse.lake.model.schema import FORMAT_VERSION
from signverse.lake.upkeep.verify import verify_lake


@pytest.fixture
def copied(tmp_path, town):
    """A copy of the town that a test may harm."""
    return shutil.copytree(town, tmp_path / "copy")


def test_a_lake_opens_from_a_notebook(town):
    lake = signverse.open(town)
    assert lake.snapshot.visible().height == 5
    assert repr(lake) == f"Lake({str(town)!r}, version={lake.version}, videos=5)"
    assert signverse.open(str(town), version=0).snapshot.visible().height == 0


def test_a_lake_is_closed_at_the_end_of_a_block(town):
    with Lake.open(town) as lake:
        lake.keypoints("one-frame-0")
        assert len(lake.snapshot.reader._files) == 1
    assert len(lake.snapshot.reader._files) == 0


def test_a_path_where_nothing_is_says_how_to_make_a_lake(tmp_path):
    with pytest.raises(NotALakeError, match=r"there is no lake at .*nowhere.*signverse ingest"):
        Lake.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_no_lake(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotALakeError, match="is not a lake"):
        Lake.open(tmp_path / "file")
    with pytest.raises(NotALakeError, match="is a file"):
        Lake.create(tmp_path / "file")


def test_a_folder_with_other_things_is_no_lake_and_stays_as_it_is(tmp_path):
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(NotALakeError, match="is not a lake"):
        Lake.open(tmp_path)
    with pytest.raises(NotALakeError, match="holds other things"):
        Lake.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_an_empty_folder_becomes_a_lake_and_a_lake_is_opened_as_it_is(tmp_path, fill, video):
    (tmp_path / "lake").mkdir()
    assert Lake.create(tmp_path / "lake").snapshot.visible().height == 0
    fill(tmp_path / "lake", video("kept"))
    assert Lake.create(tmp_path / "lake").snapshot.visible()["video_id"].to_list() == ["kept"]
    assert Lake.create(tmp_path / "deep" / "er" / "lake").snapshot.visible().height == 0


def test_making_a_lake_that_was_interrupted_completes_it(tmp_path, monkeypatch):
    from signverse.lake.storage import location

    made, real = [], location.create

    def interrupted(folder, table):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(table.name)
        real(folder, table)

    with monkeypatch.context() as patch:
        patch.setattr(location, "create", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Lake.create(tmp_path / "lake")
    with pytest.raises(NotALakeError):
        Lake.open(tmp_path / "lake")
    assert list(verify_lake(Lake.create(tmp_path / "lake").snapshot)) == []


@pytest.mark.parametrize("url", ["https://example.org/lake", "hf://datasets/x/y", "file:///tmp/lake"])
def test_a_url_is_refused_as_such(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    for way in (Lake.open, Lake.create):
        with pytest.raises(NotALakeError, match="is a URL"):
            way(url)
    assert list(tmp_path.iterdir()) == []


def test_a_url_is_recognised_after_it_went_through_a_path(tmp_path):
    # The command line makes a path of its option: hf://bucket becomes hf:/bucket.
    from pathlib import Path

    for path in (Path("hf://bucket/lake"), "hf://bucket/lake"):
        with pytest.raises(NotALakeError, match=r"^hf://bucket/lake is a URL"):
            Lake.open(path)


def test_a_plain_delta_table_is_not_taken_for_a_lake(tmp_path):
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path / "table"), pa.table({"video_id": ["a"]}))
    with pytest.raises(NotALakeError, match="is not a lake"):
        Lake.open(tmp_path / "table")
    # Not even where it is called like one of ours.
    write_deltalake(str(tmp_path / "other" / "videos"), pa.table({"video_id": ["a"]}))
    with pytest.raises(NotALakeError, match=r"not one of a lake.*formatVersion"):
        Lake.open(tmp_path / "other")


@pytest.mark.parametrize("name", ["videos", "keypoints"])
def test_a_lake_of_a_newer_format_is_refused(copied, name):
    DeltaTable(str(copied / name)).alter.set_table_properties(
        {"signverse.formatVersion": str(FORMAT_VERSION + 1)}, raise_if_not_exists=False
    )
    said = rf"has format {FORMAT_VERSION + 1}, this version reads up to {FORMAT_VERSION}.*Update your installation"
    with pytest.raises(NewerLakeError, match=said):
        Lake.open(copied).snapshot.files(name)


def test_a_lake_that_lacks_a_table_says_which(copied):
    shutil.rmtree(copied / "captions")
    with pytest.raises(DamagedLakeError, match=r"the log of table 'captions' is damaged: .* is missing"):
        Lake.open(copied)
    # In a lake of before it was recorded how far a log goes.
    shutil.rmtree(copied / "_versions")
    with pytest.raises(NotALakeError, match="no table 'captions'"):
        Lake.open(copied).table("captions")


@pytest.mark.parametrize("version", [99, -1, 2**70])
def test_a_version_that_never_was_is_said(town, version):
    with pytest.raises(BadInputError, match=f"has no version {version}"):
        Lake.open(town, version=version)


def test_a_log_that_cannot_be_read_is_named(copied):
    (copied / "videos" / "_delta_log" / "00000000000000000000.json").write_text("garbage{")
    with pytest.raises(
        DamagedLakeError, match=r"log of table 'videos' is damaged: .*0.json is cut or damaged"
    ) as error:
        Lake.open(copied)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["with blank", "#1?", "[2024] *", "run=3", "\u624b\u8a71", "100%", "it's"])
def test_a_lake_may_lie_in_a_folder_of_any_name(tmp_path, fill, video, name):
    made = video("abc")
    opened = Lake.open(fill(tmp_path / name, made))
    assert opened.clips().collect().height == 2
    assert opened.table("keypoints").collect()["sign_language"].unique().to_list() == ["ase"]
    assert opened.keypoints("abc").shape == (50, 128, 3)
    with opened.duckdb() as con:
        assert con.sql("select sign_language, count(*) from keypoints group by 1").fetchall() == [("ase", 50)]
    assert list(verify_lake(opened.snapshot)) == []


def test_a_folder_that_the_delta_library_would_misread_is_refused(tmp_path):
    for way in (Lake.open, Lake.create):
        with pytest.raises(NotALakeError, match="% code"):
            way(tmp_path / "a%20b")
    assert list(tmp_path.iterdir()) == []


def test_a_lake_goes_on_when_the_working_directory_changes(town, tmp_path, monkeypatch):
    monkeypatch.chdir(town.parent)
    lake = Lake.open(town.name)
    con = lake.duckdb()
    monkeypatch.chdir(tmp_path)
    assert lake.keypoints("one-frame-0").shape == (1, 128, 3)
    assert con.sql("select count(*) from videos").fetchall() == [(5,)]


def test_a_lake_in_the_home_folder_is_found(town, monkeypatch):
    monkeypatch.setenv("HOME", str(town.parent))
    assert Lake.open("~/lake").snapshot.visible().height == 5


def test_refresh_moves_on_to_what_was_committed_since(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a"))
    lake = Lake.open(folder)
    fill(folder, video("b"))
    assert lake.snapshot.visible()["video_id"].to_list() == ["a"]
    lake.refresh()
    assert lake.snapshot.visible()["video_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(lake.keypoints("b"), Lake.open(folder).keypoints("b"))


def test_a_lake_opened_at_a_version_stays_there(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a"))
    lake = Lake.open(folder, version=Lake.open(folder).version)
    fill(folder, video("b"))
    lake.refresh()
    assert lake.snapshot.visible()["video_id"].to_list() == ["a"]
    assert lake.version == Lake.open(folder).version - 1


def test_the_row_of_a_video_is_a_dictionary(open_town):
    row = open_town.video("two-people0")
    assert (row["num_frames"], row["absent_frames"], row["people_max"]) == (700, [3, 4], 2)
    assert row["ingested_at"].utcoffset().total_seconds() == 0


def test_an_unknown_video_names_the_nearest(open_town):
    for ask in (open_town.keypoints, open_town.video, open_town.num_frames):
        with pytest.raises(UnknownVideoError, match=r"no video 'exactly1204'.*Nearest: exactly1024"):
            ask("exactly1204")
    with pytest.raises(UnknownVideoError, match='from videos" --lake '):
        open_town.video("@@@@")


def test_of_sources_the_newest_row_is_seen(tmp_path):
    from datetime import UTC, datetime

    from signverse.lake.model.schema import SOURCES
    from signverse.lake.storage import delta

    lake = Lake.create(tmp_path / "lake")
    for day, title in ((2, "new"), (1, "old")):
        row = {"video_id": "a", "ingest_id": f"i{day}", "title": title, "listed_at": datetime(2025, 1, day, tzinfo=UTC)}
        delta.append(lake.folder / "sources", SOURCES, [row, {**row, "video_id": "b"}])
    lake.refresh()
    assert lake.table("sources").collect()["title"].to_list() == ["new", "new"]
    with lake.duckdb() as con:
        assert con.sql("select video_id, title from sources order by 1").fetchall() == [("a", "new"), ("b", "new")]


def test_keypoints_are_asked_for_in_frames_or_in_seconds(town):
    with signverse.open(town) as lake:
        frames = lake.keypoints("two-people0", start_frame=24, end_frame=49)
        np.testing.assert_array_equal(lake.keypoints("two-people0", start_s=1, end_s=2.01), frames)
        np.testing.assert_array_equal(lake.keypoints("two-people0", end_s=1), lake.keypoints("two-people0")[:24])
        for options, words in (
            ({"start_s": 1.0, "end_frame": 5}, "frames and seconds were given both"),
            ({"start_s": 2.0, "end_s": 1.0}, "the range ends at 1 s, before it starts at 2 s"),
            ({"end_s": float("nan")}, "are not numbers of seconds"),
        ):
            with pytest.raises(BadInputError, match=words):
                lake.keypoints("two-people0", **options)
