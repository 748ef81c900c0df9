"""Rewriting: copies the rows of some files into new ones, sorted and without replaced ingestions, and swaps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from signverse.lake.clips.prefetch import prefetch
from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.model.interrupt import held
from signverse.lake.model.schema import KEYPOINTS, PLACEMENT, VIDEOS, Table
from signverse.lake.storage import delta, parquet_layout
from signverse.lake.storage.delta import ActiveFile, DataFile
from signverse.lake.storage.file_writer import KeypointsFile, RowsFile
from signverse.lake.storage.integrity.digests import check_files
from signverse.lake.storage.integrity.foreign_errors import VERIFY, foreign_errors_as
from signverse.lake.storage.reader import EVERY_FRAME, KeypointsReader, placement_of
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.temporary.leftovers import temporary_folder
from signverse.lake.upkeep.plan import Key, Rewrite, StoredPlacement

BYTES_PER_S: Final = 20e6
"""Bytes of keypoints that a core rewrites in a second, about: `just bench upkeep`."""

_SORT_MEMORY: Final = "1GB"
"""What sorting a table may take; beyond it DuckDB spills to disk."""


def _swap(folder: Path, table: Table, old: Sequence[ActiveFile], new: Sequence[DataFile]) -> None:
    if not delta.replace_files(folder, table, old, new):
        delta.discard(folder, new)
        raise SignverseError(
            f"another process is maintaining {folder.parent}", "What was done so far is kept; run it again."
        )


def rewrite_keypoints(
    folder: Path, rewrite: Rewrite, placements: Mapping[Key, StoredPlacement], report: Callable[[int], None]
) -> dict[Key, StoredPlacement]:
    """Copies the ingestions that are kept from some keypoints files into new ones, by video.

    Args:
        folder: of the keypoints table.
        placements: of all ingestions that are kept, sorted by ids.
        report: called with the bytes of the old files as they are copied.

    Returns:
        The new placements.
    """
    names = {file.name for file in rewrite.files}
    to_copy = [(key, place) for key, place in placements.items() if place["keypoints_file"] in names]
    groups = sum(place["row_group_count"] for _, place in to_copy)
    moved: dict[Key, dict[str, Any]] = {}
    files: list[DataFile] = []
    current: KeypointsFile | None = None
    in_current: list[Key] = []

    def close(file: KeypointsFile) -> None:
        files.append(file.close())
        for key in in_current:
            moved[key]["keypoints_file"] = file.name
        in_current.clear()

    # The next ingestion is read while one is written.
    schema = delta.full_schema(delta.open_table(folder), KEYPOINTS)
    tables = prefetch(_read_ingestions(folder, to_copy, KEYPOINTS.in_file(schema).names), most=1)
    try:
        done = 0
        for key, place, table in tables:
            if current is None:
                current = KeypointsFile(folder, rewrite.partition or "", schema)
            moved[key] = current.add(*key, table)
            in_current.append(key)
            before, done = done, done + place["row_group_count"]
            # A little that is left goes into the same file: a file that grows when it is rewritten stays one.
            left = rewrite.size * (groups - done) // groups
            if current.size >= parquet_layout.FILE_BYTES and left >= parquet_layout.FILE_BYTES // 2:
                close(current)
                current = None
            report(rewrite.size * done // groups - rewrite.size * before // groups)
        if current is not None:
            close(current)
    except BaseException:
        if current is not None:
            current.discard()
        delta.discard(folder, files)
        raise
    finally:
        tables.close()
    with held():
        _swap(folder, KEYPOINTS, rewrite.files, files)
    return dict(moved)


def _read_ingestions(
    folder: Path, ingestions: Sequence[tuple[Key, StoredPlacement]], names: Sequence[str]
) -> Iterator[tuple[Key, StoredPlacement, pa.Table]]:
    """The keypoints of ingestions, one after another."""
    reader = KeypointsReader(folder)
    columns = [name for name in names if name not in ("video_id", "ingest_id", "frame", "person")]
    for (video_id, ingest_id), stored in ingestions:
        place = placement_of({"video_id": video_id, **stored})
        table = reader.rows(place, ["ingest_id", *columns], 0, EVERY_FRAME)
        if table.num_rows == 0 or table.column("ingest_id")[0].as_py() != ingest_id:
            raise DamagedLakeError(f"{place.file} does not hold '{video_id}' where its row says", VERIFY)
        yield (video_id, ingest_id), stored, table.drop_columns(["ingest_id"])


def rewrite_videos(
    snapshot: Snapshot,
    dropped: frozenset[str],
    moved: Mapping[Key, StoredPlacement],
    change: Callable[[pa.Table], pa.Table] | None = None,
) -> None:
    """Rewrites the whole table `videos`, sorted, with new placements and without some ingestions.

    Args:
        dropped: ingest ids.
        change: see `rewrite_rows`.
    """
    folder = snapshot.folder / VIDEOS.name
    keypoints = delta.active_files(delta.open_table(snapshot.folder / KEYPOINTS.name), KEYPOINTS)
    active = {file.name for file in keypoints}
    # Another process may have moved them again.
    moved = {key: place for key, place in moved.items() if place["keypoints_file"] in active}
    with held():
        files = tuple(delta.active_files(delta.open_table(folder), VIDEOS))
        rewrite_rows(folder, Rewrite(VIDEOS, None, files, ""), dropped, moved, change)


def rewrite_rows(
    folder: Path,
    rewrite: Rewrite,
    dropped: frozenset[str],
    moved: Mapping[Key, StoredPlacement] | None = None,
    change: Callable[[pa.Table], pa.Table] | None = None,
) -> None:
    """Rewrites files of any table but keypoints in the table's order, without the rows of some ingestions.

    Args:
        folder: of the table.
        dropped: ingest ids.
        moved: new placements, for `videos`.
        change: makes other rows, or fewer, of some rows.
    """
    files: list[DataFile] = []
    current: RowsFile | None = None
    schema = delta.full_schema(delta.open_table(folder), rewrite.table)
    try:
        for rows in _sorted_rows(folder, rewrite, schema, dropped, moved):
            batch = rows if change is None else change(rows)
            if not batch.num_rows:
                continue
            if current is None:
                current = RowsFile(folder, rewrite.table, rewrite.partition, schema)
            current.add(batch)
            if current.size >= parquet_layout.FILE_BYTES:
                files.append(current.close())
                current = None
        if current is not None:
            files.append(current.close())
    except BaseException:
        if current is not None:
            current.discard()
        delta.discard(folder, files)
        raise
    _swap(folder, rewrite.table, rewrite.files, files)


def _sorted_rows(
    folder: Path,
    rewrite: Rewrite,
    schema: pa.Schema,
    dropped: frozenset[str],
    moved: Mapping[Key, StoredPlacement] | None,
) -> Iterator[pa.Table]:
    """Rows in the table's order, at most 65,536 at a time; what exceeds memory is sorted on disk."""
    table = rewrite.table
    in_file = table.in_file(schema)
    names = in_file.names
    columns = ", ".join(f'old."{name}"' for name in names)
    placements = pa.Table.from_pylist(
        [{"video_id": key[0], "ingest_id": key[1], **place} for key, place in (moved or {}).items()],
        schema=pa.schema([VIDEOS.schema.field(name) for name in ("video_id", "ingest_id", *PLACEMENT)]),
    )
    if moved:
        updated = ", ".join(
            f"case when placements.video_id is null then old.{n} else placements.{n} end as {n}" for n in PLACEMENT
        )
        columns = f"old.* replace ({updated})"
    # What is moved are the keypoints of an ingestion, which may be those of later ones as well.
    wrote = "placements.ingest_id = coalesce(old.keypoints_ingest_id, old.ingest_id)"
    joined = f"left join placements on placements.video_id = old.video_id and {wrote}" if moved else ""
    order = ", ".join(f'old."{name}"' for name in table.order)
    with temporary_folder("sort") as spill_folder, duckdb.connect() as con:
        con.execute("set memory_limit = ?", [_SORT_MEMORY])
        con.execute("set temp_directory = ?", [str(spill_folder)])
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        con.register("placements", placements)
        columns_of_files = parquet_layout.columns_for_duckdb(parquet_layout.column_types(con, in_file))
        old = f"read_parquet($1, hive_partitioning = false, {columns_of_files})"
        con.register("dropped", pa.table({"ingest_id": pa.array(sorted(dropped), pa.string())}))
        paths = [parquet_layout.literal_path(folder / file.name) for file in rewrite.files]
        # What was damaged would get a new digest, and look whole for good.
        check_files(str(folder / file.name) for file in rewrite.files)
        with foreign_errors_as(lambda why: DamagedLakeError(f"table {table.name} cannot be sorted: {why}", VERIFY)):
            # Sorted rows come as a stream: they are never all in memory.
            rows = con.sql(
                f"select {columns} from {old} as old {joined} "  # noqa: S608 (names from lake.model.schema)
                "where old.ingest_id is null or old.ingest_id not in (select ingest_id from dropped) "
                f"order by {order}",
                params=[paths],
            )
            for batch in rows.to_arrow_reader(parquet_layout.ROWS_PER_BATCH):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch]).select(names).cast(in_file)
