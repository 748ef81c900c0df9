"""How Parquet files of a lake are written. The choices for keypoints are measured: `just bench` repeats the figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.model.schema import FORMAT_PROPERTY, FORMAT_VERSION, KEYPOINTS
from signverse.lake.model.skeleton import PARTS

if TYPE_CHECKING:
    import duckdb

ROWS_PER_GROUP: Final = 1024
"""Most rows of a keypoints row group. A group never crosses a video, so that a clip is one short read."""

ROWS_PER_PAGE: Final = 64
"""Rows of a page of points, the least that is read of them: a clip unpacks little more than itself."""

FILE_BYTES: Final = 128 * 1024 * 1024
"""A data file is closed when it has grown to about this."""

_PLACES: Final = [f"{part.xy}.list.element" for part in PARTS]
_SCORES: Final = [f"{part.score}.list.element" for part in PARTS]
_LEVELS: Final = {**dict.fromkeys(_PLACES, 4), **dict.fromkeys(_SCORES, 1)}
"""zstd levels. Above 4 the places take twice the time for half a percent; scores grow no smaller above 1."""


def keypoints_writer(sink: Any, schema: pa.Schema = KEYPOINTS.file_schema) -> pq.ParquetWriter:
    """A writer for one file of keypoints: a path, or an Arrow file that is open for writing.

    Floats are split into byte streams before zstd: coordinates on a grid then compress to a third. The other columns
    are packed by their encoding alone: a page has a few hundred bytes of each, and a call of zstd takes nine
    microseconds on a virtual machine, whatever it is given. Statistics are kept for the columns that find a clip only:
    those of 384 joints would outweigh the data of a short video.
    """
    return pq.ParquetWriter(
        sink,
        schema.with_metadata({FORMAT_PROPERTY: str(FORMAT_VERSION)}),
        compression=dict.fromkeys(_LEVELS, "zstd"),
        compression_level=_LEVELS,
        max_rows_per_page=ROWS_PER_PAGE,
        # More values at a time than a page has: 3 % of the time, the same bytes.
        write_batch_size=65_536,
        use_dictionary=["video_id", "ingest_id", "person", *(part.confidence for part in PARTS)],
        column_encoding=dict.fromkeys(_LEVELS, "BYTE_STREAM_SPLIT") | {"frame": "DELTA_BINARY_PACKED"},
        write_statistics=["video_id", "frame", "person"],
        # So that `verify` finds corrupted bytes.
        write_page_checksum=True,
    )


def format_of_file(metadata: pq.FileMetaData) -> int:
    """The format of a keypoints file, by its footer; 1 where it says nothing, as that of another writer."""
    said = (metadata.metadata or {}).get(FORMAT_PROPERTY.encode(), b"1")
    return int(said) if said.isdigit() else 1


ROWS_PER_BATCH: Final = 65_536
"""Rows of a row group of any other table that was sorted by maintenance."""


_TEXTS: Final = {"text", "document_text", "segment_id"}
_NO_TWO_ALIKE: Final = _TEXTS | {"start_s", "end_s"}
"""Columns whose values hardly repeat: a dictionary of them takes a tenth more space, and a third more time to read."""


def rows_writer(sink: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer for one file of any other table: small rows, so the library's own layout serves for most columns."""
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[_leaf(field) for field in schema if field.name not in _NO_TWO_ALIKE],
        # All lengths, then all letters: DuckDB reads a column of texts in two thirds of the time.
        column_encoding=dict.fromkeys(_TEXTS.intersection(schema.names), "DELTA_LENGTH_BYTE_ARRAY"),
        write_page_checksum=True,
    )


def _leaf(field: pa.Field) -> str:
    """A column as Parquet calls it."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


def literal_path(path: Path | str) -> str:
    """A path as DuckDB takes it: a lake's folder may be called [2024], and to DuckDB these are wildcards."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


_SQL_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


def column_types(con: duckdb.DuckDBPyConnection, schema: pa.Schema) -> dict[str, str]:
    """The SQL types of columns, by name."""
    types = {field.name: _sql_type(field.type) for field in schema}
    if all(types.values()):
        return types
    # Of a later version of this package.
    con.register("no_rows", schema.empty_table())
    found = con.execute("select column_name, column_type from (describe no_rows)").fetchall()
    con.unregister("no_rows")
    return dict(found)


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        inside = _sql_type(kind.value_type)
        return f"{inside}[]" if inside else ""
    return _SQL_TYPES.get(kind, "")


def columns_for_duckdb(types: Mapping[str, str]) -> str:
    """The argument of read_parquet that says which columns files have; those that a file lacks are null.

    DuckDB then opens no file before a query needs it.
    """
    columns = (
        f"'{name}': {{'name': '{name}', 'type': '{kind}', 'default_value': null}}" for name, kind in types.items()
    )
    return f"schema = map {{{', '.join(columns)}}}"


def completed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows with the columns of a schema, in its order: null in those that they lack."""
    names = set(rows.column_names)
    lacking = [field for field in schema if field.name not in names]
    for field in lacking:
        rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names)


def write_rows(rows: pa.Table, path: Path) -> None:
    """Writes one file of any other table."""
    with rows_writer(path, rows.schema) as writer:
        writer.write_table(rows)
