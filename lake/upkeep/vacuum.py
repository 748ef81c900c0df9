"""Vacuum: which files no version of the lake within the retention needs."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Final

from signverse.lake.model.schema import KEYPOINTS, TABLES, VIDEOS
from signverse.lake.storage import delta
from signverse.lake.storage.snapshot import Snapshot, collect
from signverse.lake.upkeep.plan import RETENTION

_MOST_HOURS: Final = 24 * 36_500


def unreferenced_files(snapshot: Snapshot, retention: timedelta = RETENTION) -> list[Path]:
    """Files that no version of the last `retention` refers to: replaced ones, and those of killed processes."""
    in_use = set(collect(snapshot.raw_table(VIDEOS.name).select("keypoints_file"))["keypoints_file"].drop_nulls())
    # Delta counts whole hours: rounded up, nothing is removed too early.
    hours = math.ceil(min(retention / timedelta(hours=1), _MOST_HOURS))
    found = []
    for table in TABLES:
        folder = snapshot.folder / table.name
        names = delta.unreferenced_files(delta.open_table(folder), hours)
        found += [folder / name for name in names if table is not KEYPOINTS or name not in in_use]
    return [path for path in found if path.is_file()]
