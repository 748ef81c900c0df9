"""The columns of a part into the points of the clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.clip_reader.plan import Span


def scatter(
    xy: npt.NDArray[np.float32],
    score: npt.NDArray[np.float32],
    spans: Sequence[Span],
    rows: Sequence[int],
    at: int,
) -> None:
    """Writes a part into the points of the spans.

    Args:
        xy: [R, 2 * size], x and y in turn.
        score: [R, size].
        rows: for each span, which of the R is its first.
        at: the joint of the points that is the part's first.
    """
    # x and y at once, as one number of two: half the copies.
    pairs = xy.view(np.complex64)
    size = score.shape[1]
    for span, row in zip(spans, rows, strict=True):
        points, last = span.points, row + span.last - span.first
        # points[:, at : at + size, :2], as such numbers.
        places = np.ndarray((len(points), size), np.complex64, points, 12 * at, (points.strides[0], points.strides[1]))
        scores = points[:, at : at + size, 2]
        if span.kept is None:
            places[...] = pairs[row:last]
            scores[...] = score[row:last]
        else:
            taken, frames = span.kept
            places[frames] = pairs[row + taken]
            scores[frames] = score[row + taken]
