"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

from signverse.lake.model.errors import BadInputError


def read_time(text: str) -> datetime:
    """A moment from ISO 8601, such as 2026-11-22 or 2026-11-22T08:30+01:00; without a zone it is UTC.

    Raises:
        BadInputError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInputError(f"'{text[:40]}' is no time", "Such as 2026-11-22 or 2026-11-22T08:30Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
