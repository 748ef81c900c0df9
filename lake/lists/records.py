"""What the readers of the formats give: rows of cells, and what else was in the file."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Records:
    """The content of a list, before its columns are known.

    Rows, broken records, comments and blank lines together are all that the file holds, but for lines that name
    columns or a separator.

    Attributes:
        format: CSV, JSON, JSON lines or Parquet.
        unit: what the numbers of rows count: line, record or row.
        names: of the columns, where the format has them; None in a CSV, whose first row may have them.
        rows: number (of the line, from 1) and cells of each.
        broken: number and reason of each record that cannot be read.
        comments: lines that begin with #.
        blank: lines without anything.
        separator: of a CSV.
        remarks: what else a person should know.
    """

    format: str
    unit: str = "line"
    names: list[str] | None = None
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)
    comments: list[int] = field(default_factory=list)
    blank: int = 0
    separator: str | None = None
    remarks: list[str] = field(default_factory=list)
