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

from signverse.lake.storage.integrity.log_entries import checkpoints, entries
from signverse.lake.storage.integrity.log_notes import note_checkpoint
from signverse.lake.storage.integrity.sync import sync_file, sync_folder
from signverse.lake.storage.integrity.writers import store_time, working_folder

_HINT: Final = "_last_checkpoint"

_CLOCKS_AGREE_S: Final = 86_400.0
"""The library drops log entries older than 30 days by the clock of this machine: only where that is about right."""


def write_checkpoint(folder: Path) -> None:
    """Writes the state of a table's log to one file, so that opening reads that; drops entries of over 30 days ago.

    Args:
        folder: of a table of a lake.

    Raises:
        OSError, deltalake.exceptions.DeltaError: it could not be written; the log is as it was.
    """
    log = folder / "_delta_log"
    with working_folder(folder.parent) as work:
        copy = work / folder.name / "_delta_log"
        copy.mkdir(parents=True)
        before = checkpoints(folder)
        covered = max(before, default=-1)
        for path in before.get(covered, []):
            _link(path, copy / path.name)
        for version, entry in entries(folder).items():
            if version >= covered:
                _link(Path(entry.path), copy / entry.name)
        DeltaTable(str(copy.parent)).create_checkpoint()
        made = max(checkpoints(copy.parent), default=-1)
        if made > covered:
            for path in checkpoints(copy.parent)[made]:
                sync_file(path)
                note_checkpoint(folder, path)
                path.replace(log / path.name)
            sync_folder(log)
            sync_file(copy / _HINT)
            (copy / _HINT).replace(log / _HINT)
            sync_folder(log)
    _drop_old_entries(folder)


def _link(path: Path, to: Path) -> None:
    try:
        os.link(path, to)
    except FileNotFoundError:
        raise
    except OSError:
        # Not every file system has hard links.
        shutil.copyfile(path, to)


def _drop_old_entries(folder: Path) -> None:
    with suppress(OSError):
        if abs(store_time(folder.parent) - time.time()) < _CLOCKS_AGREE_S:
            DeltaTable(str(folder)).cleanup_metadata()
