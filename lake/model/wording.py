"""Numbers, durations and sizes in messages, and the text of a whole video."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.places import as_typed


def some(names: Sequence[str], count: int = 3) -> str:
    """The first few of a list: "a, b, c and 7 more"."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown} and {len(names) - count:,} more"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 video", "1,200 videos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def as_argument(path: Path) -> str:
    """A path as one types it in a command: relative where it lies in the folder that one is in."""
    address = as_typed(str(path))
    if address != str(path):
        return shlex.quote(address)
    try:
        path = path.relative_to(Path.cwd())
    except (ValueError, OSError):
        # It lies elsewhere; or the folder is gone.
        return shlex.quote(str(path))
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def printable(text: str) -> str:
    """A name from outside as a message shows it, of at most 60 characters: letters of any script, the rest escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:60])


def shown(value: Any) -> str:
    """A value as a message shows it, of at most 60 characters: 0.5, '2 s', [1, 2, 3]."""
    if isinstance(value, float):
        return f"{value:g}"
    try:
        # On one line: an array's or a frame's has several.
        return " ".join(ascii(value).split())[:60]
    except ValueError:
        return "a number of thousands of digits"  # Which Python does not write out.


def lasting(seconds: float) -> str:
    """A duration in a fitting unit: "14 s", "12.5 min", "3.2 hours"."""
    if 0 < seconds < 0.1:
        return "less than 0.1 s"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def size_of(count: int) -> str:
    """A number of bytes in a fitting unit: "14 kB", "1.25 GB"."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def byte_size(text: str) -> int:
    """A size such as 500MB, 2GB or 1.5 TiB in bytes.

    Raises:
        BadInputError: the text is not a size.
    """
    # Of at most 15 digits: enough for any disk, and exact.
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kKMGT])(i?))?B?\s*", text)
    power = " kMGT".index((match.group(2) or " ").replace("K", "k")) if match else 0
    size = int(float(match.group(1)) * (1024 if match.group(3) else 1000) ** power) if match else 0
    if not size:
        raise BadInputError(f"'{text[:40]}' is not a size", "Such as 500MB, 2GB or 1.5TB.")
    return size


def document_text(segments: Sequence[Mapping[str, Any]]) -> str | None:
    """The text of a whole video: its segments' texts in order. What is said twice is in it twice."""
    return " ".join(row["text"] for row in segments if row["text"]) or None
