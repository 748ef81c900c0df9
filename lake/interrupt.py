"""Ctrl-C at the wrong moment: held back until what must not be torn is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
