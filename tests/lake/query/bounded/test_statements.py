"""Whatever a statement makes, who runs it keeps their memory; whoever leaves ends it.

Members of the kinds are made below: functions that make long cells, aggregates that gather, recursion that doubles, and
products; each with sizes of its own.
"""

from __future__ import annotations

import contextvars
import os
import random
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signverse.lake.jobs.memory import memory_of
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, MistypedError
from signverse.lake.query.bounded import statements as module
from signverse.lake.query.bounded.first_rows import Bounds
from signverse.lake.query.bounded.statements import AT_ONCE, WAITED_FOR, CancelledError, Statements
from signverse.lake.query.reports import report_names

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MOST_MIB = 1536
"""A process with its libraries, DuckDB's 512 MiB, and as much for what DuckDB does not count."""

HANGS = "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 7"


@pytest.fixture(scope="module")
def lake(fill: Any, video: Any, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.open(fill(tmp_path_factory.mktemp("statements") / "lake", video("abc"), video("def")))


@pytest.fixture(scope="module")
def statements(lake: Lake) -> Iterator[Statements]:
    made = Statements(lake.folder)
    yield made
    made.close()


def children() -> list[int]:
    """The processes that this one has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{os.getpid()}\n" in status.read_text():
                found.append(int(status.parent.name))
        except OSError:
            pass
    return found


class Peaks:
    """The most that processes had in memory while a block ran: this one beyond its beginning, and a child."""

    def __enter__(self) -> Peaks:
        self.own_mib = self.child_mib = 0.0
        self._before = memory_of(os.getpid())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.own_mib = max(self.own_mib, (memory_of(os.getpid()) - self._before) / 2**20)
            self.child_mib = max([self.child_mib, *(memory_of(pid) / 2**20 for pid in children())])


def cells(size: int) -> list[str]:
    """Expressions that make one cell of so many bytes, or more."""
    return [
        f"repeat('x', {size})",
        f"length(repeat('x', {size}))",
        f"repeat('x', {size})::blob",
        f"list_resize([1], {size // 4})",
        f"{{'a': repeat('x', {size}), 'b': {{'c': [repeat('y', {size})]}}}}",
        f"map([1], [repeat('z', {size})])",
        f"range({size // 8})",
        f"generate_series(1, {size // 8})",
        f"array_to_string(range({size // 4}), ',')",
        f"to_json(range({size // 4}))",
        f"format('{{:>{min(size, 2_000_000_000)}}}', 1)",
    ]


def gathered(size: int) -> list[str]:
    """Statements that gather so many bytes over many rows, or more."""
    return [
        f"select list(range) from range({size // 8})",
        f"select string_agg(range::varchar, ',') from range({size // 8})",
        f"select string_agg(repeat('x', 1000000), '') from range({size // 1_000_000})",
        f"select list(repeat('x', 1000000)) from range({size // 1_000_000})",
        f"select repeat('x', 1000000) from range({size // 1_000_000})",
        "with recursive n as (select 'x' as t union all select t || t from n) select max(length(t)) from n",
        "with recursive n as (select [1] as t union all select t || t from n) select max(len(t)) from n",
        f"select unnest(range({size // 8}))",
    ]


def members() -> list[str]:
    drawn = random.Random(20)
    sizes = [drawn.randrange(2_400_000_000, 3_900_000_000) for _ in range(3)]
    made = [f"select {cell}" for size in sizes[:2] for cell in cells(size)] + gathered(sizes[2])
    drawn.shuffle(made)
    return made


def refused(statements: Statements, lake: Lake, query: str) -> str:
    with pytest.raises(BadInputError) as caught:
        statements.table(lake.snapshot, query, Bounds(rows=500, seconds=10))
    return str(caught.value)


@pytest.mark.parametrize("query", [f"select {cell}" for cell in cells(3_000_000_000)[:3]])
def test_one_cell_takes_no_more_than_a_statement_may(statements: Statements, lake: Lake, query: str) -> None:
    with Peaks() as peaks:
        assert "needs more than 512 MiB of memory" in refused(statements, lake, query)
    assert (peaks.own_mib < 100, peaks.child_mib < MOST_MIB) == (True, True)
    assert statements.table(lake.snapshot, "select 1", Bounds()).rows == [["1"]]


@pytest.mark.slow
@pytest.mark.parametrize("query", members())
def test_whatever_is_made_takes_no_more_than_a_statement_may(statements: Statements, lake: Lake, query: str) -> None:
    with Peaks() as peaks:
        message = refused(statements, lake, query)
    assert re.search("needs more than|takes more than|took longer than", message) and "\n" not in message
    assert (peaks.own_mib < 100, peaks.child_mib < MOST_MIB) == (True, True)


def test_a_process_that_ends_costs_its_own_statement_only(
    statements: Statements, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements.table(lake.snapshot, "select 1", Bounds())
    ended = threading.Event()

    def end() -> None:
        while not ended.wait(0.3):
            for pid in children():
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, 9)

    killer = threading.Thread(target=end, daemon=True)
    killer.start()
    try:
        with pytest.raises(BadInputError, match="needs more than"):
            statements.table(lake.snapshot, HANGS, Bounds())
    finally:
        ended.set()
        killer.join()
    # The one that was started ahead for it was ended as well.
    assert statements.table(lake.snapshot, "select 2", Bounds()).rows == [["2"]]


def test_who_leaves_ends_the_statement_and_keeps_no_other_one_waiting(statements: Statements, lake: Lake) -> None:
    """Twice as many as may run at once: each is ended when it is left, and makes room for the next."""
    for number in range(2 * AT_ONCE):
        gone = threading.Event()
        threading.Timer(0.3, gone.set).start()
        context = contextvars.copy_context()
        context.run(WAITED_FOR.set, gone)
        with pytest.raises(CancelledError):
            context.run(statements.table, lake.snapshot, f"{HANGS} or {number} > 9", Bounds())
    assert statements.table(lake.snapshot, "select 3", Bounds()).rows == [["3"]]


def test_more_than_may_run_at_once_are_refused_in_one_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    own = Statements(lake.folder)
    for _ in range(AT_ONCE):
        own._slots.acquire()
    with pytest.raises(BadInputError, match="3 statements are running"):
        own.table(lake.snapshot, "select 1", Bounds())


def test_processes_end_when_they_are_closed(lake: Lake) -> None:
    own = Statements(lake.folder)
    assert own.table(lake.snapshot, "select 1", Bounds()).rows == [["1"]]
    before = set(children())
    own.close()
    until = time.monotonic() + 20
    while len(set(children()) & before) == len(before) and time.monotonic() < until:
        time.sleep(0.05)
    assert set(children()) < before


@pytest.mark.parametrize("name", report_names())
def test_reports_have_the_same_bounds(statements: Statements, lake: Lake, name: str) -> None:
    assert statements.report(lake.snapshot, name, Bounds(rows=500)).columns
    with pytest.raises(BadInputError, match="the result takes more than 0 MiB"):
        statements.report(lake.snapshot, name, Bounds(rows_mib=0))


@pytest.mark.parametrize("text", ["true) or (true", "(", "1 = 1; drop table videos", "(" * 50_000, "-" * 50_000 + "1"])
def test_a_condition_is_one_condition(statements: Statements, lake: Lake, text: str) -> None:
    query = f"select 1 from clips where ({text}\n)"
    with pytest.raises(BadInputError):
        statements.rows(lake.snapshot, query, Bounds(), typed=text, first=(f"select 1 where {text}\n",))
    with pytest.raises(MistypedError):
        statements.table(lake.snapshot, "drop table videos", Bounds())
