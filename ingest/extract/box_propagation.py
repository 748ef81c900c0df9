"""Box propagation: people's boxes between two detections, and when to detect again.

A person's box is the detector's last one, moved by as much as the face and the shoulders have moved since. Measured on
642 frames of seven real signers, as the IoU of the crop that it gives with the crop of the detector's own box in the
same frame (median, 10th percentile):

    frames since the detection                         1             6             12
    the detector's box, moved with the person     0.98 0.91     0.95 0.84     0.92 0.80
    the detector's box, its sides moved with
    those of the box tight around all points      0.98 0.91     0.93 0.78     0.91 0.76
    tight around the points, and 5 % more         0.80 0.72     0.80 0.72     0.80 0.72

The reason: the detector's boxes are wider than the points by a share that differs from signer to signer (0 to 25 % of
the width at one side), and raised hands change the tight box but not the detector's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import COCO133_FACE, COCO133_SHOULDERS
from signverse.lake.model.thresholds import SEEN

# Points that move with the trunk, and not with the hands.
_TRUNK_POINTS: Final = np.array([*COCO133_SHOULDERS, *range(COCO133_FACE.start, COCO133_FACE.stop)])
_MIN_POINTS: Final = 5

CONFIDENCE_FALL: Final = 0.75
"""Detect again where the mean score is below this share of what it was at the detection (usual signing: above 0.85)."""

JUMP: Final = 0.2
"""Detect again where a box has moved by this share of its smaller side in a frame."""

BORDER: Final = 0.05
"""Detect again where a box leaves the image by this share of its side more than it did at the detection."""

OVERLAP: Final = 0.1
"""Detect again where the IoU of two boxes exceeds this, and 1.5 times what it was at the detection."""

CUT: Final = 12.0
"""A cut: the thumbnails of two frames differ by more than this of 255 on average; signing stays below 10."""

_THUMBNAIL_SIDE: Final = 64


class PropagatedBoxes:
    """The boxes of a detection, moved along with their people through the frames after it.

    Args:
        boxes: float32 [P, 4], the detector's, in pixels.
        points: float32 [P, 133, 3], the model's points in those boxes.
        size: width and height of the image.
    """

    def __init__(self, boxes: NDArray[np.float32], points: NDArray[np.float32], size: tuple[int, int]) -> None:
        self._size = np.array([*size], np.float32)
        self._detected, self._points = boxes, points
        self._scores = _scores(points)
        self._outside = self._outside_share(boxes)
        self._iou = _pairwise_iou(boxes)
        self.boxes = boxes
        """float32 [P, 4]: where the people are expected in the next frame."""

    def update(self, points: NDArray[np.float32]) -> bool:
        """Move the boxes to the points of the next frame; False if that frame needs a detection.

        Args:
            points: float32 [P, 133, 3], found in `boxes`.
        """
        previous_boxes = self.boxes
        self.boxes = self._detected + np.tile(_displacement(self._points, points), 2)
        smaller_side = np.maximum((previous_boxes[:, 2:] - previous_boxes[:, :2]).min(axis=1), 1.0)
        jumped = np.abs(self.boxes - previous_boxes).max(axis=1) > JUMP * smaller_side
        unsure = _scores(points) < CONFIDENCE_FALL * self._scores
        leaving = (self._outside_share(self.boxes) > self._outside + BORDER).any(axis=1)
        overlapping = (_pairwise_iou(self.boxes) > np.maximum(OVERLAP, 1.5 * self._iou)).any(axis=1)
        return not bool((jumped | unsure | leaving | overlapping).any())

    def _outside_share(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The share of its width or height by which each box leaves the image at each side: float32 [P, 4]."""
        side = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        outside = np.concatenate([-boxes[:, :2] / side, (boxes[:, 2:] - self._size) / side], axis=1)
        share: NDArray[np.float32] = np.maximum(outside, 0.0)
        return share


def _displacement(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median displacement of each person's trunk points, float32 [P, 2]; 0 where too few are seen."""
    displacement = np.zeros((len(old), 2), np.float32)
    seen = (old[:, _TRUNK_POINTS, 2] > SEEN) & (new[:, _TRUNK_POINTS, 2] > SEEN)
    for i, both in enumerate(seen):
        if both.sum() >= _MIN_POINTS:
            joints = _TRUNK_POINTS[both]
            displacement[i] = np.median(new[i, joints, :2] - old[i, joints, :2], axis=0)
    return displacement


def _scores(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean score of each person's points, float32 [P]."""
    scores: NDArray[np.float32] = points[..., 2].mean(axis=1)
    return scores


def _pairwise_iou(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of each box with each other, float32 [P, P]; 0 with itself."""
    size = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    intersection = np.maximum(size, 0).prod(axis=-1)
    area = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    union = np.maximum(area[:, None] + area[None] - intersection, 1e-6)
    iou: NDArray[np.float32] = (intersection / union) * ~np.eye(len(boxes), dtype=np.bool_)
    return iou


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """An image subsampled to about 64 by 64 pixels, int16: cheap, and enough to see a cut."""
    down, across = (max(1, side // _THUMBNAIL_SIDE) for side in image.shape[:2])
    return image[::down, ::across].astype(np.int16)


def is_cut(before: NDArray[np.int16], after: NDArray[np.int16]) -> bool:
    """Whether two thumbnails differ as those of two scenes do."""
    return bool(np.abs(after - before).mean() > CUT)
