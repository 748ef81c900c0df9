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
