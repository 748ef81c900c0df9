"""A thread pool whose results come in order and whose memory is bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int, max_pending: int
) -> Iterator[Result]:
    """Apply `work` to every item in threads, and yield the results in the order of the items.

    Items are produced in the caller's thread while the other threads work.

    Args:
        threads: how many items are worked on at once.
        max_pending: how many items may exist at once, from their production until their result is yielded.

    Raises:
        Whatever producing an item or working on one raises; work that has not begun is cancelled.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="extract") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                del item
                while pending and (len(pending) >= max_pending or pending[0].done()):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` consecutive items; the last may be shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
        del batch
