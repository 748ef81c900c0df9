"""Parquet that may be anyone's: a few bytes of it can stand for gigabytes, of which none is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.lake.lists.parquet_footer import check_footer
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

_RATIO: Final = 200
"""Bytes that one of the file may stand for: of rows with ids of their own it is 20 at most."""

_ROOM: Final = 128 << 20
"""Bytes that a file of any size may stand for."""

_ROWS_AT_ONCE: Final = 1 << 14


def read_bounded(source: Path | pa.NativeFile, size: int, what: str) -> pa.Table:
    """All rows of a Parquet file of so many bytes.

    Raises:
        BadInputError: it stands for far more bytes than it has.
        OSError, ValueError and other foreign errors: it cannot be read.
    """
    most = _RATIO * size + _ROOM
    with pq.ParquetFile(source) as file:
        # A text is kept once, and rows have its number: how long they would be is known before they are made.
        texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        flat = {field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)}
        groups = range(file.metadata.num_row_groups)
        if (stated := sum(max(file.metadata.row_group(index).total_byte_size, 0) for index in groups)) > most:
            raise _too_much(what, stated, most)
        check_footer(file.metadata, size)
        if (stated := _stated(file.metadata, flat)) > most:
            raise _too_much(what, stated, most)
    batches, used = [], 0
    with pq.ParquetFile(source, read_dictionary=texts, page_checksum_verification=True) as file:
        schema = file.schema_arrow
        for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
            used += sum(_size(column) for column in batch.columns)
            if used > most:
                raise _too_much(what, used, most)
            batches.append(pa.RecordBatch.from_arrays([_plain(column) for column in batch.columns], schema.names))
    plain = pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])
    return pa.Table.from_batches(batches, batches[0].schema if batches else plain)


def _stated(metadata: Any, flat: set[str]) -> int:
    """Bytes that the columns have at least, by the file's table of contents; texts in lists at most."""
    found = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        for at in range(group.num_columns):
            column = group.column(at)
            found += max(column.total_uncompressed_size, 0)
            if column.path_in_schema not in flat:
                of_text = column.physical_type in {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
                found += column.num_values * (max(column.total_uncompressed_size, 1) if of_text else 1)
    return found


def _size(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    return 4 * len(column) + int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _too_much(what: str, size: int, most: int) -> BadInputError:
    return BadInputError(f"{what} unpacks to {size:,} bytes or more, at most {most:,} are read")
