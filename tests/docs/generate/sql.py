"""docs/reference/sql.md: views, macros and reports, from the comments of the SQL files and from a session."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from signverse.lake.lake import Lake
from signverse.lake.model.schema import TABLES
from signverse.lake.model.thresholds import SEEN
from signverse.lake.query import reports, session

HEAD = """# SQL

<!-- Made by `just docs` from the comments in sql/ and the schema: change it there. -->

`signverse sql "..." --lake LAKE` runs one statement that reads, in DuckDB's SQL. Without a statement it opens a prompt.
`signverse.open("LAKE").duckdb()` is the same session in Python. Queries read the lake and no other file, unless
`--files` (in Python `files=True`) allows it: `from videos semi join 'mine.csv' using (video_id)`. Times are seconds,
frames are counted from 0 at 24 a second, frame ranges are half-open, and coordinates are pixels of the video's width
and height. For examples see [Ten questions](../guides/questions.md).
"""

BESIDES = {
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
    """The prose of a comment, and its examples: each runs to the next or to the end of the comment."""
    text = " ".join(line.removeprefix("--").strip() for line in comment.strip().splitlines())
    about, *examples = text.split("Example: ")
    return about.strip(), [example.strip() for example in examples]


def entries(file: str) -> list[Entry]:
    """The views and macros of a SQL file, in order. One without a comment is an error."""
    source = (session.sql_folder() / file).read_text(encoding="utf-8")
    found = []
    pattern = r"((?:^--.*\n)*)^create (view|macro) (\w+)(\((?:[^()]|\(\))*\))?( as table)?"
    for comment, kind, name, parameters, _ in re.findall(pattern, source, re.M):
        assert comment, f"{name} has no comment"
        about, examples = _paragraph(comment)
        parameters = parameters.replace("files.seen()", str(SEEN))
        found.append(Entry(kind, name, f"{name}{parameters}", about, examples))
    return found


def _broken(query: str) -> str:
    """A query with a line for each of its clauses, where it is too long for one."""
    if len(query) < 80:
        return query
    # Only outside of parentheses.
    return re.sub(
        r"\([^()]*(?:\([^()]*\)[^()]*)*\)| (from|where|group by|order by) ",
        lambda found: f"\n{found[1]} " if found[1] else found[0],
        query,
    )


def _columns(con: duckdb.DuckDBPyConnection, name: str) -> str:
    if name in {table.name for table in TABLES}:
        return f"Columns: see [Tables](tables.md#{name})."
    rows = con.execute(f"describe {name}").fetchall()
    return "\n".join(
        ["| column | type |", "|---|---|", *(f"| `{column}` | {kind.lower()} |" for column, kind, *_ in rows)]
    )


def page() -> str:
    parts = [HEAD, "## Views and tables\n"]
    with tempfile.TemporaryDirectory() as folder, Lake.create(Path(folder) / "lake").duckdb() as con:
        for view in entries("views.sql"):
            parts.append(f"### {view.name}\n\n{view.about}\n\n{_columns(con, view.name)}\n")
        for name, about in BESIDES.items():
            parts.append(f"### {name}\n\n{about}\n\n{_columns(con, name)}\n")
    parts.append("## Macros\n")
    for macro in entries("macros.sql"):
        if macro.examples:
            examples = "\n".join(f"{_broken(example)};" for example in macro.examples)
            parts.append(f"### {macro.call}\n\n{macro.about}\n\n```sql\n{examples}\n```\n")
    parts.append(
        "## Reports\n\n`signverse stats NAME --lake LAKE` prints a report, `--wide` with all its columns; "
        "`--format csv|json|parquet` and `-o FILE` write all of it, `--plot FILE` (.png, .svg or .pdf) draws it. "
        "Each is one file in sql/reports/.\n"
    )
    for name in reports.report_names():
        report = reports.find_report(name)
        assert report.about, f"the report {name} has no comment"
        columns = ", ".join(f"`{column}`" for column in report.short_form)
        parts.append(f"### {name}\n\n{report.about}\n\nIts short form, without `--wide`: {columns}.\n")
    return "\n".join(parts)
