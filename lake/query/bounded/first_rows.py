"""The first rows of one statement that reads, within bounds of time, memory and rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import duckdb
import polars as pl
import pyarrow as pa

from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.interrupt import run_interruptibly
from signverse.lake.query.read_only import OutOfMemoryError, carry_out, explain, explains, named
from signverse.lake.query.session import connect
from signverse.lake.storage.snapshot import Snapshot

FEWER: Final = "Choose fewer rows or columns, or use `signverse sql`."

_AGAIN_S: Final = 0.1
"""Between the planning of a query and its run nothing is there to be stopped: it is tried again."""

_COUNTING_S: Final = 1.0
"""How long rows that are not handed over are counted."""


@dataclass(frozen=True)
class Bounds:
    """What a statement may take where nobody sits at the terminal who could press Ctrl-C.

    Attributes:
        seconds: after these it is stopped.
        memory_mib: of DuckDB, in MiB; temporary files may take four times that.
        rows_mib: of the rows that are handed over, in MiB.
        rows: only so many are handed over, and those that follow are counted for a second; None for all.
    """

    seconds: float = 30
    memory_mib: int = 512
    rows_mib: int = 64
    rows: int | None = None


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a statement.

    Attributes:
        rows: as many as were asked for, or all.
        left_out: how many more there are, as far as they were counted.
        counted: whether all of them were counted.
    """

    rows: pl.DataFrame
    left_out: int = 0
    counted: bool = True


def first_rows(snapshot: Snapshot, query: str, bounds: Bounds, *, typed: str | None = None) -> FirstRows:
    """Runs one statement that reads, in a session of its own.

    Args:
        typed: see `read_only.run`.

    Raises:
        MistypedError, DamagedLakeError: see `read_only.run`.
        BadInputError: the database could not carry it out within its bounds.
    """
    with connect(snapshot) as con:
        con.execute(f"set memory_limit = '{bounds.memory_mib}MiB'")
        con.execute("set enable_progress_bar = false")
        con.execute(f"set max_temp_directory_size = '{4 * bounds.memory_mib}MiB'")
        what = named(typed)
        try:
            with _stopped_after(bounds.seconds, con, what):
                return run_interruptibly(
                    lambda: carry_out(con, query, lambda: _read(con, query, bounds), typed=typed), con.interrupt
                )
        except OutOfMemoryError:
            raise BadInputError(f"the {what} needs more than {bounds.memory_mib} MiB of memory", FEWER) from None


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
    except (SignverseError, duckdb.InterruptException):
        if not late.is_set():
            raise
        raise took_longer(what, seconds) from None
    finally:
        ended.set()
        watching.join()


def took_longer(what: str, seconds: float) -> BadInputError:
    """What is said of a statement whose time is over."""
    return BadInputError(f"the {what} took longer than {seconds:g} seconds", "`signverse sql` has no limit.")


def _read(con: duckdb.DuckDBPyConnection, query: str, bounds: Bounds) -> FirstRows:
    """The rows as they are computed, up to what is allowed; then the query ends."""
    if explains(query):
        return FirstRows(explain(con, query))
    batches, height, size = [], 0, 0
    until = float("inf")
    counted = True
    with con.sql(query).to_arrow_reader(2048) as reader:
        empty = reader.schema.empty_table()
        for batch in reader:
            if bounds.rows is None or height < bounds.rows:
                # The memory of a slice is that of the whole batch, which ends with the next one.
                batches.append(batch)
                size += batch.nbytes
                if size > bounds.rows_mib << 20:
                    raise BadInputError(f"the result takes more than {bounds.rows_mib} MiB", FEWER)
            height += batch.num_rows
            if bounds.rows is not None and height > bounds.rows:
                until = min(until, time.monotonic() + _COUNTING_S)
                if time.monotonic() >= until:
                    counted = False
                    break
    found = pl.from_arrow(pa.Table.from_batches(batches) if batches else empty)
    assert isinstance(found, pl.DataFrame)
    if bounds.rows is None:
        return FirstRows(found)
    return FirstRows(found.head(bounds.rows), max(0, height - bounds.rows), counted)
