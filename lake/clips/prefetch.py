"""Making the next while the last is used."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LOOK_S: Final = 0.1
"""How often one looks up who waits for the other."""

_LEAVE_S: Final = 1.0
"""How long a thread may take to end what it is at."""


def ahead(items: Iterable[T], most: int = 2) -> Generator[T]:
    """The items, made by a thread of their own while the ones before are used; at most `most` are waiting.

    The thread ends with the generator: close it, or use it up.
    """
    waiting: Queue[tuple[str, Any]] = Queue(most)
    over = threading.Event()

    def put(what: str, value: Any) -> bool:
        while not over.is_set():
            try:
                waiting.put((what, value), timeout=_LOOK_S)
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

    # A daemon: what hangs in a read must not keep the process from ending.
    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            # For a while only: a Ctrl-C that another thread received does not wake this one.
            try:
                what, value = waiting.get(timeout=_LOOK_S)
            except Empty:
                continue
            if what == "end":
                return
            if what == "error":
                raise value
            yield value
    finally:
        over.set()
        # It is at one item at most.
        thread.join(_LEAVE_S)
