"""Runs one statement that reads, and refuses every other."""

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
