"""Markdown in which other people's texts are text: they make no link, no HTML, no table and no line of their own.

They stand in spans of code: a backslash keeps no reader from making links of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from signverse.lake.model.untrusted.terminal_text import clean

_LONGEST: Final = 200
"""Characters of a text from outside that a card shows."""


def plain(text: object) -> str:
    """A text from outside on one line, at most 200 characters of it, without what turns lines around or is not seen."""
    shown = " ".join(clean(str(text)[: 2 * _LONGEST], escape=lambda _: " ").split())
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."


def quoted(text: object) -> str:
    """A text from outside as a span of code, in which no reader of Markdown finds links, HTML or formulas.

    Not for the cells of tables: a bar would end one, inside code as well.
    """
    shown = plain(text)
    if not shown:
        return "(none)"
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    blank = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def word(text: object) -> str:
    """A code of a language from outside: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9-]", "?", str(text)[:40])


def number(value: float | None, digits: int = 0) -> str:
    """A number for a table: 1,234 or 0.53; "" where it is not known."""
    return "" if value is None else f"{value:,.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> str:
    """A table.

    Args:
        rows: cells as Markdown, none of them from outside.
        numbers: columns at the right whose cells are aligned right.
    """
    rule = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def code(text: str, language: str) -> str:
    """A block of code, fenced longer than any fence inside."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"
