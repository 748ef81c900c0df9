"""People's boxes between two detections, and the signs that the detector must look again.

A person's box goes along with the person: it is the detector's last one, moved by as much as the face and the shoulders
have moved since. Measured on 642 frames of seven real signers, as the IoU of the crop that it gives with the crop of
the detector's own box in the same frame (median, 10th percentile):

    frames since the detection                         1             6             12
    the detector's box, moved with the person     0.98 0.91     0.95 0.84     0.92 0.80
    the detector's box, its sides moved with
    those of the box tight around all points      0.98 0.91     0.93 0.78     0.91 0.76
    tight around the points, and 5 % more         0.80 0.72     0.80 0.72     0.80 0.72

The reason: the detector's boxes are wider than the points by a share that differs from signer to signer (0 to 25 % of
the width at one side), and hands that come up take the tight box along and not the detector's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import COCO133_FACE, COCO133_SHOULDERS, SEEN

# Points that move with the trunk, and not with the hands.
_STEADY: Final = np.array([*COCO133_SHOULDERS, *range(COCO133_FACE.start, COCO133_FACE.stop)])
_FEWEST: Final = 5

CONFIDENCE_FALL: Final = 0.75
"""Look again where the mean score is below this share of what it was at the detection (usual signing: above 0.85)."""

JUMP: Final = 0.2
"""Look again where a box has moved by this share of its smaller side in a frame."""

BORDER: Final = 0.05
"""Look again where a box leaves the image by this share of its side more than it did at the detection."""

OVERLAP: Final = 0.1
"""Look again where two boxes share so much (IoU), and more than they did at the detection."""

CUT: Final = 12.0
"""Look again where the small pictures of two frames differ by so much of 255 on average; signing stays below 10."""

_THUMB: Final = 64


class Followed:
    """The people of the frames after a detection.

    Args:
        boxes: float32 [P, 4], the detector's, in pixels.
        points: float32 [P, 133, 3], the model's points in those boxes.
        size: width and height of the image.
    """

    def __init__(self, boxes: NDArray[np.float32], points: NDArray[np.float32], size: tuple[int, int]) -> None:
        self._size = np.array([*size], np.float32)
        self._detected, self._points = boxes, points
        self._scores = _scores(points)
        self._outside = self._leaves(boxes)
        self._shared = _overlaps(boxes)
        self.boxes = boxes
        """float32 [P, 4]: where the people are expected in the next frame."""

    def follow(self, points: NDArray[np.float32]) -> bool:
        """Goes along with the points of the next frame; False where the detector must look at that frame.

        Args:
            points: float32 [P, 133, 3], found in `boxes`.
        """
        before = self.boxes
        self.boxes = self._detected + np.tile(_moved(self._points, points), 2)
        smaller = np.maximum((before[:, 2:] - before[:, :2]).min(axis=1), 1.0)
        jumps = np.abs(self.boxes - before).max(axis=1) > JUMP * smaller
        falls = _scores(points) < CONFIDENCE_FALL * self._scores
        leaves = (self._leaves(self.boxes) > self._outside + BORDER).any(axis=1)
        meets = (_overlaps(self.boxes) > np.maximum(OVERLAP, 1.5 * self._shared)).any(axis=1)
        return not bool((jumps | falls | leaves | meets).any())

    def _leaves(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """By what share of its width and height each box lies outside at each of its sides: float32 [P, 4]."""
        side = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        outside = np.concatenate([-boxes[:, :2] / side, (boxes[:, 2:] - self._size) / side], axis=1)
        share: NDArray[np.float32] = np.maximum(outside, 0.0)
        return share


def _moved(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median way that the steady points of each person have gone, float32 [P, 2]; none where too few are seen."""
    way = np.zeros((len(old), 2), np.float32)
    seen = (old[:, _STEADY, 2] > SEEN) & (new[:, _STEADY, 2] > SEEN)
    for i, both in enumerate(seen):
        if both.sum() >= _FEWEST:
            joints = _STEADY[both]
            way[i] = np.median(new[i, joints, :2] - old[i, joints, :2], axis=0)
    return way


def _scores(points: NDArray[np.float32]) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = points[..., 2].mean(axis=1)
    return scores


def _overlaps(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of each box with each other, float32 [P, P]; 0 with itself."""
    size = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.maximum(size, 0).prod(axis=-1)
    area = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    union = np.maximum(area[:, None] + area[None] - shared, 1e-6)
    overlaps: NDArray[np.float32] = (shared / union) * ~np.eye(len(boxes), dtype=np.bool_)
    return overlaps


def thumb(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """A picture of about 64 by 64 of an image's own pixels, int16: cheap, and enough to see a cut."""
    down, across = (max(1, side // _THUMB) for side in image.shape[:2])
    return image[::down, ::across].astype(np.int16)


def is_cut(before: NDArray[np.int16], after: NDArray[np.int16]) -> bool:
    """Whether two thumbs differ as those of two scenes do."""
    return bool(np.abs(after - before).mean() > CUT)
