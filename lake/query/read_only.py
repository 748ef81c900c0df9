"""Runs one SQL statement that reads; refuses every other."""

from __future__ import annotations

import json
import re
from typing import Final

import duckdb
import polars as pl
from polars.exceptions import PolarsError

from signverse.lake.model.errors import BadInputError
from signverse.lake.query.sql_errors import one_line

READS: Final = "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW and PIVOT"

_EXPLAIN: Final = re.compile(r"\s*explain\b(\s+analyze\b|\s*\(\s*(analyze|format)\b[\w\s,]*\))?", re.I)
"""EXPLAIN and its options, without comments: inside one, DuckDB and this pattern could disagree where it ends."""

_PLAN: Final = "explain (format json) "

_WRITES: Final = re.compile(r"COPY|INSERT|DELETE|UPDATE|MERGE|CREATE|TRUNCATE|CHECKPOINT|LOGGING|PROFILING", re.I)
"""Names of operators and table functions in a plan that do more than read."""


def check_reads(query: str) -> str:
    """Returns the query if it is one statement of a kind that reads.

    The kind does not suffice: a CTE may hold a COPY, and table functions may write. `run` checks the plan as well.

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
            # EXPLAIN ANALYZE runs the statement: it has to read, too.
            explain = _EXPLAIN.match(query)
            if not explain:
                raise BadInputError("a comment stands before EXPLAIN", "Put it after the statement.")
            check_reads(query[explain.end() :])
        # PIVOT consists of several statements: a type for its columns, then a SELECT.
        elif kind != duckdb.StatementType.SELECT and not re.match(r"\s*(un)?pivot\b", query, re.I):
            raise BadInputError(f"a {kind.name} statement is not run", f"Allowed is one statement of {READS}.")
    return query


def run(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """Runs one statement that reads.

    Raises:
        BadInputError: it does more than read, or the database refused it, with the reason in one line.
    """
    check_reads(query)
    explain = _EXPLAIN.match(query)
    explained = query[explain.end() :] if explain else query
    # Only for this query: other users of the connection get DuckDB's usual messages.
    con.execute("set errors_as_json = true")
    prefix = len(_PLAN) - len(query.encode()) + len(explained.encode())
    try:
        _check_plan(con, explained)
        prefix = 0
        return _explain(con, query) if explain else con.sql(query).pl()
    except duckdb.Error as error:
        raise BadInputError(f"the query was refused: {one_line(con, error, query, prefix)}") from None
    except PolarsError as error:
        raise BadInputError(
            f"the result has a column that cannot be shown: {str(error).splitlines()[0]}",
            "Cast it: select column::varchar.",
        ) from None
    finally:
        con.execute("reset errors_as_json")


def _check_plan(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuses a query whose plan contains an operator that writes.

    Planning runs nothing. A SELECT may write in two ways: a CTE may be a COPY, an INSERT, an UPDATE or a DELETE, and a
    table function may enable a log that is written to a file.
    """
    nodes = json.loads(con.execute(f"{_PLAN}{query}").fetchall()[-1][-1])
    while nodes:
        node = nodes.pop()
        if _WRITES.search(node["name"]):
            what = node["name"].replace("_", " ")
            raise BadInputError(f"the query would do more than read: {what}", f"Allowed is one statement of {READS}.")
        nodes += node["children"]


def _explain(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    rows = con.execute(query).fetchall()
    return pl.DataFrame({"plan": [str(row[-1]) for row in rows]})
