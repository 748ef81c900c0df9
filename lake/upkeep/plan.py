"""Planning maintenance: which files of a lake to rewrite, and why. maintain.py carries it out."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import CAPTIONS, FORMAT_VERSION, KEYPOINTS, PLACEMENT, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import as_argument, counted
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.integrity.chunk_checksums import checksums_of
from signverse.lake.storage.integrity.foreign_errors import collect, damaged, foreign_errors_as
from signverse.lake.storage.integrity.scan import scan
from signverse.lake.storage.lake_format import format_of
from signverse.lake.storage.merging.retention import RETENTION, retained_since
from signverse.lake.storage.parquet_layout import FILE_BYTES, format_of_file
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.compaction import is_small

_TAIL: Final = 0.1
"""A sorted partition is sorted again when a tenth of it lies outside the order. Until then the files outside are sorted
among themselves, so that a small ingestion does not rewrite a large partition."""

OLDER_FORMAT: Final = "an older format"
"""Why a keypoints file is rewritten that lies well otherwise."""

Key = tuple[str, str]
"""video_id, and the ingest_id of the ingestion that wrote its keypoints."""

StoredPlacement = Mapping[str, Any]
"""keypoints_file, first_row_group and row_group_count of an ingestion."""


@dataclass(frozen=True)
class Rewrite:
    """Files of one partition whose rows are to be written into new files.

    Attributes:
        why: the reason, such as "12 small files".
    """

    table: Table
    partition: str | None
    files: tuple[ActiveFile, ...]
    why: str

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Plan:
    """What maintenance would do.

    Attributes:
        rewrites: of all tables but `videos`, which follows the placements.
        placements: of the ingestions that are kept and have keypoints, in the order of their ids.
        moved: ingestions whose row of `videos` has an outdated placement: an earlier maintenance was interrupted.
        replaced: ingest ids of ingestions that were replaced longer ago than the retention.
        orphans: ingest ids of rows without a row in `videos`, as old: of ingestions that were interrupted.
        videos: whether the table `videos` has to be rewritten.
        lost: paths of lost files that are left as they are, inside the lake.
        unneeded: paths of files, inside the lake, with rows of ingestions that were replaced or interrupted, as old.
        raises_format: nothing of an older format is left after it: the lake becomes one of today's, which older
            software refuses.
    """

    rewrites: Sequence[Rewrite]
    placements: Mapping[Key, StoredPlacement]
    moved: frozenset[Key]
    replaced: frozenset[str]
    orphans: frozenset[str]
    videos: bool
    lost: tuple[str, ...] = ()
    raises_format: bool = False
    unneeded: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.rewrites and not self.videos and not self.raises_format

    @property
    def older(self) -> Sequence[Rewrite]:
        """What is rewritten for its older format alone."""
        return [rewrite for rewrite in self.rewrites if rewrite.why == OLDER_FORMAT]


def make_plan(
    snapshot: Snapshot,
    *,
    retention: timedelta = RETENTION,
    full: bool = False,
    small_only: bool = False,
    keep_format: bool = False,
    migrations_only: bool = False,
) -> Plan:
    """Plans the maintenance of a lake, from every one of its files. Files that are lost are left as they are.

    Args:
        retention: how long replaced ingestions and rows of interrupted ones are kept.
        full: sort every partition that is not sorted, whatever it costs.
        small_only: compact small files only, as after an ingestion: the cost is that of what was just written.
        migrations_only: rewrite files of an older format, and no others.
        keep_format: leave files of an older format as they are, where they need not be rewritten for another reason.

    Raises:
        DamagedLakeError: a file of `videos` is lost; or keypoints that a row of it refers to are in a file that the
            table does not have.
    """
    # Long because: what is found of the tables goes into one plan.
    cutoff = retained_since(snapshot.folder, retention)
    # Files first, then `videos`, and both of the newest version: what is committed in between has its rows of `videos`.
    listed = {table: delta.active_files(delta.open_table(snapshot.folder / table.name), table) for table in TABLES}
    snapshot = Snapshot(snapshot.folder)
    videos = _ingestions(snapshot, cutoff)
    lost = {table: {file.file.name for file in snapshot.lost(table.name)} for table in TABLES}
    keypoints = _check_keypoints(snapshot, listed[KEYPOINTS], videos, cutoff, lost[KEYPOINTS])
    replaced = frozenset(videos.filter("replaced")["ingest_id"])
    orphans: set[str] = set()
    unneeded: list[str] = []
    rewrites: list[Rewrite] = []
    for table in TABLES:
        if table is VIDEOS:
            continue
        dirty: set[str] = set()
        skipped: set[str] = set()
        if table is KEYPOINTS:
            dirty, skipped = keypoints.dirty, keypoints.skipped
        elif table in (SEGMENTS, CAPTIONS):
            whole = [file for file in listed[table] if file.name not in lost[table]]
            dirty, skipped, found = _check_rows(snapshot, table, whole, videos, cutoff)
            orphans |= found
        unneeded += [f"{table.name}/{name}" for name in sorted(dirty)]
        partitions: dict[str | None, list[ActiveFile]] = defaultdict(list)
        for file in listed[table]:
            if file.name not in skipped | lost[table]:
                partitions[file.partition].append(file)
        for partition, files in sorted(partitions.items(), key=lambda item: item[0] or ""):
            by_video = table.order[0] == "video_id"
            groups = _groups_by_video(files, dirty, full, small_only) if by_video else _all_files(files)
            groups = iter(()) if migrations_only else groups
            rewrites += [Rewrite(table, partition, tuple(group), why) for group, why in groups]
            if table is KEYPOINTS and not small_only and not keep_format:
                # One by one: after an interruption the next maintenance goes on with the others.
                older = [file for file in files if file.name in keypoints.older - _names(rewrites)]
                rewrites += [Rewrite(table, partition, (file,), OLDER_FORMAT) for file in older]
    given_up = [file for file in listed[KEYPOINTS] if file.name in keypoints.given_up]
    if not migrations_only:
        rewrites += [Rewrite(KEYPOINTS, file.partition, (file,), "lost, and replaced since") for file in given_up]
    moves = bool(keypoints.moved or any(rewrite.table is KEYPOINTS for rewrite in rewrites))
    rewrite_videos = bool(moves or replaced or (not migrations_only and list(_all_files(listed[VIDEOS]))))
    still_older = bool(keypoints.older - _names(rewrites) or lost[KEYPOINTS] - keypoints.given_up)
    may_raise = not (keep_format or small_only or still_older)
    left = [f"{table.name}/{name}" for table, names in lost.items() for name in sorted(names - keypoints.given_up)]
    return Plan(
        rewrites,
        keypoints.placements,
        frozenset(keypoints.moved),
        replaced,
        frozenset(orphans),
        rewrite_videos,
        tuple(left),
        may_raise and format_of(snapshot.folder) < FORMAT_VERSION,
        tuple(unneeded),
    )


def _names(rewrites: Sequence[Rewrite]) -> set[str]:
    """The files of keypoints that are rewritten."""
    return {file.name for rewrite in rewrites if rewrite.table is KEYPOINTS for file in rewrite.files}


def _ingestions(snapshot: Snapshot, cutoff: datetime) -> pl.DataFrame:
    """Every ingestion, by video and age; `replaced` are those that were replaced before the cutoff."""
    wrote = pl.coalesce("keypoints_ingest_id", "ingest_id").alias("keypoints_ingest_id")
    rows = collect(snapshot.raw_table(VIDEOS.name).select("video_id", "ingest_id", "ingested_at", wrote, *PLACEMENT))
    return (
        rows.sort("video_id", "ingested_at", "ingest_id")
        .with_columns(replaced_at=pl.col("ingested_at").shift(-1).over("video_id"))
        .with_columns(replaced=(pl.col("replaced_at") < cutoff).fill_null(False))
    )


def _check_rows(
    snapshot: Snapshot, table: Table, files: Sequence[ActiveFile], videos: pl.DataFrame, cutoff: datetime
) -> tuple[set[str], set[str], set[str]]:
    """Finds the files of segments or captions with rows that are no longer needed.

    Returns:
        Names of files with such rows, names of files to skip, ingest ids of orphaned rows.
    """
    known = set(videos["ingest_id"])
    replaced = set(videos.filter("replaced")["ingest_id"])
    dirty: set[str] = set()
    skipped: set[str] = set()
    orphans: set[str] = set()
    for file in files:
        path = snapshot.folder / table.name / file.name
        rows = scan([str(path)], table, table.schema)
        ids = set(collect(rows.select(pl.col("ingest_id").unique()))["ingest_id"])
        unknown = ids - known
        if unknown and file.modified >= cutoff:
            # Their rows of `videos` may not be committed yet.
            skipped.add(file.name)
        elif unknown or not ids.isdisjoint(replaced):
            dirty.add(file.name)
            orphans |= unknown
    return dirty, skipped, orphans


@dataclass
class _KeypointsCheck:
    """The state of the keypoints files.

    Attributes:
        placements: of every ingestion that is kept.
        moved: ingestions whose row of `videos` has an outdated placement.
        dirty: names of files with rows that are no longer needed.
        skipped: names of files to leave as they are.
        given_up: names of lost files that only replaced ingestions were in.
        older: names of files of an older format.
    """

    placements: dict[Key, StoredPlacement] = field(default_factory=dict)
    moved: set[Key] = field(default_factory=set)
    dirty: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)


def _check_keypoints(
    snapshot: Snapshot, listed: Sequence[ActiveFile], videos: pl.DataFrame, cutoff: datetime, gone: set[str]
) -> _KeypointsCheck:
    """Finds where the keypoints of every ingestion are that is kept, and which files hold others.

    Args:
        gone: names of files that are lost; what was in them is left as it is.

    Raises:
        DamagedLakeError: keypoints that a row of `videos` refers to are in a file that the table does not have.
    """
    placed_in_lost = videos.filter(pl.col("keypoints_file").is_in(gone))
    check = _KeypointsCheck(given_up=gone - set(placed_in_lost.filter(~pl.col("replaced"))["keypoints_file"]))
    files = [file for file in listed if file.name not in gone]
    videos = videos.filter(pl.col("keypoints_file").is_in(gone).not_().fill_null(True))
    row_groups: dict[str, int] = {}
    for file in files:
        row_groups[file.name], written_as = _row_groups_and_format(snapshot, file.name)
        if written_as < FORMAT_VERSION:
            check.older.add(file.name)
    accounted: dict[str, int] = defaultdict(int)
    lost: set[Key] = set()
    with_keypoints = videos.filter(pl.col("keypoints_file").is_not_null()).sort("video_id", "keypoints_ingest_id")
    # Several ingestions of a video share its keypoints where only captions were ingested since.
    for key, rows in with_keypoints.group_by(["video_id", "keypoints_ingest_id"], maintain_order=True):
        here = rows.filter(pl.col("keypoints_file").is_in(row_groups.keys()))
        place = (here if here.height else rows).select(PLACEMENT).row(0, named=True)
        name = place["keypoints_file"]
        if here.height:
            accounted[name] += place["row_group_count"]
        if rows["replaced"].all():
            if here.height:
                check.dirty.add(name)
            continue
        key = (str(key[0]), str(key[1]))
        check.placements[key] = place
        if not here.height:
            lost.add(key)
        elif here.height < rows.height:
            # Captions were committed while a maintenance moved the keypoints.
            check.moved.add(key)
    for file in [file for file in files if row_groups[file.name] > accounted[file.name]]:
        in_file = placements_in(snapshot.folder / KEYPOINTS.name, file.name) if lost else {}
        found = {key: place for key, place in in_file.items() if key in lost}
        # Written by a maintenance that was interrupted before it rewrote `videos`.
        check.placements.update(found)
        check.moved |= found.keys()
        accounted[file.name] += sum(place["row_group_count"] for place in found.values())
        if row_groups[file.name] > accounted[file.name]:
            (check.skipped if file.modified >= cutoff else check.dirty).add(file.name)
    for key in lost - check.moved:
        raise DamagedLakeError(
            f"the keypoints of {key[0]} are in {check.placements[key]['keypoints_file']}, which the table does not "
            "have",
            f"Nothing was changed. Run: signverse repair {as_argument(snapshot.folder)}.",
        )
    return check


def _row_groups_and_format(snapshot: Snapshot, name: str) -> tuple[int, int]:
    with foreign_errors_as(damaged(name)):
        checksums_of(snapshot.folder / KEYPOINTS.name / name, whole=False)
        # Of a large file it takes megabytes of memory: it is not kept.
        footer = pq.read_metadata(snapshot.folder / KEYPOINTS.name / name)
        return footer.num_row_groups, format_of_file(footer)


def placements_in(folder: Path, name: str) -> dict[Key, StoredPlacement]:
    """The ingestions in a keypoints file, by the first row of each row group.

    Args:
        folder: of the keypoints table.
    """
    found: dict[Key, dict[str, Any]] = {}
    path = folder / name
    with foreign_errors_as(damaged(name)), pq.ParquetFile(path, page_checksum_verification=True) as file:
        places = [file.schema_arrow.names.index(column) for column in ("video_id", "ingest_id")]
        checksums_of(path, whole=False).compare_groups(path, list(range(file.num_row_groups)), places)
        for index in range(file.num_row_groups):
            row = file.read_row_group(index, columns=["video_id", "ingest_id"]).slice(0, 1).to_pylist()[0]
            place = found.setdefault(
                (row["video_id"], row["ingest_id"]),
                {"keypoints_file": name, "first_row_group": index, "row_group_count": 0},
            )
            place["row_group_count"] += 1
    return dict(found)


def _all_files(files: Sequence[ActiveFile]) -> Iterator[tuple[list[ActiveFile], str]]:
    """Of a table that is always read whole: all of its files, where fewer would do."""
    if len(files) > max(1, math.ceil(sum(file.size for file in files) / FILE_BYTES)):
        yield list(files), counted(len(files), "small file")


def _groups_by_video(
    files: Sequence[ActiveFile], dirty: set[str], full: bool, small_only: bool
) -> Iterator[tuple[list[ActiveFile], str]]:
    """Groups of files of a partition to rewrite, each with its reason: small, overlapping, or with rows to drop."""
    if small_only:
        small = [file for file in files if is_small(file)]
        if len(small) > 1:
            yield small, counted(len(small), "small file")
        return
    ordered, rest = _split_by_order(files)
    outside, total = sum(file.size for file in rest), sum(file.size for file in files)
    if rest and (full or outside > _TAIL * total):
        yield list(files), f"{counted(len(files), 'file')} whose videos overlap"
        return
    if len(rest) > math.ceil(outside / FILE_BYTES):
        yield rest, counted(len(rest), "small file")
        rest = []
    group: list[ActiveFile] = []
    groups: list[list[ActiveFile]] = []
    for file in ordered:
        if group and sum(member.size for member in group) + file.size > FILE_BYTES:
            groups.append(group)
            group = []
        group.append(file)
    for candidate in (*groups, group, *([file] for file in rest)):
        if len(candidate) > 1:
            yield candidate, counted(len(candidate), "small file")
        elif candidate and candidate[0].name in dirty:
            yield candidate, "replaced or interrupted ingestions"


def _split_by_order(files: Sequence[ActiveFile]) -> tuple[list[ActiveFile], list[ActiveFile]]:
    """Files whose ranges of video ids do not overlap, by id, large ones preferred; and the rest."""
    ordered: list[ActiveFile] = []
    starts: list[str] = []
    rest: list[ActiveFile] = []
    for file in sorted(files, key=lambda file: (-file.size, file.name)):
        at = bisect_left(starts, file.first_id)
        # A video that was ingested twice may be the last of one file and the first of the next.
        free_left = at == 0 or ordered[at - 1].last_id <= file.first_id
        if free_left and (at == len(ordered) or file.last_id <= ordered[at].first_id):
            ordered.insert(at, file)
            starts.insert(at, file.first_id)
        else:
            rest.append(file)
    return ordered, rest
