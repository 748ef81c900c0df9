"""The detections of a video as the tracker sees them: of each person in each frame, a box and a few points.

A fifth of all keypoints is enough to tell people apart. Those of a long video lie in files, so that hours of it fit
into memory: what goes through all rows reads them piece by piece, and calls `release` after each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import FACE, LEFT_HAND, NECK, RIGHT_HAND, joint_index
from signverse.lake.model.thresholds import SEEN
from signverse.lake.storage.spill import LargeArray, large_array

_FACE_SIDES_CHIN_BRIDGE: Final = [FACE.start + i for i in (0, 16, 8, 27)]
TRACKED_JOINTS: Final = [
    *(joint_index(n) for n in ("nose", "neck", "right_shoulder", "left_shoulder")),
    *(joint_index(n) for n in ("right_eye", "left_eye", "right_ear", "left_ear")),
    *_FACE_SIDES_CHIN_BRIDGE,
]
"""Joints of the head and the shoulders: they move with the person and not with the hands; hips and legs are seldom in
the picture."""

_BODY_LENGTHS: Final = [
    tuple(TRACKED_JOINTS.index(joint) for joint in pair)
    for pair in (
        (joint_index("right_shoulder"), joint_index("left_shoulder")),
        (joint_index("nose"), joint_index("neck")),
        (joint_index("right_eye"), joint_index("left_eye")),
        (joint_index("right_ear"), joint_index("left_ear")),
        (FACE.start, FACE.start + 16),
        (FACE.start + 27, FACE.start + 8),
    )
]
"""Shoulders, neck, eyes, ears, width and length of the face: their ratios belong to a person, whatever the zoom."""

LIMB_JOINTS: Final = [
    *(joint_index(n) for n in ("right_elbow", "left_elbow", "right_wrist", "left_wrist")),
    *(part.start + tip for part in (LEFT_HAND, RIGHT_HAND) for tip in (4, 8, 12, 16, 20)),
]
"""Elbows, wrists and fingertips: what moves when someone signs."""
_WRISTS: Final = [joint_index("right_wrist"), joint_index("left_wrist")]
_HANDS: Final = np.r_[LEFT_HAND.slice, RIGHT_HAND.slice]

CHUNK: Final = 4096
"""Rows whose keypoints are read together: 6 MB of them."""

_SCATTERED: Final = 512
"""Rows from anywhere that are read together: for each of them the system may map 64 kB of a file."""


@dataclass(frozen=True)
class Detections:
    """Detected people, one row for each person in each frame, sorted by frame and then by place in the picture.

    Attributes:
        order: int64 [N], each row's index among the rows that were given.
        frames: int64 [N].
        boxes: float32 [N, 4], x0, y0, x1, y1 in pixels.
        joints: float32 [N, 12, 2], the TRACKED_JOINTS in pixels; nan where absent or not confident.
        limbs: float32 [N, 14, 2], the LIMB_JOINTS in pixels; nan where absent or not confident.
        wrists: float32 [N, 2, 2], right and left, in pixels from the neck; nan where either point is absent.
        hands: float32 [N], the mean score of the 42 hand points; 0 where the source never had them.
        stored: what holds the joints, limbs and wrists.
    """

    order: NDArray[np.int64]
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    joints: NDArray[np.float32]
    limbs: NDArray[np.float32]
    wrists: NDArray[np.float32]
    hands: NDArray[np.float32]
    stored: tuple[LargeArray, ...]

    def release(self) -> None:
        """Gives back the memory of the joints, limbs and wrists that were read so far, where they lie in files."""
        for array in self.stored:
            array.release()

    def read_rows(self, array: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows of the joints, limbs or wrists, wherever they are, read in pieces."""
        out = np.empty((len(rows), *array.shape[1:]), np.float32)
        for start in range(0, len(rows), _SCATTERED):
            piece = slice(start, start + _SCATTERED)
            out[piece] = array[rows[piece]]
            self.release()
        return out

    def with_copied_joints(self) -> Detections:
        """The same with joints of its own, which can be changed.

        Raises:
            SignverseError: the disk is full.
        """
        joints = large_array(self.joints.shape)
        for start in range(0, len(self.joints), CHUNK):
            joints.array[start : start + CHUNK] = self.joints[start : start + CHUNK]
            joints.release()
            self.release()
        return replace(self, joints=joints.array, stored=(*self.stored, joints))

    @property
    def heights(self) -> NDArray[np.float32]:
        """Heights of the boxes, float32 [N], in pixels, at least 1."""
        heights: NDArray[np.float32] = np.maximum(self.boxes[:, 3] - self.boxes[:, 1], 1.0)
        return heights

    @property
    def scales(self) -> NDArray[np.float32]:
        """Sizes of the people in the picture: the root of the box's area, float32 [N], in pixels, at least 1."""
        return scales(self.boxes)


def scales(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The root of the area of boxes [..., 4]: [...], in pixels, at least 1."""
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    out: NDArray[np.float32] = np.sqrt(np.maximum(area, 1.0))
    return out


def read_detections(
    frames: NDArray[np.integer], boxes: NDArray[np.float32], points: Iterable[NDArray[np.float32]]
) -> Detections:
    """Take from the keypoints of a video what tracking needs.

    Args:
        frames: [N], not falling.
        boxes: float32 [N, 4].
        points: float32 [..., 128, 3] arrays that are N rows together, x, y and score; absent points are nan, and so is
            a score that is not known.

    Raises:
        ValueError: the points are more or fewer than N rows.
        SignverseError: the disk is full.
    """
    count = len(frames)
    joints = large_array((count, len(TRACKED_JOINTS), 2))
    limbs = large_array((count, len(LIMB_JOINTS), 2))
    wrists = large_array((count, 2, 2))
    stored = (joints, limbs, wrists)
    hands = np.empty(count, np.float32)
    start = 0
    for chunk in _chunks(points):
        rows = slice(start, start + len(chunk))
        # Column by column: one index list at a time takes numpy half the time of both.
        chunk_joints = chunk[:, TRACKED_JOINTS]
        chunk_joints[chunk_joints[..., 2] < SEEN] = np.nan
        joints.array[rows] = chunk_joints[..., :2]
        chunk_limbs = chunk[:, LIMB_JOINTS]
        chunk_limbs[chunk_limbs[..., 2] < SEEN] = np.nan
        limbs.array[rows] = chunk_limbs[..., :2]
        chunk_wrists = chunk[:, _WRISTS]
        chunk_wrists[chunk_wrists[..., 2] < SEEN] = np.nan
        wrists.array[rows] = chunk_wrists[..., :2] - chunk[:, NECK, None, :2]
        hands[rows] = np.nan_to_num(chunk[:, _HANDS, 2].mean(axis=1))
        for array in stored:
            array.release()
        start += len(chunk)
    if start != count:
        raise ValueError(f"{count} boxes and the points of {start} people")
    numbers, boxes = np.asarray(frames, np.int64), np.array(boxes)
    order = _sort_order(numbers, boxes, joints)
    # In place, as whole copies would take as much memory again.
    for large in (LargeArray(boxes), *stored, LargeArray(hands)):
        for _ in _reorder(large.array, order, numbers):
            large.release()
    return Detections(order, numbers, boxes, joints.array, limbs.array, wrists.array, hands, stored)


def _reorder(array: NDArray[np.float32], order: NDArray[np.int64], frames: NDArray[np.int64]) -> Iterator[None]:
    """Reorders rows in place, some thousand at a time; each stays among the rows of its frame."""
    start = 0
    while start < len(frames):
        last = frames[min(start + 16 * CHUNK, len(frames)) - 1]
        end = int(np.searchsorted(frames, last, side="right"))
        if (np.diff(order[start:end]) != 1).any():
            array[start:end] = array[order[start:end]]
        yield
        start = end


def _chunks(points: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same rows in arrays of about CHUNK rows: small arrays are joined, large ones split."""
    pending: list[NDArray[np.float32]] = []
    pending_rows = 0
    for array in points:
        if len(array) >= CHUNK:
            yield from _joined(pending)
            pending, pending_rows = [], 0
            for start in range(0, len(array), CHUNK):
                yield array[start : start + CHUNK]
        elif len(array):
            pending.append(array)
            pending_rows += len(array)
            if pending_rows >= CHUNK:
                yield from _joined(pending)
                pending, pending_rows = [], 0
    yield from _joined(pending)


def _joined(arrays: list[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    if arrays:
        yield np.concatenate(arrays)


def _sort_order(frames: NDArray[np.int64], boxes: NDArray[np.float32], joints: LargeArray) -> NDArray[np.int64]:
    """By frame, then from left to right: the result must not depend on the order in which a detector lists people."""
    if (np.diff(frames) > 0).all():
        return np.arange(len(frames))
    flat = joints.array.reshape(len(frames), -1)
    tie_break = np.empty(len(frames), np.float32)
    for start in range(0, len(flat), CHUNK):
        tie_break[start : start + CHUNK] = np.nan_to_num(flat[start : start + CHUNK]).sum(axis=1)
        joints.release()
    return np.lexsort((tie_break, boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], frames))


def log_body_lengths(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithms of six body lengths of one person, each the median over its rows; nan where never seen.

    Args:
        joints: float32 [N, 12, 2], of one person.

    Returns:
        float32 [6]. Two people who differ by more than one common factor (the zoom) differ in proportions.
    """
    out = np.full(len(_BODY_LENGTHS), np.nan, np.float32)
    for i, (start, end) in enumerate(_BODY_LENGTHS):
        length = np.hypot(joints[:, start, 0] - joints[:, end, 0], joints[:, start, 1] - joints[:, end, 1])
        length = length[length > 0]
        if len(length):
            out[i] = np.log(np.median(length))
    return out


def iou(boxes: NDArray[np.float32], other_boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes, broadcast: [..., 4] and [..., 4] give [...]."""
    width = np.minimum(boxes[..., 2], other_boxes[..., 2]) - np.maximum(boxes[..., 0], other_boxes[..., 0])
    height = np.minimum(boxes[..., 3], other_boxes[..., 3]) - np.maximum(boxes[..., 1], other_boxes[..., 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    other_area = (other_boxes[..., 2] - other_boxes[..., 0]) * (other_boxes[..., 3] - other_boxes[..., 1])
    out: NDArray[np.float32] = intersection / np.maximum(area + other_area - intersection, 1e-6)
    return out
