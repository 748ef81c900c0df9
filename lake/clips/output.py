"""How points are returned: what stands for an absent one, whether it is said which are there, and how precise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.keypoints import Points

DtypeName = Literal["float32", "float16", "bfloat16"]

FLOAT16_MAX: Final = 65_504.0


@dataclass(frozen=True)
class Output:
    """How points are returned.

    Attributes:
        fill: a number in place of nan.
        valid: whether it is said which points are there.
        dtype: float32, float16 or bfloat16.
    """

    fill: float | None = None
    valid: bool = False
    dtype: DtypeName = "float32"

    @classmethod
    def of(cls, fill: float | None, valid: bool, dtype: Any, *, numpy: bool = False) -> Output:
        """With a dtype of numpy or PyTorch, or the name of one.

        Args:
            numpy: whether numpy must have the dtype.

        Raises:
            BadInputError: points are not returned as this dtype; or `fill` is not a number that it holds.
        """
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(dtype).removeprefix("torch.")
        if name not in get_args(DtypeName):
            known = ", ".join(get_args(DtypeName))
            raise BadInputError(f"points are not returned as {dtype!r:.60}", f"Types: {known}.")
        if name == "bfloat16" and numpy:
            raise BadInputError("numpy has no bfloat16", "Use float16, or torch_dataset.")
        return cls(fill, valid, name)

    def __post_init__(self) -> None:
        fill = self.fill
        if fill is None:
            return
        # Typing holds no text of a configuration back.
        if isinstance(fill, bool) or not isinstance(fill, Real) or not math.isfinite(fill):
            raise BadInputError(f"fill is {fill!r}", "It takes a number such as 0.0; without it nan stays.")
        if self.dtype == "float16" and abs(fill) > FLOAT16_MAX:
            raise BadInputError(f"fill is {fill:g}, and float16 ends at {FLOAT16_MAX:,.0f}", "Fill with less.")


class ClipPoints(NamedTuple):
    """The points of a clip as they were requested.

    Attributes:
        points: [T, K, 3], float16 if that was requested, else float32: numpy has no bfloat16.
        valid: bool [T, K], where x and y are known; None unless requested.
    """

    points: npt.NDArray[np.floating[Any]]
    valid: npt.NDArray[np.bool_] | None

    def copy(self) -> ClipPoints:
        return ClipPoints(self.points.copy(), None if self.valid is None else self.valid.copy())


def as_requested(points: Points, output: Output) -> ClipPoints:
    """Points [T, K, 3] as they were requested; they may be changed.

    Raises:
        OverflowError: a number is beyond the range of float16.
    """
    valid = ~np.isnan(points[..., 0]) if output.valid else None
    if not points.size:
        return ClipPoints(points.astype(np.float16) if output.dtype == "float16" else points, valid)
    if output.fill is not None:
        # Imported here for speed of start: 0.2 s.
        from cv2 import patchNaNs

        # A quarter of the time that numpy takes for isnan and an assignment.
        patchNaNs(points.reshape(len(points), -1), float(output.fill))
    return ClipPoints(_as_float16(points) if output.dtype == "float16" else points, valid)


def _as_float16(points: Points) -> npt.NDArray[np.float16]:
    """Rounded to the nearest, nan as it is."""
    import cv2

    furthest = max(float(np.fmax.reduce(points, axis=None)), -float(np.fmin.reduce(points, axis=None)))
    if furthest > FLOAT16_MAX:
        raise OverflowError(furthest)
    try:
        # By the processor's own instruction; numpy's astype takes eight times as long.
        half = cv2.add(points.reshape(len(points), -1), 0, dtype=cv2.CV_16F)  # type: ignore[call-overload]
    except cv2.error:
        # OpenCV before version 5.
        return points.astype(np.float16)
    return np.asarray(half).view(np.float16).reshape(points.shape)
