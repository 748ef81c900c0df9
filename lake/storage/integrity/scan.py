"""Rows of Parquet files of a lake for Polars, which compares no checksum itself: they are compared before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from signverse.lake.model.schema import KEYPOINTS, Table
from signverse.lake.storage.integrity.chunk_checksums import are_whole, checksums_of
from signverse.lake.storage.integrity.digests import Identity, check_files, identity_of
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as

if TYPE_CHECKING:
    import pyarrow as pa

_SMALL: Final = frozenset(("sign_language", "video_id", "ingest_id", "frame", "person"))
"""Columns of keypoints that take few bytes: conditions on these alone decide which row groups are compared further."""


def scan(paths: Sequence[str], table: Table, schema: pa.Schema) -> pl.LazyFrame:
    """The rows of files of a table, at least one, with the columns of the schema: null in those that a file lacks.

    Files are compared with the digests in their names now; of keypoints files what a query needs, when it runs.

    Raises:
        DamagedLakeError: a file differs.
    """
    columns = pl.DataFrame(table.in_file(schema).empty_table()).schema
    if table is KEYPOINTS:
        return _scan_keypoints(paths, columns)
    check_files(paths)
    return _scan(paths, columns, hive=table.partition is not None)


def _scan(paths: Sequence[str], columns: pl.Schema, *, hive: bool) -> pl.LazyFrame:
    # The callers have compared the files. Without hive_schema: Polars refuses one where a folder above the lake is
    # called run=3.
    return pl.scan_parquet(
        list(paths),
        glob=False,
        hive_partitioning=hive,
        try_parse_hive_dates=False,
        schema=columns,
        missing_columns="insert",
        # Of a newer version: read where the table's log names them, and not asked for by code that knows none.
        extra_columns="ignore",
    )


def _scan_keypoints(files: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
    from polars.io.plugins import register_io_source

    whole = pl.Schema([*schema.items(), (str(KEYPOINTS.partition), pl.String)])
    order = {name: place for place, name in enumerate(schema.names())}
    if are_whole(files, range(len(order)), len(order)):
        return _scan(files, schema, hive=True)

    def rows(
        columns: list[str] | None, condition: pl.Expr | None, most: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = {*(whole.names() if columns is None else columns), *_tested(condition)}
        if are_whole(files, [order[name] for name in wanted if name in order], len(order)):
            yield _answer(_scan(files, schema, hive=True), columns, condition, most, "a keypoints file")
            return
        left = most
        for file in files:
            _compare(Path(file), schema, wanted, condition)
            found = _answer(_scan([str(file)], schema, hive=True), columns, condition, left, f"keypoints file {file}")
            yield found
            if left is not None:
                left -= found.height
                if left <= 0:
                    return

    return register_io_source(rows, schema=whole)


def _tested(condition: pl.Expr | None) -> set[str]:
    return set() if condition is None else set(condition.meta.root_names())


def _answer(
    rows: pl.LazyFrame, columns: list[str] | None, condition: pl.Expr | None, most: int | None, what: str
) -> pl.DataFrame:
    if condition is not None:
        rows = rows.filter(condition)
    if columns is not None:
        rows = rows.select(columns)
    with foreign_errors_as(damaged(what)):
        return (rows if most is None else rows.head(most)).collect()


def _compare(file: Path, schema: pl.Schema, wanted: set[str], condition: pl.Expr | None) -> None:
    """Compares the chunks of a file that its rows that meet the condition lie in.

    Raises:
        DamagedLakeError: one differs.
    """
    tested = _tested(condition)
    with foreign_errors_as(damaged(f"keypoints file {file}")):
        checksums = checksums_of(file)
        names, sizes = _parts_of(str(file), identity_of(file))
        places = {name: place for place, name in enumerate(names)}
        groups = list(range(len(sizes)))
        if condition is not None and tested <= _SMALL:
            checksums.compare_groups(file, groups, [places[name] for name in tested if name in places])
            passing = _scan([str(file)], schema, hive=True).select(passes=condition).collect()["passes"]
            ends = np.cumsum([0, *sizes])
            met = passing.fill_null(False).to_numpy()
            groups = [group for group in groups if met[ends[group] : ends[group + 1]].any()]
        checksums.compare_groups(file, groups, [places[name] for name in wanted if name in places])


@lru_cache(maxsize=4096)
def _parts_of(file: str, _: Identity) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The columns of a file, and the rows of each row group; kept until it is written to."""
    metadata = pq.read_metadata(file)
    sizes = (metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
    return tuple(metadata.schema.to_arrow_schema().names), tuple(sizes)
