"""Making the next items in a thread while the last ones are used."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_POLL_S: Final = 0.1
"""How often a thread that waits for the other checks whether it still has to."""

_JOIN_S: Final = 1.0
"""How long the thread may take to finish the item that it is making."""


def prefetch(items: Iterable[T], most: int = 2) -> Generator[T]:
    """Yields the items, made by a thread of their own while earlier ones are used; at most `most` are waiting.

    The thread ends with the generator: close it, or use it up.
    """
    queue: Queue[tuple[str, Any]] = Queue(most)
    closed = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not closed.is_set():
            try:
                queue.put((kind, value), timeout=_POLL_S)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    # A daemon: a read that hangs must not keep the process from ending.
    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            # With a timeout: a Ctrl-C that another thread received does not wake this one.
            try:
                kind, value = queue.get(timeout=_POLL_S)
            except Empty:
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        closed.set()
        # It makes one item at most.
        thread.join(_JOIN_S)
