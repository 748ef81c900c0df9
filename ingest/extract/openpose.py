"""Convert COCO-WholeBody's 133 points to the 128 of OpenPose that a lake holds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import (
    BODY,
    COCO133_FACE,
    COCO133_LEFT_HAND,
    COCO133_RIGHT_HAND,
    COCO133_SHOULDERS,
    COCO133_TO_BODY,
    FACE,
    LEFT_HAND,
    NECK,
    NUM_JOINTS,
    RIGHT_HAND,
)
from signverse.lake.model.thresholds import SEEN

_FROM_COCO: Final = np.array([max(index, 0) for index in COCO133_TO_BODY])


def to_openpose(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder the points, add the neck and drop the feet.

    The neck is the mean of the shoulders; its score is 1 where both shoulders exceed 0.3, else 0 (DWPose's own rule).

    Args:
        points: float32 [..., 133, 3], x, y and score.

    Returns:
        float32 [..., 128, 3]; a point whose score is 0 or less is absent: (nan, nan, 0).
    """
    out = np.empty((*points.shape[:-2], NUM_JOINTS, 3), np.float32)
    out[..., BODY.slice, :] = points[..., _FROM_COCO, :]
    shoulders = points[..., COCO133_SHOULDERS, :]
    out[..., NECK, :2] = shoulders[..., :2].mean(axis=-2)
    out[..., NECK, 2] = (shoulders[..., 2] > SEEN).all(axis=-1)
    out[..., FACE.slice, :] = points[..., COCO133_FACE, :]
    out[..., LEFT_HAND.slice, :] = points[..., COCO133_LEFT_HAND, :]
    out[..., RIGHT_HAND.slice, :] = points[..., COCO133_RIGHT_HAND, :]
    out[~(out[..., 2] > 0)] = (np.nan, np.nan, 0)
    return out
