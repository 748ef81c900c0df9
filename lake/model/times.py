"""Reading times."""

from __future__ import annotations

from datetime import UTC, datetime

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
