"""Runs one SQL statement that reads; refuses every other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, TypeVar

import duckdb
import polars as pl

from signverse.lake.model.errors import BadInputError, DamagedLakeError, MistypedError
from signverse.lake.model.interrupt import run_interruptibly
from signverse.lake.query.session import connect
from signverse.lake.query.sql_errors import is_outside, message_of, one_line
from signverse.lake.storage.integrity.duckdb_files import damage_in, one_query
from signverse.lake.storage.integrity.foreign_errors import first_line, is_foreign
from signverse.lake.storage.integrity.lost_files import LOST
from signverse.lake.storage.snapshot import Snapshot

READS: Final = "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW and PIVOT"

_EXPLAIN: Final = re.compile(r"\s*explain\b(\s+analyze\b|\s*\(\s*(analyze|format)\b[\w\s,]*\))?", re.I)
"""EXPLAIN and its options, without comments: inside one, DuckDB and this pattern could disagree where it ends."""

_PLAN: Final = "explain (format json) "

_WRITES: Final = re.compile(
    r"COPY|INSERT|DELETE|UPDATE|MERGE|CREATE|TRUNCATE|CHECKPOINT|LOGGING|PROFILING|REGISTER_|DESTROY_|GRAMMAR_EXTENSION$",
    re.I,
)
"""Names of operators and table functions in a plan that do more than read."""

_FILES: Final = "A query reads the lake only; `signverse sql --files`, in Python files=True, lets it read other files."
_NO_FILES: Final = "A condition reads the lake only."

_OF_THE_TEXT: Final = (duckdb.ParserException, duckdb.SyntaxException, duckdb.BinderException, duckdb.CatalogException)
"""Errors of what was typed; the others depend on the rows and on the machine."""


class OutOfMemoryError(BadInputError):
    """The database has no memory left for a query."""


Answer = TypeVar("Answer")


def check_reads(query: str, *, typed: str | None = None, session: duckdb.DuckDBPyConnection | None = None) -> str:
    """Returns the query if it is one statement of a kind that reads.

    The kind does not suffice: a CTE may hold a COPY, and table functions may write. `run` checks the plan as well.

    Args:
        typed: see `run`.
        session: parses it; to open a connection for that takes 7 ms.

    Raises:
        MistypedError: it is empty, does not parse, is several statements, or would write or set something.
    """
    try:
        query.encode()
    except UnicodeEncodeError:
        raise MistypedError("the query is not UTF-8") from None
    with duckdb.connect() if session is None else session.cursor() as con:
        con.execute("set session errors_as_json = true")
        try:
            statements = con.extract_statements(query)
        except duckdb.Error as error:
            what, shown, before = _shown(query, typed)
            raise MistypedError(f"the {what} does not parse: {one_line(con, error, shown, before)}") from None
        if not statements:
            raise MistypedError("the query is empty", "Try: from videos limit 5.")
        if len(statements) > 1:
            raise MistypedError(f"{len(statements)} statements were given, one is run at a time")
        kind = statements[0].type
        if kind == duckdb.StatementType.EXPLAIN:
            # EXPLAIN ANALYZE runs the statement: it has to read, too.
            explain = _EXPLAIN.match(query)
            if not explain:
                raise MistypedError("a comment stands before EXPLAIN", "Put it after the statement.")
            check_reads(query[explain.end() :], session=session)
        # PIVOT consists of several statements: a type for its columns, then a SELECT.
        elif kind != duckdb.StatementType.SELECT and not re.match(r"\s*(un)?pivot\b", query, re.I):
            raise MistypedError(f"a {kind.name} statement is not run", f"Allowed is one statement of {READS}.")
    return query


def run(con: duckdb.DuckDBPyConnection, query: str, *, typed: str | None = None) -> pl.DataFrame:
    """Runs one statement that reads. Ctrl-C stops it, and the connection can be used again.

    Args:
        typed: the condition in the query that a person typed: messages count lines and columns in it.

    Raises:
        MistypedError: it does more than read, or is not SQL over these tables, with the reason in one line.
        BadInputError: the database could not carry it out, with the reason in one line.
        DamagedLakeError: it needs a file of the lake that is lost.
    """

    def rows() -> pl.DataFrame:
        return con.sql(query).pl() if not explains(query) else explain(con, query)

    return run_interruptibly(lambda: carry_out(con, query, rows, typed=typed), con.interrupt)


def run_once(snapshot: Snapshot, query: str, *, typed: str | None = None, files: bool = False) -> pl.DataFrame:
    """Runs one statement that reads, in a session of its own; see `run` and, for `files`, `session.connect`."""
    with connect(snapshot, files=files) as con:
        return run(con, query, typed=typed)


def carry_out(
    con: duckdb.DuckDBPyConnection, query: str, read: Callable[[], Answer], *, typed: str | None = None
) -> Answer:
    """What `read` makes of a query, once it is known to be one statement that reads; for the rest see `run`.

    Args:
        read: runs the query on the connection.
    """
    check_reads(query, typed=typed, session=con)
    explain = _EXPLAIN.match(query)
    explained = query[explain.end() :] if explain else query
    # Only for this query: other users of the connection get DuckDB's usual messages.
    con.execute("set errors_as_json = true")
    what, shown, before = _shown(query, typed)
    prefix = len(_PLAN) - len(query.encode()) + len(explained.encode())
    try:
        with one_query(con) as files:
            columns = _check_plan(con, explained)
            if files is not None:
                files.columns = columns
            prefix = 0
            return read()
    except duckdb.Error as error:
        message = message_of(error)
        if damage := damage_in(message):
            raise damage from None
        if message.startswith(LOST):
            raise DamagedLakeError(message.removesuffix(".")) from None
        outside = is_outside(error)
        kind = MistypedError if outside or isinstance(error, _OF_THE_TEXT) else BadInputError
        if isinstance(error, duckdb.OutOfMemoryException):
            kind = OutOfMemoryError
        hint = (_FILES if typed is None else _NO_FILES) if outside else ""
        raise kind(f"the {what} was refused: {one_line(con, error, shown, prefix + before)}", hint) from None
    except MemoryError:
        raise OutOfMemoryError(f"the {what} was refused: there is no memory left for it") from None
    except BaseException as error:
        if not is_foreign(error):
            raise
        if "Out of Memory Error" in str(error):
            # DuckDB's, while Arrow takes its rows.
            raise OutOfMemoryError(f"the {what} was refused: there is no memory left for it") from None
        raise BadInputError(
            f"the result has a column that cannot be shown: {first_line(error)}", "Cast it: select column::varchar."
        ) from None
    finally:
        con.execute("reset errors_as_json")


def named(typed: str | None) -> str:
    """What a message is about."""
    return "condition" if typed else "query"


def _shown(query: str, typed: str | None) -> tuple[str, str, int]:
    """What a message is about: its name, its text, and the bytes of the query that precede it."""
    shown, before = (typed, len(query.rpartition(typed)[0].encode())) if typed else (query, 0)
    return named(typed), shown, before


def writes(operator: str) -> bool:
    """Whether an operator or a table function of a plan does more than read, by its name."""
    return _WRITES.search(operator) is not None


def _check_plan(con: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """Refuses a query whose plan contains an operator that writes; returns the names in what reads Parquet files.

    Among these are all columns that the query reads of them, whatever their table.

    Planning runs nothing. A SELECT may write in two ways: a CTE may be a COPY, an INSERT, an UPDATE or a DELETE, and a
    table function may enable a log that is written to a file.
    """
    nodes = json.loads(con.execute(f"{_PLAN}{query}").fetchall()[-1][-1])
    names: set[str] = set()
    while nodes:
        node = nodes.pop()
        if node["name"].strip() == "READ_PARQUET":
            names.update(re.findall(r"\w+", json.dumps(node["extra_info"])))
        if writes(node["name"]):
            what = node["name"].replace("_", " ")
            raise MistypedError(f"the query would do more than read: {what}", f"Allowed is one statement of {READS}.")
        nodes += node["children"]
    return names


def explains(query: str) -> bool:
    """Whether a query asks for a plan."""
    return _EXPLAIN.match(query) is not None


def explain(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """The plan that an EXPLAIN gives, in one column."""
    rows = con.execute(query).fetchall()
    return pl.DataFrame({"plan": [str(row[-1]) for row in rows]})
