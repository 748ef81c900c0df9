"""Worker processes that may die without taking the rest along.

A damaged video can crash a decoder, and the system can kill a process for memory: then that one job has failed, a new
worker takes the next one, and everything else goes on. concurrent.futures gives up the whole pool instead.

A process has one worker, or several in threads that share what the job holds, such as models on a GPU. When such a
process dies, whoever was at work in it is a suspect: they are done again one at a time, and who is alone when the
process dies again is the one.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from signverse.lake.jobs.fd_passing import receive, send
from signverse.lake.model.errors import SignverseError
from signverse.lake.model.interrupt import unheard_by_children

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
    """A thread of a process; `number` is that of the process's place, `held` is a suspect that waits for its turn."""

    number: int
    process: BaseProcess
    pipe: Connection
    task: Any = None
    busy: bool = False
    held: bool = False
    heard: float = 0.0


def _serve(pipes: list[Connection], make_job: Callable[..., Job], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches the whole group: the parent decides what is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock, made = threading.Lock(), list[Job]()

    def job() -> Job:
        with lock:
            if not made:
                made.append(make_job(*arguments))
        return made[0]

    others = [threading.Thread(target=_work, args=(pipe, job), daemon=True) for pipe in pipes[1:]]
    for other in others:
        other.start()
    _work(pipes[0], job)
    for other in others:
        other.join()


def _work(pipe: Connection, job: Callable[[], Job]) -> None:
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = pipe.recv()
            try:
                send(pipe, ("result", job()(task, lambda value: send(pipe, ("progress", value)))))
            except SignverseError as error:
                send(pipe, ("error", error))
            except Exception as error:
                # Any other exception may not survive the pipe, nor mean anything to the person who reads it.
                send(pipe, ("error", SignverseError(f"{type(error).__name__}: {error}")))


class Pool:
    """A number of workers, each in a process with a job of its own made by `make_job(*arguments)` there.

    Use as a context manager: leaving it ends the workers at once.

    Args:
        size: tasks that are done at once.
        make_job: makes the job, in the process.
        arguments: of `make_job`.
        each: the arguments of each process, where they differ; then there are so many processes, and the workers are
            threads of theirs.
    """

    def __init__(
        self, size: int, make_job: Callable[..., Job], *arguments: Any, each: Sequence[tuple[Any, ...]] = ()
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._make = make_job
        self._each = list(each)[:size] or [arguments] * size
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
        # Beside a suspect nobody works.
        suspected = {worker.number for worker in self._workers if worker.held}
        idle = sum(not worker.busy for worker in self._workers if worker.number not in suspected)
        return idle + self._size - len(self._workers)

    @property
    def pipes(self) -> list[Connection]:
        """What to wait for, beside other things, before `hear` is called with no timeout."""
        return [worker.pipe for worker in self._workers if worker.busy]

    def give(self, task: Any) -> None:
        """Gives a task to a free worker, in the process that has least to do; starts one where none is idle.

        Raises:
            ValueError: no worker is free.
        """
        if not self.free:
            raise ValueError("no worker is free")
        load = [0] * len(self._each)
        for worker in self._workers:
            # A held worker keeps every other one out of its process.
            load[worker.number] += self._size if worker.held else worker.busy
        idle = min((worker for worker in self._workers if not worker.busy), key=lambda w: load[w.number], default=None)
        started = {worker.number for worker in self._workers}
        if idle is None or (load[idle.number] and len(started) < len(self._each)):
            number = next(number for number in range(len(self._each)) if number not in started)
            fresh = self._start(number)
            self._workers += fresh
            idle = fresh[0]
        idle.busy, idle.task = True, task
        self._send(idle)

    @staticmethod
    def _send(worker: _Worker) -> None:
        worker.held, worker.heard = False, time.monotonic()
        # To a process that has died since its last word nothing can be sent: `hear` then finds its pipe closed.
        with contextlib.suppress(ConnectionError):
            worker.pipe.send(worker.task)

    def hear(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
        """Waits until a worker tells something, and yields what they tell; who is done is free for the next task.

        Args:
            stalled_s: as for `run`.
            timeout_s: yields nothing where nothing was heard for so long.
        """
        busy = [worker for worker in self._workers if worker.busy and not worker.held]
        left = min((worker.heard for worker in busy), default=math.inf) + stalled_s - time.monotonic()
        left = max(0.0, min(left, timeout_s))
        ready = wait([worker.pipe for worker in busy], None if math.isinf(left) else left)
        for worker in busy:
            task, pipe = worker.task, worker.pipe
            if worker.held:
                # Its process died a moment ago, with another one.
                continue
            if pipe in ready:
                try:
                    kind, value = receive(pipe)
                except (EOFError, OSError):
                    alone = len(self._at_work(worker)) == 1
                    worker.busy = not alone
                    why = self._replace(worker)
                    if alone:
                        yield Event("died", task, why)
                else:
                    worker.heard = time.monotonic()
                    worker.busy = kind == "progress"
                    self._next_suspect(worker.number)
                    yield Event(kind, task, value)
            elif time.monotonic() - worker.heard >= stalled_s and not pipe.poll():
                # Whoever takes the events may have been slow, too: what was said meanwhile counts.
                worker.busy = False
                self._replace(worker)
                yield Event("stalled", task, stalled_s)

    def _at_work(self, worker: _Worker) -> list[_Worker]:
        """Who is at work in a worker's process."""
        return [one for one in self._workers if one.number == worker.number and one.busy and not one.held]

    def _start(self, number: int) -> list[_Worker]:
        """Starts a process; returns its workers."""
        count = len(range(number, self._size, len(self._each)))
        pipes = [self._context.Pipe() for _ in range(count)]
        theirs = [pipe for _, pipe in pipes]
        process = self._context.Process(target=_serve, args=(theirs, self._make, self._each[number]), daemon=True)
        with unheard_by_children():
            process.start()
        for pipe in theirs:
            pipe.close()
        return [_Worker(number, process, pipe) for pipe, _ in pipes]

    def _replace(self, worker: _Worker) -> str:
        """Starts a new process in the place of a worker's, where the others of it begin anew; returns how it died."""
        process = worker.process
        mates = [one for one in self._workers if one.number == worker.number]
        for mate in mates:
            mate.pipe.close()
        self._stop(worker)
        code = process.exitcode or 0
        for mate, fresh in zip(mates, self._start(worker.number), strict=True):
            mate.process, mate.pipe, mate.held = fresh.process, fresh.pipe, mate.busy
        self._next_suspect(worker.number)
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _next_suspect(self, number: int) -> None:
        """Lets the next one who was in a process that died begin anew, where nobody is at work there."""
        mates = [one for one in self._workers if one.number == number and one.busy]
        if mates and all(one.held for one in mates):
            self._send(mates[0])

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
