"""Captions of a video whose clock leaps: on the player's timeline, or on the file's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from signverse.ingest.captions.tracks import Cue, Track
from signverse.lake.media.clock import Join

# A caption of the last words may begin when the picture has just ended.
_TOLERANCE_S: Final = 1.0

_EVENT: Final = "clock:"
"""clock:40.0=1.0: where the file's clock says 40 s, the video is at 1 s."""

_MOST_JOINS: Final = 1000


def as_events(joins: Sequence[Join]) -> list[str]:
    """The joins as words for `videos.events`, so that captions of later are placed as those of extraction.

    Of a clock that leaps over a thousand times nothing is kept: no captions were timed with it.
    """
    if len(joins) > _MOST_JOINS:
        return []
    return [f"{_EVENT}{join.file_s!r}={join.video_s!r}" for join in joins]


def joins_in(events: Sequence[str] | None) -> list[Join]:
    """The joins that the `videos.events` of a lake hold."""
    pairs = [event.removeprefix(_EVENT).split("=") for event in events or () if event.startswith(_EVENT)]
    return [Join(float(file_s), float(video_s)) for file_s, video_s in pairs]


def on_video_clock(track: Track, joins: Sequence[Join], duration_s: float) -> Track:
    """The track with each cue on the frames over which it was spoken, as far as that can be known.

    Where a clock leaps, the video continues without a gap, as players show it, and captions that were made by watching
    it fit as they are. Captions that were cut from the same recording may count on the file's clock instead. They give
    themselves away by cues that begin after the video's end, on seconds that only the file's clock has: if every such
    cue has a place there, all cues of the track are moved as the frames were. Where the clock leaps back, both readings
    are possible, and the cues stay where they are.

    Args:
        joins: where the clock leaps; without any the track is returned as it is.
        duration_s: of the video.
    """
    if not joins or not track.cues:
        return track
    past = [cue for cue in track.cues if cue.start_s >= duration_s + _TOLERANCE_S]
    if not past or not all(_place(cue.start_s, joins, duration_s) is not None for cue in past):
        return track
    cues = sorted((_moved(cue, joins, duration_s) for cue in track.cues), key=lambda cue: (cue.start_s, cue.end_s))
    remark = f"{track.name}: {len(past)} of {len(cues)} cues begin past the end: all are read on the file's own clock"
    return replace(track, cues=tuple(cues), remarks=(*track.remarks, remark))


def _moved(cue: Cue, joins: Sequence[Join], duration_s: float) -> Cue:
    start = _place(cue.start_s, joins, duration_s)
    if start is None:
        # In a gap of the file's clock: where the clock continues behind it.
        start = min((join.video_s for join in joins if join.file_s > cue.start_s), default=cue.start_s)
    return Cue(start, start + cue.end_s - cue.start_s, cue.text)


def _place(file_s: float, joins: Sequence[Join], duration_s: float) -> float | None:
    """Seconds in the video of a time on the file's clock; None if no frame has it. The first of several counts."""
    ends = [*(join.video_s for join in joins[1:]), duration_s]
    for join, end in zip(joins, ends, strict=True):
        if join.file_s <= file_s < join.file_s + (end - join.video_s):
            return join.video_s + file_s - join.file_s
    return None
