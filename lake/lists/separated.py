"""CSV as people write it: the separator, quotes, comments, line ends, and Excel's line `sep=;`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from signverse.lake.lists.addresses import is_address
from signverse.lake.lists.columns import IDENTIFYING, ColumnNames, find_columns
from signverse.lake.lists.records import Records
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import is_youtube_id
from signverse.lake.model.languages import is_known
from signverse.lake.model.wording import some

SEPARATOR_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""The separators that are tried, and what messages call them."""

_HINT: Final = re.compile(r'(?i) *"?sep=(\\t|[^"\w\s]|\t)"?[ ,;|\t]*')
"""Excel's first line that says which separator follows. Saved again, it has as many separators as the other lines."""

_EXCEL_ERROR: Final = re.compile(r"#(?:[^\Wa-z]+(?:/\d)?[?!]|N/A|N/D|NV|#+)\s*$")
"""#NAME?, #REF!, #N/A, #####: cells that a spreadsheet could not work out, in any language of Excel."""

_FORMULA: Final = re.compile(r'="([^"]*)"')
"""A text that is kept from being read as a number: ="00123"."""

_SAMPLE: Final = 200
"""Rows by which the separator is chosen."""


def read_separated(text: str, names: ColumnNames) -> Records:
    """The rows of a CSV, its header among them.

    The separator is the one that Excel's line `sep=` names; else the one that gives a header with the most columns
    known; else the one that gives the same count of cells in each row, and ids among them.

    Raises:
        BadInputError: a quote opens and never closes, and without quotes the rows do not fit either; says where.
    """
    # CR CR LF is what a CR LF becomes that is written in text mode on Windows.
    for line_end in ("\r\r\n", "\r\n", "\r"):
        text = text.replace(line_end, "\n")
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    separator, skipped = _hinted(lines)
    sample = [line for line in lines[skipped : skipped + 5 * _SAMPLE] if line.strip() and not is_comment(line)]
    if separator is None:
        separator = _separator(sample[:_SAMPLE], names)
    header = _commented_header(lines, sample[:1], separator, names)
    if header is not None:
        lines[header] = lines[header].lstrip().lstrip("#").lstrip()
    records = _parse(lines, skipped, separator, names)
    if '="' in text:
        records.rows = [(line, [_FORMULA.sub(r"\1", cell) for cell in cells]) for line, cells in records.rows]
    return records


def is_comment(line: str) -> bool:
    """Whether a line is a comment: it begins with #, and that is not an error of Excel's such as #NAME?."""
    start = line.lstrip()[:40]
    return start.startswith("#") and not _EXCEL_ERROR.match(re.split(r"[,;|\t]", start)[0])


def _hinted(lines: Sequence[str]) -> tuple[str | None, int]:
    """The separator that Excel's line `sep=` names, and how many lines are before the rows."""
    for number, line in enumerate(lines):
        if line.strip():
            hint = _HINT.fullmatch(line)
            return (hint.group(1).replace("\\t", "\t"), number + 1) if hint else (None, 0)
    return None, 0


def _separator(sample: Sequence[str], names: ColumnNames) -> str:
    def fits(separator: str) -> tuple[int, bool, int, int]:
        try:
            rows = list(csv.reader(sample, delimiter=separator, skipinitialspace=True))
        except csv.Error:
            return (0, False, 0, 0)
        widths = Counter(map(len, rows))
        usual = len(rows[0]) if find_columns(rows[0], names) else max(widths, key=lambda width: widths[width])
        even = widths[usual] if usual > 1 else 0
        ids = sum(any(map(_is_id, row)) for row in rows)
        return (len(find_columns(rows[0], names)), even == len(rows), ids, even)

    return max(SEPARATOR_NAMES, key=fits) if sample else ","


def _commented_header(lines: list[str], first: Sequence[str], separator: str, names: ColumnNames) -> int | None:
    """The index of a comment that is the header, as in `# video_id,language`: the last one before the rows."""
    if not first or find_columns(_cells(first[0], separator), names):
        return None
    before = [at for at, line in enumerate(lines[: lines.index(first[0])]) if line.strip()]
    if not before or not is_comment(lines[before[-1]]):
        return None
    cells = _cells(lines[before[-1]].lstrip().lstrip("#"), separator)
    whole = len(cells) == len(_cells(first[0], separator))
    return before[-1] if whole and len(find_columns(cells, names)) >= min(2, len(cells)) else None


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []


class _Lines:
    """Hands lines to csv.reader, and knows in which one a record begins.

    Comments and blank lines are left out and counted where no record is open: inside quotes they are text.
    """

    def __init__(self, lines: Sequence[str], skipped: int) -> None:
        self._lines = lines
        self.next = skipped
        self.between = True
        self.first = 0
        self.comments: list[int] = []
        self.blank = skipped - 1 if skipped else 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self.next < len(self._lines):
            line = self._lines[self.next]
            self.next += 1
            if self.between:
                if not line.strip():
                    self.blank += 1
                    continue
                if line.lstrip(" \ufeff")[:1] == "#" and is_comment(line):
                    self.comments.append(self.next)
                    continue
                self.first = self.next
                self.between = False
            return line + "\n"
        raise StopIteration


class _QuoteError(Exception):
    """A quote that opens in a line does not close, or not where a cell ends."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


_STYLES: Final[tuple[dict[str, Any], ...]] = (
    {"strict": True},
    # As databases and pandas' escapechar write quotes.
    {"strict": True, "escapechar": "\\", "doublequote": False},
)

_AS_TEXT: Final = {"quoting": csv.QUOTE_NONE}


def _parse(lines: Sequence[str], skipped: int, separator: str, names: ColumnNames) -> Records:
    """The rows, with the first way of quoting that fits all of them.

    Raises:
        BadInputError: none does.
    """
    failures: list[_QuoteError] = []
    for style in (*_STYLES[: 1 + any('\\"' in line for line in lines)], _AS_TEXT):
        try:
            records = _read(lines, skipped, separator, names, **style)
        except _QuoteError as error:
            failures.append(error)
            continue
        if style is not _AS_TEXT:
            return records
        widths = {len(cells) for _, cells in records.rows}
        if len(widths) == 1 and widths != {1}:
            why = f"line {failures[0].line}: {failures[0]}; as every row has {widths.pop()} cells, quotes are text"
            records.remarks.append(why)
            return records
    first = failures[0]
    raise BadInputError(f"line {first.line}: {first}", "Close the quote or remove it; inside of quotes double it.")


def _read(lines: Sequence[str], skipped: int, separator: str, names: ColumnNames, **style: Any) -> Records:
    feed = _Lines(lines, skipped)
    records = Records("CSV", separator=separator)
    several: list[str] = []
    width = 0
    columns: dict[str, int] = {}
    try:
        for cells in csv.reader(feed, delimiter=separator, skipinitialspace=True, **style):
            feed.between = True
            if not width:
                width, columns = len(cells), find_columns(cells, names)
            if feed.next > feed.first:
                _check_lines(lines[feed.first - 1 : feed.next], feed.first, separator, width, columns)
                several.append(f"{feed.first} to {feed.next}")
            if any(map(str.strip, cells)):
                records.rows.append((feed.first, cells))
            else:
                records.blank += 1
    except csv.Error as error:
        line, why = _open_quote(lines, feed.first - 1, separator), "a quote opens that is not closed"
        if "limit" in str(error):
            why = "a quote opens that is not closed within 131,072 characters"
        elif "expected after" in str(error):
            why = "text follows where a quote closes"
        raise _QuoteError(line, why) from None
    records.comments = feed.comments
    records.blank += feed.blank
    if several:
        records.remarks.append(f"a row of several lines, in quotes: lines {some(several)}")
    return records


def _check_lines(lines: Sequence[str], first: int, separator: str, width: int, columns: Mapping[str, int]) -> None:
    """Raises _QuoteError where lines of one row are rows themselves: two stray quotes would hide them.

    They are if they have as many cells as the table, and an id of YouTube's or a language where those should be. A
    text of several lines may have commas too, and a word of 11 letters.
    """
    rows = [line.split(separator) for line in lines]
    even = [len(row) == width > 1 for row in rows]
    ids_at = [at for name, at in columns.items() if name in IDENTIFYING] or [0]
    language_at = columns.get("language_label")
    for at, row in enumerate(rows[1:], 1):
        if even[at] and any(_is_id(row[column]) and not _WORD.fullmatch(row[column]) for column in ids_at):
            raise _QuoteError(first, f"the quote that opens takes in line {first + at}, which is a row itself")
    if all(even) and language_at is not None and all(is_known(row[language_at]) for row in rows):
        raise _QuoteError(first, f"the quote that opens takes in line {first + 1}, which is a row itself")


_WORD: Final = re.compile(r"\s*[^\W_]?[^\W\d_A-Z]*\s*")


def _is_id(cell: str) -> bool:
    cell = cell.strip()
    return is_youtube_id(cell) or is_address(cell)


def _open_quote(lines: Sequence[str], start: int, separator: str) -> int:
    """The number of the line with the quote at fault, in the record that begins at index `start`.

    That is the quote that is open at the end of the list, or the one behind which text follows.
    """
    opened, inside, cell_begins = start, False, True
    for at in range(start, len(lines)):
        line, place = lines[at], 0
        while place < len(line):
            letter = line[place]
            if inside and letter == '"':
                if line[place + 1 : place + 2] == '"':
                    place += 1
                else:
                    inside = False
                    if line[place + 1 : place + 2] not in ("", separator):
                        return opened + 1
            elif not inside and letter == '"' and cell_begins:
                inside, opened = True, at
            cell_begins = not inside and (letter == separator or (cell_begins and letter == " "))
            place += 1
        if not inside:
            break
    return opened + 1
