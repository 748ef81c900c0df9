"""An engine whose only worker is the process itself: nothing is started, nothing is waited for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Executor, Job
from signverse.lake.model.errors import SignverseError


class SameProcess(Executor):
    """Does one task at a time while it is polled."""

    def __init__(self, make_job: Callable[..., Job], arguments: tuple[Any, ...]) -> None:
        self._job = make_job(*arguments)
        self._task: list[Any] = []

    @property
    def busy(self) -> int:
        return len(self._task)

    @property
    def free(self) -> int:
        return 1 - self.busy

    def submit(self, task: Any) -> None:
        self._task.append(task)

    def poll(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        task = self._task[0]
        reports: list[Event] = []
        try:
            result = self._job(task, lambda value: reports.append(Event("progress", task, value)))
            last = Event("result", task, result)
        except SignverseError as error:
            last = Event("error", task, error)
        yield from reports
        self._task.clear()
        yield last

    def waitables(self) -> list[Connection]:
        return []

    def close(self) -> None:
        self._task.clear()
