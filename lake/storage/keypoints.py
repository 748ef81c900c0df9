"""Keypoints as numpy arrays and as rows of the keypoints table, both ways, exactly.

In numpy an absent point is (nan, nan, 0), an unknown score is nan, and a part that the source never had is nan
throughout. In the table these are null elements, a null score and a null list: a stored NaN would spoil every average.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.model.skeleton import BODY, NECK, NUM_JOINTS, PARTS, Part

Points = npt.NDArray[np.float32]
"""Points as numpy, float32 [..., 3]: x and y in pixels of the video, and score; absent points are (nan, nan, 0)."""

MAX_SCORE: Final = 2.0
"""A SimCC score is not bounded by 1 (real ones reach 1.13); a larger value is such as an index code."""

PIXEL_GRID: Final = 8
SCORE_GRID: Final = 256
"""Steps of 1/8 pixel and 1/256 score: exact in float32, well below the model's own grid of about half a crop pixel,
and a third of the bytes after compression (measured: docs/how-it-works/layout.md)."""


def snap(points: Points) -> Points:
    """The same points [..., 3] on the stored grid: x and y to 1/8 pixel, score to 1/256."""
    grid = np.array([PIXEL_GRID, PIXEL_GRID, SCORE_GRID], np.float32)
    with np.errstate(over="ignore"):
        snapped: Points = np.rint(points * grid) / grid
    # Only what is far beyond any picture, 4e37 pixels and more, has no multiple; it is on the grid already.
    if (beyond := np.isinf(snapped)).any():
        snapped[beyond] = points[beyond]
    # A score of 0 says that the point is absent: the lowest positive score is stored as half a step.
    faint = (snapped[..., 2] == 0) & (points[..., 2] > 0)
    snapped[..., 2][faint] = 0.5 / SCORE_GRID
    return snapped


def confidence(points: Points, part: Part) -> npt.NDArray[np.float32]:
    """Mean score of a part, float32 [...] for points [..., 128, 3]; absent joints count 0, nan where unknown.

    The neck is left out: its score is a flag made from the shoulders.
    """
    scores = points[..., part.slice, 2]
    if part is BODY:
        scores = np.delete(scores, NECK, axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean: npt.NDArray[np.float32] = scores.mean(axis=-1, dtype=np.float32)
    return mean


def _lists(values: npt.NDArray[Any], null: npt.NDArray[np.bool_], null_rows: npt.NDArray[np.bool_]) -> pa.Array:
    """A list column from values [N, K], with null elements and null rows."""
    rows, width = values.shape
    # A null row still takes its K elements in the buffer: offsets stay a plain range.
    return pa.ListArray.from_arrays(
        pa.array(np.arange(rows + 1, dtype=np.int32) * width),
        pa.array(values.reshape(-1), mask=null.reshape(-1)),
        mask=pa.array(null_rows),
    )


def to_table(
    frames: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points,
    *,
    body_visible: npt.NDArray[np.bool_] | None = None,
    exact: bool = False,
) -> pa.Table:
    """Rows of the keypoints table, without the columns that name the ingestion.

    Args:
        frames: [N] 0-based at 24 frames/s.
        persons: [N] 0 is the primary signer.
        points: [N, 128, 3] x and y in pixels, score.
        body_visible: [N, 18] where the source has visibility and no score.
        exact: keep full float32 instead of the grid of 1/8 pixel and 1/256 score.
    """
    points = np.asarray(points, np.float32).reshape(-1, NUM_JOINTS, 3)
    if not exact:
        points = snap(points)
    if np.isinf(points).any():
        points = np.where(np.isinf(points), np.float32(np.nan), points)
    columns: dict[str, pa.Array] = {
        "frame": pa.array(frames, pa.int32()),
        "person": pa.array(persons, pa.int8()),
    }
    missing_xy = np.isnan(points[..., 0]) | np.isnan(points[..., 1])
    unknown_score = np.isnan(points[..., 2])
    for part in PARTS:
        xy = points[:, part.slice, :2].reshape(len(points), 2 * part.size)
        no_xy, no_score = missing_xy[:, part.slice], unknown_score[:, part.slice]
        # Checked by its first score: a part that is missing as a whole has none.
        missing = no_score[:, 0].copy()
        if missing.any():
            missing = np.logical_and.reduce(no_xy & no_score, axis=1)
        columns[part.xy] = _lists(xy, np.repeat(no_xy, 2, axis=1), missing)
        columns[part.score] = _lists(points[:, part.slice, 2], no_score, missing)
        mean = confidence(points, part)
        if part is BODY and body_visible is not None:
            # Absent joints score 0 all the same: a mean of these alone would be taken for a confidence.
            mean = np.full_like(mean, np.nan)
        columns[part.confidence] = pa.array(mean, mask=~np.isfinite(mean))
    if body_visible is None:
        columns["body_visible"] = pa.nulls(len(points), pa.list_(pa.bool_()))
    else:
        nothing = np.zeros_like(body_visible, bool)
        columns["body_visible"] = _lists(body_visible, nothing, nothing[:, 0])
    names = [name for name in KEYPOINTS.file_schema.names if name in columns]
    return pa.table({name: columns[name] for name in names})


def list_columns(parts: Sequence[Part] = PARTS) -> list[str]:
    """The columns that `from_table` needs for these parts."""
    return [column for part in parts for column in (part.xy, part.score)]


def from_table(table: pa.Table, parts: Sequence[Part] = PARTS) -> Points:
    """Points [N, 128, 3] of N rows; other parts, and nulls, are nan."""
    points = np.full((table.num_rows, NUM_JOINTS, 3), np.nan, np.float32)
    for part in parts:
        _fill(points[:, part.slice, :2], table.column(part.xy))
        _fill(points[:, part.slice, 2:], table.column(part.score))
    return points


def visible_from_table(table: pa.Table) -> npt.NDArray[np.bool_] | None:
    """Visibility of the body's joints [N, 18] of N rows, True where it is null; None where it is null in every row."""
    column = table.column("body_visible")
    if column.null_count == len(column):
        return None
    visible = np.ones((len(column), BODY.size, 1), np.bool_)
    _fill(visible, column)
    return visible[..., 0]


def hide_unseen(points: Points, visible: npt.NDArray[np.bool_] | None) -> None:
    """Makes the body joints absent that are known to be hidden, in place.

    A joint is seen where it has a place and its score is not below SEEN; where the source lost the score, body_visible
    says it. The places of hidden joints are the model's guesses: knees below the edge of the picture, for example.

    Args:
        points: [..., 128, 3].
        visible: [..., 18], as in `Rows.visible`; None where the scores are known.
    """
    if visible is None:
        return
    body = points[..., BODY.slice, :]
    body[np.isnan(body[..., 2]) & ~visible] = (np.nan, np.nan, 0)


def _fill(target: npt.NDArray[Any], column: pa.ChunkedArray) -> None:
    """Writes lists of K times C values into target [N, K, C]; rows without a list stay as they are."""
    start = 0
    for chunk in column.chunks:
        # flatten() leaves null rows out, so the rest is a plain block of rows.
        values = chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, *target.shape[1:])
        rows = target[start : start + len(chunk)]
        if chunk.null_count == 0:
            # One by one: four times as fast as pairs at once.
            for i in range(target.shape[2]):
                rows[..., i] = values[..., i]
        else:
            rows[chunk.is_valid().to_numpy(zero_copy_only=False)] = values
        start += len(chunk)
