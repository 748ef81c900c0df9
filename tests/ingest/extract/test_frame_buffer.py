"""What is found is buffer in few large arrays, and read frame by frame as a list would be."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.extract import frame_buffer
from signverse.ingest.extract.frame_buffer import FrameRows, SpillBuffer
from signverse.lake.model.errors import SignverseError


@given(st.lists(st.integers(0, 9), max_size=200))
def test_frames_come_back_as_they_were_given(counts: list[int]) -> None:
    rng = np.random.default_rng(len(counts))
    given_rows = [rng.normal(size=(count, 3, 2)).astype(np.float32) for count in counts]
    rows_of_frames = FrameRows(3, 2)
    for rows in given_rows:
        rows_of_frames.append(rows)
    assert len(rows_of_frames) == len(counts)
    assert rows_of_frames.counts.tolist() == counts
    assert len(rows_of_frames.rows) == sum(counts)
    for frame, rows in enumerate(given_rows):
        np.testing.assert_array_equal(rows_of_frames[frame], rows)
        np.testing.assert_array_equal(rows_of_frames[frame - len(counts)], rows)
    assert [len(rows) for rows in rows_of_frames] == counts
    assert [len(rows) for rows in rows_of_frames[1:4]] == counts[1:4]
    with pytest.raises(IndexError):
        rows_of_frames[len(counts)]


def test_an_hour_of_frames_costs_its_numbers_and_little_more() -> None:
    frames, rows = 86_400, np.zeros((1, 16), np.float32)
    tracemalloc.start()
    rows_of_frames = FrameRows(16)
    for _ in range(frames):
        rows_of_frames.append(rows)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numbers = frames * (rows.nbytes + 8)
    assert held < 1.3 * numbers
    assert peak < 2.5 * numbers


@pytest.mark.parametrize("in_memory", [64, 1 << 20])
@pytest.mark.parametrize("count", [0, 1, 5, 64, 333])
def test_kept_rows_come_back_in_chunks_and_in_the_order_asked_for(
    monkeypatch: pytest.MonkeyPatch, in_memory: int, count: int
) -> None:
    monkeypatch.setattr(frame_buffer, "IN_MEMORY", in_memory)
    rng = np.random.default_rng(count)
    rows = rng.normal(size=(count, 3, 2)).astype(np.float32)
    buffer = SpillBuffer(3, 2)
    for some in np.array_split(rows, 7):
        buffer.append(some)
    assert len(buffer) == count
    near = np.argsort(np.arange(count) // 5 + rng.random(count))
    for order in (None, near):
        chunks = list(buffer.chunks(64, order))
        assert [len(chunk) for chunk in chunks[:-1]] == [64] * (len(chunks) - 1)
        np.testing.assert_array_equal(np.concatenate(chunks), rows if order is None else rows[order])


def test_a_disk_without_room_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_buffer, "IN_MEMORY", 64)
    # Every write to it fails as on a full disk.
    monkeypatch.setattr(frame_buffer, "spill_file", lambda _: open("/dev/full", "r+b", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(SignverseError, match=r"a long video cannot be stored in .*: No space left .* TMPDIR"):
        SpillBuffer(384).append(np.zeros((9, 384), np.float32))
