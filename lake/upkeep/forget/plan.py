"""What a forgetting would touch: the files that hold rows of the videos, in use or not, and the logs that name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.model.schema import OUTCOMES, TABLES, Table
from signverse.lake.model.wording import as_argument, counted, some
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.integrity import digests, writers
from signverse.lake.storage.integrity.foreign_errors import collect, is_foreign
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.absence import missed_rows, named_in_no_version
from signverse.lake.upkeep.forget.logs import logs_that_name
from signverse.lake.upkeep.forget.needles import Ids
from signverse.lake.upkeep.forget.search import UnreadableError, found_in_file
from signverse.lake.upkeep.forget.which import videos_like_clips
from signverse.lake.upkeep.repair.logs import DAMAGED
from signverse.lake.upkeep.vacuum import data_files

_QUIETLY: Final = (OSError, SignverseError, UnreadableError)


@dataclass
class ForgetPlan:
    """What a forgetting would touch.

    Attributes:
        ids: of the videos.
        active: by table, the files of its newest version that hold rows of them.
        rows: by table, how many rows these are.
        older: data files of older versions and of interrupted processes that hold such rows, or cannot be read.
        logs: files of transaction logs that name them.
        damaged: files in the folder of damaged files that hold them, or cannot be read.
        at_work: data files that a process is writing, or about to commit: it leaves the videos out by itself.
    """

    ids: frozenset[str]
    active: dict[Table, list[ActiveFile]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    older: dict[Path, int] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)
    damaged: dict[Path, int] = field(default_factory=dict)
    at_work: list[Path] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing of the videos is there."""
        return not (self.active or self.older or self.logs or self.damaged)

    @property
    def files_to_rewrite(self) -> int:
        """How many data files are rewritten."""
        return sum(map(len, self.active.values()))

    @property
    def bytes_to_rewrite(self) -> int:
        """The bytes of these."""
        return sum(file.size for files in self.active.values() for file in files)

    @property
    def files_to_delete(self) -> int:
        """How many files are deleted, those that are rewritten not counted."""
        return len(self.older) + len(self.damaged)


def make_forget_plan(snapshot: Snapshot, video_ids: Collection[str]) -> ForgetPlan:
    """Finds everything of some videos in a lake.

    Raises:
        DamagedLakeError: files are lost: whether they held the videos, and what else, is to be settled first.
    """
    plan = ForgetPlan(frozenset(video_ids))
    if not plan.ids:
        return plan
    for table in TABLES:
        lost = snapshot.lost(table.name)
        if lost:
            names = some([file.path for file in lost])
            raise DamagedLakeError(
                f"{snapshot.folder} has lost files: {names}",
                f"Nothing was changed. {repair_first(snapshot.folder, table.name)}",
            )
    ids = Ids(plan.ids, videos_like_clips(snapshot) - plan.ids)
    for table in TABLES:
        folder = snapshot.folder / table.name
        # Before the log is read: what is committed meanwhile is in neither.
        there = data_files(folder)
        active = delta.active_files(delta.open_table(folder), table)
        for file in active:
            rows = _rows_in_active(folder / file.name, table, file, plan.ids, ids)
            if rows:
                plan.active.setdefault(table, []).append(file)
                plan.rows[table.name] += rows
        _look_at_others(plan, folder, table, there.keys() - {file.name for file in active}, ids)
        plan.logs += logs_that_name(folder, ids)
    for path in _files_in(snapshot.folder / DAMAGED):
        try:
            held = bool(found_in_file(path, ids) or ids.in_text(path.name))
        except _QUIETLY:
            held = True
        # A data file that cannot be unpacked may hold anything.
        if held or (path.name.partition(".again")[0].endswith(".parquet") and not _is_parquet(path)):
            plan.damaged[path] = path.stat().st_size
    return plan


def repair_first(lake: Path, table: str) -> str:
    """What to do about a damaged table before a forgetting: a takedown must not wait for what nothing brings back."""
    repair = f"signverse repair {as_argument(lake)}"
    return f"Run first: {repair}; or, where that cannot mend it: {repair} --drop-lost {table}"


def refuse_orphans(snapshot: Snapshot, plan: ForgetPlan) -> None:
    """Refuses where a file that holds the videos is all that is left of others, which no version of the lake has.

    Raises:
        BadInputError: there is such a file.
    """
    unnamed: set[Path] = set()
    for table in TABLES:
        folder = snapshot.folder / table.name
        names = {path.relative_to(folder).as_posix() for path in plan.older if path.is_relative_to(folder)}
        unnamed |= {folder / name for name in named_in_no_version(snapshot.folder, table, names)}
    if not any(digests.has_digest(path.name) for path in unnamed):
        return
    for missed in missed_rows(snapshot):
        files = {snapshot.folder / missed.table.name / name for name in missed.files}
        others = sorted(missed.videos - plan.ids)
        if others and files & unnamed:
            lake = as_argument(snapshot.folder)
            raise BadInputError(
                f"files that no version of {snapshot.folder} has hold the videos, and are all that is left of "
                f"{counted(len(others), 'other')} ({some(others)})",
                f"Nothing was changed. Bring these back first: signverse repair {lake}; or let them go: "
                f"signverse maintain --lake {lake} --retention 0",
            )


def _rows_in_active(path: Path, table: Table, file: ActiveFile, video_ids: frozenset[str], ids: Ids) -> int:
    """The rows of an active file that are of the videos, and those of `outcomes` whose message names one."""
    if table is OUTCOMES or any(file.first_id <= video_id <= file.last_id for video_id in video_ids):
        return _rows_in(path, table, video_ids, ids)
    return 0


def _rows_in(path: Path, table: Table, video_ids: frozenset[str], ids: Ids) -> int:
    rows = sum(rows_by_video(path, video_ids).values())
    if table is OUTCOMES:
        scanned = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        others = scanned.filter(~pl.col("video_id").is_in(list(video_ids)), pl.col("message").is_not_null())
        rows += sum(bool(ids.in_text(text)) for text in collect(others.select("message"))["message"])
    return rows


def rows_by_video(path: Path, video_ids: Collection[str]) -> Mapping[str, int]:
    """How many rows of each of some videos a data file holds.

    Raises:
        DamagedLakeError: it cannot be read.
    """
    rows = pl.scan_parquet(path, glob=False, hive_partitioning=False).select("video_id")
    counts = rows.filter(pl.col("video_id").is_in(list(video_ids))).group_by("video_id").len()
    return dict(collect(counts).iter_rows())


def _look_at_others(plan: ForgetPlan, folder: Path, table: Table, names: Collection[str], ids: Ids) -> None:
    """Data files that the newest version does without."""
    at_work = writers.in_use(folder.parent, names)
    for name in sorted(names):
        path = folder / name
        try:
            held = bool(_rows_in(path, table, plan.ids, ids))
        except SignverseError:
            # It was not finished, or is damaged: nothing can be brought back from it, and its bytes are there.
            held = path.exists()
        if held and name in at_work:
            plan.at_work.append(path)
        elif held:
            plan.older[path] = path.stat().st_size


def _files_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _is_parquet(path: Path) -> bool:
    import pyarrow.parquet as pq

    try:
        pq.read_metadata(path)
    except BaseException as error:
        if not is_foreign(error):
            raise
        return False
    return True
