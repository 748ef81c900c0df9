"""Ctrl-C while something runs that must not be interrupted: delayed until it is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def held() -> Iterator[None]:
    """Delays Ctrl-C (and SIGTERM) until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        # Python interrupts its main thread only.
        yield
        return
    received: list[int] = []
    earlier = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


@contextmanager
def blocked_in_children() -> Iterator[None]:
    """Blocks Ctrl-C in processes that start meanwhile, until they ignore it themselves; this process gets it later."""
    # The mask is what new processes inherit. It does not block other threads, such as those of numpy: Python then
    # interrupts this one, and a process whose parent was interrupted while starting it ends with a traceback.
    with held():
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
