"""The interface of what runs work: an engine makes executors, an executor takes tasks and yields events."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Protocol, Self

from signverse.lake.jobs.events import Event

Report = Callable[[Any], None]
"""What a job calls to report progress."""

Job = Callable[[Any, Report], Any]
"""What a worker does: takes a task and a Report, returns the result."""


@dataclass(frozen=True)
class WorkerLimits:
    """What a worker may take.

    Attributes:
        memory_mb: MB of memory of its process; None for its share of the machine's.
        stalled_s: seconds without a report after which its task is given up.
    """

    memory_mb: int | None = None
    stalled_s: float = math.inf


UNLIMITED: Final = WorkerLimits()


class Executor(ABC):
    """Workers that do tasks. Use as a context manager: leaving it ends the workers at once.

    What callers rely on, whatever the engine:

    - A task ends in exactly one event that is not progress. A worker that dies costs its own task only.
    - A process that takes more memory than it may is ended; its task ends in a `memory` event.
    - A task is broken off by an exception raised in its job, so that half-written files are removed: when the executor
      is closed, after Ctrl-C, and when the process that made the executor is gone, however it ended.
    - Results come in the order in which they are done.
    """

    @property
    @abstractmethod
    def busy(self) -> int:
        """Number of tasks in progress."""

    @property
    @abstractmethod
    def free(self) -> int:
        """Number of tasks that can be submitted now."""

    @abstractmethod
    def submit(self, task: Any) -> None:
        """Give a task to a free worker.

        Raises:
            ValueError: no worker is free.
        """

    @abstractmethod
    def poll(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        """Wait for events and yield those that are there; a worker whose task has ended is free again.

        Args:
            stalled_s: a worker without an event for so many seconds is ended, and its task has stalled.
            timeout_s: yields nothing where nothing happens for so long.
        """

    @abstractmethod
    def waitables(self) -> list[Connection]:
        """What becomes readable when there is an event, see `wait_for_events`.

        An engine whose events come over no pipe gives the end of one that its listening thread writes to.
        """

    @abstractmethod
    def close(self) -> None:
        """End the workers: break off their tasks, and wait until they are gone."""

    def reserve(self, count: int) -> None:  # noqa: B027 - optional
        """Start the workers that `count` tasks will need, so that they start side by side."""

    def run(self, tasks: Sequence[Any], stalled_s: float = math.inf) -> Iterator[Event]:
        """Do all tasks, in order as workers become free, and yield their events.

        Args:
            stalled_s: as for `poll`.
        """
        waiting = deque(tasks)
        self.reserve(len(tasks))

        def fill() -> None:
            while waiting and self.free:
                self.submit(waiting.popleft())

        fill()
        while self.busy:
            for event in self.poll(stalled_s):
                yield event
                fill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Engine(Protocol):
    """Where workers run: processes of this machine, a cluster."""

    def executor(
        self,
        size: int,
        make_job: Callable[..., Job],
        *arguments: Any,
        per_process: Sequence[tuple[Any, ...]] = (),
        memory_mb: int | None = None,
    ) -> Executor:
        """An executor that does `size` tasks at once.

        Args:
            size: tasks that are done at once.
            make_job: makes the job, once in each process of workers; it and the tasks are pickled.
            arguments: of `make_job`.
            per_process: the arguments of each process, where they differ; then there are so many processes, and the
                workers are threads of theirs, which share what the job holds, such as models on a GPU.
            memory_mb: MB of memory that each process may take; None for its share of the machine's.
        """


def wait_for_events(executors: Iterable[Executor], timeout_s: float) -> None:
    """Wait until one of several executors has an event, at most so many seconds; then poll each with no timeout."""
    wait([end for executor in executors for end in executor.waitables()], timeout_s)
