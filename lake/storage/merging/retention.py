"""How long maintenance keeps what was replaced, by the clock of the store."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from signverse.lake.storage.integrity import writers

RETENTION: Final = timedelta(days=7)
"""How long replaced files and ingestions are kept, for readers that have them open and for older versions."""

_LONGEST: Final = timedelta(days=36_500)
"""A longer retention would reach before the first date that Python knows."""


def retained_since(lake: Path, retention: timedelta) -> datetime:
    """When the retention began, by the clock of the store: that of this machine may be wrong by days."""
    now = time.time()
    # A lake on a read-only disk can be looked at, and nothing is removed from it.
    with suppress(OSError):
        now = writers.store_time(lake)
    return datetime.fromtimestamp(now, UTC) - min(retention, _LONGEST)
