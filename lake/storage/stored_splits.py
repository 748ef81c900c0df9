"""Splits as the lake stores them: the rows of one by its name, and the videos of one of its parts."""

from __future__ import annotations

import polars as pl

from signverse.lake.model.errors import MistypedError
from signverse.lake.model.schema import SPLITS
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot


def stored_split(snapshot: Snapshot, name: str) -> pl.DataFrame:
    """The rows of the newest split of a name; no rows where there is none."""
    return collect(snapshot.table(SPLITS.name).filter(pl.col("name") == name))


def split_videos(snapshot: Snapshot, name: str, part: str) -> list[str]:
    """The ids of the videos in a part of a stored split.

    Raises:
        MistypedError: there is no such split or part.
    """
    rows = collect(snapshot.table(SPLITS.name).select("name", "part", "video_id"))
    names = sorted(rows["name"].unique())
    if name not in names:
        raise MistypedError(
            f"the lake has no split '{name[:60]}'",
            f"It has: {', '.join(names)}." if names else "Make one: signverse split --lake LAKE.",
        )
    of_split = rows.filter(pl.col("name") == name)
    parts = sorted(of_split["part"].unique())
    if part not in parts:
        raise MistypedError(f"split '{name}' has no part '{part[:60]}'", f"It has: {', '.join(parts)}.")
    return of_split.filter(pl.col("part") == part)["video_id"].to_list()
