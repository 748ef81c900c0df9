"""Ctrl-C at the wrong moment: held back until what must not be torn is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def held() -> Iterator[None]:
    """Holds back Ctrl-C (and SIGTERM) for the block, then lets it through."""
    if threading.current_thread() is not threading.main_thread():
        # Python interrupts its main thread only.
        yield
        return
    came: list[int] = []
    earlier = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def unheard_by_children() -> Iterator[None]:
    """Keeps Ctrl-C from processes that start in the block, until they ignore it themselves; ours comes afterwards."""
    # The mask is what new processes inherit. It keeps nothing from our other threads, such as those of numpy: Python
    # then interrupts this one, and a process whose parent was torn from its start ends with a traceback.
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
