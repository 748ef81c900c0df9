"""Parquet files of a few bytes that decode to gigabytes, whatever they are given as."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

KEY = ("segment_id", "video_id", "ingest_id", "start_frame", "end_frame")


def _written(tables: Iterator[pa.Table], **options: Any) -> bytes:
    buffer, writer = io.BytesIO(), None
    for table in tables:
        if writer is None:
            writer = pq.ParquetWriter(buffer, table.schema, compression="zstd", **options)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return buffer.getvalue()


def _columns(rows: int, **more: Any) -> dict[str, Any]:
    texts = {
        name: pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["abcdefghijk"]) for name in KEY[:3]
    }
    return {**texts, **{name: pa.array([0] * rows, pa.int64()) for name in KEY[3:]}, **more}


def one_text_many_times(size: int, rows: int) -> bytes:
    """A dictionary of one text of so many bytes, and a run of so many rows that have it."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * size])
    return _written(iter([pa.table(_columns(rows, title=text, sign_language=text))]))


def many_rows(rows: int, at_once: int = 1 << 22) -> bytes:
    """So many rows of the same ids: a few bytes a row group."""
    table = pa.table(_columns(at_once))
    return _written(table for _ in range(rows // at_once))


def many_in_lists(count: int) -> bytes:
    """One row with a list of so many nulls in lists."""
    inner = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), pa.nulls(count, pa.int8()))
    outer = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), inner)
    return _written(iter([pa.table(_columns(1, title=outer, text=outer))]))


def many_columns(count: int) -> bytes:
    """One row of so many columns."""
    return _written(iter([pa.table(_columns(1, **{f"c{i}": pa.array([1], pa.int8()) for i in range(count)}))]))


KINDS: Final[dict[str, Callable[[Path], object]]] = {
    "one text in all rows": lambda path: path.write_bytes(one_text_many_times(1 << 20, 4096)),
    "a hundred million rows": lambda path: path.write_bytes(many_rows(100 << 20)),
    "nulls in lists": lambda path: path.write_bytes(many_in_lists(400 << 20)),
}
