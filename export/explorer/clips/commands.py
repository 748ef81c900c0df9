"""What is on the screen as words for a terminal: the `signverse select` line, and the SQL."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

from signverse.lake.model.wording import as_argument
from signverse.lake.query.selection import ORDER, Selection
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.stored_splits import split_videos


def as_command(lake: Path, selection: Selection) -> str:
    """The command that writes the same clips."""
    words = " ".join(map(shlex.quote, selection.to_options()))
    return f"signverse select --lake {as_argument(lake)} {words}{' ' if words else ''}-o clips.parquet"


def as_sql(snapshot: Snapshot, selection: Selection) -> str:
    """The statement for `signverse sql`; in a comment, what SQL does not say."""
    conditions = selection.conditions(partial(split_videos, snapshot))
    where = "\n  and ".join(condition.sql for condition in conditions if condition.sql is not None)
    lines = [f"-- not in SQL: {condition.words}" for condition in conditions if condition.sql is None]
    if selection.sampled:
        lines.append("-- not in SQL: which clips are drawn at random")
    # A comment ends with its line, and what was typed may hold line breaks.
    lines = [" ".join(line.split()) for line in lines]
    lines += ["from clips", *([f"where {where}"] if where else []), f"order by {', '.join(ORDER)}"]
    if selection.limit is not None and not selection.sampled:
        lines.append(f"limit {selection.limit}")
    return "\n".join(lines)
