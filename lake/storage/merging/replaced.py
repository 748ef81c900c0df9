"""Deleting the files that merging replaced, when the retention is over: many small commits do not fill a disk for ever.

What else a lake does not need, `signverse maintain` deletes, and says so where it was never committed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from signverse.lake.model.schema import KEYPOINTS, TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.merging.retention import RETENTION, retained_since

_EVERY_S: Final = 6 * 3600.0
"""How often a process looks."""

_looked: dict[Path, float] = {}


def delete_replaced(lake: Path, retention: timedelta = RETENTION) -> list[Path]:
    """Deletes the files whose rows other files hold since the retention; at most every six hours of a process.

    Those are the files that an entry of a log removed, by the clock of the store, before it began. Versions of the lake
    from before then may not be read any more, as after `maintain`.
    """
    now = time.monotonic()
    if lake in _looked and now - _looked[lake] < _EVERY_S:
        return []
    _looked[lake] = now
    since = retained_since(lake, retention).timestamp()
    deleted: list[Path] = []
    for table in TABLES:
        # Keypoints are found by their placement, and merging does not move them: `maintain` does.
        if table is not KEYPOINTS:
            deleted += _delete(lake / table.name, since, {file.name for file in _active(lake, table.name)})
    return deleted


def _active(lake: Path, name: str) -> list[delta.ActiveFile]:
    table = next(table for table in TABLES if table.name == name)
    return delta.active_files(delta.open_table(lake / name), table)


def _delete(folder: Path, since: float, active: set[str]) -> list[Path]:
    deleted = []
    for entry in log_entries.entries(folder).values():
        with suppress(FileNotFoundError, log_entries.BadEntryError):
            if entry.stat().st_mtime > since:
                break
            for name in sorted(log_entries.names_in(log_entries.read_entry(Path(entry.path)), ("remove",)) - active):
                path = folder / name
                if path.exists():
                    path.unlink(missing_ok=True)
                    deleted.append(path)
    return deleted
