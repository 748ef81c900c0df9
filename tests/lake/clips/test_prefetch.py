"""Prefetched items come in order and complete, and the thread ends with its user."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from signverse.lake.clips.prefetch import prefetch


def threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


def test_everything_comes_in_order() -> None:
    assert list(prefetch(iter(range(1000)))) == list(range(1000))
    assert list(prefetch([])) == []
    assert list(prefetch([None, None])) == [None, None]
    assert threads() == 0


def test_no_more_is_made_than_may_wait() -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    items = prefetch(make(), 2)
    assert next(items) == 0
    time.sleep(0.3)
    # One was taken, two wait, and one is in the hand of the thread.
    assert len(made) == 4
    items.close()
    assert threads() == 0
    assert len(made) <= 5


def test_an_error_comes_in_its_place() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise KeyError("here")

    items = prefetch(fail())
    assert next(items) == 1
    with pytest.raises(KeyError, match="here"):
        next(items)
    assert threads() == 0


def test_the_next_is_made_while_the_last_is_used() -> None:
    made = [threading.Event() for _ in range(5)]

    def items() -> Iterator[int]:
        for item, event in enumerate(made):
            event.set()
            yield item

    for item in prefetch(items()):
        assert all(event.wait(60) for event in made[item : item + 2])
