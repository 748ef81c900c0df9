"""The table `sources`: the videos of manifests and lists of channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import SOURCES
from signverse.lake.storage import delta
from signverse.lake.storage.snapshot import Snapshot, collect

NAMES: Final = tuple(name for name in SOURCES.schema.names if name not in {"ingest_id", "listed_at"})
"""The columns about a video: all but those that say when the row was written, and by which call."""

_TOGETHER: Final = (("url",), ("title",), ("channel", "channel_id"))
"""Columns that keep their value where a newer list has none. A channel's name and id go together."""


def known_sources(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The newest row of every id in `sources`, by id."""
    rows = collect(snapshot.table(SOURCES.name).select(NAMES))
    return {row["video_id"]: row for row in rows.iter_rows(named=True)}


def add_sources(snapshot: Snapshot, rows: Iterable[Mapping[str, Any]]) -> int:
    """Adds the rows that differ from the newest ones in `sources`; returns how many.

    Args:
        rows: with the columns of `NAMES`. Where url, title or channel is None, the known value is kept.
    """
    known = known_sources(snapshot)
    now = datetime.now(UTC)
    new: list[dict[str, Any]] = []
    for given in rows:
        row = {name: given[name] for name in NAMES}
        before = known.get(row["video_id"])
        for names in _TOGETHER:
            if before is not None and all(row[name] is None for name in names):
                row.update({name: before[name] for name in names})
        if row != before:
            new.append({**row, "ingest_id": new_ingest_id(), "listed_at": now})
    delta.append(snapshot.folder / SOURCES.name, SOURCES, new)
    return len(new)
