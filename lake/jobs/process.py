"""The worker's side of the pool: a process that does tasks until its parent closes the pipe or is gone.

SIGTERM ends it. A task in progress is then broken off by a KeyboardInterrupt, so that half-written files are removed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

from signverse.lake.jobs.executor import Job
from signverse.lake.jobs.fd_passing import send
from signverse.lake.jobs.left_out import leave_pandas_out
from signverse.lake.model.errors import SignverseError

_REPEAT_S: Final = 0.5
"""Pause between two signals of a worker to itself whose parent is gone."""


class _Termination:
    """Handles SIGTERM in the main thread, the only one that Python can interrupt; other threads end with the process.

    Attributes:
        busy: the main thread has a task.
    """

    def __init__(self) -> None:
        self.busy = False
        self._requested = False

    def on_signal(self, *_: object) -> None:
        repeated, self._requested = self._requested, True
        if not self.busy:
            end_process()
        if not repeated:
            # The exception may meet a finalizer or a thread of a library, whose words would reach the terminal.
            _silence_stderr()
            # Once: a second one would break off the cleaning up.
            raise KeyboardInterrupt

    def task_ended(self) -> None:
        self.busy = False
        if self._requested:
            # The job has taken the exception for its own.
            end_process()


def _silence_stderr() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def end_process() -> NoReturn:
    """End as by a SIGTERM that nothing handles: nothing is printed, and the parent sees the cause."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(1)


def serve(
    parent: Connection, pipes: list[Connection], make_job: Callable[..., Job], arguments: tuple[Any, ...]
) -> None:
    """Run a worker for each pipe, the first in the main thread; the job is made once, with the first task.

    Args:
        parent: its other end is closed when the parent ends.
    """
    leave_pandas_out()
    # Ctrl-C reaches the whole group: the parent decides what is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    termination = _Termination()
    signal.signal(signal.SIGTERM, termination.on_signal)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    lock, made = threading.Lock(), list[Job]()

    def job() -> Job:
        with lock:
            if not made:
                made.append(make_job(*arguments))
        return made[0]

    threads = [threading.Thread(target=_work, args=(pipe, job), daemon=True) for pipe in pipes[1:]]
    for thread in threads:
        thread.start()
    try:
        _work(pipes[0], job, termination)
    except KeyboardInterrupt:
        end_process()
    for thread in threads:
        thread.join()


def _end_with_parent(parent: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()
    while True:
        # The first one breaks off a task, a later one ends a process that waits for the next.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_REPEAT_S)


def _work(pipe: Connection, job: Callable[[], Job], termination: _Termination | None = None) -> None:
    try:
        while True:
            task = pipe.recv()
            if termination is not None:
                termination.busy = True
            _do(pipe, job, task)
            if termination is not None:
                termination.task_ended()
    except (EOFError, ConnectionError):
        # The parent has closed the pipe, perhaps while a result was on its way.
        if termination is not None:
            termination.busy = False


def _do(pipe: Connection, job: Callable[[], Job], task: Any) -> None:
    try:
        send(pipe, ("result", job()(task, lambda value: send(pipe, ("progress", value)))))
    except SignverseError as error:
        send(pipe, ("error", error))
    except Exception as error:
        # Any other exception may not survive the pipe, nor mean anything to the person who reads it.
        send(pipe, ("error", SignverseError(f"{type(error).__name__}: {error}")))
