"""Vacuum: which files no version of the lake within the retention needs, by the clock of the store."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from signverse.lake.model.schema import KEYPOINTS, TABLES, VIDEOS
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_entries, writers
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.merging.retention import RETENTION, retained_since
from signverse.lake.storage.snapshot import Snapshot

_AN_HOUR: Final = timedelta(hours=1)

_LEFT: Final = re.compile(r"#\d+$|^_commit_.*\.tmp$")


def unreferenced_files(snapshot: Snapshot, retention: timedelta = RETENTION) -> list[Path]:
    """Files that no version of the last `retention` refers to: replaced ones, and those of killed processes."""
    placed = set(collect(snapshot.raw_table(VIDEOS.name).select("keypoints_file"))["keypoints_file"].drop_nulls())
    since = retained_since(snapshot.folder, retention).timestamp()
    found = []
    for table in TABLES:
        folder = snapshot.folder / table.name
        # Before the log is read: what is committed meanwhile is not in it.
        old = {name for name, modified in data_files(folder).items() if modified <= since}
        needed = {file.name for file in delta.active_files(delta.open_table(folder), table)} | _named_since(
            folder, since
        )
        if table is KEYPOINTS:
            needed |= placed
        unneeded = old - needed
        found += [folder / name for name in sorted(unneeded - writers.in_use(snapshot.folder, unneeded))]
    return found


def log_leftovers(lake: Path, retention: timedelta = RETENTION) -> list[Path]:
    """Names in the logs of a lake that killed writers have left beside the entry that they wrote.

    The Delta library writes `N.json#1`, links it to `N.json` and removes the first name. What is not linked yet may be
    of a writer that lives, for an hour.
    """
    since = retained_since(lake, min(retention, _AN_HOUR)).timestamp()
    found: list[Path] = []
    for table in TABLES:
        log = lake / table.name / "_delta_log"
        for entry in os.scandir(log) if log.is_dir() else ():
            if _LEFT.search(entry.name):
                with suppress(FileNotFoundError):
                    path = Path(entry.path)
                    if _is_written(path) or path.stat().st_mtime <= since:
                        found.append(path)
    return sorted(found)


def _is_written(path: Path) -> bool:
    """Whether the entry is there that a writer made under another name first."""
    entry = path.with_name(path.name.partition("#")[0])
    if entry == path or not path.name.partition("#")[0].endswith(".json") or not entry.exists():
        return False
    return path.samefile(entry) or path.read_bytes() == entry.read_bytes() != b""


def data_files(folder: Path, *, links: bool = False) -> dict[str, float]:
    """The Parquet files in a table's folder, as paths inside it, with the time that the store gives them.

    Args:
        links: also links to such files, of which a dry run of `repair` is made.
    """
    found: dict[str, float] = {}
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "_delta_log"]
        for name in files:
            path = Path(where, name)
            if name.endswith(".parquet") and (links or not path.is_symlink()):
                with suppress(FileNotFoundError):
                    found[path.relative_to(folder).as_posix()] = path.stat().st_mtime
    return found


def _named_since(folder: Path, since: float) -> set[str]:
    """The files that versions since a time have added or removed: the version before needs those too."""
    names: set[str] = set()
    for entry in log_entries.entries(folder).values():
        with suppress(FileNotFoundError):
            if entry.stat().st_mtime > since:
                names |= log_entries.names_in(log_entries.read_entry(Path(entry.path)))
    return names
