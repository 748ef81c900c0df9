"""Who is who through a video: people keep their numbers, and person 0 is the primary signer.

The rule, in three steps:

1. Tracks. From frame to frame a box continues the track whose last box it overlaps most, above an IoU of 0.3; pairs are
   taken greedily, best first. A track that finds no box waits for a second (24 frames) before it ends, so that a person
   turned away or hidden for a moment goes on as the same.
2. Weight. A track weighs the sum over its frames of: mean score of the 42 hand points, times the height of the box
   relative to the tallest of the video, times 1 to 2 for the motion of the wrists. So the one who signs, near, and for
   long, outweighs the one who stands by; the whole video decides, not its first frame.
3. Lanes. By descending weight, each track goes into the first lane where it overlaps no other track in time; the number
   of the lane is the number of the person. Cuts and long absences break a signer into several tracks, and the lanes put
   them together again: person 0 is lane 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lake.skeleton import FPS, LEFT_HAND, RIGHT_HAND, joint_index

MAX_PEOPLE: Final = 127
SAME_IOU: Final = 0.3
BRIDGE_FRAMES: Final = int(FPS)

# A wrist that moves its owner's height in a second is signing: more counts no more.
_FULL_MOTION: Final = 1.0 / FPS

_WRISTS: Final = [joint_index("right_wrist"), joint_index("left_wrist")]
_HANDS: Final = np.r_[LEFT_HAND.slice, RIGHT_HAND.slice]


@dataclass
class _Track:
    frames: list[int] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    weight: float = 0.0


def assign_people(boxes: list[NDArray[np.float32]], points: list[NDArray[np.float32]]) -> list[NDArray[np.int8]]:
    """Number the people of a video.

    Args:
        boxes: for each frame float32 [P, 4 or more], x0, y0, x1, y1 in pixels; at most 127 people a frame.
        points: for each frame float32 [P, 128, 3], x, y and score.

    Returns:
        For each frame int8 [P], the number of each box's person; no number occurs twice in a frame.

    Raises:
        ValueError: a frame has more than 127 people, or boxes and points do not match.
    """
    if [len(frame) for frame in boxes] != [len(frame) for frame in points]:
        raise ValueError("boxes and points differ in the number of people")
    if any(len(frame) > MAX_PEOPLE for frame in boxes):
        raise ValueError(f"more than {MAX_PEOPLE} people in a frame")
    tracks = _track(boxes)
    tallest = max((float(_heights(frame).max()) for frame in boxes if len(frame)), default=1.0)
    for track in tracks:
        track.weight = _weight(track, boxes, points, max(tallest, 1.0))
    return _lanes(tracks, [len(frame) for frame in boxes])


def _heights(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return boxes[:, 3] - boxes[:, 1]


def _track(boxes: list[NDArray[np.float32]]) -> list[_Track]:
    tracks: list[_Track] = []
    active: list[_Track] = []
    for frame, current in enumerate(boxes):
        if not len(current):
            continue
        active = [track for track in active if frame - track.frames[-1] <= BRIDGE_FRAMES]
        taken: set[int] = set()
        if active:
            last = np.stack([boxes[track.frames[-1]][track.indices[-1], :4] for track in active])
            for one, other in _pairs(iou(last, current[:, :4])):
                active[one].frames.append(frame)
                active[one].indices.append(other)
                taken.add(other)
        for index in range(len(current)):
            if index not in taken:
                track = _Track([frame], [index])
                tracks.append(track)
                active.append(track)
    return tracks


def _pairs(overlap: NDArray[np.float32]) -> list[tuple[int, int]]:
    """The pairs (row, column) above SAME_IOU, best first, each row and column once."""
    rows, columns = np.nonzero(overlap > SAME_IOU)
    pairs: list[tuple[int, int]] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for i in np.argsort(-overlap[rows, columns], kind="stable"):
        row, column = int(rows[i]), int(columns[i])
        if row not in used_rows and column not in used_columns:
            pairs.append((row, column))
            used_rows.add(row)
            used_columns.add(column)
    return pairs


def iou(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes [A, 4] and [B, 4]: float32 [A, B]."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    area_some = (some[:, 2:] - some[:, :2]).prod(axis=-1)
    area_others = (others[:, 2:] - others[:, :2]).prod(axis=-1)
    union = area_some[:, None] + area_others[None] - shared
    overlap: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def _weight(
    track: _Track, boxes: list[NDArray[np.float32]], points: list[NDArray[np.float32]], tallest: float
) -> float:
    frames = np.array(track.frames)
    where = list(zip(track.frames, track.indices, strict=True))
    heights = np.array([boxes[f][i, 3] - boxes[f][i, 1] for f, i in where])
    # Hands that the source never had weigh nothing.
    hands = np.nan_to_num(np.array([points[f][i, _HANDS, 2].mean() for f, i in where]))
    wrists = np.stack([points[f][i, _WRISTS, :2] for f, i in where])
    motion = np.zeros(len(where))
    if len(where) > 1:
        steps = np.linalg.norm(np.diff(wrists, axis=0), axis=-1) / np.diff(frames)[:, None]
        relative = np.nan_to_num(steps, nan=0.0).mean(axis=1) / np.maximum(heights[1:], 1.0)
        motion[1:] = np.minimum(relative / _FULL_MOTION, 1.0)
    return float((hands * heights / tallest * (1.0 + motion)).sum())


def _lanes(tracks: list[_Track], counts: list[int]) -> list[NDArray[np.int8]]:
    people = [np.full(count, -1, np.int8) for count in counts]
    lanes: list[NDArray[np.bool_]] = []
    split: list[_Track] = []
    for track in sorted(tracks, key=lambda track: (-track.weight, track.frames[0], track.indices[0])):
        # The whole time of a track is its own, with the moments it was lost in.
        span = slice(track.frames[0], track.frames[-1] + 1)
        lane = next((n for n, busy in enumerate(lanes) if not busy[span].any()), len(lanes))
        if lane == MAX_PEOPLE:
            split.append(track)
            continue
        if lane == len(lanes):
            lanes.append(np.zeros(len(counts), np.bool_))
        lanes[lane][span] = True
        for frame, index in zip(track.frames, track.indices, strict=True):
            people[frame][index] = lane
    # A crowd of fleeting tracks can need more lanes than there are people in any frame: the least of them get any
    # number that is free in their frame.
    for track in split:
        for frame, index in zip(track.frames, track.indices, strict=True):
            used = set(people[frame].tolist())
            people[frame][index] = next(n for n in range(MAX_PEOPLE) if n not in used)
    return people
