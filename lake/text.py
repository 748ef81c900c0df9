"""Small words for messages."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], count: int = 3) -> str:
    """The first few of a list: "a, b, c and 7 more"."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown} and {len(names) - count:,} more"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 video", "1,200 videos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lasting(seconds: float) -> str:
    """A duration in the unit that suits it: "14 s", "12.5 min", "3.2 hours"."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"
