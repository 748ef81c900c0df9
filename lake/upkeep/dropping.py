"""What maintenance drops that no version of the lake has: said, and refused where it may be a loss."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, SOURCES, SPLITS, TABLES
from signverse.lake.model.wording import as_argument, counted, some
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.absence import done_without_video, named_in_no_version
from signverse.lake.upkeep.plan import Plan, Rewrite, placements_in


@dataclass(frozen=True)
class Drops:
    """Ingestions that were never committed, and that maintenance drops.

    Attributes:
        files: data files that no version names, finished or not.
        ingestions: ids of ingestions without a row in `videos`, in those files or in the tables.
        videos: their videos.
        unlisted: those among them that an outcome calls done and that `videos` lacks.
    """

    files: tuple[Path, ...]
    ingestions: frozenset[str]
    videos: frozenset[str]
    unlisted: frozenset[str]

    def __str__(self) -> str:
        return (
            f"{counted(len(self.ingestions), 'never-committed ingestion')} of {counted(len(self.videos), 'video')} "
            f"({counted(len(self.files), 'file')})"
        )

    def __bool__(self) -> bool:
        return bool(self.files or self.ingestions)


def find_drops(snapshot: Snapshot, plan: Plan, unreferenced: Sequence[Path]) -> Drops:
    """Finds what a plan drops, with the files that are deleted, that was never committed.

    Raises:
        DamagedLakeError: a table cannot be read.
    """
    files: list[Path] = []
    keys: set[tuple[str, str]] = set()
    videos: set[str] = set()
    for table in TABLES:
        folder = snapshot.folder / table.name
        names = {path.relative_to(folder).as_posix() for path in unreferenced if path.is_relative_to(folder)}
        for name in sorted(named_in_no_version(snapshot.folder, table, names)):
            files.append(folder / name)
            # One that was not finished cannot be read.
            with suppress(SignverseError):
                rows = collect(pl.scan_parquet(folder / name, glob=False).select("video_id", "ingest_id").unique())
                videos |= set(rows["video_id"])
                if table not in (SOURCES, SPLITS, OUTCOMES):
                    keys |= set(rows.iter_rows())
    for rewrite in plan.rewrites:
        keys |= _orphans(snapshot, plan, rewrite)
    videos |= {video_id for video_id, _ in keys}
    unlisted = frozenset(videos & done_without_video(snapshot)) if videos else frozenset[str]()
    return Drops(tuple(files), frozenset(ingest_id for _, ingest_id in keys), frozenset(videos), unlisted)


def _orphans(snapshot: Snapshot, plan: Plan, rewrite: Rewrite) -> set[tuple[str, str]]:
    """video_id and ingest_id of the rows that a rewrite leaves out, as they have no row in `videos`."""
    folder = snapshot.folder / rewrite.table.name
    if rewrite.table is KEYPOINTS:
        held = {key for file in rewrite.files for key in placements_in(folder, file.name)}
        return {key for key in held - plan.placements.keys() if key[1] not in plan.replaced}
    if rewrite.table in (SEGMENTS, CAPTIONS) and plan.orphans:
        return _of_ingestions(folder, rewrite, plan.orphans)
    return set()


def _of_ingestions(folder: Path, rewrite: Rewrite, ingestions: Collection[str]) -> set[tuple[str, str]]:
    paths = [folder / file.name for file in rewrite.files]
    rows = pl.scan_parquet(paths, glob=False, hive_partitioning=False, missing_columns="insert")
    found = collect(rows.select("video_id", "ingest_id").unique().filter(pl.col("ingest_id").is_in(ingestions)))
    return set(found.iter_rows())


def refuse_to_drop_done(snapshot: Snapshot, drops: Drops) -> None:
    """Refuses to drop what an outcome calls done.

    Raises:
        BadInputError: there is such a video.
    """
    if drops.unlisted:
        count = counted(len(drops.unlisted), "video")
        lake = as_argument(snapshot.folder)
        raise BadInputError(
            f"outcomes say that {count} are done which 'videos' lacks, and maintenance would delete the rest of them: "
            f"{some(sorted(drops.unlisted))}",
            f"Nothing was changed. Bring them back: signverse repair {lake}; or let them go: --drop-unlisted",
        )
