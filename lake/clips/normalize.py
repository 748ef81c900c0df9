"""Points independent of where a signer stands and how large the picture is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import JOINTS
from signverse.lake.storage.keypoints import Points

SHOULDERS: Final = ("right_shoulder", "left_shoulder")


def normalize(points: Points, *, joints: Sequence[str] = JOINTS) -> Points:
    """Moves the middle between the shoulders to (0, 0), and scales the distance between them to 1.

    Both are means over the clip, of the frames that show both shoulders: one shift and one scale for all frames, so
    that movement stays. These are the values of pose-format's `Pose.normalize()` where all frames show both shoulders;
    where some do not, pose-format counts their distance as 0 and so scales too far. y still points down.

    Args:
        points: float32 [T, K, 3], x, y and score. It stays as it is.
        joints: names of the K joints.

    Returns:
        float32 [T, K, 3]. Scores stay, and absent points are absent; if no frame shows both shoulders, all points are.

    Raises:
        BadInputError: the shoulders are not among the joints, or their number is not K.
    """
    if points.ndim != 3 or points.shape[1:] != (len(joints), 3):
        raise BadInputError(f"the points have the shape {list(points.shape)}", f"It takes [T, {len(joints)}, 3].")
    if not set(SHOULDERS) <= set(joints):
        raise BadInputError("the shoulders are not among the joints", "Normalize with the part body.")
    right, left = (points[:, joints.index(name), :2].astype(np.float64) for name in SHOULDERS)
    shown = np.isfinite(right + left).all(axis=1)
    normal = points.copy()
    distance = np.linalg.norm(right - left, axis=1)[shown].mean() if shown.any() else 0.0
    if distance > 0:
        centre = ((right + left) / 2)[shown].mean(axis=0)
        normal[..., :2] = (points[..., :2] - centre) / distance
    else:
        normal[..., :2] = np.nan
        normal[..., 2][points[..., 2] > 0] = 0
    return normal
