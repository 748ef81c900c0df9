"""Worker processes, one job each at a time, that may die without taking the rest along.

A damaged video can crash a decoder, and the system can kill a process for memory: then that one job has failed, a new
worker takes the next one, and everything else goes on. concurrent.futures gives up the whole pool instead.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from lake.errors import SignverseError

Report = Callable[[Any], None]
"""What a job calls to tell the parent how far it is."""

Job = Callable[[Any, Report], Any]
"""One job: takes a task and a Report, returns its result."""


@dataclass
class Event:
    """What a worker told of a task: `kind` is progress, result, error (`value` is the exception), died (why) or stalled
    (after how many seconds without a word)."""

    kind: str
    task: Any
    value: Any


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Any = None
    busy: bool = False
    heard: float = 0.0


def _serve(pipe: Connection, make_job: Callable[..., Job], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches the whole group: the parent decides what is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job: Job | None = None
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = pipe.recv()
            try:
                if job is None:
                    job = make_job(*arguments)
                pipe.send(("result", job(task, lambda value: pipe.send(("progress", value)))))
            except SignverseError as error:
                pipe.send(("error", error))
            except Exception as error:
                # Any other exception may not survive the pipe, nor mean anything to the person who reads it.
                pipe.send(("error", SignverseError(f"{type(error).__name__}: {error}")))


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Keeps Ctrl-C from processes that start meanwhile, until they ignore it themselves; ours comes afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # The tracker is started with the first process, and lifts the mask then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """A number of worker processes, each with a job of its own made by `make_job(*arguments)` in the worker.

    Use as a context manager: leaving it ends the workers at once.
    """

    def __init__(self, size: int, make_job: Callable[..., Job], *arguments: Any) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._make = (make_job, arguments)
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            self._stop(worker)

    def run(self, tasks: Sequence[Any], stalled_s: float = math.inf) -> Iterator[Event]:
        """Does all tasks, in order as workers come free, and yields what they tell.

        Args:
            stalled_s: a worker that tells nothing for so many seconds is ended, and its task has stalled.
        """
        waiting = deque(tasks)

        def fill() -> None:
            while waiting and self.free:
                self.give(waiting.popleft())

        fill()
        while self.busy:
            for event in self.hear(stalled_s):
                yield event
                fill()

    @property
    def busy(self) -> int:
        """How many tasks are being done."""
        return sum(worker.busy for worker in self._workers)

    @property
    def free(self) -> int:
        """How many more tasks can be given now."""
        return self._size - self.busy

    @property
    def pipes(self) -> list[Connection]:
        """What to wait for, beside other things, before `hear` is called with no timeout."""
        return [worker.pipe for worker in self._workers if worker.busy]

    def give(self, task: Any) -> None:
        """Gives a task to a free worker; starts one where all that there are have work.

        Raises:
            ValueError: no worker is free.
        """
        if not self.free:
            raise ValueError("no worker is free")
        worker = next((worker for worker in self._workers if not worker.busy), None)
        if worker is None:
            worker = self._start()
            self._workers.append(worker)
        worker.busy, worker.task, worker.heard = True, task, time.monotonic()
        # To a process that has died since its last word nothing can be sent: `hear` then finds its pipe closed.
        with contextlib.suppress(ConnectionError):
            worker.pipe.send(task)

    def hear(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        """Waits until a worker tells something, and yields what they tell; who is done is free for the next task.

        Args:
            stalled_s: as for `run`.
            timeout_s: yields nothing where nothing was heard for so long.
        """
        busy = [worker for worker in self._workers if worker.busy]
        left = min((worker.heard for worker in busy), default=math.inf) + stalled_s - time.monotonic()
        left = max(0.0, min(left, timeout_s))
        ready = wait([worker.pipe for worker in busy], None if math.isinf(left) else left)
        for worker in busy:
            task = worker.task
            if worker.pipe in ready:
                try:
                    kind, value = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.busy = False
                    yield Event("died", task, self._replace(worker))
                else:
                    worker.heard = time.monotonic()
                    worker.busy = kind == "progress"
                    yield Event(kind, task, value)
            elif time.monotonic() - worker.heard >= stalled_s and not worker.pipe.poll():
                # Whoever takes the events may have been slow, too: what was said meanwhile counts.
                worker.busy = False
                self._replace(worker)
                yield Event("stalled", task, stalled_s)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._make), daemon=True)
        with _ctrl_c_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _replace(self, worker: _Worker) -> str:
        """Starts a new process in the place of a dead one; returns how it died."""
        self._stop(worker)
        code = worker.process.exitcode or 0
        fresh = self._start()
        worker.process, worker.pipe = fresh.process, fresh.pipe
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @staticmethod
    def _stop(worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.join(0.2)
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
