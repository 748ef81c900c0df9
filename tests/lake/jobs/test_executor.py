"""A second engine is an executor of a few methods: what uses one need not know where the work runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Executor, Job


class HereExecutor(Executor):
    """Does each task where it is polled."""

    def __init__(self, job: Job) -> None:
        self.job, self.tasks, self.closed = job, list[Any](), False

    @property
    def busy(self) -> int:
        return len(self.tasks)

    @property
    def free(self) -> int:
        return 1 - len(self.tasks)

    def submit(self, task: Any) -> None:
        self.tasks.append(task)

    def poll(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        task = self.tasks.pop()
        reports: list[Any] = []
        result = self.job(task, reports.append)
        yield from (Event("progress", task, report) for report in reports)
        yield Event("result", task, result)

    def waitables(self) -> list[Connection]:
        return []

    def close(self) -> None:
        self.closed = True


class HereEngine:
    def __init__(self) -> None:
        self.made: list[HereExecutor] = []

    def executor(
        self,
        size: int,
        make_job: Callable[..., Job],
        *arguments: Any,
        per_process: Sequence[tuple[Any, ...]] = (),
        memory_mb: int | None = None,
    ) -> Executor:
        self.made.append(HereExecutor(make_job(*arguments)))
        return self.made[-1]


def test_run_does_all_tasks_and_yields_their_events_whatever_the_engine() -> None:
    def make_job(offset: int) -> Job:
        def job(task: int, report: Callable[[Any], None]) -> int:
            report(task)
            return task + offset

        return job

    engine = HereEngine()
    with engine.executor(1, make_job, 10) as executor:
        events = [(event.kind, event.value) for event in executor.run([1, 2])]
    assert events == [("progress", 1), ("result", 11), ("progress", 2), ("result", 12)]
    assert engine.made[0].closed
