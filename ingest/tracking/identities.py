"""Who is who through a video: people keep their numbers, and person 0 is the primary signer.

The rule, in three steps, over the whole video:

1. Tracks (tracker.py). A person is followed by box and by the points of head and shoulders; who is lost for up
   to a second, or hidden behind another, is found again where the movement led.
2. People (reid.py). After a cut or a longer absence tracks are the same person's where that is plausible by
   place, size and proportions, and never where both are seen at once. Keypoints tell people apart only roughly: real
   signers differ in their proportions by a tenth, and turning the head changes as much. So somebody alone after a cut
   is taken for one of those before it, rather for who has signed most, unless clearly of another build: a signer must
   not lose its number to a zoom. Two who are only ever shown by turns and look alike therefore share a number.
3. Numbers. A person weighs the sum over its frames of: the mean score of the hands, times the height beside the tallest
   of the video, times 0.25 to 1.25 for the motion of the wrists beside the body. Numbers go by descending weight: who
   signs, near, and for long, is 0; who listens, or passes by, is not, whoever begins and whomever the detector lists
   first. Where two take turns, the one who signs most is 0 throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.observations import Sightings, overlap, see
from signverse.ingest.tracking.reid import reunite
from signverse.ingest.tracking.tracker import Tracks, follow
from signverse.lake.model.skeleton import FPS

MAX_PEOPLE: Final = 127

# Wrists of real signers move by 0.3 of their box's height in a second in the middle and by 0.5 when they are quick,
# those of people at rest by 0.05 (measured on seven videos): quick signing counts in full.
_FULL_MOTION: Final = 0.5 / FPS
# Over so many frames: from one to the next half of what moves is the model's jitter.
_MOTION_FRAMES: Final = 3
_AT_REST: Final = 0.25
# Somebody without any hands still outweighs somebody who is there for less long.
_NO_HANDS: Final = 1e-3


# Boxes that overlap by this much: one may hide the other.
_IN_THE_WAY: Final = 0.1


@dataclass(frozen=True)
class Numbering:
    """The people of a video.

    Attributes:
        person: int8 [N], the number of each row's person; no number occurs twice in a frame.
        events: what happened to them, as words for `videos.repairs`: `cuts:2` (new shots), `people_returned:1` (numbers
            given again after more than a second, without a cut), `crossings:3` (somebody hid behind another and came
            out again). Empty where nothing did.
    """

    person: NDArray[np.int8]
    events: list[str]


class FrameNumbers(list[NDArray[np.int8]]):
    """For each frame int8 [P], the number of each box's person; `events` as in `Numbering`."""

    def __init__(self, frames: Sequence[NDArray[np.int8]], events: list[str]) -> None:
        super().__init__(frames)
        self.events = events


def assign_people(boxes: Sequence[NDArray[np.float32]], points: Sequence[NDArray[np.float32]]) -> FrameNumbers:
    """Number the people of a video, given frame by frame.

    Args:
        boxes: for each frame float32 [P, 4 or more], x0, y0, x1, y1 in pixels; at most 127 people a frame.
        points: for each frame float32 [P, 128, 3], x, y and score; absent points nan.

    Returns:
        For each frame int8 [P], with what happened.

    Raises:
        ValueError: a frame has more than 127 people, or boxes and points do not match.
    """
    counts = [len(frame) for frame in boxes]
    if counts != [len(frame) for frame in points]:
        raise ValueError("boxes and points differ in the number of people")
    flat = np.concatenate([np.empty((0, 4), np.float32), *(frame[:, :4] for frame in boxes if len(frame))])
    seen = see(_frames_of(counts), flat, points)
    found = _number(seen)
    return FrameNumbers(np.split(found.person, np.cumsum(counts)[:-1]) if counts else [], found.events)


def number_people(
    frames: NDArray[np.integer], boxes: NDArray[np.float32], points: NDArray[np.float32] | Iterable[NDArray[np.float32]]
) -> Numbering:
    """Number the people of a video, given as rows: the same as `assign_people`, faster.

    Args:
        frames: [N], not falling; a frame with nobody has no row, and at most 127.
        boxes: float32 [N, 4].
        points: float32 [N, 128, 3], or arrays that are these rows together.

    Raises:
        ValueError: a frame has more than 127 people, or the arrays do not match.
    """
    if len(frames) != len(boxes):
        raise ValueError("frames and boxes differ in the number of people")
    return _number(see(frames, boxes[:, :4], [points] if isinstance(points, np.ndarray) else points))


def _frames_of(counts: list[int]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _number(seen: Sightings) -> Numbering:
    if not len(seen.frames):
        return Numbering(np.empty(0, np.int8), [])
    if np.unique(seen.frames, return_counts=True)[1].max() > MAX_PEOPLE:
        raise ValueError(f"more than {MAX_PEOPLE} people in a frame")
    tracks = follow(seen)
    weights = _weigh(seen, tracks)
    people, returned = reunite(seen, tracks, weights)
    person = np.empty(len(seen.frames), np.int8)
    person[seen.order] = _lanes(seen.frames, people, weights)
    told = {"cuts": len(tracks.cuts), "people_returned": returned, "crossings": _crossings(seen, tracks, people)}
    return Numbering(person, [f"{what}:{count}" for what, count in told.items() if count])


def _crossings(seen: Sightings, tracks: Tracks, people: NDArray[np.int64]) -> int:
    """How often somebody was lost where another stood, and found again."""
    count = 0
    for last, following in tracks.bridged:
        # The frame after the last one has rows, or nobody could have been in the way.
        start, end = np.searchsorted(seen.frames, [seen.frames[last] + 1, seen.frames[last] + 2])
        others = seen.boxes[start:end][people[start:end] != people[following]]
        count += bool((overlap(seen.boxes[last], others) > _IN_THE_WAY).any())
    return count


def _weigh(seen: Sightings, tracks: Tracks) -> NDArray[np.float64]:
    """What each row adds to its person's weight, float64 [N]."""
    heights = seen.heights
    # Along each track: a row and the one that is some frames later.
    along = np.lexsort((seen.frames, tracks.of_row))
    here, there = along[:-_MOTION_FRAMES], along[_MOTION_FRAMES:]
    same = tracks.of_row[here] == tracks.of_row[there]
    here, there = here[same], there[same]
    moved = np.hypot(*np.moveaxis(seen.wrists[there] - seen.wrists[here], -1, 0))
    known = ~np.isnan(moved)
    moved = np.where(known, moved, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    motion = np.zeros(len(heights))
    motion[there] = moved / (seen.frames[there] - seen.frames[here]) / heights[there] / _FULL_MOTION
    weight: NDArray[np.float64] = (
        (_NO_HANDS + seen.hands * (_AT_REST + np.minimum(motion, 1))) * heights / heights.max()
    )
    return weight


def _lanes(frames: NDArray[np.int64], people: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int8]:
    """The number of each row, int8 [N]: people by descending weight; beyond 127 of them numbers serve again."""
    weight = np.bincount(people, weights)
    # Of people of equal weight the one who was there first, then the one further left, has the smaller number.
    rank = np.empty(len(weight), np.int64)
    rank[np.argsort(-weight, kind="stable")] = np.arange(len(weight))
    number = rank[people]
    if len(weight) <= MAX_PEOPLE:
        return number.astype(np.int8)
    return _shared(frames, number)


def _shared(frames: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int8]:
    """Numbers below 127 for more people than that: each beyond takes the highest that is free while it is there."""
    lanes = number.copy()
    rows = np.argsort(number, kind="stable")
    present, at = np.unique(frames, return_inverse=True)
    busy = np.zeros((len(present), MAX_PEOPLE), np.bool_)
    own = number < MAX_PEOPLE
    busy[at[own], number[own]] = True
    for some in np.split(rows, np.flatnonzero(np.diff(number[rows])) + 1):
        if number[some[0]] < MAX_PEOPLE:
            continue
        free = np.flatnonzero(~busy[at[some]].any(axis=0))
        # A crowd may leave none that is free throughout: then any of each frame.
        lanes[some] = free[-1] if len(free) else [np.flatnonzero(~busy[frame])[-1] for frame in at[some]]
        busy[at[some], lanes[some]] = True
    return lanes.astype(np.int8)
