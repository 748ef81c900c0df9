"""Writing a data file of any table; one of keypoints takes one video after another."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.lake.model.schema import KEYPOINTS, Table
from signverse.lake.storage import delta, parquet_layout
from signverse.lake.storage.integrity import writers
from signverse.lake.storage.keypoints import are_points
from signverse.lake.storage.pages.block import add_block


class NewFile:
    """A new file of a table. It lies in the table's folder and belongs to no version until `delta.commit` adds it.

    Args:
        writer: of `signverse.lake.storage.parquet_layout`, makes the writer over the open file.

    Attributes:
        name: path inside the table's folder; `close` puts the digest into it.
    """

    def __init__(
        self, folder: Path, table: Table, partition: str | None, writer: Callable[[Any], pq.ParquetWriter]
    ) -> None:
        self._folder = folder
        self._partition = partition
        self._rows = 0
        self._first, self._last = chr(0x10FFFF), ""
        self.name = delta.new_file(folder, table, partition)
        self._sink = pa.OSFile(str(folder / self.name), "wb")
        self._writer = writer(self._sink)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return int(self._sink.tell())

    def _count(self, rows: int, first_id: str, last_id: str) -> None:
        self._rows += rows
        self._first, self._last = min(self._first, first_id), max(self._last, last_id)

    def close(self) -> delta.DataFile:
        """Finishes the file and seals it, which changes its name."""
        self._writer.close()
        self._sink.close()
        self._finish(self._folder / self.name)
        self.name = delta.seal(self._folder, self.name)
        return delta.DataFile(self.name, self._partition, self._rows, self._first, self._last)

    def _finish(self, path: Path) -> None:
        """What is done to the finished file before it is sealed."""

    def discard(self) -> None:
        """Removes the file, finished or not."""
        for end in (self._writer.close, self._sink.close, (self._folder / self.name).unlink):
            with contextlib.suppress(OSError):
                end()
        # Where it could not be closed, its finalizer would try once more and print a traceback.
        self._writer.is_open = False
        writers.release([self.name])


class RowsFile(NewFile):
    """A new file of rows that are not keypoints, by default with the columns of today."""

    def __init__(self, folder: Path, table: Table, partition: str | None, schema: pa.Schema | None = None) -> None:
        columns = table.in_file(schema or table.schema)
        super().__init__(folder, table, partition, lambda sink: parquet_layout.rows_writer(sink, columns))

    def add(self, rows: pa.Table) -> None:
        """Appends rows, at least one, as a row group."""
        self._writer.write_table(rows)
        ids = pc.min_max(rows.column("video_id"))
        self._count(rows.num_rows, ids["min"].as_py(), ids["max"].as_py())


class KeypointsFile(NewFile):
    """A new file of keypoints of one language, each video in row groups of its own; by default the columns of today."""

    def __init__(self, folder: Path, language: str, schema: pa.Schema | None = None) -> None:
        self._columns = KEYPOINTS.in_file(schema or KEYPOINTS.schema)
        super().__init__(folder, KEYPOINTS, language, lambda sink: parquet_layout.keypoints_writer(sink, self._columns))
        self._row_groups = 0
        self._are_points = True

    def _finish(self, path: Path) -> None:
        add_block(path, parquet_layout.ROWS_PER_PAGE if self._are_points else None)

    def add(self, video_id: str, ingest_id: str, table: pa.Table) -> dict[str, Any]:
        """Appends a video; returns its placement, the columns of `videos`.

        Args:
            table: rows of `signverse.lake.storage.keypoints.to_table`, sorted by frame and person; at least one.
                Columns that they lack are null.
        """
        for position, (name, value) in enumerate((("video_id", video_id), ("ingest_id", ingest_id))):
            table = table.add_column(position, name, pa.repeat(value, table.num_rows))
        table = parquet_layout.completed(table, self._columns)
        self._are_points = self._are_points and are_points(table)
        self._writer.write_table(table, row_group_size=parquet_layout.ROWS_PER_GROUP)
        first, count = self._row_groups, -(-table.num_rows // parquet_layout.ROWS_PER_GROUP)
        self._row_groups += count
        self._count(table.num_rows, video_id, video_id)
        return {"keypoints_file": self.name, "first_row_group": first, "row_group_count": count}

    def add_all(self, video_id: str, ingest_id: str, tables: Iterable[pa.Table]) -> dict[str, Any]:
        """Appends a video that comes in several tables, all but the last of a multiple of ROWS_PER_GROUP rows."""
        placed = [self.add(video_id, ingest_id, table) for table in tables]
        return {**placed[0], "row_group_count": sum(place["row_group_count"] for place in placed)}
