"""Processes that work side by side, and end with the one that began them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.interrupt import unheard_by_children

T = TypeVar("T")

_LISTENING_S: Final = 0.2


def side_by_side(
    work: Callable[..., T],
    calls: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    begin: Callable[..., None],
    given: tuple[Any, ...],
) -> Iterator[T]:
    """What `work` gives for each call, in the order in which they are done.

    Ctrl-C, an error and even a kill of this process end the others: what they are at is broken off by an exception.

    Args:
        begin: what each process does before its first call, with `given`.

    Raises:
        SignverseError: a process was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    # Its other end is closed when this process ends.
    watch, hold = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(workers, len(calls)), context, initializer=_listen, initargs=(watch, begin, given))
    try:
        with unheard_by_children():
            waiting = {pool.submit(_work, work, call) for call in calls}
        while waiting:
            # For a while only: a Ctrl-C that another thread received does not wake this one.
            done, waiting = wait(waiting, _LISTENING_S, FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        hold.close()
        raise SignverseError(
            "a process was ended from outside, perhaps for want of memory",
            "The same command goes on; fewer --workers take less.",
        ) from None
    except BaseException:
        hold.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        hold.close()
        watch.close()


# In the processes.

_begun = False
_busy = False
_stopping = False
_before: Callable[[], None] | None = None


def _listen(watch: Any, begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    global _before, _begun
    # Not here: what is broken off here is written out with a traceback.
    _before = partial(begin, *given)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with, args=(watch,), daemon=True).start()
    _begun = True


def _end_with(watch: Any) -> None:
    with suppress(EOFError, OSError):
        watch.recv_bytes()
    while True:
        # Once to break off the work, once more to leave the wait for the next.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)


def _stop(*_: object) -> None:
    global _stopping
    again, _stopping = _stopping, True
    if _busy and not again:
        # Once: a second one would break off the clearing up.
        raise KeyboardInterrupt
    if _begun and not _busy:
        sys.exit(1)


def _work(work: Callable[..., T], call: tuple[Any, ...]) -> T:
    global _busy, _before
    if _stopping:
        raise KeyboardInterrupt
    _busy = True
    try:
        if _before is not None:
            _before()
            _before = None
        return work(*call)
    finally:
        _busy = False
