"""Clips of any length as windows of one length."""

from __future__ import annotations

from numbers import Integral
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.keypoints import Points

LastWindow = Literal["pad", "drop", "shift"]
"""What becomes of frames at the end of a clip that fill no window; see `cut_windows`."""

Integers = npt.NDArray[np.int64]


class Windows(NamedTuple):
    """N windows of L frames each.

    Attributes:
        points: float32 [N, L, K, 3], nan in padding.
        mask: bool [N, L], False in padding.
        starts: int64 [N], the frame of the clip at which each begins.
        uncovered: int64 [M], the frames of the clip that are in no window.
    """

    points: Points
    mask: npt.NDArray[np.bool_]
    starts: Integers
    uncovered: Integers


def cut_windows(points: Points, length: int, stride: int | None = None, *, last: LastWindow = "pad") -> Windows:
    """Cuts a clip into windows of the same length, one every `stride` frames.

    Args:
        points: [T, K, 3].
        length: frames in a window.
        stride: frames from the start of a window to that of the next; `length` by default. If it is larger, the frames
            between are in no window.
        last: of the frames at the end that fill no window: `pad` begins one more, which ends in padding; `shift` adds
            one that ends with the clip and overlaps the one before (a clip shorter than a window is padded); `drop`
            leaves them out.

    Raises:
        BadInputError: a length or stride below 1, or another value of `last`.
    """
    _, starts, ends = window_ranges(np.array([len(points)]), length, stride, last)
    frames = starts[:, None] + np.arange(length)
    mask = frames < ends[:, None]
    cut = points[np.where(mask, frames, 0)] if len(starts) else np.empty((0, length, *points.shape[1:]), points.dtype)
    cut[~mask] = np.nan
    uncovered = np.ones(len(points), bool)
    uncovered[frames[mask]] = False
    return Windows(cut, mask, starts, np.flatnonzero(uncovered))


def window_ranges(
    frames: Integers, length: int, stride: int | None = None, last: LastWindow = "pad"
) -> tuple[Integers, Integers, Integers]:
    """The windows of C clips of so many frames, in order: clip, first frame and last, half-open; int64 [N] each.

    Raises:
        BadInputError: see `cut_windows`.
    """
    stride = check_windows(length, stride, last)
    whole = np.maximum(0, (frames - length) // stride + 1)
    # Where they end; a clip shorter than a window has none.
    end = np.where(whole > 0, (whole - 1) * stride + length, 0)
    final = end < frames
    if last == "pad":
        final &= whole * stride < frames
    elif last == "drop":
        final[:] = False
    counts = whole + final
    clip = np.repeat(np.arange(len(frames)), counts)
    number = np.arange(len(clip)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = number * stride
    if last == "shift":
        starts = np.minimum(starts, np.maximum(0, frames[clip] - length))
    return clip, starts, np.minimum(starts + length, frames[clip])


def check_windows(length: int, stride: int | None, last: LastWindow) -> int:
    """Returns the stride.

    Raises:
        BadInputError: see `cut_windows`.
    """
    stride = length if stride is None else stride
    for name, value in (("length", length), ("stride", stride)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise BadInputError(f"the {name} of windows is {value!r}", "It takes 1 or more frames, a whole number.")
    if last not in get_args(LastWindow):
        raise BadInputError(f"unknown value '{last}' of last", f"Values: {', '.join(get_args(LastWindow))}.")
    return stride


def uncovered_frames(clip: Integers, starts: Integers, ends: Integers, frames: Integers) -> Integers:
    """How many frames of each of C clips are in none of the windows that `window_ranges` returned: int64 [C]."""
    # Windows of a clip come by their starts: each adds what lies behind the end of the one before.
    before = np.where(np.r_[False, clip[1:] == clip[:-1]], np.r_[0, ends[:-1]], 0) if len(clip) else ends
    added = ends - np.maximum(starts, before)
    return frames - np.bincount(clip, added, minlength=len(frames)).astype(np.int64)
