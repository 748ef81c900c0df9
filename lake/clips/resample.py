"""Points at another frame rate."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import numpy.typing as npt

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.storage.keypoints import Points


def resample(points: Points, fps: float, *, from_fps: float = FPS) -> Points:
    """Changes the frame rate, by time: new frame j shows the moment j / fps.

    A moment between two frames is interpolated linearly, point by point; a point that one of the two lacks is absent,
    so none is invented. (`interpolate` of pose-format bridges gaps of any length, and slows a clip down so that
    the last frames coincide.) After the last frame its points stay, for less than a frame.

    Args:
        points: float32 [T, K, 3] at `from_fps` frames/s.
        fps: frames/s of the result.

    Returns:
        float32 [ceil(T * fps / from_fps), K, 3].

    Raises:
        BadInputError: a frame rate is not a positive number.
    """
    check_fps(fps, from_fps)
    return points_at(points, moments(0, new_length(len(points), fps, from_fps), fps, from_fps))


def check_fps(*rates: float) -> None:
    """Raises BadInputError if a frame rate is not between 0.1 and 1,000 frames/s."""
    for rate in rates:
        # Typing holds no text of a configuration back.
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0.1 <= float(rate) <= 1000:
            raise BadInputError(f"the frame rate is {rate!r}", "It takes 0.1 to 1,000 frames/s.")


def new_length(frames: int, fps: float, from_fps: float = FPS) -> int:
    """How many frames a clip has at another rate: those that begin before its end."""
    return math.ceil(round(frames * fps / from_fps, 9))


def moments(first: int, count: int, fps: float, from_fps: float = FPS) -> npt.NDArray[np.float64]:
    """The times of `count` new frames from new frame `first` on, in old frames: float64 [count]."""
    at = np.arange(first, first + count) * from_fps / fps
    # 24000/1001 and such: a rounding error must not make a moment between two frames of one on a frame.
    whole = np.rint(at)
    return np.where(np.abs(at - whole) < 1e-6, whole, at)


def points_at(points: Points, at: npt.NDArray[np.float64]) -> Points:
    """The points [N, K, 3] at N moments, in frames of points [T, K, 3]; after the last frame those of the last."""
    if not len(at):
        return points[:0].copy()
    before = np.minimum(at.astype(np.int64), len(points) - 1)
    after = np.minimum(before + 1, len(points) - 1)
    found = points[before]
    between = np.flatnonzero((at > before) & (after > before))
    weight = (at[between] - before[between]).astype(np.float32)[:, None, None]
    # nan of one makes nan of both.
    mixed = found[between] + (points[after[between]] - found[between]) * weight
    mixed[..., 2][np.isnan(mixed[..., 0]) & ~np.isnan(mixed[..., 2])] = 0
    found[between] = mixed
    return found
