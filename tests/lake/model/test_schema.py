"""The tables of a lake, against the list of the design."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from signverse.lake.lake import Lake
from signverse.lake.model.schema import TABLES

KEY = "video_id ingest_id"
CONFIDENCES = "body_confidence face_confidence left_hand_confidence right_hand_confidence"
DESIGN = {
    "sources": f"{KEY} language_label sign_language url title channel channel_id listed_at",
    "videos": f"{KEY} ingested_at sign_language language_label title channel channel_id url source source_shard"
    " source_position duration_s fps width height num_frames absent_frames people_max text_language english_source"
    " document_text repairs events detector detector_sha256 pose_model pose_sha256 provider detect_every codec"
    " source_fps rotation damaged_frames writer_version keypoints_ingest_id keypoints_file first_row_group"
    " row_group_count",
    "segments": f"sign_language {KEY} segment_id ordinal start_s end_s start_frame end_frame num_frames text"
    f" text_language caption_kind english_source people_max coverage {CONFIDENCES} hands_seen",
    "captions": f"sign_language {KEY} track kind language ordinal start_s end_s text",
    "keypoints": f"sign_language {KEY} frame person body_xy body_score body_visible body_confidence"
    " face_xy face_score face_confidence left_hand_xy left_hand_score left_hand_confidence"
    " right_hand_xy right_hand_score right_hand_confidence",
    "outcomes": f"{KEY} stage outcome reason message attempt attempted_at",
    "splits": f"{KEY} name part group seed made_at",
}
PARTITIONED = {"segments", "captions", "keypoints"}


@pytest.fixture(scope="module")
def new_lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "lake"
    Lake.create(folder).close()
    return folder


def test_a_lake_has_the_seven_tables(new_lake):
    assert {child.name for child in new_lake.iterdir()} == set(DESIGN)
    assert [table.name for table in TABLES] == list(DESIGN)


@pytest.mark.parametrize("name", DESIGN)
def test_a_table_has_the_columns_of_the_design(new_lake, name):
    table = DeltaTable(str(new_lake / name))
    assert pa.schema(table.schema().to_arrow()).names == DESIGN[name].split()
    assert table.metadata().partition_columns == (["sign_language"] if name in PARTITIONED else [])


@pytest.mark.parametrize("name", DESIGN)
def test_a_table_says_its_format_and_keeps_its_log_short(new_lake, name):
    properties = DeltaTable(str(new_lake / name)).metadata().configuration
    assert properties["signverse.formatVersion"] == "2"
    assert properties["delta.checkpointInterval"] == "100"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_column_has_a_type_that_readers_of_delta_break_on(table):
    def leaf(kind):
        return leaf(kind.value_type) if pa.types.is_list(kind) else kind

    for field in table.schema:
        kind = leaf(field.type)
        assert not pa.types.is_fixed_size_list(kind)
        assert not pa.types.is_unsigned_integer(kind)
        assert not pa.types.is_float16(kind)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_polars_and_duckdb_show_the_same_columns_of_an_empty_lake(new_lake, table):
    lake = Lake.open(new_lake)
    frame = lake.table(table.name).collect()
    assert frame.height == 0
    with lake.duckdb() as con:
        view = con.sql(f"from {table.name}")
        assert view.columns == frame.columns == table.schema.names
        assert view.fetchall() == []
