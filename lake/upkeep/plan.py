"""What of a lake is out of shape: which files are to be written anew, and why. maintain.py carries it out."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, PLACEMENT, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import counted
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.parquet_layout import FILE_BYTES
from signverse.lake.storage.snapshot import Snapshot, collect

RETENTION: Final = timedelta(days=7)
"""How long what was replaced is kept, for readers that have it open and for older versions of the lake."""

_LONGEST: Final = timedelta(days=36_500)
"""Beyond it there is no date to reckon with."""

_TAIL: Final = 0.1
"""A sorted partition is sorted anew when a tenth of it lies outside the order: until then the newcomers are sorted
among themselves, so that a small ingestion does not rewrite a large partition."""

Key = tuple[str, str]
"""video_id and ingest_id."""

Placing = Mapping[str, Any]
"""keypoints_file, first_row_group and row_group_count of an ingestion."""


@dataclass(frozen=True)
class Rewrite:
    """Files of one partition that are to become others.

    Attributes:
        why: in words, such as "12 small files".
    """

    table: Table
    partition: str | None
    files: tuple[ActiveFile, ...]
    why: str

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Plan:
    """What upkeep would do.

    Attributes:
        rewrites: what is written anew; `videos` is not among them, it follows the placements.
        placed: the live ingestions that have keypoints, with where those lie; in the order of their ids.
        moved: ingestions whose row of `videos` says another place: an earlier upkeep was broken off.
        dead: ingest ids of ingestions that were replaced longer ago than the retention.
        orphans: ingest ids of rows that `videos` does not know, as old: of ingestions that were broken off.
        videos: whether the table `videos` itself is to be written anew.
    """

    rewrites: Sequence[Rewrite]
    placed: Mapping[Key, Placing]
    moved: frozenset[Key]
    dead: frozenset[str]
    orphans: frozenset[str]
    videos: bool

    @property
    def nothing(self) -> bool:
        return not self.rewrites and not self.videos


def make_plan(
    snapshot: Snapshot, *, retention: timedelta = RETENTION, full: bool = False, small_only: bool = False
) -> Plan:
    """Looks at every file of a lake.

    Args:
        retention: how long replaced ingestions and rows of broken-off ones are kept.
        full: sort every partition that is not sorted, whatever it costs.
        small_only: gather small files only, as after an ingestion: its cost is that of what was just written.

    Raises:
        DamagedLakeError: keypoints that a row of `videos` names are nowhere.
    """
    cutoff = datetime.now(UTC) - min(retention, _LONGEST)
    # Files first, then `videos`, both as they are now and not as the lake was opened: whoever commits in between has
    # told `videos` of all that the files hold.
    listed = {table: delta.active_files(delta.open_table(snapshot.folder / table.name), table) for table in TABLES}
    snapshot = Snapshot(snapshot.folder)
    videos = _ingestions(snapshot, cutoff)
    dead = frozenset(videos.filter("dead")["ingest_id"])
    known = frozenset(videos["ingest_id"])
    placed: dict[Key, Placing] = {}
    rewrites: list[Rewrite] = []
    moved: set[Key] = set()
    orphans: set[str] = set()
    for table in TABLES:
        if table is VIDEOS:
            continue
        files = listed[table]
        left_alone: set[str] = set()
        dirty: set[str] = set()
        if table is KEYPOINTS:
            placed, moved, dirty, left_alone = _look_at_keypoints(snapshot, files, videos, cutoff)
        elif table in (SEGMENTS, CAPTIONS):
            for file in files:
                there = _ingest_ids(snapshot, table, file)
                unknown = there - known
                if unknown and file.modified >= cutoff:
                    # Its rows of `videos` may be on their way.
                    left_alone.add(file.name)
                elif unknown or not there.isdisjoint(dead):
                    dirty.add(file.name)
                    orphans |= unknown
        partitions: dict[str | None, list[ActiveFile]] = defaultdict(list)
        for file in files:
            if file.name not in left_alone:
                partitions[file.partition].append(file)
        for partition, mine in sorted(partitions.items(), key=lambda item: item[0] or ""):
            groups = _by_id(mine, dirty, full, small_only) if table.order[0] == "video_id" else _whole(mine)
            rewrites += [Rewrite(table, partition, tuple(group), why) for group, why in groups]
    anew = bool(moved or dead or list(_whole(listed[VIDEOS])) or any(one.table is KEYPOINTS for one in rewrites))
    return Plan(rewrites, placed, frozenset(moved), dead, frozenset(orphans), anew)


def _ingestions(snapshot: Snapshot, cutoff: datetime) -> pl.DataFrame:
    """Every ingestion, by video and age; `dead` are those that were replaced before the cutoff."""
    columns = ["video_id", "ingest_id", "ingested_at", *PLACEMENT]
    rows = collect(snapshot.raw_table(VIDEOS.name).select(columns))
    return (
        rows.sort("video_id", "ingested_at", "ingest_id")
        .with_columns(replaced_at=pl.col("ingested_at").shift(-1).over("video_id"))
        .with_columns(dead=(pl.col("replaced_at") < cutoff).fill_null(False))
    )


def _look_at_keypoints(
    snapshot: Snapshot, files: Sequence[ActiveFile], videos: pl.DataFrame, cutoff: datetime
) -> tuple[dict[Key, Placing], set[Key], set[str], set[str]]:
    """Where the keypoints of every live ingestion are, whose row says otherwise, and which files hold what is needless.

    Returns:
        placements, moved ingestions, names of files with dead rows, names of files to leave alone.
    """
    groups = {file.name: _row_groups(snapshot, file.name) for file in files}
    told: dict[str, int] = defaultdict(int)
    placed: dict[Key, Placing] = {}
    dirty: set[str] = set()
    lost: set[Key] = set()
    wanted = videos.filter(pl.col("keypoints_file").is_not_null())
    for row in wanted.sort("video_id", "ingest_id").iter_rows(named=True):
        name, key = row["keypoints_file"], (row["video_id"], row["ingest_id"])
        if name in groups:
            told[name] += row["row_group_count"]
        if row["dead"]:
            if name in groups:
                dirty.add(name)
            continue
        if name not in groups:
            lost.add(key)
        placed[key] = {column: row[column] for column in PLACEMENT}
    unknown = [file for file in files if groups[file.name] > told[file.name]]
    moved: set[Key] = set()
    left_alone: set[str] = set()
    for file in unknown:
        here = _find(snapshot, file.name) if lost else {}
        found = {key: place for key, place in here.items() if key in lost}
        placed.update(found)
        moved |= found.keys()
        if found:
            # Written by an upkeep that was broken off before it told the videos.
            told[file.name] += sum(place["row_group_count"] for place in found.values())
        if groups[file.name] > told[file.name]:
            (left_alone if file.modified >= cutoff else dirty).add(file.name)
    for key in lost - moved:
        raise DamagedLakeError(
            f"the keypoints of {key[0]} are in {placed[key]['keypoints_file']}, which the table does not have",
            "Run: signverse verify LAKE.",
        )
    return placed, moved, dirty, left_alone


def _row_groups(snapshot: Snapshot, name: str) -> int:
    try:
        return int(pq.read_metadata(snapshot.folder / KEYPOINTS.name / name).num_row_groups)
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedLakeError(f"{name} cannot be read: {error}", "Run: signverse verify LAKE.") from None


def _find(snapshot: Snapshot, name: str) -> dict[Key, Placing]:
    """The ingestions in a file of keypoints, by their row groups."""
    found: dict[Key, dict[str, Any]] = {}
    with pq.ParquetFile(snapshot.folder / KEYPOINTS.name / name) as file:
        for index in range(file.num_row_groups):
            row = file.read_row_group(index, columns=["video_id", "ingest_id"]).slice(0, 1).to_pylist()[0]
            place = found.setdefault(
                (row["video_id"], row["ingest_id"]),
                {"keypoints_file": name, "first_row_group": index, "row_group_count": 0},
            )
            place["row_group_count"] += 1
    return dict(found)


def _ingest_ids(snapshot: Snapshot, table: Table, file: ActiveFile) -> set[str]:
    path = snapshot.folder / table.name / file.name
    return set(collect(pl.scan_parquet(path, glob=False).select(pl.col("ingest_id").unique()))["ingest_id"])


def _whole(files: Sequence[ActiveFile]) -> Iterator[tuple[list[ActiveFile], str]]:
    """A table that is read whole: all of its files, where fewer would do."""
    if len(files) > max(1, math.ceil(sum(file.size for file in files) / FILE_BYTES)):
        yield list(files), counted(len(files), "small file")


def _by_id(
    files: Sequence[ActiveFile], dirty: set[str], full: bool, small_only: bool
) -> Iterator[tuple[list[ActiveFile], str]]:
    """What of a partition is written anew: files to gather or to sort, and those with dead rows."""
    if small_only:
        small = [file for file in files if file.size < FILE_BYTES // 2]
        if len(small) > 1:
            yield small, counted(len(small), "small file")
        return
    chain, tail = _chain(files)
    outside, total = sum(file.size for file in tail), sum(file.size for file in files)
    if tail and (full or outside > _TAIL * total):
        yield list(files), f"{counted(len(files), 'file')} whose videos overlap"
        return
    if len(tail) > math.ceil(outside / FILE_BYTES):
        yield tail, counted(len(tail), "small file")
        tail = []
    near: list[ActiveFile] = []
    groups: list[list[ActiveFile]] = []
    for file in chain:
        if near and sum(one.size for one in near) + file.size > FILE_BYTES:
            groups.append(near)
            near = []
        near.append(file)
    for group in (*groups, near, *([file] for file in tail)):
        if len(group) > 1:
            yield group, counted(len(group), "small file")
        elif group and group[0].name in dirty:
            yield group, "ingestions that were replaced or broken off"


def _chain(files: Sequence[ActiveFile]) -> tuple[list[ActiveFile], list[ActiveFile]]:
    """Files whose ranges of ids do not overlap, by id, the large ones first chosen; and the others."""
    chain: list[ActiveFile] = []
    starts: list[str] = []
    tail: list[ActiveFile] = []
    for file in sorted(files, key=lambda file: (-file.size, file.name)):
        at = bisect_left(starts, file.first_id)
        # A video that was ingested twice may be the last of one file and the first of the next.
        free_left = at == 0 or chain[at - 1].last_id <= file.first_id
        if free_left and (at == len(chain) or file.last_id <= chain[at].first_id):
            chain.insert(at, file)
            starts.insert(at, file.first_id)
        else:
            tail.append(file)
    return chain, tail
