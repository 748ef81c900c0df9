"""Upkeep: partitions sorted by video into files of a good size, logs in one piece, and what is dead removed.

Every table changes in one transaction a partition, and files that were replaced stay for the retention: readers that
have them open, and older versions of the lake, find them there. Keypoints move first, then `videos` is told where: what
is broken off in between is found again by the next upkeep.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from signverse.lake.clips.prefetch import ahead
from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.model.interrupt import held
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, PLACEMENT, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import size_of
from signverse.lake.storage import delta, parquet_layout
from signverse.lake.storage.delta import ActiveFile, DataFile
from signverse.lake.storage.file_writer import KeypointsFile, RowsFile
from signverse.lake.storage.reader import KeypointsReader, placement_of
from signverse.lake.storage.snapshot import Snapshot, collect
from signverse.lake.upkeep.plan import RETENTION, Key, Placing, Plan, Rewrite

_SORT_MEMORY: Final = "1GB"
"""What sorting a table may take; beyond it is spilled to disk."""

_MOST_HOURS: Final = 24 * 36_500

_EVERY_FRAME: Final = 2**31 - 1


@dataclass(frozen=True)
class Extent:
    """How much a lake is: the data files that its tables consist of."""

    files: int
    size: int


def extent(snapshot: Snapshot) -> Extent:
    """The files that a lake's tables consist of now, without what is kept for older versions."""
    files = [
        file for table in TABLES for file in delta.active_files(delta.open_table(snapshot.folder / table.name), table)
    ]
    return Extent(len(files), sum(file.size for file in files))


def unneeded(snapshot: Snapshot, retention: timedelta = RETENTION) -> list[Path]:
    """Files that nothing of the last `retention` names: replaced ones, and those of runs that were killed."""
    used = set(collect(snapshot.raw_table(VIDEOS.name).select("keypoints_file"))["keypoints_file"].drop_nulls())
    # Up to whole hours: what is asked for is kept.
    hours = math.ceil(min(retention / timedelta(hours=1), _MOST_HOURS))
    found = []
    for table in TABLES:
        folder = snapshot.folder / table.name
        names = delta.unneeded_files(delta.open_table(folder), hours)
        found += [folder / name for name in names if table is not KEYPOINTS or name not in used]
    return [path for path in found if path.is_file()]


def has_many_small_files(snapshot: Snapshot, most: int) -> bool:
    """Whether a partition has more than `most` files that would fit together, as after a long ingestion."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for table in TABLES:
        files = delta.active_files(delta.open_table(snapshot.folder / table.name), table)
        counts.update((table.name, file.partition) for file in files if file.size < parquet_layout.FILE_BYTES // 2)
    return max(counts.values(), default=0) > most


def maintain(
    snapshot: Snapshot,
    plan: Plan,
    *,
    retention: timedelta = RETENTION,
    on_bytes: Callable[[int], None] | None = None,
) -> list[Path]:
    """Carries out a plan: writes what is out of shape anew, checkpoints every log, removes files past the retention.

    Interrupted or killed it loses nothing, and the next upkeep goes on. Others may read and write the lake meanwhile.

    Args:
        on_bytes: told the size of the old files as they are done.

    Returns:
        The files that were removed.

    Raises:
        BadInputError: the disk has not the room for the new files beside the old.
        SignverseError: another upkeep works on the lake.
    """
    _check_room(snapshot, plan)
    for table in TABLES:
        delta.add_missing_columns(snapshot.folder / table.name, table)
    placed = dict(plan.placed)
    moved: set[Key] = set(plan.moved)
    told = on_bytes or (lambda _: None)
    if plan.dead:
        # First, and in one commit: a version that points to dead ingestions is refused from now on, not half read.
        _tell_videos(snapshot, plan, {})
    try:
        for rewrite in plan.rewrites:
            folder = snapshot.folder / rewrite.table.name
            if rewrite.table is KEYPOINTS:
                new = _rewrite_keypoints(folder, rewrite, placed, told)
                placed.update(new)
                moved |= new.keys()
            else:
                dead = plan.dead | plan.orphans if rewrite.table in (SEGMENTS, CAPTIONS) else frozenset()
                _swap(folder, rewrite.table, rewrite.files, _sorted_files(folder, rewrite, dead))
                told(rewrite.size)
    except BaseException:
        # What was moved is told even so; where that fails too, the next upkeep finds it.
        with suppress(Exception):
            if moved:
                _tell_videos(snapshot, plan, {key: placed[key] for key in moved})
        raise
    if moved or (plan.videos and not plan.dead):
        _tell_videos(snapshot, plan, {key: placed[key] for key in moved})
    for table in TABLES:
        delta.checkpoint(delta.open_table(snapshot.folder / table.name))
    snapshot.refresh()
    gone = unneeded(snapshot, retention)
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _check_room(snapshot: Snapshot, plan: Plan) -> None:
    needed = sum(rewrite.size for rewrite in plan.rewrites)
    room = shutil.disk_usage(snapshot.folder).free
    if needed > room:
        raise BadInputError(
            f"{snapshot.folder} has room for {size_of(room)}, its new files may take {size_of(needed)}",
            "Free some space: the old files stay for readers until the retention ends.",
        )


def _swap(folder: Path, table: Table, gone: Sequence[ActiveFile], files: Sequence[DataFile]) -> None:
    if not delta.replace_files(folder, table, gone, files):
        delta.discard(folder, files)
        raise SignverseError(
            f"somebody else maintains {folder.parent}", "What it had done so far is kept; run it again."
        )


def _rewrite_keypoints(
    folder: Path, rewrite: Rewrite, placed: dict[Key, Placing], told: Callable[[int], None]
) -> dict[Key, Placing]:
    """Copies the live ingestions of some files into others, by video; returns where they are now."""
    names = {file.name for file in rewrite.files}
    mine = [(key, place) for key, place in placed.items() if place["keypoints_file"] in names]
    groups = sum(place["row_group_count"] for _, place in mine)
    moved: dict[Key, dict[str, Any]] = {}
    files: list[DataFile] = []
    current: KeypointsFile | None = None
    in_current: list[Key] = []

    def close(file: KeypointsFile) -> None:
        files.append(file.close())
        for key in in_current:
            moved[key]["keypoints_file"] = file.name
        in_current.clear()

    reading = ahead(_tables(folder, mine), most=1)
    try:
        done = 0
        # The next is read while one is written.
        for key, place, table in reading:
            if current is None:
                current = KeypointsFile(folder, rewrite.partition or "")
            moved[key] = current.add(*key, table)
            in_current.append(key)
            if current.size >= parquet_layout.FILE_BYTES:
                close(current)
                current = None
            before, done = done, done + place["row_group_count"]
            told(rewrite.size * done // groups - rewrite.size * before // groups)
        if current is not None:
            close(current)
    except BaseException:
        if current is not None:
            current.discard()
        delta.discard(folder, files)
        raise
    finally:
        reading.close()
    with held():
        _swap(folder, KEYPOINTS, rewrite.files, files)
    return dict(moved)


def _tables(folder: Path, mine: Sequence[tuple[Key, Placing]]) -> Iterator[tuple[Key, Placing, pa.Table]]:
    """The keypoints of ingestions, one after the other."""
    reader = KeypointsReader(folder)
    columns = [name for name in KEYPOINTS.file_schema.names if name not in ("video_id", "ingest_id", "frame", "person")]
    for (video_id, ingest_id), place in mine:
        where = placement_of({"video_id": video_id, **place})
        table = reader.rows(where, ["ingest_id", *columns], 0, _EVERY_FRAME)
        if table.num_rows == 0 or table.column("ingest_id")[0].as_py() != ingest_id:
            raise DamagedLakeError(
                f"{where.file} does not hold '{video_id}' where its row says", "Run: signverse verify LAKE."
            )
        yield (video_id, ingest_id), place, table.drop_columns(["ingest_id"])


def _tell_videos(snapshot: Snapshot, plan: Plan, moved: dict[Key, Placing]) -> None:
    """Writes `videos` anew, sorted, with the new placements and without dead ingestions."""
    folder = snapshot.folder / VIDEOS.name
    keypoints = delta.active_files(delta.open_table(snapshot.folder / KEYPOINTS.name), KEYPOINTS)
    there = {file.name for file in keypoints}
    # Somebody else may have moved them on.
    moved = {key: place for key, place in moved.items() if place["keypoints_file"] in there}
    with held():
        files = tuple(delta.active_files(delta.open_table(folder), VIDEOS))
        rewrite = Rewrite(VIDEOS, None, files, "")
        _swap(folder, VIDEOS, files, _sorted_files(folder, rewrite, plan.dead, moved))


def _sorted_files(
    folder: Path, rewrite: Rewrite, dead: frozenset[str], moved: dict[Key, Placing] | None = None
) -> list[DataFile]:
    """Writes the rows of some files in the table's order, without those of dead ingestions."""
    files: list[DataFile] = []
    current: RowsFile | None = None
    try:
        for batch in _sorted_rows(folder, rewrite, dead, moved):
            if current is None:
                current = RowsFile(folder, rewrite.table, rewrite.partition)
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
    return files


def _sorted_rows(
    folder: Path, rewrite: Rewrite, dead: frozenset[str], moved: dict[Key, Placing] | None
) -> Iterator[pa.Table]:
    """Rows by the table's order, some tens of thousands at a time; what memory does not hold is sorted on disk."""
    table = rewrite.table
    names = table.file_schema.names
    columns = ", ".join(f'"{name}"' for name in names)
    places = pa.Table.from_pylist(
        [{"video_id": key[0], "ingest_id": key[1], **place} for key, place in (moved or {}).items()],
        schema=pa.schema([VIDEOS.schema.field(name) for name in ("video_id", "ingest_id", *PLACEMENT)]),
    )
    if moved:
        news = ", ".join(
            f"case when places.video_id is null then old.{n} else places.{n} end as {n}" for n in PLACEMENT
        )
        columns = f"old.* replace ({news})"
    with tempfile.TemporaryDirectory(prefix="signverse-sort-") as spill, duckdb.connect() as con:
        con.execute("set memory_limit = ?", [_SORT_MEMORY])
        con.execute("set temp_directory = ?", [spill])
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        con.register("places", places)
        con.register("no_rows", table.file_schema.empty_table())
        con.register("dead", pa.table({"ingest_id": pa.array(sorted(dead), pa.string())}))
        paths = [parquet_layout.literal_path(folder / file.name) for file in rewrite.files]
        old = "read_parquet($1, hive_partitioning = false)"
        if table.added:
            # Files of older lakes lack these columns, perhaps all files do.
            old = f"(from {old[:-1]}, union_by_name = true) union all by name from no_rows)"
        joined = "left join places using (video_id, ingest_id)" if moved else ""
        order = ", ".join(f'old."{name}"' for name in table.order)
        try:
            # Sorted rows come as a stream: they are never whole in memory.
            rows = con.sql(
                f"select {columns} from {old} as old {joined} "  # noqa: S608 (names from lake.schema)
                f"where old.ingest_id is null or old.ingest_id not in (select ingest_id from dead) order by {order}",
                params=[paths],
            )
            for batch in rows.to_arrow_reader(parquet_layout.ROWS_PER_BATCH):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch]).select(names).cast(table.file_schema)
        except duckdb.Error as error:
            why = str(error).splitlines()[0]
            raise DamagedLakeError(
                f"table {table.name} cannot be sorted: {why}", "Run: signverse verify LAKE."
            ) from None
