"""The seven tables of a lake: every column, in one place.

Types are those that every reader of Delta knows: no unsigned integers, no fixed-size lists, no half floats (Polars and
Delta refuse or corrupt them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from signverse.lake.model.skeleton import PARTS

FORMAT_VERSION: Final = 2
"""The format of new lakes. A lake that states a larger one is refused; one of an older format is read and written.

1. Ingestions have keypoints of their own; a row group of them is one page a column.
2. An ingestion may share the keypoints of an earlier one (`videos.keypoints_ingest_id`), and software of format 1 would
   take it for a video without people. Keypoints lie in small pages, which such software reads, slowly.
"""

FORMAT_PROPERTY: Final = "signverse.formatVersion"
"""Table property that carries the format; every table of a lake has it, and keypoints files in their footers."""

STRING: Final = pa.string()
FLOAT: Final = pa.float32()
DOUBLE: Final = pa.float64()
INT: Final = pa.int32()
BYTE: Final = pa.int8()
TIME: Final = pa.timestamp("us", tz="UTC")

_KEY: Final = [("video_id", STRING), ("ingest_id", STRING)]

_VIDEOS: Final = [
    *_KEY,
    ("ingested_at", TIME),
    ("sign_language", STRING),
    ("language_label", STRING),
    ("title", STRING),
    ("channel", STRING),
    ("channel_id", STRING),
    ("url", STRING),
    ("source", STRING),
    ("source_shard", STRING),
    ("source_position", INT),
    ("duration_s", DOUBLE),
    ("fps", DOUBLE),
    ("width", INT),
    ("height", INT),
    ("num_frames", INT),
    ("absent_frames", pa.list_(INT)),
    ("people_max", INT),
    ("text_language", STRING),
    ("english_source", STRING),
    ("document_text", STRING),
    ("repairs", pa.list_(STRING)),
    ("events", pa.list_(STRING)),
    ("detector", STRING),
    ("detector_sha256", STRING),
    ("pose_model", STRING),
    ("pose_sha256", STRING),
    ("provider", STRING),
    ("detect_every", INT),
    ("codec", STRING),
    ("source_fps", DOUBLE),
    ("rotation", INT),
    ("damaged_frames", INT),
    ("writer_version", STRING),
    ("keypoints_ingest_id", STRING),
    ("keypoints_file", STRING),
    ("first_row_group", INT),
    ("row_group_count", INT),
]

PLACEMENT: Final = ("keypoints_file", "first_row_group", "row_group_count")
"""The columns of `videos` that say where a video's keypoints lie."""

_SEGMENTS: Final = [
    ("sign_language", STRING),
    *_KEY,
    ("segment_id", STRING),
    ("ordinal", INT),
    ("start_s", DOUBLE),
    ("end_s", DOUBLE),
    ("start_frame", INT),
    ("end_frame", INT),
    ("num_frames", INT),
    ("text", STRING),
    ("text_language", STRING),
    ("caption_kind", STRING),
    ("english_source", STRING),
    ("people_max", INT),
    ("coverage", FLOAT),
    *((part.confidence, FLOAT) for part in PARTS),
    ("hands_seen", FLOAT),
]

_CAPTIONS: Final = [
    ("sign_language", STRING),
    *_KEY,
    ("track", STRING),
    ("kind", STRING),
    ("language", STRING),
    ("ordinal", INT),
    ("start_s", DOUBLE),
    ("end_s", DOUBLE),
    ("text", STRING),
]

_KEYPOINTS: Final = [
    ("sign_language", STRING),
    *_KEY,
    ("frame", INT),
    ("person", BYTE),
    ("body_xy", pa.list_(FLOAT)),
    ("body_score", pa.list_(FLOAT)),
    ("body_visible", pa.list_(pa.bool_())),
    ("body_confidence", FLOAT),
    *(
        column
        for part in PARTS[1:]
        for column in ((part.xy, pa.list_(FLOAT)), (part.score, pa.list_(FLOAT)), (part.confidence, FLOAT))
    ),
]

_SOURCES: Final = [
    *_KEY,
    ("language_label", STRING),
    ("sign_language", STRING),
    ("url", STRING),
    ("title", STRING),
    ("channel", STRING),
    ("channel_id", STRING),
    ("listed_at", TIME),
]

_OUTCOMES: Final = [
    *_KEY,
    ("stage", STRING),
    ("outcome", STRING),
    ("reason", STRING),
    ("message", STRING),
    ("attempt", INT),
    ("attempted_at", TIME),
]

_SPLITS: Final = [
    *_KEY,
    ("name", STRING),
    ("part", STRING),
    ("group", STRING),
    ("seed", pa.int64()),
    ("made_at", TIME),
]


@dataclass(frozen=True, eq=False)
class Table:
    """A table of the lake.

    Attributes:
        name: the folder in the lake, and the name in SQL.
        about: what one row is.
        schema: all columns; the partition column is not stored in the files.
        order: the columns that maintenance sorts rows by.
        partition: the partition column, or None.
    """

    name: str
    about: str
    schema: pa.Schema
    order: tuple[str, ...]
    partition: str | None = None

    @property
    def file_schema(self) -> pa.Schema:
        """The columns that a Parquet file of this table holds."""
        return self.in_file(self.schema)

    def in_file(self, schema: pa.Schema) -> pa.Schema:
        """The columns of a schema of this table that its files hold: all but the partition column."""
        return pa.schema([field for field in schema if field.name != self.partition])


SOURCES: Final = Table(
    "sources",
    "a listed video: an id of a manifest, its label and metadata",
    pa.schema(_SOURCES),
    ("video_id", "listed_at", "ingest_id"),
)
VIDEOS: Final = Table(
    "videos",
    "an ingested video, written last: its row makes the video visible",
    pa.schema(_VIDEOS),
    ("video_id", "ingested_at", "ingest_id"),
)
SEGMENTS: Final = Table(
    "segments",
    "a caption segment, with what selections filter by",
    pa.schema(_SEGMENTS),
    ("video_id", "ingest_id", "start_frame", "ordinal"),
    "sign_language",
)
CAPTIONS: Final = Table(
    "captions",
    "a cue of any caption track in any language",
    pa.schema(_CAPTIONS),
    ("video_id", "ingest_id", "track", "ordinal"),
    "sign_language",
)
KEYPOINTS: Final = Table(
    "keypoints",
    "one person in one frame",
    pa.schema(_KEYPOINTS),
    ("video_id", "ingest_id", "frame", "person"),
    "sign_language",
)
OUTCOMES: Final = Table(
    "outcomes",
    "one attempt at one stage of one video: done, unavailable, blocked or failed",
    pa.schema(_OUTCOMES),
    ("attempted_at", "video_id"),
)
SPLITS: Final = Table("splits", "a video's part in a named split", pa.schema(_SPLITS), ("name", "video_id"))

TABLES: Final = (SOURCES, VIDEOS, SEGMENTS, CAPTIONS, KEYPOINTS, OUTCOMES, SPLITS)

WRITTEN_AT: Final = {SOURCES.name: "listed_at", OUTCOMES.name: "attempted_at", SPLITS.name: "made_at"}
"""The column with the time of writing, of tables without ingestions: an older version of the lake has earlier rows."""
