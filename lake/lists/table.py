"""A list of people's as rows with our names for its columns, whatever its format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.lists.addresses import is_address, is_file
from signverse.lake.lists.columns import IDENTIFYING, ColumnNames, find_columns
from signverse.lake.lists.records import Records
from signverse.lake.lists.separated import SEPARATOR_NAMES, read_separated
from signverse.lake.lists.structured import read_json, read_parquet
from signverse.lake.lists.text import decode
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.ids import is_youtube_id
from signverse.lake.model.languages import resolve
from signverse.lake.model.untrusted.regular_files import read_given
from signverse.lake.model.wording import counted, some


@dataclass(frozen=True)
class Row:
    """A row: its number in the file (see `Table.unit`), and its cells by our column, without blanks around them."""

    number: int
    cells: Mapping[str, str]


@dataclass
class Table:
    """The content of a list.

    Attributes:
        path: of the file.
        format: CSV, JSON, JSON lines or Parquet.
        encoding: of the text: UTF-8, UTF-16; None for Parquet.
        separator: of a CSV.
        unit: what the numbers of rows count: line, record or row.
        header: the names of its columns; None where it has none.
        columns: by our column, its index.
        rows: all that may be used.
        refused: number and reason of each row that cannot be used.
        comments, blank: lines that begin with #, and empty ones.
        first_values: by index of a column, its first three values.
        remarks: what else a person should know.
    """

    path: Path
    format: str
    encoding: str | None
    separator: str | None
    unit: str
    header: list[str] | None
    columns: dict[str, int]
    rows: list[Row]
    refused: list[tuple[int, str]]
    comments: int
    blank: int
    first_values: list[list[str]]
    remarks: list[str]

    @property
    def unused(self) -> list[int]:
        """The indices of the columns that are not used."""
        return [index for index in range(len(self.first_values)) if index not in self.columns.values()]

    def name_of(self, index: int) -> str:
        """What a message calls a column; rows may have more of them than the header names."""
        named = self.header[index : index + 1] if self.header else []
        return "".join(named).strip() or f"column {index + 1}"

    @property
    def form(self) -> str:
        """The format in words: "CSV in UTF-8, separated by semicolons, with a header"."""
        parts = [f"{self.format} in {self.encoding}" if self.encoding else self.format]
        if self.separator:
            parts.append(f"separated by {SEPARATOR_NAMES.get(self.separator, self.separator)}")
            parts.append("with a header" if self.header else "without a header")
        return ", ".join(parts)

    def account(self, *parts: str) -> str:
        """In one line what was read: the file and its format, and the counts."""
        return f"{self.path} ({self.form}): {self.counts(*parts)}"

    def counts(self, *parts: str) -> str:
        """What became of the rows, how many comments and blank lines there are, and which columns are not used.

        Args:
            parts: how many rows were taken, refused, repeated.
        """
        counts = [*parts]
        if self.comments:
            counts.append(counted(self.comments, "comment"))
        if self.blank:
            counts.append(counted(self.blank, "blank line"))
        unused = [self.name_of(index) for index in self.unused]
        columns = f"; columns not used: {some(unused, 8)}" if unused else ""
        return f"{', '.join(counts)}{columns}"


def read_table(
    path: Path, noun: str, names: ColumnNames, positions: Sequence[str], *, every_column: bool = False
) -> Table:
    """Reads a list.

    Args:
        noun: what the file is, for messages: manifest.
        names: by our column, what people call it.
        positions: our columns in a file without a header, from the first.
        every_column: whether the other columns are taken too, under their own names.

    Raises:
        BadInputError: the file cannot be read, is empty, or has a header that names none of the columns that tell
            which video a row is about.
    """
    what = f"{noun} {path}"
    # Whole: it may be a pipe.
    data = read_given(path, _MAX_BYTES, what)
    if data.startswith(b"PAR1"):
        return _table(path, what, read_parquet(data, what), None, names, positions, every_column)
    text, encoding = decode(data, what)
    if _JSON.match(text):
        return _table(path, what, read_json(text, what, names), encoding, names, positions, every_column)
    try:
        records = read_separated(text, names)
    except BadInputError as error:
        raise BadInputError(f"{what} is not a CSV that can be read: {error.message}", error.hint) from None
    return _table(path, what, records, encoding, names, positions, every_column)


def _table(
    path: Path,
    what: str,
    records: Records,
    encoding: str | None,
    names: ColumnNames,
    positions: Sequence[str],
    every_column: bool,
) -> Table:
    if not records.rows and not records.broken:
        raise BadInputError(f"{what} is empty", f"A row is: {', '.join(positions).replace('_', ' ')}.")
    remarks = list(records.remarks)
    header, rows, titles = _header(records, names, positions, remarks)
    columns = find_columns(header, names) if header else {}
    if "file" in columns and not any(is_file(row[columns["file"]]) for _, row in rows if columns["file"] < len(row)):
        # A path of something else, or a number of a file.
        del columns["file"]
    if header and columns and not columns.keys() & IDENTIFYING.keys():
        ids_at = [at for at in range(len(header)) if all(at < len(row) and _is_sure_id(row[at]) for _, row in rows)]
        if rows and len(ids_at) == 1:
            columns["video_id"] = ids_at[0]
            remarks.append(f"the column {_shown([header[ids_at[0]]])!r} holds ids: read as video_id")
    if header and not columns.keys() & IDENTIFYING.keys() and (columns or records.names is not None):
        raise BadInputError(
            f"the header of {path} names no video id: {_shown(header)}", "Call the column video_id, or url."
        )
    if every_column:
        for index, name in enumerate(header or ()):
            if index not in columns.values():
                columns.setdefault(name.strip(), index)
    if not columns:
        columns = {ours: at for at, ours in enumerate(positions)}
    width = max([len(header or ()), *(len(cells) for _, cells in rows)])
    table = Table(
        path=path,
        format=records.format,
        encoding=encoding,
        separator=records.separator,
        unit=records.unit,
        header=header,
        columns={ours: at for ours, at in columns.items() if at < width},
        rows=[],
        refused=list(records.broken),
        comments=len(records.comments) + titles,
        blank=records.blank,
        first_values=_first_values(rows, len(header) if header else width),
        remarks=remarks,
    )
    _take(table, rows)
    return table


def _header(
    records: Records, names: ColumnNames, positions: Sequence[str], remarks: list[str]
) -> tuple[list[str] | None, list[tuple[int, list[str]]], int]:
    """The names of the columns, the rows below them, and how many titles are above."""
    header, rows, titles = records.names, records.rows, 0
    if header is None and rows:
        titles = _titles(rows, names)
        if titles:
            above = [_shown(list(filter(None, cells))) for _, cells in rows[:titles]]
            remarks.append(f"above the header, not used: {some(above)}")
        rows = rows[titles:]
        first = rows[0][1]
        if find_columns(first, names):
            header = first
        elif _looks_like_names(rows, positions):
            header = first
            remarks.append(
                f"{records.unit} {rows[0][0]} seems to name the columns, by names that are not known "
                f"({_shown(first)}): read as {', '.join(positions[: len(first)])}"
            )
        if header:
            rows = rows[1:]
        if header and rows and all(_is_numbered(cells, len(header)) for _, cells in rows):
            header = ["", *header]
            remarks.append("each row has a number in front that the header does not name, as R writes them: not used")
    twice = [name.strip() for name, times in Counter(header or ()).items() if times > 1 and find_columns([name], names)]
    if twice:
        remarks.append(f"several columns are called {some(twice)}: the first is used")
    return header, rows, titles


def _titles(rows: Sequence[tuple[int, list[str]]], names: ColumnNames) -> int:
    """How many rows are above the header: a table's title, as Numbers and people write it; 0 where no header is."""
    for at, (_, cells) in enumerate(rows[:_MOST_TITLES]):
        if len(find_columns(cells, names)) > 1:
            return at
        held = [cell.strip() for cell in cells if cell.strip()]
        if len(held) > 1 or any(map(_is_sure_id, held)):
            break
    return 0


def _is_numbered(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width + 1 and cells[0].isdecimal() and bool(cells[-1].strip())


def _take(table: Table, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Puts rows into a table; refuses those with more cells than the header, and leaves out the header repeated."""
    width = len(table.header) if table.header else None
    repeated: list[str] = []
    for number, cells in rows:
        if width is not None and len(cells) > width and any(cell.strip() for cell in cells[width:]):
            why = f"{len(cells)} cells, and the header has {width}: a text with a separator in it needs quotes"
            table.refused.append((number, why))
        elif cells == table.header and table.format == "CSV":
            repeated.append(str(number))
        else:
            # A line break around an id is not a typing error as a blank is.
            taken = {ours: cells[at].strip(" \t\xa0") if at < len(cells) else "" for ours, at in table.columns.items()}
            table.rows.append(Row(number, taken))
    if repeated:
        table.comments += len(repeated)
        table.remarks.append(f"the header is there again in {table.unit} {some(repeated)}")


def _first_values(rows: Sequence[tuple[int, list[str]]], width: int) -> list[list[str]]:
    values: list[list[str]] = [[] for _ in range(width)]
    for _, cells in rows[:1000]:
        for at, cell in enumerate(cells[:width]):
            if len(values[at]) < 3 and cell.strip():
                values[at].append(cell.strip())
    return values


def _looks_like_names(rows: Sequence[tuple[int, list[str]]], positions: Sequence[str]) -> bool:
    """Whether the first row seems to be a header: words, where all other rows begin with an id of YouTube's or so."""
    cells = [cell.strip() for cell in rows[0][1]]
    others = [row[0].strip() for _, row in rows[1:1000]]
    if not others or not all(_is_sure_id(cell) for cell in others) or _is_sure_id(cells[0]):
        return False
    if "language_label" in positions[: len(cells)] and is_language(cells[positions.index("language_label")]):
        return False
    return all(_WORDS.fullmatch(cell) for cell in cells) and len(set(cells)) == len(cells)


# yt-dlp writes null for a video that it could not read, also in the first line.
_JSON: Final = re.compile(r"\s*(null\s+)*[\[{]")

_MAX_BYTES: Final = 256 << 20
"""Of a list: millions of rows. The largest manifest has less than a megabyte."""

_MOST_TITLES: Final = 6
"""Rows among which the header is looked for."""

_WORDS: Final = re.compile(r"[^\W\d_][\w .()/-]{0,40}")


def _is_sure_id(cell: str) -> bool:
    return is_youtube_id(cell) or is_address(cell) or is_file(cell)


def is_language(text: str) -> bool:
    """Whether a text names one sign language."""
    try:
        resolve(text)
    except UnknownLanguageError:
        return False
    return True


def _shown(cells: Sequence[str]) -> str:
    return ", ".join(cell.strip() for cell in cells)[:200]
