"""Threads that read pieces of files elsewhere side by side.

Those of concurrent.futures are waited for when the program ends: one that waits for a server would hold it up after
Ctrl-C.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

STREAMS: Final = 8
"""Requests at once, as the hub's own client makes."""

_WAKE_S: Final = 0.5
"""How long one waits without looking up, for Ctrl-C."""


@dataclass(frozen=True)
class Done:
    """What became of a piece of work: its result, or the error that it raised."""

    key: Any
    result: Any = None
    error: BaseException | None = None


class Streams:
    """Threads that do what they are given, in order. Use as a context manager; what waits is dropped in the end."""

    def __init__(self, count: int = STREAMS) -> None:
        self._waiting: queue.SimpleQueue[tuple[Any, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._ended = False
        self.pending = 0
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for _thread in self._threads:
            self._waiting.put(None)

    def submit(self, key: Any, function: Callable[[], Any]) -> None:
        """Gives the threads something to do."""
        self.pending += 1
        self._waiting.put((key, function))

    def next_done(self, timeout_s: float) -> Done | None:
        """Something that was done, or failed; None where nothing was within so many seconds."""
        try:
            done = self._done.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self.pending -= 1
        return done

    def rest(self) -> Iterator[Done]:
        """All that is still to be done, as it is."""
        while self.pending:
            done = self.next_done(_WAKE_S)
            if done is not None:
                yield done

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None and not self._ended:
            key, function = item
            try:
                self._done.put(Done(key, function()))
            except BaseException as error:
                self._done.put(Done(key, error=error))
