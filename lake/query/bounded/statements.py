"""Runs statements in processes: each within its bounds, ended when its time is over or nobody waits for it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.lake.jobs.pool import ProcessPool
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.query.bounded.worker import BESIDE_MIB, Answered, Statement, make_worker, too_large
from signverse.lake.storage.snapshot import Snapshot

if TYPE_CHECKING:
    import polars as pl

    from signverse.lake.jobs.events import Event
    from signverse.lake.query.bounded.first_rows import Bounds
    from signverse.lake.query.bounded.shown import Shown

AT_ONCE: Final = 3
"""Statements that run at once; a fourth waits."""

_PATIENCE_S: Final = 30.0
"""So long a statement waits for another one to end."""

_LOOK_S: Final = 0.05
"""From one look to the next, whether the answer is still waited for."""

_STARTING_S: Final = 60.0
"""So long a process may take to start and to read the lake's log."""

_ENDING_S: Final = 5.0
"""What a statement that is over its time may take to end: some functions of DuckDB look up rarely."""

_SPARE: Final = 2
"""Processes that are kept for the next statements."""

_LIBRARIES_MIB: Final = 512
"""What a process takes before its first statement."""

WAITED_FOR: Final[ContextVar[threading.Event | None]] = ContextVar("nobody waits", default=None)
"""Set once nobody waits for the answer of what runs in this context; the statement is ended."""


class CancelledError(SignverseError):
    """Nobody waits for the answer."""


class Statements:
    """Runs statements that read a lake. Safe in threads.

    Args:
        lake: its folder.
    """

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._slots = threading.Semaphore(AT_ONCE)
        self._idle: list[ProcessPool] = []
        self._lock = threading.Lock()
        self._closed = False

    def table(self, snapshot: Snapshot, query: str, bounds: Bounds) -> Shown:
        """The first rows of one statement that reads, as texts.

        Raises:
            MistypedError, DamagedLakeError: see `read_only.run`.
            BadInputError: it was not carried out within its bounds, or too many others run.
            CancelledError: nobody waits for it.
        """
        shown: Shown = self._ask(Statement("table", query, snapshot.version, bounds))
        return shown

    def report(self, snapshot: Snapshot, name: str, bounds: Bounds) -> Shown:
        """The short form of a named report; raises what `table` does."""
        shown: Shown = self._ask(Statement("report", name, snapshot.version, bounds))
        return shown

    def rows(
        self, snapshot: Snapshot, query: str, bounds: Bounds, *, typed: str | None = None, first: tuple[str, ...] = ()
    ) -> pl.DataFrame:
        """All rows of one statement that reads; raises what `table` does.

        Args:
            typed: see `read_only.run`.
            first: statements that have to be ones that read before it is run.
        """
        rows: pl.DataFrame = self._ask(Statement("rows", query, snapshot.version, bounds, typed, first))
        return rows

    def start_soon(self) -> None:
        """Starts a process in a thread, so that the first statement does not wait for it."""
        threading.Thread(target=self._start_spare, daemon=True).start()

    def close(self) -> None:
        """Ends the processes that have nothing to do; those at work end with their statements."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for pool in idle:
            pool.close()

    def _ask(self, statement: Statement) -> Any:
        gone = WAITED_FOR.get()
        self._wait_for_a_slot(gone)
        pool = self._take(statement.bounds)
        keep = False
        try:
            answered = self._run(pool, statement, gone)
            keep = not answered.worn
        finally:
            self._give_back(pool, keep=keep)
        if answered.error is not None:
            raise answered.error
        return answered.value

    def _wait_for_a_slot(self, gone: threading.Event | None) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not self._slots.acquire(timeout=_LOOK_S):
            if gone is not None and gone.is_set():
                raise CancelledError("nobody waits for the answer")
            if time.monotonic() > until:
                raise BadInputError(f"{AT_ONCE} statements are running", "Cancel one, or ask again when one has ended.")

    def _take(self, bounds: Bounds | None = None) -> ProcessPool:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        memory_mib = 512 if bounds is None else bounds.memory_mib
        return ProcessPool(1, make_worker, self._lake, memory_mb=memory_mib + BESIDE_MIB + _LIBRARIES_MIB)

    def _run(self, pool: ProcessPool, statement: Statement, gone: threading.Event | None) -> Answered:
        seconds = statement.bounds.seconds
        until = time.monotonic() + _STARTING_S
        pool.submit(statement)
        begun, given_again = False, False
        while True:
            for event in pool.poll(timeout_s=_LOOK_S):
                if event.kind == "progress":
                    begun, until = True, time.monotonic() + seconds + _ENDING_S
                elif begun or given_again or event.kind in {"result", "error"}:
                    return _answered(event, statement)
                else:
                    # Its process had ended before, while it had nothing to do.
                    given_again = True
                    pool.submit(statement)
            if gone is not None and gone.is_set():
                raise CancelledError("nobody waits for the answer")
            if time.monotonic() > until:
                from signverse.lake.query.bounded.first_rows import took_longer

                raise took_longer("query" if statement.typed is None else "condition", seconds)

    def _give_back(self, pool: ProcessPool, *, keep: bool) -> None:
        if keep:
            with self._lock:
                kept = not self._closed and len(self._idle) < _SPARE
                if kept:
                    self._idle.append(pool)
            if kept:
                self._slots.release()
                return
        # In a thread: a process that is deep inside a library may take seconds to end.
        threading.Thread(target=self._end, args=(pool,), daemon=True).start()

    def _end(self, pool: ProcessPool) -> None:
        try:
            pool.close()
        finally:
            self._slots.release()
        self._start_spare()

    def _start_spare(self) -> None:
        with self._lock:
            if self._closed or self._idle:
                return
        pool = self._take()
        with suppress(OSError):
            pool.reserve(1)
        with self._lock:
            if not self._closed and not self._idle:
                self._idle.append(pool)
                return
        pool.close()


def _answered(event: Event, statement: Statement) -> Answered:
    if event.kind == "result":
        assert isinstance(event.value, Answered)
        return event.value
    if event.kind == "error":
        raise event.value
    # Some allocations end a process when they fail.
    raise too_large(statement)
