"""Writing as software of an older format did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.model.schema import KEYPOINTS, VIDEOS
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage.pages.block import add_block

_FLOATS = [f"{column}.list.element" for part in PARTS for column in (part.xy, part.score)]


def format_1_writer(sink: Any, schema: pa.Schema = KEYPOINTS.file_schema) -> pq.ParquetWriter:
    """A writer of keypoints with one page a column chunk."""
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=["video_id", "ingest_id"],
        column_encoding=dict.fromkeys(_FLOATS, "BYTE_STREAM_SPLIT"),
        write_statistics=["video_id", "frame", "person", *(part.confidence for part in PARTS)],
        write_page_checksum=True,
    )


@contextmanager
def format_1(*, checksums: bool = True) -> Iterator[None]:
    """What is written meanwhile is of format 1: a lake that is made, and keypoints that are added to any lake.

    Args:
        checksums: False for the first software of that format, whose files have no checksums of their parts.
    """
    today = VIDEOS.schema
    older = pa.schema([field for field in today if field.name != "keypoints_ingest_id"])
    object.__setattr__(VIDEOS, "schema", older)
    try:
        with (
            patch("signverse.lake.storage.parquet_layout.keypoints_writer", format_1_writer),
            patch("signverse.lake.storage.lake_format.FORMAT_VERSION", 1),
            patch("signverse.lake.storage.file_writer.add_block", _chunk_block if checksums else lambda *_: None),
        ):
            yield
    finally:
        object.__setattr__(VIDEOS, "schema", today)


def _chunk_block(path: Path, page_rows: int | None) -> None:
    add_block(path, None)
