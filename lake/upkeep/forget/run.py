"""Carrying out a forgetting.

The tombstones come first: from then on no commit brings the videos in. Keypoints files are rewritten without them,
then `videos`, in one commit, lacks them and has the new places of the others; then follow the other tables. The lake
can be read at every moment: old files stay until nothing refers to them. Logs lose the ids, old files go, and in the
end so does the note of which videos these were. Every step finds by itself what is left for it, so that a run that
was killed is finished by the next one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.model.schema import KEYPOINTS, PLACEMENT, TABLES, VIDEOS
from signverse.lake.model.wording import as_argument, size_of, some
from signverse.lake.storage import delta
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.storage.forgotten.commit_lock import no_commits
from signverse.lake.storage.integrity import writers
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.merging.lease import only_upkeep
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.forget.logs import GONE, clean_log
from signverse.lake.upkeep.forget.needles import Ids
from signverse.lake.upkeep.forget.plan import ForgetPlan, make_forget_plan, refuse_orphans, repair_first
from signverse.lake.upkeep.forget.which import videos_like_clips
from signverse.lake.upkeep.plan import Key, Rewrite, StoredPlacement, placements_in
from signverse.lake.upkeep.rewrite import rewrite_keypoints, rewrite_rows, rewrite_videos

_ROUNDS: Final = 8
"""How often the tables are looked through: another process may maintain the lake, or have committed just before."""

_WHY: Final = "forgotten videos"


@dataclass(frozen=True)
class Forgotten:
    """What a forgetting did.

    Attributes:
        rows: by table, how many rows are gone.
        files: data files that were rewritten or deleted.
        size: bytes of the files that are gone.
        at_work: files that a process is writing: it leaves the videos out when it commits.
    """

    rows: Mapping[str, int]
    files: int
    size: int
    at_work: tuple[Path, ...]


def check(snapshot: Snapshot, plan: ForgetPlan) -> None:
    """Refuses a forgetting that cannot be carried out, before anything is changed.

    Raises:
        BadInputError: the lake cannot be written, its disk is full, or other videos would be lost.
    """
    refuse_orphans(snapshot, plan)
    folder = snapshot.folder
    # It is read at every commit.
    tombstones.Tombstones.of(folder)
    _outdated(folder, plan.ids)
    try:
        writers.store_time(folder)
        for name in [table.name for table in TABLES]:
            for place in (folder / name, folder / name / "_delta_log"):
                probe = place / f".{writers.FOLDER}"
                probe.touch()
                probe.unlink()
    except OSError as error:
        raise BadInputError(f"{folder} cannot be written: {error.strerror or error}", "Nothing was changed.") from None
    largest = max((file.size for files in plan.active.values() for file in files), default=0)
    # Old files go at the end, so there must be room for all of the new ones.
    needed, free = max(largest, plan.bytes_to_rewrite), shutil.disk_usage(folder).free
    if needed > free:
        raise BadInputError(
            f"{folder} has {size_of(free)} of free space, its new files may take {size_of(needed)}",
            "Nothing was changed. Free some space.",
        )


def forget(
    snapshot: Snapshot, plan: ForgetPlan, *, reason: str = "", on_bytes: Callable[[int], None] = lambda _: None
) -> Forgotten:
    """Forgets videos; the note that tells the next run of an interrupted one stays until `tombstones.end`.

    Args:
        plan: of the newest version.
        reason: is kept with the tombstones.
        on_bytes: called with the bytes of files as they are rewritten.

    Raises:
        BadInputError: see `check`; or the reason names one of the videos.
        SignverseError: another process is maintaining the lake, or changes it all the time.
    """
    folder = snapshot.folder
    tombstones.check_reason(plan.ids, reason)
    check(snapshot, plan)
    with only_upkeep(folder):
        return _forget(folder, plan.ids, reason, on_bytes)


def _forget(folder: Path, ids: frozenset[str], reason: str, on_bytes: Callable[[int], None]) -> Forgotten:
    tombstones.begin(folder, ids | tombstones.pending(folder))
    with no_commits(folder):
        tombstones.bury(folder, ids, reason)
    needles = Ids(ids, videos_like_clips(Snapshot(folder)) - ids)
    rows: dict[str, int] = {}
    deleted: dict[Path, int] = {}
    for round_ in range(_ROUNDS):
        # What was committed before the tombstones is seen now.
        plan = make_forget_plan(Snapshot(folder), ids)
        for name, count in plan.rows.items():
            rows[name] = max(rows.get(name, 0), count)
        if plan.empty and round_:
            return Forgotten(rows, len(deleted), sum(deleted.values()), tuple(plan.at_work))
        try:
            _rewrite(folder, plan, needles, on_bytes)
        except SignverseError as error:
            if isinstance(error, BadInputError | DamagedLakeError) or round_ == _ROUNDS - 1:
                raise
            # Another process maintains the lake; what it wrote is looked through once more.
            continue
        for table in TABLES:
            clean_log(folder / table.name, needles)
        with no_commits(folder):
            deleted |= _delete(folder, ids)
    left = [*(folder / file.name for files in plan.active.values() for file in files), *plan.older, *plan.logs]
    raise SignverseError(
        f"other processes keep {folder} from being rid of them: {some([str(path) for path in left], 1)}",
        "Run it again when they have ended; what was done so far is kept.",
    )


def _rewrite(folder: Path, plan: ForgetPlan, ids: Ids, report: Callable[[int], None]) -> None:
    """Writes the files of all tables again, without the videos."""
    for file in plan.active.get(KEYPOINTS, ()):
        held = placements_in(folder / KEYPOINTS.name, file.name)
        kept = {key: place for key, place in held.items() if key[0] not in plan.ids}
        rewrite = Rewrite(KEYPOINTS, file.partition, (file,), _WHY)
        try:
            rewrite_keypoints(folder / KEYPOINTS.name, rewrite, kept, report)
        except DamagedLakeError as error:
            hint = f"What was done so far is kept. {repair_first(folder, KEYPOINTS.name)}; then this again"
            raise DamagedLakeError(error.message, hint) from None
    moved = _outdated(folder, plan.ids)
    change = _without(ids)
    if moved or VIDEOS in plan.active:
        rewrite_videos(Snapshot(folder), frozenset(), moved, change)
        report(sum(file.size for file in plan.active.get(VIDEOS, ())))
    for table, files in plan.active.items():
        for file in files if table not in (KEYPOINTS, VIDEOS) else ():
            rewrite_rows(folder / table.name, Rewrite(table, file.partition, (file,), _WHY), frozenset(), change=change)
            report(file.size)


def _without(ids: Ids) -> Callable[[pa.Table], pa.Table]:
    """Leaves out the rows of videos, and their ids where a message about another one names them."""
    values = pa.array(sorted(ids.video_ids), pa.string())

    def change(rows: pa.Table) -> pa.Table:
        rows = rows.filter(pc.invert(pc.is_in(rows.column("video_id"), value_set=values)))
        if "message" in rows.column_names and "attempted_at" in rows.column_names:
            at = rows.column_names.index("message")
            texts = [text and ids.replaced(text, GONE) for text in rows.column("message").to_pylist()]
            rows = rows.set_column(at, rows.schema.field("message"), pa.array(texts, pa.string()))
        return rows

    return change


def _outdated(folder: Path, video_ids: Collection[str]) -> dict[Key, StoredPlacement]:
    """Where the keypoints lie of videos whose rows name a file that the table does not have any more.

    An interrupted run has moved them, or a process has committed captions with the place that it had read before.
    """
    snapshot = Snapshot(folder)
    names = {file.name for file in delta.active_files(delta.open_table(folder / KEYPOINTS.name), KEYPOINTS)}
    wrote = pl.coalesce("keypoints_ingest_id", "ingest_id").alias("wrote")
    rows = collect(snapshot.raw_table(VIDEOS.name).select("video_id", "ingest_id", wrote, *PLACEMENT))
    rows = rows.filter(pl.col("keypoints_file").is_not_null(), ~pl.col("video_id").is_in(list(video_ids)))
    outdated = rows.filter(~pl.col("keypoints_file").is_in(list(names)))
    wanted = set(outdated.select("video_id", "wrote").iter_rows())
    found: dict[Key, StoredPlacement] = {}
    named = set(rows["keypoints_file"])
    # New files first, which no row names yet.
    for name in sorted(names, key=lambda name: (name in named, name)):
        if not wanted - found.keys():
            break
        held = placements_in(folder / KEYPOINTS.name, name)
        found |= {key: place for key, place in held.items() if key in wanted}
    # Of a replaced ingestion maintenance may have removed them.
    shown = outdated.filter(pl.col("ingest_id").is_in(list(snapshot.visible()["ingest_id"])))
    missing = sorted(set(shown.select("video_id", "wrote").iter_rows()) - found.keys())
    if missing:
        raise DamagedLakeError(
            f"the keypoints of {some([video_id for video_id, _ in missing])} are in files that the table does not have",
            f"What was done so far is kept. Run: signverse repair {as_argument(folder)}, then this again.",
        )
    return found


def _delete(folder: Path, video_ids: frozenset[str]) -> dict[Path, int]:
    """Deletes what holds the videos and is not in use; returns the data files with their bytes. Nobody commits now."""
    outdated = _outdated(folder, video_ids)
    if outdated:
        # A process has committed captions of another video meanwhile, with the place of keypoints that were moved.
        rewrite_videos(Snapshot(folder), frozenset(), outdated)
    plan = make_forget_plan(Snapshot(folder), video_ids)
    deleted: dict[Path, int] = {}
    for path, size in (plan.older | plan.damaged).items():
        path.unlink(missing_ok=True)
        deleted[path] = size
        _remove_empty(path.parent, folder)
    writers.clear_dead(folder)
    return deleted


def _remove_empty(folder: Path, lake: Path) -> None:
    """Removes folders of damaged files, or of a partition, that are empty now."""
    while folder not in (lake, *(lake / table.name for table in TABLES)):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
