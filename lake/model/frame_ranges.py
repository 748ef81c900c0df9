"""The frame rate of a lake, and ranges of frames: one rule for captions, options and Python calls."""

from __future__ import annotations

import math
from typing import Final

from signverse.lake.model.errors import BadInputError

FPS: Final = 24.0
"""Frames a second of everything in a lake; videos are resampled to it on the way in."""

MAX_FRAMES: Final = 24 * 3600 * 100
"""A hundred hours; a longer video is refused."""

MAX_SIDE: Final = 2**15
"""Pixels of a frame's side; 8K is a quarter of it."""


def clip_range(start: int, end: int | None, num_frames: int) -> tuple[int, int]:
    """A half-open range of frames clipped to a video; empty where it lies outside.

    Raises:
        BadInputError: it ends before it starts.
    """
    if end is not None and end < start:
        raise BadInputError(f"the range ends at {end}, before it starts at {start}")
    first = min(max(0, start), num_frames)
    return first, num_frames if end is None else min(max(first, end), num_frames)


def seconds_to_frames(start_s: float, end_s: float | None, num_frames: int) -> tuple[int, int]:
    """The half-open range of frames that a time touches, clipped to the video.

    start = floor(start_s * 24) and end = max(start + 1, ceil(end_s * 24)), so that no time is too short for a frame.

    Raises:
        BadInputError: a time is not a number, or the end comes before the start.
    """
    if not math.isfinite(start_s * FPS) or not math.isfinite((end_s or 0.0) * FPS):
        raise BadInputError(f"the times {start_s} to {end_s} are not numbers of seconds")
    if end_s is not None and end_s < start_s:
        raise BadInputError(f"the range ends at {end_s:g} s, before it starts at {start_s:g} s")
    start = math.floor(start_s * FPS)
    return clip_range(start, None if end_s is None else max(start + 1, math.ceil(end_s * FPS)), num_frames)


def frames_in_video(video_id: str, start_s: float, end_s: float | None, num_frames: int) -> tuple[int, int]:
    """As `seconds_to_frames`, of a range that must have a frame of the video.

    Raises:
        BadInputError: it has none, or the times are none.
    """
    start, end = seconds_to_frames(start_s, end_s, num_frames)
    if start == end:
        where = f"from {start_s:g} s on" if end_s is None else f"between {start_s:g} s and {end_s:g} s"
        raise BadInputError(f"'{video_id}' has no frame {where}", f"It lasts {num_frames / FPS:g} s.")
    return start, end


def some_frames_in_video(video_id: str, start: int, end: int | None, num_frames: int) -> tuple[int, int]:
    """As `clip_range`, of a range that must have a frame of the video.

    Raises:
        BadInputError: it has none, or ends before it starts.
    """
    first, last = clip_range(start, end, num_frames)
    if first == last:
        where = f"from frame {start} on" if end is None else f"of frames {start} to {end}"
        raise BadInputError(f"'{video_id}' has no frame {where}", f"It has {num_frames} frames.")
    return first, last
