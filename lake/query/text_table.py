"""Rows as a table of text that fits a terminal: numbers aligned, texts cut with an ellipsis, identifiers whole."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final

import polars as pl
from rich.cells import cell_len, set_cell_size

from signverse.lake.model.untrusted.terminal_text import clean
from signverse.lake.model.wording import counted

MAX_ROWS: Final = 60
"""Rows of a table: of more, the first and the last ones are shown, with their number."""

HIDDEN_HINT: Final = "shown by --wide"
"""How to see the columns that do not fit: every command that prints rows takes --wide."""

_GAP: Final = "  "

_ELLIPSIS: Final = "\u2026"

_NULL: Final = "-"

_LEAST_TEXT: Final = 12
"""Characters of a text column that has to give way; one that needs fewer is never cut."""

_IDENTIFIER: Final = re.compile(r"(?!ingest_)(\w+_)?id")
"""Columns that are of no use when they are cut; an ingest_id has 36 characters and is rarely copied."""


@dataclass
class _Column:
    """A column of the table as text.

    Attributes:
        heading: the lines of the heading.
        cells: a text for each row.
        right: align to the right, as numbers are.
        whole: cut it only when it is the last column left.
    """

    heading: list[str]
    cells: list[str]
    right: bool
    whole: bool

    def width(self) -> int:
        """The width at which nothing is cut, in terminal cells."""
        return max(cell_len(text) for text in (*(word.rstrip() for word in self.heading), *self.cells))

    def least(self) -> int:
        """The smallest width that the column may get, in terminal cells; headings are never cut."""
        if self.whole:
            return self.width()
        return max(min(self.width(), _LEAST_TEXT), *(cell_len(word.rstrip()) for word in self.heading))


def format_table(rows: pl.DataFrame, width: int | None, hint: str = HIDDEN_HINT) -> str:
    """A table with its headings, a line a row.

    Args:
        width: of the terminal. Texts are cut to fit it, headings are broken at underscores and blanks, and the last
            columns are left out if that is not enough, which a line below says. None for no limit.
        hint: what that line says of how to see them.

    Raises:
        PolarsError, PanicException: a value has no text.
    """
    shown = rows if rows.height <= MAX_ROWS else pl.concat([rows.head(MAX_ROWS // 2), rows.tail(MAX_ROWS // 2)])
    columns = [_column(name, shown[name]) for name in shown.columns]
    if rows.height > MAX_ROWS:
        for column in columns:
            column.cells.insert(MAX_ROWS // 2, _ELLIPSIS)
    widths = _fit(columns, width)
    hidden = rows.columns[len(widths) :]
    height = max((len(column.heading) for column in columns[: len(widths)]), default=0)
    lines = [_line(columns, widths, [_heading(column, height, i) for column in columns]) for i in range(height)]
    lines.append(_GAP.join("\u2500" * size for size in widths))
    lines += [_line(columns, widths, [column.cells[i] for column in columns]) for i in range(_height(columns))]
    if rows.height > MAX_ROWS:
        lines.append(f"({rows.height:,} rows, {MAX_ROWS} shown)")
    elif rows.is_empty():
        lines.append("(0 rows)")
    if hidden:
        names = ", ".join(map(clean, hidden))
        note = f"({counted(len(hidden), 'more column')}, {hint}: {names})"
        lines.append(note if cell_len(note) <= (width or 0) else _cut(note, (width or 0) - 1) + ")")
    return "\n".join(lines) + "\n"


def _height(columns: list[_Column]) -> int:
    return len(columns[0].cells) if columns else 0


def _column(name: str, values: pl.Series) -> _Column:
    kind = values.dtype
    if kind.is_float():
        cells = _decimals(values)
    elif isinstance(kind, pl.Datetime):
        zone = "Z" if kind.time_zone == "UTC" else ""
        cells = [_NULL if text is None else text + zone for text in values.dt.strftime("%Y-%m-%d %H:%M:%S")]
    else:
        cells = [_NULL if text is None else text for text in _texts(values)]
    whole = kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean or bool(_IDENTIFIER.fullmatch(name))
    return _Column([clean(name)], cells, kind.is_numeric(), whole)


def _texts(values: pl.Series) -> list[str | None]:
    kind = values.dtype
    if kind == pl.Binary:
        return values.bin.encode("hex").to_list()
    if kind.is_nested() or kind in (pl.Object, pl.Null):
        return [
            None if value is None else clean(json.dumps(value, default=str, ensure_ascii=False))
            for value in values.to_list()
        ]
    # Titles and captions are other people's: a terminal would obey the control characters in them.
    return [None if text is None else clean(text) for text in values.cast(pl.String)]


def _decimals(values: pl.Series) -> list[str]:
    """Numbers with as many decimals as the column needs: six digits of the largest, two digits of the smallest."""
    finite = [abs(value) for value in values.to_list() if value and math.isfinite(value)]
    if finite and (max(finite) >= 1e15 or min(finite) < 1e-4):
        return [_NULL if value is None else f"{value:.6g}" for value in values.to_list()]
    smallest = 1 - math.floor(math.log10(min(finite))) if finite else 0
    most = max(3, 6 - len(str(int(max(finite, default=0)))), smallest)
    digits = max((len(f"{value:.{most}f}".rstrip("0").partition(".")[2]) for value in finite), default=0)
    return [_NULL if value is None else f"{value:.{digits}f}" for value in values.to_list()]


def _fit(columns: list[_Column], width: int | None) -> list[int]:
    """Widths of the columns; fewer than there are where not all fit."""
    widths = [column.width() for column in columns]
    if width is None or _total(widths) <= width:
        return widths
    for column in columns:
        column.heading = re.findall(r"[^_ ]+[_ ]?|[_ ]", column.heading[0]) or [""]
    widths, least = [min(column.width(), width) for column in columns], [column.least() for column in columns]
    while _total(least) > width and len(least) > 1:
        widths.pop()
        least.pop()
    while _total(widths) > width:
        widest = max(range(len(widths)), key=lambda i: widths[i] - least[i])
        # Of one column alone nothing is left to give: it is cut.
        widths[widest] -= 1 if widths[widest] > least[widest] else _total(widths) - width
    for column, size in zip(columns, widths, strict=False):
        column.heading = _joined(column.heading, size)
    return widths


def _joined(words: list[str], width: int) -> list[str]:
    """Words of a heading in as few lines as its column's width allows."""
    lines = [""]
    for word in words:
        if lines[-1] and cell_len(lines[-1] + word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _total(widths: list[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _heading(column: _Column, height: int, line: int) -> str:
    """A line of the headings, which stand on the line below them."""
    above = height - len(column.heading)
    return column.heading[line - above] if line >= above else ""


def _line(columns: list[_Column], widths: list[int], cells: list[str]) -> str:
    shown = []
    for column, width, cell in zip(columns, widths, cells, strict=False):
        text = cell if cell_len(cell) <= width else _cut(cell, width)
        blanks = " " * (width - cell_len(text))
        shown.append(blanks + text if column.right else text + blanks)
    return _GAP.join(shown).rstrip()


def _cut(text: str, width: int) -> str:
    return set_cell_size(text, max(0, width - 1)).rstrip() + _ELLIPSIS
