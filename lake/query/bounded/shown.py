"""Rows as texts for a page: long cells are cut, as they would be on a screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

LONGEST: Final = 300
"""Characters of a cell."""


@dataclass(frozen=True)
class Shown:
    """Rows for a page.

    Attributes:
        columns: their names.
        rows: cells as texts, None where there is no value.
        cut: how many cells were longer than LONGEST.
        left_out: how many rows follow that are not among these, as far as they were counted.
        counted: whether all of them were.
        answer: the answer in words, a line each.
    """

    columns: list[str]
    rows: list[list[str | None]]
    cut: int = 0
    left_out: int = 0
    counted: bool = True
    answer: list[str] = field(default_factory=list)


def shown(
    rows: pl.DataFrame,
    *,
    left_out: int = 0,
    counted: bool = True,
    answer: list[str] | None = None,
    most: int | None = None,
) -> Shown:
    """Rows as texts.

    Args:
        most: so many of them; the others are left out, too.
    """
    kept = rows if most is None else rows.head(most)
    cells = [[None if cell is None else _text(cell) for cell in row] for row in kept.iter_rows()]
    cut = sum(cell is not None and len(cell) > LONGEST for row in cells for cell in row)
    lines = [[None if cell is None else _cut(cell) for cell in row] for row in cells]
    return Shown(rows.columns, lines, cut, left_out + rows.height - kept.height, counted, answer or [])


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} \u2026"
