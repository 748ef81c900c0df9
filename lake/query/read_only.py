"""Runs one SQL statement that reads; refuses every other."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import duckdb
import polars as pl
import pyarrow as pa

from signverse.lake.model.errors import BadInputError, DamagedLakeError, MistypedError, SignverseError
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


_AGAIN_S: Final = 0.1
"""Between the planning of a query and its run nothing is there to be stopped: it is tried again."""


@dataclass(frozen=True)
class Bounds:
    """What a statement may take where nobody sits at the terminal who could press Ctrl-C.

    Attributes:
        seconds: after these it is stopped.
        memory_mib: of DuckDB, in MiB; temporary files may take four times that.
        rows_mib: of the rows that are handed over, in MiB.
        rows: only the first ones are computed and handed over, one more than these, which says that there are more;
            None for all.
    """

    seconds: float = 30
    memory_mib: int = 512
    rows_mib: int = 64
    rows: int | None = None


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


def run(
    con: duckdb.DuckDBPyConnection, query: str, *, typed: str | None = None, bounds: Bounds | None = None
) -> pl.DataFrame:
    """Runs one statement that reads. Ctrl-C stops it, and the connection can be used again.

    Args:
        typed: the condition in the query that a person typed: messages count lines and columns in it.
        bounds: what it may take; the bound of memory stays with the connection.

    Raises:
        MistypedError: it does more than read, or is not SQL over these tables, with the reason in one line.
        BadInputError: the database could not carry it out, with the reason in one line.
        DamagedLakeError: it needs a file of the lake that is lost.
    """
    if bounds is None:
        return run_interruptibly(lambda: _run(con, query, typed, None), con.interrupt)
    con.execute(f"set memory_limit = '{bounds.memory_mib}MiB'")
    con.execute(f"set max_temp_directory_size = '{4 * bounds.memory_mib}MiB'")
    with _stopped_after(bounds.seconds, con, _shown(query, typed)[0]):
        return run_interruptibly(lambda: _run(con, query, typed, bounds), con.interrupt)


def run_once(
    snapshot: Snapshot, query: str, *, typed: str | None = None, files: bool = False, bounds: Bounds | None = None
) -> pl.DataFrame:
    """Runs one statement that reads, in a session of its own; see `run` and, for `files`, `session.connect`."""
    with connect(snapshot, files=files) as con:
        return run(con, query, typed=typed, bounds=bounds)


@contextmanager
def _stopped_after(seconds: float, con: duckdb.DuckDBPyConnection, what: str) -> Iterator[None]:
    """Stops what a connection runs in the block once its time is over, and says so."""
    ended, late = threading.Event(), threading.Event()

    def stop() -> None:
        if ended.wait(seconds):
            return
        late.set()
        while not ended.is_set():
            con.interrupt()
            ended.wait(_AGAIN_S)

    watching = threading.Thread(target=stop, daemon=True)
    watching.start()
    try:
        yield
    except SignverseError:
        if not late.is_set():
            raise
        raise BadInputError(
            f"the {what} took longer than {seconds:g} seconds", "`signverse sql` has no limit."
        ) from None
    finally:
        ended.set()
        watching.join()


def _run(con: duckdb.DuckDBPyConnection, query: str, typed: str | None, bounds: Bounds | None) -> pl.DataFrame:
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
            if explain:
                return _explain(con, query)
            return con.sql(query).pl() if bounds is None else _first_rows(con, query, bounds)
    except duckdb.Error as error:
        message = message_of(error)
        if damage := damage_in(message):
            raise damage from None
        if message.startswith(LOST):
            raise DamagedLakeError(message.removesuffix(".")) from None
        outside = is_outside(error)
        kind = MistypedError if outside or isinstance(error, _OF_THE_TEXT) else BadInputError
        hint = (_FILES if typed is None else _NO_FILES) if outside else ""
        raise kind(f"the {what} was refused: {one_line(con, error, shown, prefix + before)}", hint) from None
    except BaseException as error:
        if not is_foreign(error):
            raise
        raise BadInputError(
            f"the result has a column that cannot be shown: {first_line(error)}", "Cast it: select column::varchar."
        ) from None
    finally:
        con.execute("reset errors_as_json")


def _shown(query: str, typed: str | None) -> tuple[str, str, int]:
    """What a message is about: its name, its text, and the bytes of the query that precede it."""
    return ("query", query, 0) if not typed else ("condition", typed, len(query.rpartition(typed)[0].encode()))


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


def _explain(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    rows = con.execute(query).fetchall()
    return pl.DataFrame({"plan": [str(row[-1]) for row in rows]})


def _first_rows(con: duckdb.DuckDBPyConnection, query: str, bounds: Bounds) -> pl.DataFrame:
    """The rows as they are computed, up to what is allowed; then the query ends."""
    batches, height, size = [], 0, 0
    with con.sql(query).to_arrow_reader(2048) as reader:
        empty = reader.schema.empty_table()
        for batch in reader:
            batches.append(batch)
            height += batch.num_rows
            size += batch.nbytes
            if size > bounds.rows_mib << 20:
                raise BadInputError(
                    f"the result takes more than {bounds.rows_mib} MiB",
                    "Choose fewer rows or columns, or use `signverse sql`.",
                )
            if bounds.rows is not None and height > bounds.rows:
                break
    found = pl.from_arrow(pa.Table.from_batches(batches) if batches else empty)
    assert isinstance(found, pl.DataFrame)
    return found if bounds.rows is None else found.head(bounds.rows + 1)
