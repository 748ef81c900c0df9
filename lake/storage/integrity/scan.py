"""Rows of Parquet files of a lake for Polars, which compares no checksum itself: they are compared before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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


_AT_ONCE: Final = 4
"""Files that are compared at once."""


def scan(paths: Sequence[str], table: Table, schema: pa.Schema) -> pl.LazyFrame:
    """The rows of files of a table, at least one, with the columns of the schema: null in those that a file lacks.

    Files are compared with the digests in their names now; of keypoints files what a query needs, when it runs.

    Raises:
        DamagedLakeError: a file differs.
    """
    columns = pl.Schema(table.in_file(schema))
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
        if most is None:
            _compare(files, schema, wanted, condition)
            yield _answer(_scan(files, schema, hive=True), columns, condition, None, "a keypoints file")
            return
        for file in files:
            _compare([file], schema, wanted, condition)
            found = _answer(_scan([file], schema, hive=True), columns, condition, most, f"keypoints file {file}")
            yield found
            most -= found.height
            if most <= 0:
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


def _compare(files: Sequence[str], schema: pl.Schema, wanted: set[str], condition: pl.Expr | None) -> None:
    """Compares the chunks of files that their rows that meet the condition lie in.

    Several files at once: what reads and what compares bytes lets other threads run.

    Raises:
        DamagedLakeError: one differs.
    """
    tested = _tested(condition)
    groups: dict[str, list[int]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        if condition is not None and tested <= _SMALL:
            list(threads.map(lambda file: _compare_columns(file, tested), files))
            # Not in those threads: Polars may wait for this one.
            groups = {file: _passing(file, schema, condition) for file in files}
        list(threads.map(lambda file: _compare_columns(file, wanted, groups.get(file)), files))


def _compare_columns(file: str, names: set[str], groups: list[int] | None = None) -> None:
    with foreign_errors_as(damaged(f"keypoints file {file}")):
        checksums = checksums_of(Path(file))
        stored, sizes = _parts_of(file, identity_of(file))
        columns = [place for place, name in enumerate(stored) if name in names]
        checksums.compare_groups(Path(file), range(len(sizes)) if groups is None else groups, columns)


def _passing(file: str, schema: pl.Schema, condition: pl.Expr) -> list[int]:
    """The row groups of a file that have rows which meet a condition."""
    with foreign_errors_as(damaged(f"keypoints file {file}")):
        met = _scan([file], schema, hive=True).select(passes=condition).collect()["passes"].fill_null(False).to_numpy()
        _, sizes = _parts_of(file, identity_of(file))
        ends = np.cumsum([0, *sizes])
        return [group for group in range(len(sizes)) if met[ends[group] : ends[group + 1]].any()]


@lru_cache(maxsize=4096)
def _parts_of(file: str, _: Identity) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The columns of a file, and the rows of each row group; kept until it is written to."""
    metadata = pq.read_metadata(file)
    sizes = (metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
    return tuple(metadata.schema.to_arrow_schema().names), tuple(sizes)
