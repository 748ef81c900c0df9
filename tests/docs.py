"""Writes docs/sql.md from the comments of the SQL files and the schema: `just docs`. A test compares."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from signverse.lake.lake import Lake
from signverse.lake.query import reports, session

PAGE = Path(__file__).parent.parent / "docs" / "sql.md"

HEAD = """# The SQL of a lake

<!-- made by `just docs` from the comments in sql/ and the schema: change it there -->

`signverse sql "..." --lake LAKE` runs one statement that reads, in DuckDB's SQL, and without one it is a prompt;
`signverse.open("LAKE").duckdb()` is the same session in Python. Times are seconds, frames are counted from 0 at 24 a
second, ranges of frames are half-open, coordinates are pixels of the video's width and height. What one may ask with
all this is shown in [ten questions](questions.md).
"""

TABLES = {
    "languages": "The sign languages that are known, with the names that the macro language() takes.",
    "skeleton": "The 128 joints: their names, and their place among all (`point`) and in the lists of their part "
    "(`index`), both from 0.",
}


@dataclass(frozen=True)
class Entry:
    """A view or a macro: how it is written in a query, what its comment says, and the examples there."""

    kind: str
    name: str
    call: str
    about: str
    examples: list[str]


def _paragraph(comment: str) -> tuple[str, list[str]]:
    """The words of a comment, and its examples, each of which goes on to the end of the comment or the next."""
    text = " ".join(line.removeprefix("--").strip() for line in comment.strip().splitlines())
    about, *examples = text.split("Example: ")
    return about.strip(), [example.strip() for example in examples]


def entries(file: str) -> list[Entry]:
    """What a SQL file makes, in its order; whatever has no comment is an error."""
    source = (session.sql_folder() / file).read_text(encoding="utf-8")
    found = []
    pattern = r"((?:^--.*\n)*)^create (view|macro) (\w+)(\([^)]*\))?( as table)?"
    for comment, kind, name, parameters, _ in re.findall(pattern, source, re.M):
        assert comment, f"{name} has no comment"
        about, examples = _paragraph(comment)
        found.append(Entry(kind, name, f"{name}{parameters}", about, examples))
    return found


def _columns(con: duckdb.DuckDBPyConnection, name: str) -> str:
    rows = con.execute(f"describe {name}").fetchall()
    columns = ", ".join(f"`{column}` {kind.lower()}" for column, kind, *_ in rows)
    return f"Columns: {columns}."


def page() -> str:
    """docs/sql.md."""
    parts = [HEAD, "## Views and tables\n"]
    with tempfile.TemporaryDirectory() as folder, Lake.create(Path(folder) / "lake").duckdb() as con:
        for view in entries("views.sql"):
            parts.append(f"### {view.name}\n\n{view.about}\n\n{_columns(con, view.name)}\n")
        for name, about in TABLES.items():
            parts.append(f"### {name}\n\n{about}\n\n{_columns(con, name)}\n")
    parts.append("## Macros\n")
    for macro in entries("macros.sql"):
        if macro.examples:
            examples = "\n".join(f"{example};" for example in macro.examples)
            parts.append(f"### {macro.call}\n\n{macro.about}\n\n```sql\n{examples}\n```\n")
    parts.append(
        "## Reports\n\n`signverse stats NAME --lake LAKE` prints one, `--format csv|json|parquet` and `-o FILE` write "
        "it with all columns, `--plot FILE.png` (or `.svg`, `.pdf`) draws it. Each is one file in sql/reports/.\n"
    )
    for name in reports.report_names():
        report = reports.find_report(name)
        assert report.about, f"the report {name} has no comment"
        columns = ", ".join(f"`{column}`" for column in report.short_form)
        parts.append(f"### {name}\n\n{report.about}\n\nOn the terminal, without `--wide`: {columns}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
