"""Many ranges of a file: the same bytes as slices, few requests, little read along, bounded memory."""

from __future__ import annotations

import threading
import time
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.remote.sources.protocols import RemoteFileError, check_range
from signverse.ingest.remote.sources.read_ranges import merge, read_ranges, stream

DATA = bytes(number * 7 % 251 for number in range(20_000))


class File:
    """A file in memory that counts what is asked of it."""

    path, size, oid = "a.tar", len(DATA), None

    def __init__(self, fails_at: int | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        self.fails_at = fails_at
        self.now = self.most = 0
        self.lock = threading.Lock()

    def pread(self, start: int, size: int) -> bytes:
        check_range(self.path, start, size, self.size)
        with self.lock:
            self.asked.append((start, size))
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.001)
        with self.lock:
            self.now -= 1
        if self.fails_at is not None and start <= self.fails_at < start + size:
            raise RemoteFileError(f"byte {self.fails_at}")
        return DATA[start : start + size]

    def close(self) -> None:
        pass


RANGES = st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, 3000)), max_size=12).map(
    lambda found: [(start, min(size, len(DATA) - start)) for start, size in found]
)


@given(RANGES, st.booleans(), st.integers(0, 5000), st.integers(1, 4000), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_ranges_of_any_kind_are_the_slices_of_the_file(
    ranges: list[tuple[int, int]], in_order: bool, gap: int, request: int, streams: int
) -> None:
    """Overlapping, repeated, empty, unsorted ones as well, whatever the limits."""
    ranges = sorted(ranges) if in_order else ranges
    file = File()
    read = list(read_ranges(file, ranges, gap=gap, request=request + 200, streams=streams))
    assert read == [DATA[start : start + size] for start, size in ranges]
    assert all(size <= request + 200 for _, size in file.asked)
    assert file.most <= streams


@given(RANGES, st.integers(0, 100_000), st.floats(0, 1))
def test_what_is_read_along_stays_a_small_share(ranges: list[tuple[int, int]], gap: int, waste: float) -> None:
    """Of sorted ranges a byte is read once, and what is not wanted is at most the share, and 4 kB a range."""
    ranges = sorted(set(ranges))
    groups = list(merge(ranges, gap=gap, waste=waste))
    assert [one for group in groups for one in group] == ranges
    read = sum(max(start + size for start, size in group) - group[0][0] for group in groups)
    wanted = sum(size for _, size in ranges)
    assert read <= wanted * (1 + waste) + 4096 * len(ranges)


def test_members_side_by_side_are_one_request_and_distant_ones_are_not() -> None:
    video = [(512, 3_000_000), (3_001_024, 10_000), (3_012_096, 9_000)]
    far = [(start + 40_000_000, size) for start, size in video]
    assert list(merge(video + far)) == [video, far]


def test_a_range_larger_than_a_request_comes_in_pieces() -> None:
    file = File()
    pieces = list(stream(file, 100, 5000, request=1024, streams=2))
    assert b"".join(pieces) == DATA[100:5100]
    assert [len(piece) for piece in pieces] == [1024, 1024, 1024, 1024, 904]


def test_ranges_before_the_one_that_fails_are_handed_on() -> None:
    ranges = [(0, 10), (5000, 10), (10_000, 10), (15_000, 10)]
    reading = read_ranges(File(fails_at=10_005), ranges, gap=0)
    assert list(islice(reading, 2)) == [DATA[0:10], DATA[5000:5010]]
    with pytest.raises(RemoteFileError, match="byte 10005"):
        next(reading)


def test_no_more_is_read_ahead_than_the_streams_hold() -> None:
    file = File()
    reading = read_ranges(file, [(start, 100) for start in range(0, 20_000, 1000)], gap=0, streams=2)
    next(reading)
    next(reading)
    time.sleep(0.05)
    assert len(file.asked) <= 4
    reading.close()
