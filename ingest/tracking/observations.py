"""What tells people in a video from one another, a row for each person in each frame: a hundredth of all keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import FACE, LEFT_HAND, NECK, RIGHT_HAND, SEEN, joint_index

_FACE_SIDES_CHIN_BRIDGE: Final = [FACE.start + i for i in (0, 16, 8, 27)]
STEADY: Final = [
    *(joint_index(n) for n in ("nose", "neck", "right_shoulder", "left_shoulder")),
    *(joint_index(n) for n in ("right_eye", "left_eye", "right_ear", "left_ear")),
    *_FACE_SIDES_CHIN_BRIDGE,
]
"""Points that go where the person goes and not where the hands go; hips and legs are seldom in the picture."""

_LENGTHS: Final = [
    tuple(STEADY.index(joint) for joint in pair)
    for pair in (
        (joint_index("right_shoulder"), joint_index("left_shoulder")),
        (joint_index("nose"), joint_index("neck")),
        (joint_index("right_eye"), joint_index("left_eye")),
        (joint_index("right_ear"), joint_index("left_ear")),
        (FACE.start, FACE.start + 16),
        (FACE.start + 27, FACE.start + 8),
    )
]
"""Shoulders, neck, eyes, ears, width and length of the face: their ratios are a person's, whatever the zoom."""

_WRISTS: Final = [joint_index("right_wrist"), joint_index("left_wrist")]
_HANDS: Final = np.r_[LEFT_HAND.slice, RIGHT_HAND.slice]

CHUNK: Final = 4096
"""Rows whose keypoints are looked at together: 6 MB of them."""


@dataclass(frozen=True)
class Sightings:
    """Rows of people in frames, sorted by frame and then by place in the picture.

    Attributes:
        order: int64 [N], the rows' places among those that were given.
        frames: int64 [N].
        boxes: float32 [N, 4], x0, y0, x1, y1 in pixels.
        joints: float32 [N, 12, 2], the points of STEADY in pixels; nan where absent or not confident.
        wrists: float32 [N, 2, 2], right and left, in pixels from the neck; nan where one of them is absent.
        hands: float32 [N], the mean score of the 42 hand points; 0 where the source never had them.
    """

    order: NDArray[np.int64]
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    joints: NDArray[np.float32]
    wrists: NDArray[np.float32]
    hands: NDArray[np.float32]

    @property
    def heights(self) -> NDArray[np.float32]:
        """Of the boxes, float32 [N], in pixels, at least 1."""
        heights: NDArray[np.float32] = np.maximum(self.boxes[:, 3] - self.boxes[:, 1], 1.0)
        return heights

    @property
    def scales(self) -> NDArray[np.float32]:
        """How large a person is in the picture: the root of the box's area, float32 [N], in pixels, at least 1."""
        return scales(self.boxes)


def scales(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The root of the area of boxes [..., 4]: [...], in pixels, at least 1."""
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    out: NDArray[np.float32] = np.sqrt(np.maximum(area, 1.0))
    return out


def see(frames: NDArray[np.integer], boxes: NDArray[np.float32], points: Iterable[NDArray[np.float32]]) -> Sightings:
    """Gather what is needed of a video's people.

    Args:
        frames: [N], not falling.
        boxes: float32 [N, 4].
        points: float32 [..., 128, 3] arrays that are N rows together, x, y and score; absent points are nan, and so is
            a score that is not known.

    Raises:
        ValueError: they are more or fewer.
    """
    count = len(frames)
    joints = np.empty((count, len(STEADY), 2), np.float32)
    wrists = np.empty((count, 2, 2), np.float32)
    hands = np.empty(count, np.float32)
    at = 0
    for some in _chunks(points):
        rows = slice(at, at + len(some))
        # Column by column: one index list at a time takes numpy half the time of both.
        steady = some[:, STEADY]
        steady[steady[..., 2] < SEEN] = np.nan
        joints[rows] = steady[..., :2]
        found = some[:, _WRISTS]
        found[found[..., 2] < SEEN] = np.nan
        wrists[rows] = found[..., :2] - some[:, NECK, None, :2]
        hands[rows] = np.nan_to_num(some[:, _HANDS, 2].mean(axis=1))
        at += len(some)
    if at != count:
        raise ValueError(f"{count} boxes and the points of {at} people")
    order = _order(np.asarray(frames, np.int64), boxes, joints)
    return Sightings(
        order=order,
        frames=np.asarray(frames, np.int64)[order],
        boxes=boxes[order],
        joints=joints[order],
        wrists=wrists[order],
        hands=hands[order],
    )


def _chunks(points: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    gathered: list[NDArray[np.float32]] = []
    rows = 0
    for some in points:
        if len(some) >= CHUNK:
            yield from _joined(gathered)
            gathered, rows = [], 0
            for start in range(0, len(some), CHUNK):
                yield some[start : start + CHUNK]
        elif len(some):
            gathered.append(some)
            rows += len(some)
            if rows >= CHUNK:
                yield from _joined(gathered)
                gathered, rows = [], 0
    yield from _joined(gathered)


def _joined(gathered: list[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    if gathered:
        yield np.concatenate(gathered)


def _order(frames: NDArray[np.int64], boxes: NDArray[np.float32], joints: NDArray[np.float32]) -> NDArray[np.int64]:
    """By frame, then from left to right: the order in which a detector lists people must not tell."""
    if (np.diff(frames) > 0).all():
        return np.arange(len(frames))
    ties = np.nan_to_num(joints.reshape(len(joints), -1)).sum(axis=1)
    return np.lexsort((ties, boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], frames))


def lengths(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithms of six lengths of one person, each the median over its rows, nan where it was never seen.

    Args:
        joints: float32 [N, 12, 2], of one person.

    Returns:
        float32 [6]; how they differ from another's by more than one factor for all is a difference in proportions.
    """
    out = np.full(len(_LENGTHS), np.nan, np.float32)
    for i, (one, other) in enumerate(_LENGTHS):
        length = np.hypot(joints[:, one, 0] - joints[:, other, 0], joints[:, one, 1] - joints[:, other, 1])
        length = length[length > 0]
        if len(length):
            out[i] = np.log(np.median(length))
    return out


def overlap(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes, broadcast: [..., 4] and [..., 4] give [...]."""
    wide = np.minimum(some[..., 2], others[..., 2]) - np.maximum(some[..., 0], others[..., 0])
    high = np.minimum(some[..., 3], others[..., 3]) - np.maximum(some[..., 1], others[..., 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    area = (some[..., 2] - some[..., 0]) * (some[..., 3] - some[..., 1])
    area_others = (others[..., 2] - others[..., 0]) * (others[..., 3] - others[..., 1])
    out: NDArray[np.float32] = shared / np.maximum(area + area_others - shared, 1e-6)
    return out
