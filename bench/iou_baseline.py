"""A plain IoU tracker, for comparison: the rule by which people were numbered before keypoints were used.

A box continues the track whose last box it overlaps most, above 0.3 and within a second, best pairs first. Tracks are
packed by weight (hands seen, height, motion of the wrists from frame to frame) into as few numbers as do not collide
in time.
"""

from __future__ import annotations

import numpy as np

from signverse.ingest.tracking.detections import iou
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import LEFT_HAND, RIGHT_HAND, joint_index

_MIN_IOU, _MAX_LOST_FRAMES = 0.3, int(FPS)
_WRISTS = [joint_index("right_wrist"), joint_index("left_wrist")]
_HANDS = np.r_[LEFT_HAND.slice, RIGHT_HAND.slice]


def assign_people_by_iou(boxes: list[np.ndarray], points: list[np.ndarray]) -> list[np.ndarray]:
    """As `ingest.tracking.identities.assign_people`."""
    tracks: list[list[tuple[int, int]]] = []
    for frame, current in enumerate(boxes):
        active = [track for track in tracks[-64:] if frame - track[-1][0] <= _MAX_LOST_FRAMES]
        taken: set[int] = set()
        if active and len(current):
            last = np.stack([boxes[track[-1][0]][track[-1][1]] for track in active])
            for track_index, index in _best_first(iou(last[:, None], current[None])):
                active[track_index].append((frame, index))
                taken.add(index)
        tracks += [[(frame, index)] for index in range(len(current)) if index not in taken]
    tallest = max((float((b[:, 3] - b[:, 1]).max()) for b in boxes if len(b)), default=1.0)
    tracks.sort(key=lambda track: -_weight(track, boxes, points, tallest))
    people = [np.full(len(frame), -1) for frame in boxes]
    busy_frames: list[np.ndarray] = []
    for track in tracks:
        span = slice(track[0][0], track[-1][0] + 1)
        number = next((n for n, busy in enumerate(busy_frames) if not busy[span].any()), len(busy_frames))
        if number == len(busy_frames):
            busy_frames.append(np.zeros(len(boxes), bool))
        busy_frames[number][span] = True
        for frame, index in track:
            people[frame][index] = number
    return people


def _best_first(overlaps: np.ndarray) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for at in np.argsort(-overlaps, axis=None, kind="stable"):
        row, column = divmod(int(at), overlaps.shape[1])
        if overlaps[row, column] <= _MIN_IOU:
            break
        if all(row != used_row and column != used_column for used_row, used_column in pairs):
            pairs.append((row, column))
    return pairs


def _weight(track: list[tuple[int, int]], boxes: list[np.ndarray], points: list[np.ndarray], tallest: float) -> float:
    frames = np.array([frame for frame, _ in track])
    own = np.stack([points[frame][index] for frame, index in track])
    heights = np.array([boxes[frame][index][3] - boxes[frame][index][1] for frame, index in track])
    motion = np.zeros(len(track))
    if len(track) > 1:
        steps = np.linalg.norm(np.diff(own[:, _WRISTS, :2], axis=0), axis=-1) / np.diff(frames)[:, None]
        motion[1:] = np.minimum(np.nan_to_num(steps).mean(axis=1) / np.maximum(heights[1:], 1.0) * FPS, 1.0)
    return float((np.nan_to_num(own[:, _HANDS, 2].mean(axis=1)) * heights / tallest * (1.0 + motion)).sum())
