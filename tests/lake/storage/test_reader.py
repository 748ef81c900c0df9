"""Reading clips: three ways agree, and files that do not hold what they should are refused."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.schema import VIDEOS
from signverse.lake.model.skeleton import LEFT_HAND
from signverse.lake.storage import delta
from signverse.lake.storage import reader as reader_module
from signverse.lake.storage.keypoints import from_table, list_columns, snap, to_table
from signverse.lake.storage.pages import footers as footers_module
from signverse.lake.storage.reader import KeypointsReader, Placement, placement_of

FRAMES = {"one-frame-0": 1, "-dash_first": 1025, "exactly1024": 1024, "two-people0": 700, "nobody-here": 30}


@pytest.fixture(scope="module")
def asked(town):
    """The town and its DuckDB session, opened once for all examples."""
    opened = Lake.open(town)
    with opened.duckdb() as con:
        yield opened, con
    opened.close()


@st.composite
def ranges(draw):
    video_id = draw(st.sampled_from(sorted(FRAMES)))
    frames = FRAMES[video_id]
    start = draw(st.integers(-10, frames + 10))
    # Short ranges, and ranges over the edge of a row group.
    return video_id, start, start + draw(st.integers(0, 40) | st.just(frames)), draw(st.integers(0, 2))


def spread(table, start: int, end: int) -> np.ndarray:
    points = np.full((max(0, end - start), 128, 3), np.nan, np.float32)
    points[table["frame"].to_numpy() - start] = from_table(table)
    return points


@settings(max_examples=25, deadline=None)
@given(ranges())
def test_a_clip_equals_its_rows_through_duckdb_and_through_polars(asked, wanted):
    opened, con = asked
    video_id, start, end, person = wanted
    clip = opened.keypoints(video_id, start_frame=start, end_frame=end, person=person)
    first, last = (min(max(0, edge), FRAMES[video_id]) for edge in (start, end))
    assert clip.dtype == np.float32
    assert clip.shape == (last - first, 128, 3)
    where = f"video_id = '{video_id}' and person = {person} and frame >= {start} and frame < {end}"
    by_sql = con.sql(f"select * from keypoints where {where} order by frame").to_arrow_table()
    np.testing.assert_array_equal(spread(by_sql, first, last), clip)
    by_polars = (
        opened.table("keypoints")
        .filter(pl.col("video_id") == video_id, pl.col("person") == person, pl.col("frame").is_between(start, end - 1))
        .sort("frame")
        .collect()
    )
    import pyarrow as pa

    table = pa.table(
        {n: pa.array(by_polars[n].to_list(), t) for n, t in zip(by_sql.schema.names, by_sql.schema.types, strict=True)}
    )
    np.testing.assert_array_equal(spread(table, first, last), clip)


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [(0, None, 700), (-50, 10, 10), (690, 9999, 10), (700, None, 0), (900, 1000, 0), (-9, -3, 0), (5, 5, 0)],
)
def test_a_range_clips_to_the_video(open_town, start, end, frames):
    assert open_town.keypoints("two-people0", start_frame=start, end_frame=end).shape == (frames, 128, 3)


def test_a_range_that_ends_before_it_starts_is_refused(open_town):
    with pytest.raises(BadInputError):
        open_town.keypoints("two-people0", start_frame=10, end_frame=9)


def test_part_of_a_video_equals_that_part_of_the_whole(open_town):
    whole = open_town.keypoints("-dash_first")
    for start, end in ((0, 1), (1000, 1025), (1023, 1025), (1024, 1025), (10, 1000)):
        np.testing.assert_array_equal(
            open_town.keypoints("-dash_first", start_frame=start, end_frame=end), whole[start:end]
        )


def test_frames_without_anybody_are_nan(open_town):
    clip = open_town.keypoints("two-people0")
    empty = np.isnan(clip).all(axis=(1, 2))
    assert np.flatnonzero(empty).tolist() == [0, 3, 4, 10, 699]
    assert np.isnan(open_town.keypoints("nobody-here")).all()
    assert open_town.keypoints("nobody-here").shape == (30, 128, 3)


def test_persons_are_told_apart(open_town):
    first, second, third = (open_town.keypoints("two-people0", person=person) for person in (0, 1, 2))
    assert not np.array_equal(first, second, equal_nan=True)
    assert np.isnan(third).all()
    rows = open_town.snapshot.keypoint_rows("two-people0", ["body_xy"])
    assert rows["person"].to_pylist()[:4] == [0, 1, 0, 1]


def test_rows_of_a_video_come_with_the_columns_asked_for(open_town):
    rows = open_town.snapshot.keypoint_rows("-dash_first", ["right_hand_confidence"])
    assert rows.column_names == ["frame", "person", "right_hand_confidence"]
    assert rows["frame"].to_pylist() == list(range(1025))
    empty = open_town.snapshot.keypoint_rows("nobody-here", ["body_xy"])
    assert (empty.num_rows, empty.column_names) == (0, ["frame", "person", "body_xy"])


def test_one_hand_is_read_without_the_rest(open_town):
    place = placement_of(open_town.video("exactly1024"))
    reader = KeypointsReader(open_town.folder / "keypoints")
    clip = reader.clip(place, 5, 9, 0, [LEFT_HAND])
    whole = open_town.keypoints("exactly1024", start_frame=5, end_frame=9)
    np.testing.assert_array_equal(clip[:, LEFT_HAND.slice], whole[:, LEFT_HAND.slice])
    clip[:, LEFT_HAND.slice] = np.nan
    assert np.isnan(clip).all()
    reader.close()


def test_only_the_row_groups_of_the_range_are_read(open_town):
    reader = KeypointsReader(open_town.folder / "keypoints")
    place = placement_of(open_town.video("-dash_first"))
    first = place.first
    assert reader.row_groups(place, 0, 10) == [first]
    assert reader.row_groups(place, 1023, 1025) == [first, first + 1]
    assert reader.row_groups(place, 1024, 1025) == [first + 1]
    reader.close()


@pytest.fixture
def copied(tmp_path, town):
    return shutil.copytree(town, tmp_path / "copy")


def replaced(folder, video_id, **change):
    """Writes the videos row again, with another placement."""
    row = Lake.open(folder).video(video_id)
    delta.append(folder / "videos", VIDEOS, [{**row, "ingest_id": row["ingest_id"] + "x", **change}])
    return Lake.open(folder)


def test_a_placement_at_another_videos_row_groups_is_refused(copied):
    first = Lake.open(copied).video("-dash_first")
    second = Lake.open(copied).video("two-people0")
    assert first["keypoints_file"] == second["keypoints_file"]
    lake = replaced(copied, "-dash_first", first_row_group=second["first_row_group"])
    with pytest.raises(DamagedLakeError, match=r"does not hold '-dash_first'.*verify"):
        lake.keypoints("-dash_first")


@pytest.mark.parametrize("change", [{"row_group_count": 99}, {"first_row_group": 98}, {"first_row_group": -1}])
def test_a_placement_past_the_end_of_the_file_is_refused(copied, change):
    with pytest.raises(DamagedLakeError, match="row groups"):
        replaced(copied, "-dash_first", **change).keypoints("-dash_first")


def test_a_file_of_another_language_is_refused(copied):
    other = Lake.open(copied).video("exactly1024")["keypoints_file"]
    lake = replaced(copied, "-dash_first", keypoints_file=other, first_row_group=0, row_group_count=1)
    with pytest.raises(DamagedLakeError, match="does not hold"):
        lake.keypoints("-dash_first")


def test_a_keypoints_file_that_is_gone_is_named(copied):
    lake = Lake.open(copied)
    file = copied / "keypoints" / lake.video("exactly1024")["keypoints_file"]
    file.unlink()
    with pytest.raises(DamagedLakeError, match=f"{file.name} cannot be read.*signverse verify"):
        lake.keypoints("exactly1024")
    assert lake.keypoints("one-frame-0").shape == (1, 128, 3)


@pytest.mark.parametrize("harm", ["half", "empty", "text", "footer", "data"])
def test_a_damaged_keypoints_file_is_refused_not_read(copied, harm):
    lake = Lake.open(copied)
    file = copied / "keypoints" / lake.video("exactly1024")["keypoints_file"]
    held = file.read_bytes()
    broken = {
        "half": held[: len(held) // 2],
        "empty": b"",
        "text": b"not parquet at all" * 10,
        "footer": held[:-2000] + b"\xff" * 1992 + held[-8:],
        "data": held[:4] + b"\xff" * (len(held) // 2) + held[4 + len(held) // 2 :],
    }
    file.write_bytes(broken[harm])
    with pytest.raises(DamagedLakeError, match="cannot be read") as error:
        lake.keypoints("exactly1024")
    assert "\n" not in str(error.value)


def test_tables_of_pages_take_no_more_memory_than_the_limit(tmp_path, fill, video, monkeypatch):
    languages = ["ase", "pso", "bfi", "gsg"]
    folder = fill(tmp_path / "lake", *(video(f"v-{code}", code, 5, texts=("x",)) for code in languages))
    for most, files in ((1, 1), (1 << 20, 4)):
        monkeypatch.setattr(reader_module, "KEPT_BYTES", most)
        with Lake.open(folder) as opened:
            for code in (*languages, "ase"):
                assert opened.keypoints(f"v-{code}").shape == (5, 128, 3)
            assert len(opened.snapshot.reader._files) == files


@pytest.mark.parametrize(("kept", "parsed"), [(2, 8_000_000), (100, 1)])
def test_no_more_footers_are_kept_than_the_limit(tmp_path, fill, video, monkeypatch, kept, parsed):
    monkeypatch.setattr(footers_module, "_FOOTERS", kept)
    monkeypatch.setattr(footers_module, "_PARSED_BYTES", parsed)
    languages = ["ase", "pso", "bfi", "gsg"]
    folder = fill(tmp_path / "lake", *(video(f"v-{code}", code, 5, texts=("x",)) for code in languages))
    # Of files with a table of pages no footer is read.
    for path in (folder / "keypoints").rglob("*.parquet"):
        pq.write_table(pq.ParquetFile(path).read(), path)
    opened = Lake.open(folder)
    clips = {code: opened.keypoints(f"v-{code}") for code in languages}
    for code in reversed(languages):
        np.testing.assert_array_equal(opened.keypoints(f"v-{code}"), clips[code])
    footers = opened.snapshot.reader._footers
    assert len(footers) == min(kept, 4)
    assert len(footers._parsed) == (4 if parsed > 1 else 1)
    opened.close()
    opened.close()
    assert len(footers) == 0
    assert opened.keypoints("v-ase").shape == (5, 128, 3)


def test_a_file_of_another_writer_is_read_by_pyarrow(copied):
    """Any Delta writer may have compacted the table: dictionaries, other codecs, other pages."""
    whole = Lake.open(copied).keypoints("-dash_first")
    file = copied / "keypoints" / Lake.open(copied).video("-dash_first")["keypoints_file"]
    for options in (
        {"compression": "snappy"},
        {"compression": "zstd", "use_dictionary": False, "data_page_version": "2.0"},
        {"compression": "zstd", "use_dictionary": False, "column_encoding": None, "data_page_size": 4096},
    ):
        with pq.ParquetFile(file) as old:
            groups = [old.read_row_group(group) for group in range(old.num_row_groups)]
        with pq.ParquetWriter(file, groups[0].schema, **options) as writer:
            for group in groups:
                writer.write_table(group)
        np.testing.assert_array_equal(Lake.open(copied).keypoints("-dash_first"), whole)


def test_a_video_with_nobody_has_no_file():
    assert placement_of(
        {"video_id": "v", "keypoints_file": None, "first_row_group": None, "row_group_count": 0}
    ) == Placement("v", None, 0, 0)


@pytest.mark.parametrize("video_id", sorted(FRAMES))
def test_people_are_all_rows_as_pyarrow_reads_them(open_town, video_id):
    rows = open_town.snapshot.keypoint_rows(video_id, [*list_columns(), "body_visible"])
    batches = list(open_town.people(video_id))
    assert [len(batch) for batch in batches] == [min(1024, rows.num_rows - at) for at in range(0, rows.num_rows, 1024)]
    if batches:
        np.testing.assert_array_equal(np.concatenate([batch.frames for batch in batches]), rows["frame"])
        np.testing.assert_array_equal(np.concatenate([batch.persons for batch in batches]), rows["person"])
        np.testing.assert_array_equal(np.concatenate([batch.points for batch in batches]), from_table(rows))


def test_visibility_comes_with_body_scores_that_are_unknown(tmp_path, fill, video, points):
    made = snap(points(4, 5))
    made[:, :18, 2] = np.nan
    made[1, :18, :2] = np.nan
    made[2, 86:107] = np.nan
    visible = np.arange(4 * 18).reshape(4, 18) % 3 > 0
    table = to_table(np.arange(4, dtype=np.int32), np.zeros(4, np.int8), made, body_visible=visible)
    opened = Lake.open(fill(tmp_path / "lake", replace(video("v", "ase", 4), keypoints=table)))
    (rows,) = opened.people("v")
    np.testing.assert_array_equal(rows.visible, visible)
    np.testing.assert_array_equal(rows.points, made)
    np.testing.assert_array_equal(rows.take(slice(1, 3)).visible, visible[1:3])
