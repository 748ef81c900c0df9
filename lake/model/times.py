"""Reading times, and the version of a lake at one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from signverse.lake.model.errors import BadInputError


def read_time(text: str) -> datetime:
    """Reads a time in ISO 8601, such as 2026-11-22 or 2026-11-22T08:30+01:00; UTC without a time zone.

    Raises:
        BadInputError: the text is not a time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInputError(f"'{text[:40]}' is not a time", "Such as 2026-11-22 or 2026-11-22T08:30Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def version_at(when: datetime, committed: Mapping[int, datetime], lake: Path) -> int:
    """The newest version of a lake that was committed by then.

    Args:
        committed: when each version was.

    Raises:
        BadInputError: the time has no zone, or there was no version yet.
    """
    if when.tzinfo is None:
        raise BadInputError(f"the time {when} has no time zone", "Such as 2026-11-22T08:00Z.")
    before = [version for version, at in committed.items() if at <= when]
    if not before:
        first = min(committed.values(), default=None)
        raise BadInputError(
            f"the lake {lake} has no version of {when.isoformat()}",
            f"Its oldest is of {first.isoformat()}." if first else "",
        )
    return max(before)
