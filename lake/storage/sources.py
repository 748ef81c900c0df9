"""The table `sources`: the videos of manifests and lists of channels. Reading such CSV files, adding to the table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import SOURCES
from signverse.lake.storage import delta
from signverse.lake.storage.snapshot import Snapshot, collect

NAMES: Final = tuple(name for name in SOURCES.schema.names if name not in {"ingest_id", "listed_at"})
"""The columns about a video: all but those that say when the row was written, and by which call."""

_TOGETHER: Final = (("url",), ("title",), ("channel", "channel_id"))
"""Columns that keep their value where a newer list has none. A channel's name and id go together."""


def read_rows(path: Path, noun: str) -> list[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, with their line numbers; separated by commas, tabs or semicolons.

    Args:
        noun: what the file is, for messages.

    Raises:
        BadInputError: the file cannot be read as CSV.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Whole: it may be a pipe, and the largest manifest has less than a megabyte.
            text = file.read()
        start = text[:4096].split("\n", 1)[0]
        # Spreadsheets write semicolons where the comma is the decimal separator.
        delimiter = next((mark for mark in (",", "\t", ";") if mark in start), ",")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        # The reader is lazy: it raises while it is iterated.
        return [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except OSError as error:
        raise BadInputError(f"{noun} {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{noun} {path} is not a CSV in UTF-8: {error}") from None


def columns_of(path: Path, first: list[str], names: Mapping[str, set[str]]) -> dict[str, int] | None:
    """The index of each of our columns, or None where the first row is not a header.

    Args:
        names: by our column, the names that it has in headers; with video_id.

    Raises:
        BadInputError: a header names no video id.
    """
    cells = ["_".join(re.split(r"[\s_-]+", cell.strip().casefold())) for cell in first]
    found = {
        ours: next(i for i, cell in enumerate(cells) if cell in theirs)
        for ours, theirs in names.items()
        if any(cell in theirs for cell in cells)
    }
    if not found:
        return None
    if "video_id" not in found:
        raise BadInputError(
            f"the header of {path} names no video id: {', '.join(first)[:200]}",
            "Call the column video_id, or remove the header.",
        )
    return found


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
