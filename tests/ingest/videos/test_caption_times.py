"""Captions of a video whose clock leaps fall on the frames over which they were spoken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.videos.caption_times import as_events, joins_in, on_video_clock
from signverse.lake.media.clock import Join

JUMP = [Join(0.0, 0.0), Join(40.0, 1.0)]
"""A recording of a second, then one whose clock is 39 s ahead."""


def track(*times: tuple[float, float]) -> Track:
    return Track("en.manual", "manual", "en", tuple(Cue(start, end, str(n)) for n, (start, end) in enumerate(times)))


def times(track: Track) -> list[tuple[float, float]]:
    return [(round(cue.start_s, 3), round(cue.end_s, 3)) for cue in track.cues]


def test_captions_on_the_files_clock_move_with_the_frames() -> None:
    moved = on_video_clock(track((0.2, 0.8), (40.2, 40.8)), JUMP, 2.0)
    assert times(moved) == [(0.2, 0.8), (1.2, 1.8)]
    assert moved.remarks == ("en.manual: 1 of 2 cues begin past the end: all are read on the file's own clock",)


def test_captions_on_the_players_timeline_stay() -> None:
    made = track((0.2, 0.8), (1.2, 1.8))
    assert on_video_clock(made, JUMP, 2.0) == made


def test_captions_of_a_clock_that_does_not_leap_stay() -> None:
    made = track((0.2, 0.8), (40.2, 40.8))
    assert on_video_clock(made, [], 2.0) == made


def test_captions_that_no_clock_explains_stay() -> None:
    made = track((0.2, 0.8), (70.0, 71.0))
    assert on_video_clock(made, JUMP, 2.0) == made


def test_captions_stay_where_the_clock_leaps_back() -> None:
    made = track((0.2, 0.8), (1.2, 1.8))
    assert on_video_clock(made, [Join(0.0, 0.0), Join(0.0, 1.0)], 2.0) == made


@given(st.lists(st.builds(Join, st.floats(-1e9, 1e9), st.floats(0, 1e6)), max_size=20))
def test_joins_come_back_exactly_from_the_events_of_a_video(joins: list[Join]) -> None:
    assert joins_in(["cuts:2", *as_events(joins)]) == joins


@given(
    lengths=st.lists(st.integers(2, 60), min_size=2, max_size=5),
    gaps=st.lists(st.integers(70, 9000), min_size=4, max_size=4),
)
def test_every_caption_on_the_files_clock_comes_to_its_frame(lengths: list[int], gaps: list[int]) -> None:
    joins, cues, expected = [], [], []
    video = file = 0.0
    for length, gap in zip(lengths, [*gaps, 0], strict=False):
        joins.append(Join(file, video))
        cues.append((file + 0.5, file + 1.5))
        expected.append((video + 0.5, video + 1.5))
        video, file = video + length, file + length + gap
    # The last recording is the one that only the file's clock puts past the end.
    if cues[-1][0] < video + 1:
        return
    assert times(on_video_clock(track(*cues), joins, video)) == expected
