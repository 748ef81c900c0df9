"""The engine of this machine: worker processes that may die without taking the rest along.

A damaged video can crash a decoder, and the system can kill a process for memory: then that one task has failed, a new
process takes the next one, and all other tasks go on. concurrent.futures gives up the whole pool instead.

A process has one worker, or several in threads that share what the job holds, such as models on a GPU. When such a
process dies, every task in it is a suspect: they are done again one at a time, and the one that is alone when the
process dies again is the cause. The same holds for a process that is ended because it takes too much memory.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from signverse.lake.jobs.events import Event, EventKind
from signverse.lake.jobs.executor import Engine, Executor, Job
from signverse.lake.jobs.fd_passing import receive
from signverse.lake.jobs.memory import MemoryWatch, default_memory_mb, ended_for_lack_of_memory
from signverse.lake.jobs.process import serve
from signverse.lake.model.interrupt import blocked_in_children

_WAKE_S: Final = 0.2
"""How long the pool waits without looking up: a Ctrl-C that another thread received does not wake this one."""

_LEAVE_S: Final = 0.2
"""How long an idle process may take to leave by itself."""

_TERMINATE_S: Final = 5.0
"""How long a process may take to break off its task and clean up."""


@dataclass
class _Worker:
    """A thread of a worker process.

    Attributes:
        place: of its process in the pool.
        process, pipe: those of today; another one takes the place of a process that died.
        task: what it does, where it is `busy`.
        suspended: its task is a suspect that waits until it can be done alone.
        began_s: time.monotonic() of the start of the task.
        last_event_s: the same of its last event, or of its start.
    """

    place: int
    process: BaseProcess
    pipe: Connection
    task: Any = None
    busy: bool = False
    suspended: bool = False
    began_s: float = 0.0
    last_event_s: float = 0.0

    @property
    def active(self) -> bool:
        """It is doing its task."""
        return self.busy and not self.suspended


class ProcessPool(Executor):
    """Workers in processes of this machine, each process with a job of its own made by `make_job(*arguments)` there.

    Args: see `Engine.executor`.
    """

    def __init__(
        self,
        size: int,
        make_job: Callable[..., Job],
        *arguments: Any,
        per_process: Sequence[tuple[Any, ...]] = (),
        memory_mb: int | None = None,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._make = make_job
        self._arguments = list(per_process)[:size] or [arguments] * size
        self._size = size
        self._workers: list[_Worker] = []
        self._memory = MemoryWatch(memory_mb or default_memory_mb(len(self._arguments)))
        self._lack_of_memory = ended_for_lack_of_memory()
        # Nothing is sent: the processes notice when `_alive` is closed, as it is when this process ends in any way.
        self._watched, self._alive = self._context.Pipe(duplex=False)

    def close(self) -> None:
        self._memory.close()
        for worker in self._workers:
            worker.pipe.close()
        _stop({worker.place: worker.process for worker in self._workers}.values())
        self._alive.close()
        self._watched.close()

    @property
    def busy(self) -> int:
        return sum(worker.busy for worker in self._workers)

    @property
    def free(self) -> int:
        # Beside a suspect no other task is done.
        suspected = {worker.place for worker in self._workers if worker.suspended}
        idle = sum(not worker.busy for worker in self._workers if worker.place not in suspected)
        return idle + self._size - len(self._workers)

    def waitables(self) -> list[Connection]:
        return [worker.pipe for worker in self._workers if worker.busy]

    def reserve(self, count: int) -> None:
        for place in range(min(count, len(self._arguments))):
            if place not in self._started():
                self._workers += self._start(place)

    def submit(self, task: Any) -> None:
        """Give a task to a free worker, in the process with the fewest tasks; start one where none is idle.

        Raises:
            ValueError: no worker is free.
        """
        if not self.free:
            raise ValueError("no worker is free")
        load = [0] * len(self._arguments)
        for worker in self._workers:
            # A suspended worker keeps every other one out of its process.
            load[worker.place] += self._size if worker.suspended else worker.busy
        idle = min((worker for worker in self._workers if not worker.busy), key=lambda w: load[w.place], default=None)
        started = self._started()
        if idle is None or (load[idle.place] and len(started) < len(self._arguments)):
            place = next(place for place in range(len(self._arguments)) if place not in started)
            new = self._start(place)
            self._workers += new
            idle = new[0]
        idle.busy, idle.task = True, task
        _begin(idle)

    def poll(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        active = [worker for worker in self._workers if worker.active]
        if not active:
            return
        now = time.monotonic()
        until = min(min(worker.last_event_s for worker in active) + stalled_s, now + timeout_s)
        pipes = [worker.pipe for worker in active]
        ready = wait(pipes, 0.0)
        while not ready and (left := until - time.monotonic()) > 0:
            ready = wait(pipes, min(left, _WAKE_S))
        for worker in active:
            # A suspended one has lost its process a moment ago, with another task's death.
            if worker.suspended:
                continue
            task = worker.task
            if worker.pipe in ready:
                try:
                    kind, value = receive(worker.pipe)
                except (EOFError, OSError):
                    alone = len([other for other in self._in_process(worker.place) if other.active]) == 1
                    over_since_s = self._memory.over_since_s(worker.process)
                    # A process that was over its limit before the task began is not this task's doing.
                    is_cause = alone and (over_since_s is None or worker.began_s <= over_since_s)
                    worker.busy = not is_cause
                    why, value = self._replace(worker)
                    if is_cause:
                        yield Event(why, task, value)
                else:
                    worker.last_event_s = time.monotonic()
                    worker.busy = kind == "progress"
                    self._resume_next(worker.place)
                    yield Event(kind, task, value)
            elif time.monotonic() - worker.last_event_s >= stalled_s and not worker.pipe.poll():
                # The caller may have been slow, too: what was sent meanwhile counts.
                worker.busy = False
                self._replace(worker)
                yield Event("stalled", task, stalled_s)

    def _started(self) -> set[int]:
        return {worker.place for worker in self._workers}

    def _in_process(self, place: int) -> list[_Worker]:
        return [worker for worker in self._workers if worker.place == place]

    def _start(self, place: int) -> list[_Worker]:
        """Start a process and return its workers."""
        count = len(range(place, self._size, len(self._arguments)))
        pipes = [self._context.Pipe() for _ in range(count)]
        theirs = [pipe for _, pipe in pipes]
        arguments = (self._watched, theirs, self._make, self._arguments[place])
        process = self._context.Process(target=serve, args=arguments, daemon=True)
        with blocked_in_children():
            process.start()
        self._memory.watch(process)
        for pipe in theirs:
            pipe.close()
        return [_Worker(place, process, pipe) for pipe, _ in pipes]

    def _replace(self, worker: _Worker) -> tuple[EventKind, str]:
        """Start a new process in the place of a worker's, suspend its other tasks; return how the old one ended."""
        process = worker.process
        over = self._memory.over_since_s(process) is not None
        self._memory.forget(process)
        workers = self._in_process(worker.place)
        for old in workers:
            old.pipe.close()
        _stop([process])
        code = process.exitcode or 0
        for old, new in zip(workers, self._start(worker.place), strict=True):
            old.process, old.pipe, old.suspended = new.process, new.pipe, old.busy
        self._resume_next(worker.place)
        if over:
            return "memory", f"needs more than {self._memory.limit_mb:,} MB of memory"
        if code == -signal.SIGKILL and self._lack_of_memory != (now := ended_for_lack_of_memory()):
            self._lack_of_memory = now
            return "memory", "ended by the system, because the machine had no memory left"
        return "died", signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _resume_next(self, place: int) -> None:
        """Restart the next suspended task of a process, once no other task is done there."""
        busy = [worker for worker in self._in_process(place) if worker.busy]
        if busy and all(worker.suspended for worker in busy):
            _begin(busy[0])


def _begin(worker: _Worker) -> None:
    worker.suspended = False
    worker.began_s = worker.last_event_s = time.monotonic()
    # To a process that has died since its last event nothing can be sent: `poll` then finds its pipe closed.
    with contextlib.suppress(ConnectionError):
        worker.pipe.send(worker.task)


def _stop(processes: Iterable[BaseProcess]) -> None:
    """End processes whose pipes are closed: idle ones leave, tasks are broken off, and the rest is killed."""
    remaining = list(processes)
    for seconds, end in ((_LEAVE_S, BaseProcess.terminate), (_TERMINATE_S, BaseProcess.kill)):
        deadline = time.monotonic() + seconds
        for process in remaining:
            process.join(max(0.0, deadline - time.monotonic()))
        remaining = [process for process in remaining if process.is_alive()]
        for process in remaining:
            end(process)
    for process in remaining:
        process.join()


class LocalEngine:
    """Processes of this machine."""

    def executor(
        self,
        size: int,
        make_job: Callable[..., Job],
        *arguments: Any,
        per_process: Sequence[tuple[Any, ...]] = (),
        memory_mb: int | None = None,
    ) -> Executor:
        """See `Engine.executor`."""
        return ProcessPool(size, make_job, *arguments, per_process=per_process, memory_mb=memory_mb)


LOCAL: Final[Engine] = LocalEngine()
