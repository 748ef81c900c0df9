"""One rule for ranges of frames and of seconds."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import clip_range, seconds_to_frames


@pytest.mark.parametrize(
    ("asked", "frames", "given"),
    [
        ((0, None), 100, (0, 100)),
        ((-5, 10), 100, (0, 10)),
        ((90, 200), 100, (90, 100)),
        ((200, 300), 100, (100, 100)),
        ((-20, -10), 100, (0, 0)),
        ((7, 7), 100, (7, 7)),
        ((200, None), 100, (100, 100)),
        ((0, 5), 0, (0, 0)),
    ],
)
def test_a_range_is_clipped_to_the_video(asked, frames, given):
    assert clip_range(*asked, frames) == given


@pytest.mark.parametrize(("start", "end"), [(5, 4), (0, -1), (200, 150)])
def test_a_range_that_ends_before_it_starts_is_refused(start, end):
    with pytest.raises(BadInputError, match="before it starts"):
        clip_range(start, end, 100)
    with pytest.raises(BadInputError, match="before it starts"):
        seconds_to_frames(start, end, 100)


@pytest.mark.parametrize(
    ("start_s", "end_s", "given"),
    [
        (0.0, 1.0, (0, 24)),
        (0.0, 1.01, (0, 25)),
        (0.99, 1.0, (23, 24)),
        (1.0, 1.0, (24, 25)),  # no time is too short for a frame
        (0.0, None, (0, 100)),
        (4.0, 4.1, (96, 99)),
        (4.0, 60.0, (96, 100)),
        (60.0, 61.0, (100, 100)),
        (-1.0, 0.5, (0, 12)),
        (-2.0, -1.0, (0, 0)),
    ],
)
def test_seconds_become_the_frames_that_they_touch(start_s, end_s, given):
    assert seconds_to_frames(start_s, end_s, 100) == given


@given(st.integers(0, 10**6), st.integers(0, 10**4))
def test_seconds_made_of_whole_frames_come_back_as_these_frames(start, length):
    end = start + max(1, length)
    assert seconds_to_frames(start / 24, end / 24, 10**9) == (start, end)


@given(st.floats(0, 1e5), st.floats(0, 1e3))
def test_seconds_follow_the_rule_of_captions(start_s, length_s):
    end_s = start_s + length_s
    start, end = seconds_to_frames(start_s, end_s, 10**9)
    assert start == math.floor(start_s * 24)
    assert end == max(start + 1, math.ceil(end_s * 24))
    # Within what a float can tell, the frames cover the time.
    slack = Fraction(1, 10**6)
    assert Fraction(start, 24) <= Fraction(start_s) + slack
    assert Fraction(end_s) <= Fraction(end, 24) + slack


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_a_time_that_is_no_number_of_frames_is_refused(value):
    with pytest.raises(BadInputError, match="not numbers of seconds"):
        seconds_to_frames(value, None, 100)
    with pytest.raises(BadInputError):
        seconds_to_frames(0.0, value, 100)
