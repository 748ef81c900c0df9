"""The rows of several small files of a partition in one, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.model.schema import Table
from signverse.lake.storage import parquet_layout
from signverse.lake.storage.delta import ActiveFile, DataFile
from signverse.lake.storage.file_writer import RowsFile
from signverse.lake.storage.integrity.digests import check_files
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as

MOST_UNPACKED: Final = 256 << 20
"""Bytes that the files of one merge may unpack to: a few kilobytes of repeated text can stand for gigabytes."""


def fits_in_memory(folder: Path, files: Sequence[ActiveFile]) -> bool:
    """Whether the rows of files may be read at once, by what their tables of contents say.

    Raises:
        DamagedLakeError: one cannot be read.
    """
    unpacked = 0
    for file in files:
        with foreign_errors_as(damaged(file.name)):
            footer = pq.read_metadata(folder / file.name)
        unpacked += sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
    return unpacked <= MOST_UNPACKED


def merged_rows(folder: Path, table: Table, files: Sequence[ActiveFile], schema: pa.Schema) -> DataFile:
    """Writes the rows of files of one partition into a new file, in the table's order.

    Args:
        folder: of the table, any but keypoints.
        schema: all of its columns.

    Raises:
        DamagedLakeError: a file is not as it was written.
    """
    columns = table.in_file(schema)
    # What was damaged would get a new digest, and look whole for good.
    check_files(str(folder / file.name) for file in files)
    read = []
    for file in files:
        with foreign_errors_as(damaged(file.name)), pq.ParquetFile(folder / file.name) as opened:
            read.append(parquet_layout.completed(opened.read(), columns).cast(columns))
    rows = pa.concat_tables(read).sort_by([(name, "ascending") for name in table.order if name in columns.names])
    new = RowsFile(folder, table, files[0].partition, schema)
    try:
        for start in range(0, rows.num_rows, parquet_layout.ROWS_PER_BATCH):
            new.add(rows.slice(start, parquet_layout.ROWS_PER_BATCH))
        return new.close()
    except BaseException:
        new.discard()
        raise
