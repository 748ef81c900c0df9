"""A DuckDB session over a lake: the views and macros of sql/, and the rule of what the command line may run."""

from __future__ import annotations

import difflib
import json
import os
import re
import tempfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import polars as pl
import pyarrow as pa
from polars.exceptions import PolarsError

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.schema import TABLES, WRITTEN_AT
from signverse.lake.model.skeleton import JOINTS, PARTS
from signverse.lake.query.sql_errors import one_line
from signverse.lake.storage.parquet_layout import literal_path

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

READS: Final = "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW and PIVOT"

_EXPLAIN: Final = re.compile(r"\s*explain\b(\s+analyze\b|\s*\(\s*(analyze|format)\b[\w\s,]*\))?", re.I)
"""EXPLAIN and its options, without comments: inside one, DuckDB and this pattern could disagree where it ends."""

_PLAN: Final = "explain (format json) "

_WRITES: Final = re.compile(r"COPY|INSERT|DELETE|UPDATE|MERGE|CREATE|TRUNCATE|CHECKPOINT|LOGGING|PROFILING", re.I)
"""Names of operators and table functions in a plan that do more than read."""


@lru_cache(maxsize=1)
def sql_folder() -> Path:
    """The folder of SQL files, `signverse/sql`; it is no Python package."""
    return Path(str(files("signverse") / "sql"))


def report_names() -> list[str]:
    """The named reports, one a file in sql/reports/."""
    return sorted(path.stem for path in (sql_folder() / "reports").glob("*.sql"))


def report(name: str) -> str:
    """The SQL of a named report.

    Raises:
        BadInputError: there is no such report.
    """
    if name not in report_names():
        near = difflib.get_close_matches(name[:60], report_names(), n=1)
        raise BadInputError(
            f"no report is called '{name[:60]}'",
            f"{f'Nearest: {near[0]}. ' if near else ''}Reports: {', '.join(report_names())}.",
        )
    return (sql_folder() / "reports" / f"{name}.sql").read_text(encoding="utf-8")


def report_line(name: str) -> str:
    """What a named report is about: the first sentence of the comment that its file begins with."""
    comment = [line.removeprefix("--").strip() for line in report(name).split("\n") if line.startswith("--")]
    return " ".join(comment).split(". ")[0].rstrip(".") + "."


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with the lake's views, macros and the tables `languages` and `skeleton`."""
    # First: of a version that upkeep has dropped it says so, before a missing file does.
    visible = lake.visible()
    con = duckdb.connect()
    con.execute("set parquet_metadata_cache = true; set timezone = 'UTC'; create schema files;")
    # What does not fit into memory goes where temporary files go, not into the folder one happens to stand in; and a
    # query that only reads installs nothing.
    con.execute(
        "set temp_directory = ?",
        [str(Path(tempfile.gettempdir()) / f"signverse-duckdb-{os.getuid() if hasattr(os, 'getuid') else ''}")],
    )
    con.execute("set autoinstall_known_extensions = false")
    # The names of this program's variables are no tables.
    con.execute("set python_enable_replacements = false")
    for table in TABLES:
        files = [literal_path(name) for name in lake.files(table.name)]
        if files:
            con.execute(f"set variable files_{table.name} = ?", [files])
            columns = ", ".join(f'"{name}"' for name in table.schema.names)
            hive = f", hive_types = {{'{table.partition}': varchar}}" if table.partition else ""
            then = ""
            until = lake.until(table.name)
            if until is not None:
                then = f" where {WRITTEN_AT[table.name]} <= timestamptz '{until.isoformat()}'"
            _view(
                con,
                f"create view files.{table.name} as select {columns} from read_parquet("  # noqa: S608 (names from lake.schema)
                f"getvariable('files_{table.name}'), hive_partitioning = {bool(table.partition)}{hive}){then}",
            )
        else:
            _copy_in(con, f"files.{table.name}", table.schema.empty_table())
    _copy_in(con, "files.visible", visible)
    _copy_in(con, "files.language_names", pa.Table.from_pylist(sign_languages.lookup_table()))
    _copy_in(con, "languages", _languages())
    _copy_in(con, "skeleton", _skeleton())
    con.execute("set variable joints = ?", [list(JOINTS)])
    con.execute(_joints_by_part())
    for name in ("views.sql", "macros.sql"):
        con.execute((sql_folder() / name).read_text(encoding="utf-8"))
    return con


def _view(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    try:
        con.execute(statement)
    except duckdb.Error as error:
        raise DamagedLakeError(
            f"a file of the lake cannot be read: {_first_line(error)}", "Run: signverse verify LAKE."
        ) from None


def _copy_in(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame | pa.Table) -> None:
    con.register("incoming", rows)
    con.execute(f"create table {name} as from incoming")
    con.unregister("incoming")


def _languages() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "sign_language": lang.code,
                "name": lang.name,
                "iso639_3": lang.iso639_3,
                "bcp47": lang.bcp47,
                "aliases": list(lang.aliases),
                "abbreviations": list(lang.abbreviations),
            }
            for lang in sign_languages.languages()
        ],
        schema=pa.schema(
            [
                ("sign_language", pa.string()),
                ("name", pa.string()),
                ("iso639_3", pa.string()),
                ("bcp47", pa.string()),
                ("aliases", pa.list_(pa.string())),
                ("abbreviations", pa.list_(pa.string())),
            ]
        ),
    )


def _skeleton() -> pa.Table:
    rows = [
        {"joint": JOINTS[part.start + i], "point": part.start + i, "part": part.name, "index": i}
        for part in PARTS
        for i in range(part.size)
    ]
    return pa.Table.from_pylist(rows)


def _joints_by_part() -> str:
    """Views files.body_joints and so on: joint, and its place in the part's lists, from 1.

    A select a joint and no table: a filter on joint is then decided while planning, and parts without one left are not
    read at all.
    """
    views = []
    for part in PARTS:
        rows = " union all ".join(f"select '{name}', {i}" for i, name in enumerate(JOINTS[part.slice], start=1))
        views.append(f"create view files.{part.name}_joints(joint, place) as {rows};")
    return "".join(views)


def check_reads(query: str) -> str:
    """The query itself, when it is one statement of a kind that reads.

    The kind is not the whole answer: a CTE may hold a COPY, and table functions may write. `run` looks at the plan.

    Raises:
        BadInputError: it is empty, does not parse, is several statements, or would write or set something.
    """
    try:
        query.encode()
    except UnicodeEncodeError:
        raise BadInputError("the query is not UTF-8") from None
    with duckdb.connect() as con:
        con.execute("set errors_as_json = true")
        try:
            statements = con.extract_statements(query)
        except duckdb.Error as error:
            raise BadInputError(f"the query does not parse: {one_line(con, error, query)}") from None
        if not statements:
            raise BadInputError("the query is empty", "Try: from videos limit 5.")
        if len(statements) > 1:
            raise BadInputError(f"{len(statements)} statements were given, one is run at a time")
        kind = statements[0].type
        if kind == duckdb.StatementType.EXPLAIN:
            # EXPLAIN ANALYZE runs what it explains: that must read, too.
            explain = _EXPLAIN.match(query)
            if not explain:
                raise BadInputError("a comment before EXPLAIN is not taken", "Put it behind.")
            check_reads(query[explain.end() :])
        # PIVOT is several statements inside: a type for its columns, then a SELECT.
        elif kind != duckdb.StatementType.SELECT and not re.match(r"\s*(un)?pivot\b", query, re.I):
            raise BadInputError(f"a {kind.name} statement is not run", f"What runs: one statement of {READS}.")
    return query


def run(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """Runs one statement that reads.

    Raises:
        BadInputError: it does not only read, or the database refused it; says why in one line.
    """
    check_reads(query)
    explain = _EXPLAIN.match(query)
    explained = query[explain.end() :] if explain else query
    # Only while it is looked at: whoever uses the connection otherwise gets DuckDB's usual messages.
    con.execute("set errors_as_json = true")
    ahead = len(_PLAN) - len(query.encode()) + len(explained.encode())
    try:
        _check_plan(con, explained)
        ahead = 0
        return _explain(con, query) if explain else con.sql(query).pl()
    except duckdb.Error as error:
        raise BadInputError(f"the query was refused: {one_line(con, error, query, ahead)}") from None
    except PolarsError as error:
        raise BadInputError(
            f"the result has a column that cannot be shown: {str(error).splitlines()[0]}",
            "Cast it: select column::varchar.",
        ) from None
    finally:
        con.execute("reset errors_as_json")


def _check_plan(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuses a query whose plan holds an operator that writes.

    Planning runs nothing. A SELECT may write in two ways: a CTE may be a COPY, an INSERT, an UPDATE or a DELETE, and a
    table function may switch on a log that is a file.
    """
    nodes = json.loads(con.execute(f"{_PLAN}{query}").fetchall()[-1][-1])
    while nodes:
        node = nodes.pop()
        if _WRITES.search(node["name"]):
            what = node["name"].replace("_", " ")
            raise BadInputError(f"the query would do more than read: {what}", f"What runs: one statement of {READS}.")
        nodes += node["children"]


def _explain(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    rows = con.execute(query).fetchall()
    return pl.DataFrame({"plan": [str(row[-1]) for row in rows]})


def _first_line(error: duckdb.Error) -> str:
    # The second paragraph draws an arrow under the query, which does not survive being put on one line.
    return str(error).split("\nLINE ")[0].strip()
