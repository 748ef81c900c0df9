"""Values from outside as Python's own: numbers, booleans, times, texts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import Any, Final

from signverse.lake.model.errors import BadInputError

LARGEST_FLOAT: Final = sys.float_info.max


def is_number(value: Any) -> bool:
    """Whether a value is a real number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def number(value: Any) -> Any:
    """A number as an int or a float, which JSON can hold; anything else, and what a float cannot hold, as it is."""
    if not is_number(value):
        return value
    try:
        return int(value) if isinstance(value, Integral) else float(value)
    except OverflowError:
        return value


def moment(value: Any) -> Any:
    """A datetime in UTC; anything else, one without a time zone and one outside the calendar, as it is.

    Polars compares only times of the same zone, and Python none that a clock shows twice.
    """
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return value


def is_boolean(value: Any) -> bool:
    """Whether a value is True or False, of Python or NumPy."""
    # NumPy's is recognized by its name (bool_ in NumPy 1): importing NumPy would slow every start.
    return isinstance(value, bool) or (type(value).__module__ == "numpy" and type(value).__name__ in {"bool", "bool_"})


def check_utf8(text: str) -> None:
    """Raises BadInputError where a text cannot be encoded as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInputError(f"{text[:40]!a} is not UTF-8") from None


def part_score(item: str) -> tuple[str, float]:
    """Reads PART=SCORE; raises ValueError where it is not that."""
    part, _, score = item.partition("=")
    try:
        return part.strip(), float(score)
    except ValueError:
        raise ValueError(f"'{item}' is not PART=SCORE, such as right_hand=0.5") from None


def encodable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without lone surrogates: JSON escapes and file names may contain them, and UTF-8 columns cannot."""
    return {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in row.items()}
