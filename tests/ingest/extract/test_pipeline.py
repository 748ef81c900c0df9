"""Work on threads comes back in order, and no more of it is held than was allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from signverse.ingest.extract.pipeline import batched, map_in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("max_pending", [1, 2, 7])
def test_results_come_in_the_order_of_the_items(threads: int, max_pending: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        return item * item

    assert list(map_in_order(work, range(30), threads, max_pending)) == [item * item for item in range(30)]


@pytest.mark.parametrize("max_pending", [1, 3, 6])
def test_no_more_items_are_there_at_once_than_allowed(max_pending: int) -> None:
    lock, there, most = threading.Lock(), 0, 0

    def items() -> Iterator[int]:
        nonlocal there, most
        for item in range(40):
            with lock:
                there += 1
                most = max(most, there)
            yield item

    for _ in map_in_order(lambda item: item, items(), 4, max_pending):
        with lock:
            there -= 1
    assert most <= max_pending


def test_several_items_are_worked_on_at_the_same_time() -> None:
    meet = threading.Barrier(3, timeout=10)
    assert list(map_in_order(lambda item: meet.wait() >= 0, range(3), 3, 4)) == [True] * 3


def test_what_goes_wrong_in_the_work_or_in_the_making_reaches_the_caller() -> None:
    def work(item: int) -> float:
        return 1 / (5 - item)

    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("no more")

    with pytest.raises(ZeroDivisionError):
        list(map_in_order(work, range(1000), 2, 4))
    with pytest.raises(OSError, match="no more"):
        list(map_in_order(work, items(), 2, 4))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("extract")]


def test_who_stops_listening_ends_the_threads() -> None:
    results = map_in_order(lambda item: item, range(10**9), 2, 4)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("extract")]


def test_batches_are_full_but_the_last() -> None:
    assert list(batched(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batched([], 3)) == []
