"""Checkpoints of a log: whole and on disk before anyone sees them.

The Delta library writes a checkpoint, and what names it, in place: a power cut then leaves an empty one, and the table
cannot be opened. So it is made in a working folder, over links to the log, and moved to its place when it is on disk.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from deltalake import DeltaTable

from signverse.lake.storage.integrity.log_entries import checkpoints, entries, newest_version
from signverse.lake.storage.integrity.log_records import record_checkpoint, recorded_version
from signverse.lake.storage.integrity.sync import sync_file, sync_folder, sync_log
from signverse.lake.storage.integrity.writers import working_folder

_HINT: Final = "_last_checkpoint"

_CLOCKS_AGREE_S: Final = 86_400.0
"""The library drops log entries older than 30 days by the clock of this machine: only where that is about right."""


def write_checkpoints(*folders: Path) -> None:
    """Writes the state of tables' logs to one file each, so that opening reads that; drops entries of over 30 days ago.

    Args:
        folders: of tables of one lake.

    Raises:
        OSError, deltalake.exceptions.DeltaError: one could not be written; its log is as it was.
    """
    with working_folder(folders[0].parent) as work:
        for folder in folders:
            _write(folder, work / folder.name)
        clock = work / "clock"
        clock.touch()
        if abs(clock.stat().st_mtime - time.time()) < _CLOCKS_AGREE_S:
            for folder in folders:
                with suppress(OSError):
                    DeltaTable(str(folder)).cleanup_metadata()


def _write(folder: Path, copy: Path) -> None:
    """Writes the state of a log that has changed since the last time.

    Args:
        copy: where the folder is copied to, as far as it is needed.
    """
    log, work = folder / "_delta_log", copy / "_delta_log"
    before = checkpoints(folder)
    covered = max(before, default=0)
    newest, recorded = newest_version(folder), recorded_version(folder)
    if newest <= covered:
        return
    if newest > recorded:
        # Another process has just committed: a power cut must not leave the checkpoint without its entries.
        sync_log(folder, synced=recorded)
    work.mkdir(parents=True)
    for path in before.get(covered, []):
        _link(path, work / path.name)
    for version, entry in entries(folder).items():
        if covered <= version <= newest:
            _link(Path(entry.path), work / entry.name)
    DeltaTable(str(copy)).create_checkpoint()
    made = max(checkpoints(copy), default=0)
    if made > covered:
        for path in checkpoints(copy)[made]:
            sync_file(path)
            record_checkpoint(folder, path)
            path.replace(log / path.name)
        sync_folder(log)
        sync_file(work / _HINT)
        (work / _HINT).replace(log / _HINT)
        sync_folder(log)


def _link(path: Path, to: Path) -> None:
    try:
        os.link(path, to)
    except FileNotFoundError:
        raise
    except OSError:
        # Not every file system has hard links.
        shutil.copyfile(path, to)
