"""ASS and SSA: a `Dialogue:` line a cue, with fields in the order that `Format:` gives.

pysubs2, the known library, refuses a whole file for one bad time and ignores `Format:`; here each line counts alone.
"""

from __future__ import annotations

import re
from typing import Final

from signverse.ingest.captions.cleaning import clean
from signverse.ingest.captions.formats.encodings import lines_of
from signverse.ingest.captions.formats.reading import UNREADABLE, Reading

BEGINNING: Final = re.compile(r"\s*(?:;[^\n]*\n\s*)*\[(?:Script Info|V4\+? Styles|Events)\]", re.I)
DIALOGUE: Final = "dialogue:"

_FIELDS: Final = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
"""Of files without `Format:`. The first is called otherwise in SSA."""

_TIME: Final = re.compile(r"(-?)(\d{1,5}):(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,9}))?")
_DRAWING: Final = re.compile(r"\{(?=[^{}]*\})[^{}]*\\p[1-9][^{}]*\}.*?(?=\{[^{}]*\\p0|$)")
"""Shapes: numbers for a pen, between \\p1 and \\p0. Without a closing bracket each \\p1 would be tried in vain."""

_OVERRIDE: Final = re.compile(r"\{[^{}]*\}")
"""Styling and comments."""

_SYLLABLE: Final = re.compile(r"\\[Nn]")
NO_TEXT_BUT_SHAPES: Final = "are drawings"


def read_ass(text: str, reading: Reading) -> None:
    """Reads the text of an ASS or SSA file."""
    order: tuple[str, ...] = _FIELDS
    section = ""
    for number, line in enumerate(lines_of(text), 1):
        key, _, rest = line.strip().partition(":")
        if key.startswith("["):
            section = key.lower()
        elif key.lower() == "format" and section == "[events]":
            order = tuple(name.strip().lower() for name in rest.split(","))
        elif f"{key.lower()}:" == DIALOGUE and section not in {"[fonts]", "[graphics]"}:
            reading.find()
            _read_line(rest, order, number, reading)


def _read_line(rest: str, order: tuple[str, ...], number: int, reading: Reading) -> None:
    values = rest.split(",", len(order) - 1)
    fields = dict(zip(order, values, strict=False))
    start, end = (_TIME.fullmatch(fields.get(name, "").strip()) for name in ("start", "end"))
    if start is None or end is None or "text" not in fields:
        reading.leave_out(UNREADABLE, number)
        return
    lines, is_drawing = words_of(fields["text"])
    if is_drawing and not any(lines):
        reading.leave_out(NO_TEXT_BUT_SHAPES, number)
    else:
        speaker = fields.get("name", fields.get("actor", "")).strip()
        reading.take(_seconds(start), _seconds(end), lines, number, speaker)


def words_of(text: str) -> tuple[tuple[str, ...], bool]:
    """The lines of a Dialogue's text without styling and drawings, and whether it holds drawings."""
    without = _DRAWING.sub("", text)
    plain = _OVERRIDE.sub("", without).replace(r"\h", " ")
    return tuple(clean(line, entities=False) for line in _SYLLABLE.split(plain)), without != text


def _seconds(match: re.Match[str]) -> float:
    sign, hours, minutes, seconds, fraction = match.groups("")
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    value: float = (whole * 10 ** len(fraction) + int(fraction or 0)) / 10 ** len(fraction)
    return -value if sign else value
