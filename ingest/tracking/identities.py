"""Who is who through a video: each person keeps one number, and person 0 is the primary signer.

The rule, in three steps over the whole video:

1. Tracks (tracker.py). Detections of consecutive frames are linked by their boxes and by the joints of the head and the
   shoulders. A person who is lost for up to a second, or occluded by another, is found again where their motion led.
2. People (reid.py). After a cut or a longer absence two tracks are the same person if position, size and body
   proportions make that plausible, and never if both are seen in one frame. Keypoints tell people apart only roughly:
   proportions of real signers differ by a tenth, and turning the head changes them by as much. So a person who is alone
   after a cut is taken for one of the people before it, preferably for the one who has signed most, unless the
   proportions clearly differ: a signer must not lose their number to a zoom. Two people who look alike and are only
   ever shown in turns therefore share a number.
3. Numbers. Who does not move in any of their tracks (stillness.py), such as a still picture that is panned or zoomed,
   does not sign: if someone else moves their hands, they weigh next to nothing; if nobody does, they count as others
   do. The weight of a person is a sum over their frames: the mean score of the hands, times the height relative to
   the tallest person of the video, times 0.25 to 1.25 for the motion of the wrists relative to the body. Numbers are
   given in the order of falling weight. So the person who signs, stands near and is there for long is 0; one who
   listens or walks by is not, even if they appear first or the detector lists them first. Where two take turns, the one
   who signs most is 0 throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.detections import CHUNK, Detections, iou, read_detections
from signverse.ingest.tracking.reid import reidentify
from signverse.ingest.tracking.stillness import find_still
from signverse.ingest.tracking.tracker import Tracks, track
from signverse.lake.model.frame_ranges import FPS

MAX_PEOPLE: Final = 127
"""People in one frame, at most; also the count of different numbers, since `person` is an int8."""

# Wrists of real signers move by 0.3 of their box's height in a second in the middle and by 0.5 when they are quick,
# those of people at rest by 0.05 (measured on seven videos): quick signing counts in full.
_FULL_MOTION: Final = 0.5 / FPS
# Motion is measured over this many frames: from one to the next half of it is the model's jitter.
_MOTION_FRAMES: Final = 3
_AT_REST: Final = 0.25
# Without any hands, the person who is there for longer still has the greater weight.
_NO_HANDS: Final = 1e-3
# Of people who do not move, if someone else moves their hands.
_STILL: Final = 1e-6

# Boxes that overlap by this IoU: one person may occlude the other.
_OCCLUSION_IOU: Final = 0.1


@dataclass(frozen=True)
class Numbering:
    """The people of a video.

    Attributes:
        person: int8 [N], the number of each row's person; no number occurs twice in a frame.
        events: what happened, as words for `videos.events`: `cuts:2` (new shots), `people_returned:1` (a person was
            recognised after more than a second, without a cut), `crossings:3` (a person was occluded by another and
            found again), `still_people:1` (a person who does not move, such as a picture, would have been person 0 and
            is not). Empty where nothing did.
    """

    person: NDArray[np.int8]
    events: list[str]


class FrameNumbers(list[NDArray[np.int8]]):
    """What `assign_people` returns: for each frame int8 [P], the number of each person; `events` as in `Numbering`."""

    def __init__(self, frames: Sequence[NDArray[np.int8]], events: list[str]) -> None:
        super().__init__(frames)
        self.events = events


def assign_people(boxes: Sequence[NDArray[np.float32]], points: Sequence[NDArray[np.float32]]) -> FrameNumbers:
    """Number the people of a video, given frame by frame: for tests and measurements; extraction uses `number_people`.

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
    box_rows = np.concatenate([np.empty((0, 4), np.float32), *(frame[:, :4] for frame in boxes if len(frame))])
    numbering = _number(read_detections(np.repeat(np.arange(len(counts)), counts), box_rows, points))
    per_frame = np.split(numbering.person, np.cumsum(counts)[:-1]) if counts else []
    return FrameNumbers(per_frame, numbering.events)


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
    chunks = [points] if isinstance(points, np.ndarray) else points
    return _number(read_detections(frames, boxes[:, :4], chunks))


def _number(detections: Detections) -> Numbering:
    if not len(detections.frames):
        return Numbering(np.empty(0, np.int8), [])
    if np.unique(detections.frames, return_counts=True)[1].max() > MAX_PEOPLE:
        raise ValueError(f"more than {MAX_PEOPLE} people in a frame")
    tracks = track(detections)
    full_weights = _weights(detections, tracks)
    stillness = find_still(detections, tracks)
    # Not nothing at all: among themselves they are numbered as ever.
    weights = np.where(stillness.long, _STILL * full_weights, full_weights)
    people, num_returned = reidentify(detections, tracks, weights, stillness.long)
    weights = np.where(stillness.of_people(people), _STILL * full_weights, full_weights)
    person = np.empty(len(detections.frames), np.int8)
    person[detections.order] = _numbers_by_weight(detections.frames, people, weights)
    counts = {
        "cuts": len(tracks.cuts),
        "people_returned": num_returned,
        "crossings": _count_crossings(detections, tracks, people),
        "still_people": _count_demoted(people, weights, full_weights),
    }
    return Numbering(person, [f"{event}:{count}" for event, count in counts.items() if count])


def _count_demoted(people: NDArray[np.int64], weights: NDArray[np.float64], full_weights: NDArray[np.float64]) -> int:
    """How many people would have come before person 0 if those who do not move had their full weight."""
    weight, full_weight = np.bincount(people, weights), np.bincount(people, full_weights)
    return int((full_weight > full_weight[weight.argmax()]).sum())


def _count_crossings(detections: Detections, tracks: Tracks, people: NDArray[np.int64]) -> int:
    """How often a person was lost while another occluded them, and found again."""
    count = 0
    for last, first in tracks.recoveries:
        # The occluding person is one of those in the frame after the last one that shows the occluded person.
        frame = detections.frames[last] + 1
        start, end = np.searchsorted(detections.frames, [frame, frame + 1])
        other_boxes = detections.boxes[start:end][people[start:end] != people[first]]
        count += bool((iou(detections.boxes[last], other_boxes) > _OCCLUSION_IOU).any())
    return count


def _weights(detections: Detections, tracks: Tracks) -> NDArray[np.float64]:
    """What each row adds to its person's weight, float64 [N]."""
    heights = detections.heights
    motion = np.zeros(len(heights))
    # The rows are in the order of their frames already.
    by_track = np.argsort(tracks.track_ids, kind="stable")
    for start in range(0, len(by_track) - _MOTION_FRAMES, CHUNK):
        # Pairs of rows of one track: a row, and the one some rows before it.
        later = by_track[start + _MOTION_FRAMES : start + _MOTION_FRAMES + CHUNK]
        earlier = by_track[start : start + len(later)]
        same_track = tracks.track_ids[earlier] == tracks.track_ids[later]
        earlier, later = earlier[same_track], later[same_track]
        moved = detections.read_rows(detections.wrists, later) - detections.read_rows(detections.wrists, earlier)
        distances = np.hypot(*np.moveaxis(moved, -1, 0))
        known = ~np.isnan(distances)
        distance = np.where(known, distances, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        num_frames = detections.frames[later] - detections.frames[earlier]
        motion[later] = distance / num_frames / heights[later] / _FULL_MOTION
    weights, tallest = motion, heights.max()
    for start in range(0, len(weights), CHUNK):
        rows = slice(start, start + CHUNK)
        shares = _NO_HANDS + detections.hands[rows] * (_AT_REST + np.minimum(motion[rows], 1))
        weights[rows] = shares * heights[rows] / tallest
    return weights


def _numbers_by_weight(
    frames: NDArray[np.int64], people: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.int8]:
    """The number of each row, int8 [N]: people by falling weight; beyond 127 of them numbers are shared."""
    weight = np.bincount(people, weights)
    # Of people of equal weight the one who was there first, then the one further left, has the smaller number.
    rank = np.empty(len(weight), np.int64)
    rank[np.argsort(-weight, kind="stable")] = np.arange(len(weight))
    numbers = rank[people]
    if len(weight) <= MAX_PEOPLE:
        return numbers.astype(np.int8)
    return _share_numbers(frames, numbers)


def _share_numbers(frames: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int8]:
    """Numbers below 127 for more people: each person beyond takes the highest number that is free in its frames."""
    shared = numbers.copy()
    rows_by_number = np.argsort(numbers, kind="stable")
    present, frame_index = np.unique(frames, return_inverse=True)
    taken = np.zeros((len(present), MAX_PEOPLE), np.bool_)
    within = numbers < MAX_PEOPLE
    taken[frame_index[within], numbers[within]] = True
    for rows in np.split(rows_by_number, np.flatnonzero(np.diff(numbers[rows_by_number])) + 1):
        if numbers[rows[0]] < MAX_PEOPLE:
            continue
        free = np.flatnonzero(~taken[frame_index[rows]].any(axis=0))
        # In a crowd no number may be free in all of its frames: then one that is free in each frame.
        shared[rows] = free[-1] if len(free) else [np.flatnonzero(~taken[i])[-1] for i in frame_index[rows]]
        taken[frame_index[rows], shared[rows]] = True
    return shared.astype(np.int8)
