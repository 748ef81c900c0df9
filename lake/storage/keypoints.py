"""Keypoints as numpy arrays and as rows of the keypoints table, both ways, exactly.

In numpy an absent point is (nan, nan, 0), an unknown score is nan, and a part that the source never had is nan
throughout. In the table these are null elements, a null score and a null list: a stored NaN would spoil every average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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

_FAINTEST: Final = 0.5 / SCORE_GRID
"""A score of 0 says that the point is absent: the lowest positive score is stored as half a step."""


@dataclass(frozen=True)
class Rows:
    """Rows of a video: people in frames.

    Attributes:
        frames, persons: int32 [N] and int8 [N], sorted by both.
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: bool [N, 18], where body scores are unknown and visibility is known; else None.
    """

    frames: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int8]
    points: Points
    visible: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, which: slice | npt.NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        visible = self.visible if self.visible is None else self.visible[which]
        return Rows(self.frames[which], self.persons[which], self.points[which], visible)


def snap(points: Points) -> Points:
    """The same points [..., 3] on the stored grid: x and y to 1/8 pixel, score to 1/256."""
    grid = np.array([PIXEL_GRID, PIXEL_GRID, SCORE_GRID], np.float32)
    with np.errstate(over="ignore"):
        snapped: Points = np.rint(points * grid) / grid
    # Only what is far beyond any picture, 4e37 pixels and more, has no multiple; it is on the grid already.
    if (beyond := np.isinf(snapped)).any():
        snapped[beyond] = points[beyond]
    faint = (snapped[..., 2] == 0) & (points[..., 2] > 0)
    snapped[..., 2][faint] = _FAINTEST
    return snapped


def confidence(points: Points, part: Part) -> npt.NDArray[np.float32]:
    """Mean score of a part, float32 [...] for points [..., 128, 3]; absent joints count 0, nan where unknown.

    The neck is left out: its score is a flag made from the shoulders.
    """
    return _mean(points[..., part.slice, 2], part)


def _mean(scores: npt.NDArray[np.float32], part: Part) -> npt.NDArray[np.float32]:
    if part is BODY:
        scores = np.delete(scores, NECK, axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean: npt.NDArray[np.float32] = scores.mean(axis=-1, dtype=np.float32)
    return mean


_BLOCK: Final = 256
"""Rows that are worked on at once: what is made of them stays in the cache of a core. A multiple of 8, so that no two
blocks share a byte of a validity bitmap."""

_HUGE: Final = 2.0**119
"""From here on 256 times a number may be infinite: see `snap`."""


class _FloatLists:
    """A list column in the making, of as many floats in each row.

    Attributes:
        values: float32 [N, width].
    """

    def __init__(self, rows: int, width: int) -> None:
        self.values = np.empty((rows, width), np.float32)
        self._valid: npt.NDArray[np.uint8] | None = None
        self._nulls = 0

    def mark(self, start: int, null: npt.NDArray[np.bool_]) -> None:
        """Says which elements of rows from `start` on are null, bool [n, width]; `start` is a multiple of 8."""
        if self._valid is None:
            self._valid = np.full(-(-self.values.size // 8), 255, np.uint8)
        packed = np.packbits(null, bitorder="little")
        at = start * self.values.shape[1] // 8
        np.invert(packed, out=self._valid[at : at + len(packed)])
        self._nulls += int(np.count_nonzero(null))

    def column(self, null_rows: npt.NDArray[np.bool_]) -> pa.Array:
        """The column; null_rows [N] have no list."""
        bits = None if self._valid is None else pa.py_buffer(self._valid)
        elements = pa.Array.from_buffers(pa.float32(), self.values.size, [bits, pa.py_buffer(self.values)], self._nulls)
        return _lists(elements, self.values.shape[1], null_rows)


def _lists(elements: pa.Array, width: int, null_rows: npt.NDArray[np.bool_]) -> pa.Array:
    """A list column of elements [N * width]; a null row still takes its own of them: offsets stay a plain range."""
    offsets = pa.array(np.arange(len(null_rows) + 1, dtype=np.int32) * np.int32(width))
    return pa.ListArray.from_arrays(offsets, elements, mask=pa.array(null_rows) if null_rows.any() else None)


class _PartColumns:
    """The three columns of a part in the making.

    Args:
        seen: the source has visibility and no scores: a mean of the scores, 0 for absent joints, would be taken for a
            confidence.
    """

    def __init__(self, part: Part, rows: int, *, seen: bool) -> None:
        self._part = part
        self._xy, self._score = _FloatLists(rows, 2 * part.size), _FloatLists(rows, part.size)
        self._missing = np.zeros(rows, np.bool_)
        self._mean = np.full(rows, np.nan, np.float32)
        self._seen = seen

    def add(self, points: Points, start: int, *, snapped: bool) -> None:
        """Takes rows from `start` on, a multiple of 8: points [n, 128, 3], each one block of memory, none infinite."""
        part, rows = self._part, slice(start, start + len(points))
        xy, score = self._xy.values[rows], self._score.values[rows]
        # x and y at once, as a number of two: half the copies.
        pairs = np.ndarray((len(points), part.size), np.complex64, points, 12 * part.start, points.strides[:2])
        xy.view(np.complex64)[...] = pairs
        score[...] = points[:, part.slice, 2]
        if not snapped:
            _snap_places(xy)
            _snap_scores(score)
        unknown, absent = np.isnan(score), np.isnan(xy)
        any_unknown = unknown.any()
        if absent.any():
            # A point needs both of its coordinates.
            joints = absent.view(np.uint16) != 0
            np.multiply(joints, np.uint16(0x0101), out=absent.view(np.uint16))
            self._xy.mark(start, absent)
            if any_unknown:
                self._missing[rows] = (joints & unknown).all(axis=1)
        if any_unknown:
            self._score.mark(start, unknown)
        if not self._seen:
            self._mean[rows] = _mean(score, part)

    def columns(self) -> dict[str, pa.Array]:
        part, mean = self._part, self._mean
        return {
            part.xy: self._xy.column(self._missing),
            part.score: self._score.column(self._missing),
            part.confidence: pa.array(mean, mask=~np.isfinite(mean)),
        }


def _snap_places(values: npt.NDArray[np.float32], grid: int = PIXEL_GRID) -> None:
    """As `snap`, in place, where no number is huge."""
    values *= np.float32(grid)
    np.rint(values, out=values)
    # The grid is a power of two: this is the same as dividing by it, and faster.
    values *= np.float32(1 / grid)


def _snap_scores(scores: npt.NDArray[np.float32]) -> None:
    faint = scores > 0
    _snap_places(scores, SCORE_GRID)
    faint &= scores == 0
    if faint.any():
        scores[faint] = _FAINTEST


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
    parts = [_PartColumns(part, len(points), seen=part is BODY and body_visible is not None) for part in PARTS]
    for start in range(0, len(points), _BLOCK):
        block, snapped = np.ascontiguousarray(points[start : start + _BLOCK]), exact
        if (np.abs(block) >= _HUGE).any():
            block, snapped = block if exact else snap(block), True
            block = np.where(np.isinf(block), np.float32(np.nan), block)
        for columns in parts:
            columns.add(block, start, snapped=snapped)
    made: dict[str, pa.Array] = {"frame": pa.array(frames, pa.int32()), "person": pa.array(persons, pa.int8())}
    for columns in parts:
        made |= columns.columns()
    if body_visible is None:
        made["body_visible"] = pa.nulls(len(points), pa.list_(pa.bool_()))
    else:
        elements = pa.array(np.asarray(body_visible, np.bool_).reshape(-1))
        made["body_visible"] = _lists(elements, BODY.size, np.zeros(len(points), np.bool_))
    return pa.table({name: made[name] for name in KEYPOINTS.file_schema.names if name in made})


def list_columns(parts: Sequence[Part] = PARTS) -> list[str]:
    """The columns that `from_table` needs for these parts."""
    return [column for part in parts for column in (part.xy, part.score)]


def list_widths() -> list[int]:
    """How many elements each of `list_columns()` has, where it is not null."""
    return [width for part in PARTS for width in (2 * part.size, part.size)]


def are_points(table: pa.Table) -> bool:
    """Whether each list of points is null, or as long as its part: rows of another writer need not be."""
    return all(
        pc.all(pc.equal(pc.list_value_length(table.column(name)), width)).as_py() is not False
        for name, width in zip(list_columns(), list_widths(), strict=True)
        if name in table.column_names
    )


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
