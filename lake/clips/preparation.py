"""What is done to clips as they are read for training: another frame rate, windows, normalization."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signverse.lake.clips.normalize import normalize
from signverse.lake.clips.resample import check_fps, moments, new_length, points_at
from signverse.lake.clips.table import ClipTable
from signverse.lake.clips.windows import LastWindow, check_windows, uncovered_frames, window_ranges
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.wording import counted
from signverse.lake.storage.keypoints import Points


@dataclass(frozen=True)
class Preparation:
    """What is done to each clip as it is read, in this order; without arguments nothing.

        lake.read_clips(clips, prepare=signverse.Preparation(fps=12.5, window=64, stride=32, normalize=True))

    Attributes:
        mask_hidden: make body joints absent that are known to be hidden; see `Lake.keypoints`. The published tars have
            no body scores, and guesses in place of hidden joints.
        fps: the frame rate; see `signverse.resample`.
        window: frames in a window, at the new rate. Each window then comes as a clip of its own; see
            `signverse.cut_windows`.
        stride: frames from the start of a window to that of the next; `window` by default.
        last: pad, shift or drop frames at the end of a clip that fill no window.
        normalize: by the shoulders, over the clip or the window; see `signverse.normalize`.
    """

    mask_hidden: bool = False
    fps: float | None = None
    window: int | None = None
    stride: int | None = None
    last: LastWindow = "pad"
    normalize: bool = False

    def __post_init__(self) -> None:
        if self.fps is not None:
            check_fps(self.fps)
        if self.window is not None:
            check_windows(self.window, self.stride, self.last)
        elif self.stride is not None:
            raise BadInputError("a stride was given and no window", "Give both, such as window=64, stride=32.")


def windows_of(table: ClipTable, prepare: Preparation) -> ClipTable:
    """The windows of the clips; the clips themselves where none were requested. Warns if frames are in no window.

    Raises:
        EmptySelectionError: no clip has a window.
    """
    if prepare.window is None:
        return table
    fps = prepare.fps or FPS
    lengths = np.array([new_length(count, fps) for count in np.diff(table.frames)[:, 0].tolist()], np.int64)
    clip, starts, ends = window_ranges(lengths, prepare.window, prepare.stride, prepare.last)
    uncovered = int(uncovered_frames(clip, starts, ends, lengths).sum())
    if not len(clip):
        raise EmptySelectionError(
            f"none of {counted(len(table), 'clip')} fills a window of {counted(prepare.window, 'frame')}; the longest "
            f"has {lengths.max()}",
            "Use shorter windows, or last='pad'.",
        )
    if uncovered:
        without = len(table) - len(np.unique(clip))
        warnings.warn(
            f"{uncovered:,} of {counted(int(lengths.sum()), 'frame')} are in no window"
            + (f", and {without:,} of {counted(len(table), 'clip')} have none" if without else ""),
            stacklevel=3,
        )
    # The frames between which the window's first and last moments lie.
    first = np.floor(moments(0, int(ends.max()), fps))[starts].astype(np.int64)
    last = np.ceil(moments(0, int(ends.max()), fps))[ends - 1].astype(np.int64) + 1
    begin = table.frames[clip, 0]
    digest = hashlib.blake2b(repr((table.fingerprint, fps, prepare.window, prepare.stride, prepare.last)).encode())
    return replace(
        table,
        rows=table.rows.take(clip),
        video=table.video[clip],
        frames=np.stack([begin + first, np.minimum(begin + last, table.frames[clip, 1])], axis=1),
        fingerprint=digest.hexdigest()[:32],
        windows=np.stack([starts, ends], axis=1),
        uncovered=uncovered,
    )


def prepared(points: Points, prepare: Preparation, table: ClipTable, index: int, joints: tuple[str, ...]) -> Points:
    """The points of a clip or window as they were requested, from those of its frames."""
    fps = prepare.fps or FPS
    if table.windows is not None:
        start, end = table.windows[index].tolist()
        at = moments(start, end - start, fps)
        points = points_at(points, at - np.floor(at[0]))
    elif prepare.fps is not None:
        points = points_at(points, moments(0, new_length(len(points), fps), fps))
    if prepare.normalize:
        seen = np.isfinite(points[..., 0]).any()
        points = normalize(points, joints=joints)
        if seen and not np.isfinite(points[..., 0]).any():
            about = table.about(index)
            warnings.warn(
                f"{about['segment_id']}, frames {about['start_frame']} to {about['end_frame']}: no frame shows "
                "both shoulders, so that it cannot be normalized; its points are absent",
                stacklevel=2,
            )
    if prepare.window is not None and len(points) < prepare.window:
        padding = np.full((prepare.window - len(points), *points.shape[1:]), np.nan, points.dtype)
        points = np.concatenate([points, padding])
    return points


def window_mask(prepare: Preparation, table: ClipTable, index: int) -> npt.NDArray[np.bool_] | None:
    """Which frames of a window are not padding, bool [window]; None where there are no windows."""
    if prepare.window is None or table.windows is None:
        return None
    start, end = table.windows[index].tolist()
    mask: npt.NDArray[np.bool_] = np.arange(prepare.window) < end - start
    return mask
