"""The process's side: it reads a lake for statements, and may take a bounded amount of memory.

Linux keeps the bound itself: with RLIMIT_DATA an allocation beyond it fails, DuckDB says so, and the process goes on.
It is set once the session's libraries and threads are there, whose stacks count as data. Elsewhere only `jobs.memory`
looks.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from signverse.lake.jobs.executor import Job, Report
from signverse.lake.model.errors import BadInputError, SignverseError

if TYPE_CHECKING:
    from signverse.lake.query.bounded.first_rows import Bounds
    from signverse.lake.storage.snapshot import Snapshot

BESIDE_MIB: Final = 512
"""What a statement may take beside DuckDB's own memory: cells that are made, and the rows that are handed over."""

BEGAN: Final = "began"
"""Reported once the process is ready: the time of the statement begins."""

_WORN_MIB: Final = 256
"""A process that has kept so much more after a statement is replaced: what it keeps, the next one would lack."""


@dataclass(frozen=True)
class Statement:
    """What a process is asked.

    Attributes:
        kind: `table` gives the first rows as texts, a `Shown`; `report` the named report, as well; `rows` all rows, a
            data frame.
        text: the statement, or the report's name.
        version: of the lake.
        bounds: what it may take.
        typed: see `read_only.run`.
        first: statements that have to be ones that read before it is run.
    """

    kind: Literal["table", "report", "rows"]
    text: str
    version: int
    bounds: Bounds
    typed: str | None = None
    first: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """What a process answers.

    Attributes:
        value: see `Statement.kind`; None where it was refused.
        error: why it was refused.
        worn: another process should take its place.
    """

    value: Any
    error: SignverseError | None
    worn: bool


def make_worker(lake: Path) -> Job:
    """Reads a lake for statements."""
    # Before Polars starts its threads: the statements are DuckDB's.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    opened: list[Snapshot] = []
    data: list[int] = []

    def work(statement: Statement, report: Report) -> Answered:
        stopped, value = False, None
        refused: SignverseError | None = None
        try:
            snapshot = _at(lake, statement.version, opened)
            if not data:
                data.append(_bound_memory(snapshot, statement.bounds.memory_mib + BESIDE_MIB))
            report(BEGAN)
            value = _answer(snapshot, statement)
        except KeyboardInterrupt:
            # Not passed on from here: while it is handled it keeps the session, whose temporary files would stay.
            stopped = True
        except MemoryError:
            refused = too_large(statement)
        except SignverseError as error:
            refused = error
        if stopped:
            raise KeyboardInterrupt
        return Answered(value, refused, worn=not data or _data() - data[0] > _WORN_MIB << 20)

    return work


def too_large(statement: Statement) -> BadInputError:
    """What is said of a statement whose process has no memory left for it."""
    what = "query" if statement.typed is None else "condition"
    return BadInputError(
        f"the {what} needs more than {statement.bounds.memory_mib} MiB of memory",
        "Choose fewer rows or columns, or use `signverse sql`.",
    )


def _answer(snapshot: Snapshot, statement: Statement) -> Any:
    from signverse.lake.query.bounded.first_rows import first_rows
    from signverse.lake.query.bounded.shown import shown
    from signverse.lake.query.read_only import check_reads
    from signverse.lake.query.reports import find_report

    for text in statement.first:
        check_reads(text, typed=statement.typed)
    bounds = statement.bounds
    if statement.kind == "report":
        report = find_report(statement.text)
        rows = first_rows(snapshot, report.sql, replace(bounds, rows=None)).rows
        return shown(report.short(rows), answer=report.answer(rows), most=bounds.rows)
    found = first_rows(snapshot, statement.text, bounds, typed=statement.typed)
    if statement.kind == "rows":
        return found.rows
    return shown(found.rows, left_out=found.left_out, counted=found.counted)


def _at(lake: Path, version: int, opened: list[Snapshot]) -> Snapshot:
    """The lake at a version, which is kept open for the next statement."""
    from signverse.lake.storage.snapshot import Snapshot

    if not opened or opened[0].version != version:
        opened.clear()
        newest = Snapshot.open(lake)
        opened.append(newest if newest.version == version else Snapshot.open(lake, version=version))
    return opened[0]


def _bound_memory(snapshot: Snapshot, mib: int) -> int:
    """Bounds what this process may take from now on beside what it has; returns that, in bytes."""
    from signverse.lake.query.session import connect

    with connect(snapshot) as con:
        con.execute("select count(*) from videos").fetchall()
    before = _data()
    if before:
        with suppress(ImportError, ValueError, OSError):
            import resource

            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (before + (mib << 20), hard))
    return before


def _data() -> int:
    """Bytes of memory that this process can write to; 0 where the system does not say."""
    with suppress(OSError):
        if found := re.search(rb"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_bytes(), re.M):
            return 1024 * int(found.group(1))
    return 0
