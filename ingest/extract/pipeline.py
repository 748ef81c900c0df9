"""Work on threads, with its results in order and its memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int) -> Iterator[Result]:
    """Does `work` on every item in threads, and yields the results in the order of the items.

    The items are made in the thread of the caller, while the others work.

    Args:
        threads: how many work at once.
        ahead: how many items there may be at once, from the moment they are made until their result is yielded.

    Raises:
        Whatever making an item or working on one raises; what has not begun is dropped then.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="extract") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                del item
                while pending and (len(pending) >= ahead or pending[0].done()):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def bundled(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` consecutive items; the last may be shorter."""
    source = iter(items)
    while bundle := list(islice(source, size)):
        yield bundle
        del bundle
