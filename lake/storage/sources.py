"""The table `sources`: the videos of manifests and lists of channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import SOURCES
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot

NAMES: Final = tuple(name for name in SOURCES.schema.names if name not in {"ingest_id", "listed_at"})
"""The columns about a video: all but those that say when the row was written, and by which call."""

_TOGETHER: Final = (("url",), ("title",), ("channel", "channel_id"))
"""Columns that keep their value where a newer list has none. A channel's name and id go together."""


def known_sources(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The newest row of every id in `sources`, by id."""
    return {video_id: row for video_id, (row, _) in _newest(snapshot).items()}


def _newest(snapshot: Snapshot) -> dict[str, tuple[dict[str, Any], datetime]]:
    """The newest row of every id, and when it was written."""
    rows = collect(snapshot.table(SOURCES.name).select(*NAMES, "listed_at"))
    return {
        row["video_id"]: ({name: row[name] for name in NAMES}, row["listed_at"]) for row in rows.iter_rows(named=True)
    }


def add_sources(snapshot: Snapshot, rows: Iterable[Mapping[str, Any]]) -> int:
    """Adds the rows that differ from the newest ones in `sources`; returns how many.

    Args:
        rows: with the columns of `NAMES`. Where url, title or channel is None, the known value is kept.
    """
    known = _newest(snapshot)
    now = datetime.now(UTC)
    new: list[dict[str, Any]] = []
    for given in rows:
        row = {name: given[name] for name in NAMES}
        before, written = known.get(row["video_id"], (None, None))
        for names in _TOGETHER:
            if before is not None and all(row[name] is None for name in names):
                row.update({name: before[name] for name in names})
        if row != before:
            # The newest row counts: it must be newer even if the clock of the machine that wrote the last was ahead.
            later = now if written is None else max(now, written + timedelta(microseconds=1))
            new.append({**row, "ingest_id": new_ingest_id(), "listed_at": later})
    delta.append(snapshot.folder / SOURCES.name, SOURCES, new)
    return len(new)
