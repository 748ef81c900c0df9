"""How keypoints lie in their Parquet files."""

from __future__ import annotations

import itertools

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.schema import TABLES
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP, column_types


@pytest.fixture
def footers(open_town):
    return {name: pq.ParquetFile(name).metadata for name in open_town.snapshot.files("keypoints")}


def columns(group):
    return {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}


def test_there_is_one_file_a_language(footers):
    assert len(footers) == 3  # the und video has nobody in it


def test_row_groups_hold_at_most_1024_rows_of_one_video(footers):
    for footer in footers.values():
        for i in range(footer.num_row_groups):
            group = footer.row_group(i)
            ids = columns(group)["video_id"].statistics
            assert group.num_rows <= ROWS_PER_GROUP == 1024
            assert ids.min == ids.max


def test_points_are_split_into_byte_streams_and_compressed_and_the_rest_is_small_by_its_encoding(footers):
    for footer in footers.values():
        for i in range(footer.num_row_groups):
            for path, column in columns(footer.row_group(i)).items():
                if path.endswith(("_xy.list.element", "_score.list.element")):
                    # PLAIN belongs to the levels; no dictionary, which would replace the encoding of the values.
                    assert column.compression == "ZSTD"
                    assert "BYTE_STREAM_SPLIT" in column.encodings
                    assert not column.has_dictionary_page
                elif path == "frame":
                    assert "DELTA_BINARY_PACKED" in column.encodings
                elif path != "body_visible.list.element":
                    assert column.has_dictionary_page


def test_statistics_are_kept_for_what_finds_a_clip_only(footers):
    kept = {"video_id", "frame", "person"}
    for footer in footers.values():
        for path, column in columns(footer.row_group(0)).items():
            assert (column.statistics is not None) == (path in kept), path


def test_the_placement_names_the_row_groups_of_the_video_and_no_others(open_town):
    sizes = {"one-frame-0": 1, "-dash_first": 2, "exactly1024": 1, "two-people0": 2}
    found: dict[str, list[range]] = {}
    for video in open_town.videos().collect().iter_rows(named=True):
        if video["video_id"] == "nobody-here":
            assert (video["keypoints_file"], video["first_row_group"], video["row_group_count"]) == (None, None, 0)
            continue
        footer = pq.ParquetFile(open_town.folder / "keypoints" / video["keypoints_file"]).metadata
        place = range(video["first_row_group"], video["first_row_group"] + video["row_group_count"])
        assert len(place) == sizes[video["video_id"]]
        found.setdefault(video["keypoints_file"], []).append(place)
        for i in range(footer.num_row_groups):
            holds = columns(footer.row_group(i))["video_id"].statistics.min == video["video_id"]
            assert holds == (i in place)
    for name, places in found.items():
        covered = sorted(itertools.chain.from_iterable(places))
        assert covered == list(range(pq.ParquetFile(open_town.folder / "keypoints" / name).metadata.num_row_groups))


def test_placements_hold_for_many_videos_of_all_sizes(tmp_path, fill, video, points):
    sizes = [1, 1023, 1024, 1025, 2, 2048, 2049, 30]
    languages = ["ase", "pso", "ase", "ase", "pso", "ase", "pso", "ase"]
    videos = [video(f"v{i}", languages[i], size, texts=("x",)) for i, size in enumerate(sizes)]
    lake = Lake.open(fill(tmp_path / "lake", *videos))
    for made, size in zip(videos, sizes, strict=True):
        read = lake.snapshot.keypoint_rows(made.video["video_id"], ["body_xy", "face_score"])
        assert read.num_rows == size
        assert read["body_xy"].to_pylist() == made.keypoints["body_xy"].to_pylist()
        assert read["frame"].to_pylist() == list(range(size))
    assert len(lake.snapshot.files("keypoints")) == 2


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_sql_types_of_columns_are_those_that_duckdb_gives_them(table):
    signs = pa.list_(pa.struct([("hand", pa.int16()), ("at", pa.date32())]))
    newer = pa.schema([*table.schema, pa.field("signs", signs)])
    with duckdb.connect() as con:
        for schema in (table.schema, newer):
            con.register("rows", schema.empty_table())
            described = con.execute("select column_name, column_type from (describe rows)").fetchall()
            assert column_types(con, schema) == dict(described)


def test_texts_are_written_without_a_dictionary_and_what_repeats_with_one(open_town):
    for name in ("segments", "captions"):
        for path in open_town.snapshot.files(name):
            found = columns(pq.ParquetFile(path).metadata.row_group(0))
            assert set(found["text"].encodings) == {"DELTA_LENGTH_BYTE_ARRAY", "RLE"}
            assert not found["start_s"].has_dictionary_page
            assert found["ingest_id"].has_dictionary_page
