"""Maintenance: carries out a plan, compacts logs, and deletes unreferenced files.

Every table changes in one transaction per partition, and files that were replaced stay for the retention: readers that
have them open, and older versions of the lake, find them there. Keypoints move first, then `videos` gets their new
placements: an interruption in between is repaired by the next maintenance.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, SEGMENTS, TABLES
from signverse.lake.model.wording import size_of
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_entries, writers
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.storage.lake_format import raise_format
from signverse.lake.storage.merging.lease import only_upkeep
from signverse.lake.storage.merging.retention import RETENTION
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.dropping import find_drops, refuse_to_drop_done
from signverse.lake.upkeep.plan import Key, Plan
from signverse.lake.upkeep.rewrite import rewrite_keypoints, rewrite_rows, rewrite_videos
from signverse.lake.upkeep.vacuum import log_leftovers, unreferenced_files


@dataclass(frozen=True)
class Extent:
    """Number and bytes of the data files that a lake's tables consist of."""

    files: int
    size: int


def extent(snapshot: Snapshot) -> Extent:
    """The data files of the newest version, without those that are kept for older ones."""
    folder = snapshot.folder
    files = [file for table in TABLES for file in delta.active_files(delta.open_table(folder / table.name), table)]
    return Extent(len(files), sum(file.size for file in files))


def maintain(
    snapshot: Snapshot,
    plan: Plan,
    *,
    retention: timedelta = RETENTION,
    drop_unlisted: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> list[Path]:
    """Carries out a plan: rewrites files, writes a checkpoint of every log, and deletes files past the retention.

    When it is interrupted or killed nothing is lost, and the next maintenance continues. Other processes may read and
    write the lake meanwhile.

    Args:
        drop_unlisted: drop also the files of videos that an outcome calls done and that `videos` lacks.
        on_bytes: called with the bytes of the old files as they are rewritten.

    Returns:
        The files that were deleted.

    Raises:
        BadInputError: the disk has no space for the new files beside the old ones; or videos would be dropped that an
            outcome calls done.
        DamagedLakeError: entries of a log are empty, cut or missing.
        SignverseError: another process is maintaining the lake.
    """
    _check_space(snapshot, plan)
    with only_upkeep(snapshot.folder):
        return _carry_out(snapshot, plan, retention, drop_unlisted, on_bytes or (lambda _: None))


def _carry_out(
    snapshot: Snapshot, plan: Plan, retention: timedelta, drop_unlisted: bool, report: Callable[[int], None]
) -> list[Path]:
    _check(snapshot, plan, retention, drop_unlisted)
    for table in TABLES:
        delta.add_missing_columns(snapshot.folder / table.name, table)
    placements = dict(plan.placements)
    moved: set[Key] = set(plan.moved)
    if plan.replaced:
        # First, and in one commit: a version that refers to dropped ingestions is refused from now on, not half read.
        rewrite_videos(snapshot, plan.replaced, {})
    try:
        for rewrite in plan.rewrites:
            folder = snapshot.folder / rewrite.table.name
            if rewrite.table is KEYPOINTS:
                new = rewrite_keypoints(folder, rewrite, placements, report)
                placements.update(new)
                moved |= new.keys()
            else:
                with_ingestions = rewrite.table in (SEGMENTS, CAPTIONS)
                rewrite_rows(folder, rewrite, plan.replaced | plan.orphans if with_ingestions else frozenset())
                report(rewrite.size)
    except BaseException:
        # The new placements of what was moved are stored even so; where that fails, the next maintenance finds them.
        with suppress(Exception):
            if moved:
                rewrite_videos(snapshot, plan.replaced, {key: placements[key] for key in moved})
        raise
    if moved or (plan.videos and not plan.replaced):
        rewrite_videos(snapshot, plan.replaced, {key: placements[key] for key in moved})
    if plan.raises_format:
        raise_format(snapshot.folder)
    write_checkpoints(*(snapshot.folder / table.name for table in TABLES))
    snapshot.refresh()
    return _delete(snapshot, retention)


def _delete(snapshot: Snapshot, retention: timedelta) -> list[Path]:
    """Deletes what no version within the retention needs, and what killed writers left; returns the data files."""
    deleted = unreferenced_files(snapshot, retention)
    for path in (*deleted, *log_leftovers(snapshot.folder, retention)):
        path.unlink(missing_ok=True)
    writers.clear_dead(snapshot.folder)
    return deleted


def _check(snapshot: Snapshot, plan: Plan, retention: timedelta, drop_unlisted: bool) -> None:
    """Refuses a plan that cannot be carried out, or would lose something."""
    for table in TABLES:
        log_entries.check(snapshot.folder / table.name, thorough=True)
    if not drop_unlisted:
        refuse_to_drop_done(snapshot, find_drops(snapshot, plan, unreferenced_files(snapshot, retention)))


def _check_space(snapshot: Snapshot, plan: Plan) -> None:
    needed = sum(rewrite.size for rewrite in plan.rewrites)
    free = shutil.disk_usage(snapshot.folder).free
    if needed > free:
        raise BadInputError(
            f"{snapshot.folder} has {size_of(free)} of free space, its new files may take {size_of(needed)}",
            "Free some space: the old files stay for readers until the retention ends."
            + (" --keep-format leaves files of an older format as they are." if plan.older else ""),
        )
