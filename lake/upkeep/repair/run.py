"""Repair of a lake, step by step. Killed anywhere, the next repair goes on; two at once wait for each other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl
from filelock import FileLock

from signverse.lake.model.errors import MistypedError, NotALakeError, SignverseError
from signverse.lake.model.schema import KEYPOINTS, OUTCOMES, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import counted, some
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_records, writers
from signverse.lake.storage.integrity.digests import CHANGED
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_files import LostFile, lost_in
from signverse.lake.storage.integrity.sync import make_durable_folder
from signverse.lake.storage.location import lake_folder
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.temporary.leftovers import temporary_folder
from signverse.lake.upkeep.absence import TAKEN_OUT
from signverse.lake.upkeep.repair.logs import keep_copy, mend_logs
from signverse.lake.upkeep.repair.rebuild import mend_placements, rebuild_videos, record_done
from signverse.lake.upkeep.repair.report import Commands, Report
from signverse.lake.upkeep.repair.sealed_files import Tables, drop, take_back
from signverse.lake.upkeep.rewrite import rewrite_videos

_LOCK: Final = "repairing"


def repair(path: str | Path, *, dry_run: bool = False, drop_lost: Collection[str] = ()) -> Report:
    """Mends what can be mended in a lake from what is there, and says what cannot.

    Args:
        dry_run: find out and say the same, and leave the lake as it is.
        drop_lost: names of tables: their files that nothing brings back are taken out, and with keypoints the rows of
            their videos. Queries go on without them.

    Raises:
        NotALakeError: the path holds nothing of a lake.
        MistypedError: there is no table of that name.
    """
    for name in drop_lost:
        if name not in {table.name for table in TABLES}:
            raise MistypedError(f"a lake has no table '{name[:40]}'", f"It has: {', '.join(t.name for t in TABLES)}.")
    lake = lake_folder(path)
    folders = [lake / table.name for table in TABLES]
    if not any(folder.is_dir() or log_records.recorded_version(folder) > 0 for folder in folders):
        raise NotALakeError(f"{lake} holds no table of a lake", "Name the folder of a lake.")
    if dry_run:
        with temporary_folder("repair") as folder:
            shadow = _shadow(lake, folder / lake.name)
            return _repair(shadow, lake, drop_lost)
    make_durable_folder(lake / writers.FOLDER)
    with FileLock(lake / writers.FOLDER / _LOCK, mode=0o666):
        return _repair(lake, lake, drop_lost)


def _shadow(lake: Path, shadow: Path) -> Path:
    """A lake of links to the data files of another, with copies of its logs: to try a repair on."""
    for where, _, files in os.walk(lake):
        inside = Path(where).relative_to(lake)
        if inside.parts[:1] == (writers.FOLDER,):
            continue
        (shadow / inside).mkdir(parents=True, exist_ok=True)
        for name in files:
            source = Path(where, name)
            if not source.is_file() or (name.endswith(".parquet") and "_delta_log" not in inside.parts):
                (shadow / inside / name).symlink_to(source)
            else:
                shutil.copy2(source, shadow / inside / name)
    return shadow


def _repair(lake: Path, named: Path, drop_lost: Collection[str]) -> Report:
    """Mends a lake.

    Args:
        named: the lake that was named, where writers that live have their locks; in a dry run the other is its shadow.
    """
    report = Report()
    without_videos = not (lake / VIDEOS.name / "_delta_log").is_dir()
    mend_logs(lake, named, report)
    tables = Tables(lake, named)
    take_back(tables, report)
    rebuild_videos(tables, report, all_lost=without_videos or not tables.active(VIDEOS))
    mend_placements(tables, report)
    record_done(tables, report)
    for table in TABLES:
        delta.add_missing_columns(lake / table.name, table)
    lost = _lost(tables)
    missed = [file for file in lost if file.videos is None or file.videos]
    for table in TABLES:
        unmissed = [file for file in lost if file.table is table and file not in missed]
        if unmissed:
            _drop_files(tables, table, unmissed)
            report.add(table.name, f"{counted(len(unmissed), 'lost file')} of replaced rows taken out of the table")
    lost = missed
    for file in lost:
        found = f"a file {file.problem}; {file.cost}"
        report.add(file.table.name, found, "removed" if file.table.name in drop_lost else "lost", file.path)
    # Before rows are removed.
    commands = Commands.of(Snapshot(lake), named)
    _report_without_segments(tables, named, report)
    if drop_lost:
        _drop_lost(tables, [file for file in lost if file.table.name in drop_lost])
        record_done(tables, report)
    of_files = commands.for_files([file for file in lost if file.table.name not in drop_lost])
    report.commands = list(dict.fromkeys([*report.commands, *of_files]))
    return report


def _lost(tables: Tables) -> list[LostFile]:
    """The files that cannot be read, those with other bytes than their names promise among them."""
    snapshot = Snapshot(tables.lake)
    broken = {table.name: dict.fromkeys((file.name for file in tables.lost(table)), CHANGED) for table in TABLES}
    return lost_in(snapshot, broken)


def _report_without_segments(tables: Tables, named: Path, report: Report) -> None:
    """Finds visible videos that no clip is of; not where a file of segments is lost, whose videos are known as such."""
    snapshot = Snapshot(tables.lake)
    try:
        with_segments = snapshot.table(SEGMENTS.name).select(pl.col("video_id").unique())
        videos = snapshot.table(VIDEOS.name).filter(pl.col("num_frames") > 0).select("video_id")
        ids = collect(videos.join(with_segments, on="video_id", how="anti").sort("video_id"))["video_id"].to_list()
    except SignverseError:
        return
    if ids:
        report.add(SEGMENTS.name, f"{counted(len(ids), 'video')} without segments: {some(ids)}", "lost")
        report.commands += Commands.of(snapshot, named).for_segments(ids)


def _drop_files(tables: Tables, table: Table, files: Collection[LostFile]) -> None:
    active = {file.name: file for file in tables.active(table)}
    drop(tables, table, [active[file.file.name] for file in files if file.file.name in active])


def _drop_lost(tables: Tables, lost: Collection[LostFile]) -> None:
    """Takes lost files out of their tables, and the rows of videos whose keypoints were in them.

    An outcome says so of each video, or it would be one that is done and missing.
    """
    for table in TABLES:
        _drop_files(tables, table, [file for file in lost if file.table is table])
    gone = {video_id for file in lost if file.table is KEYPOINTS for video_id in file.videos or ()}
    if not gone or tables.lost(VIDEOS):
        return
    folder = tables.lake / VIDEOS.name
    files = tables.active(VIDEOS)
    for file in files:
        keep_copy(tables.lake, folder / file.name)
    rows = tables.rows(VIDEOS, [file.name for file in files])
    mine = rows.filter(pl.col("video_id").is_in(gone))
    now = datetime.now(UTC)
    outcome = {"ingest_id": None, "outcome": "failed", "reason": TAKEN_OUT, "attempt": 1, "attempted_at": now}
    said = [
        {**outcome, "video_id": video_id, "stage": "extract", "message": "its keypoints were lost: repair --drop-lost"}
        for video_id in sorted(gone)
    ]
    delta.append(tables.lake / OUTCOMES.name, OUTCOMES, said)
    rewrite_videos(Snapshot(tables.lake), frozenset(mine["ingest_id"]), {})
