"""What is found is kept in few large arrays, and read frame by frame as a list would be."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.gathered import Ragged


@given(st.lists(st.integers(0, 9), max_size=200))
def test_frames_come_back_as_they_were_given(counts: list[int]) -> None:
    rng = np.random.default_rng(len(counts))
    given_rows = [rng.normal(size=(count, 3, 2)).astype(np.float32) for count in counts]
    ragged = Ragged(3, 2)
    for rows in given_rows:
        ragged.append(rows)
    assert len(ragged) == len(counts)
    assert ragged.counts.tolist() == counts
    assert len(ragged.rows) == sum(counts)
    for frame, rows in enumerate(given_rows):
        np.testing.assert_array_equal(ragged[frame], rows)
        np.testing.assert_array_equal(ragged[frame - len(counts)], rows)
    assert [len(rows) for rows in ragged] == counts
    assert [len(rows) for rows in ragged[1:4]] == counts[1:4]
    with pytest.raises(IndexError):
        ragged[len(counts)]


def test_an_hour_of_frames_costs_its_numbers_and_little_more() -> None:
    frames, rows = 86_400, np.zeros((1, 16), np.float32)
    tracemalloc.start()
    ragged = Ragged(16)
    for _ in range(frames):
        ragged.append(rows)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numbers = frames * (rows.nbytes + 8)
    assert held < 1.3 * numbers
    assert peak < 2.5 * numbers
