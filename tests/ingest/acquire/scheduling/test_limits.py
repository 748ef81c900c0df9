"""When downloading waits: for extraction, and for the disk."""

from __future__ import annotations

import pytest

from signverse.ingest.acquire.scheduling.limits import Limits, disk_low_message

LIMITS = Limits(backlog=1000, keep_free=500)


@pytest.mark.parametrize(
    ("videos", "size", "message"),
    [
        (0, 0, ""),
        (3, 999, ""),
        (1, 1000, "1 video waits for extraction"),
        (2, 5000, "2 videos wait for extraction"),
    ],
)
def test_downloading_waits_while_the_backlog_is_full(videos: int, size: int, message: str) -> None:
    assert LIMITS.backlog_full(videos, size) == message


def test_downloading_waits_while_less_is_free_than_is_to_stay_free() -> None:
    assert LIMITS.disk_low(499)
    assert not LIMITS.disk_low(500)
    assert not Limits(backlog=0, keep_free=0).disk_low(0)


def test_what_is_unfinished_is_named_where_the_disk_is_low() -> None:
    assert disk_low_message(0, "DIR") == "the disk is low: downloading goes on when there is room"
    assert "(2 kB are in DIR)" in disk_low_message(2000, "DIR")
