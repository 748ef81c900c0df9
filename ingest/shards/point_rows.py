"""The points of a video's people while it is imported: in memory, or in a file without a name where they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.tracking.detections import CHUNK
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.spill import IN_MEMORY, close_with, no_space, spill_file

_ROW_BYTES: Final = 4 * NUM_JOINTS * 3

_NEAR: Final = 4
"""Rows that lie apart are read together with those between them, up to so many times as many."""


class PointRows:
    """Points float32 [N, 128, 3], a row for each person in each frame; of a long video a few thousand are in memory."""

    def __init__(self) -> None:
        self._pieces: list[Points] = []
        self._file: IO[bytes] | None = None
        self._count = 0
        self._order: npt.NDArray[np.intp] | None = None

    @classmethod
    def of(cls, points: Points) -> PointRows:
        """The rows of an array."""
        rows = cls()
        rows.append(points)
        return rows

    def __len__(self) -> int:
        return self._count if self._order is None else len(self._order)

    def append(self, points: Points) -> None:
        """Adds rows; before any are left out or reordered.

        Raises:
            SignverseError: the disk is full.
        """
        self._count += len(points)
        if self._file is None and self._count * _ROW_BYTES > IN_MEMORY:
            self._file = spill_file()
            close_with(self, self._file)
            for piece in self._pieces:
                self._write(piece)
            self._pieces = []
        if self._file is None:
            self._pieces.append(points)
        else:
            self._write(points)

    def chunks(self) -> Iterator[Points]:
        """All rows in their order, in arrays of CHUNK rows, the last one shorter; one empty array if there are none."""
        for start in range(0, max(1, len(self)), CHUNK):
            yield self.read(slice(start, min(start + CHUNK, len(self))))

    def all(self) -> Points:
        """All rows at once."""
        return np.concatenate(list(self.chunks()))

    def update(
        self, change: Callable[[slice, Points], bool], pieces: Sequence[slice] | None = None, *, upto: int | None = None
    ) -> None:
        """Changes points, some thousand rows at a time; before any are left out or reordered.

        Args:
            change: takes the place of the rows and their points, changes these in place, and says whether it did.
            pieces: the rows that are changed together, CHUNK at a time by default.
            upto: only the first rows.

        Raises:
            SignverseError: the disk is full.
        """
        assert self._order is None
        last = self._count if upto is None else upto
        for rows in pieces or [slice(start, min(start + CHUNK, last)) for start in range(0, last, CHUNK)]:
            points = self.read(rows)
            if change(rows, points) and self._file is not None:
                self._file.seek(rows.start * _ROW_BYTES)
                self._write(points)

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Keeps the given rows, in the given order."""
        self._order = rows if self._order is None else self._order[rows]

    def read(self, rows: slice) -> Points:
        """Some rows; where they are in memory a view of them, which `update` alone changes."""
        if self._order is None:
            return self._stored(rows.start, rows.stop)
        order = self._order[rows]
        if self._file is None:
            return self._stored(0, self._count)[order]
        if not len(order):
            return self._stored(0, 0)
        first, last = int(order.min()), int(order.max()) + 1
        if last - first <= _NEAR * len(order):
            return self._stored(first, last)[order - first]
        # In runs of rows that lie together.
        ends = np.flatnonzero(np.diff(order) != 1) + 1
        return np.concatenate([self._stored(int(run[0]), int(run[-1]) + 1) for run in np.split(order, ends)])

    def _write(self, points: Points) -> None:
        assert self._file is not None
        try:
            self._file.write(np.ascontiguousarray(points, np.float32).tobytes())
        except OSError as error:
            raise no_space(error) from None

    def _stored(self, start: int, end: int) -> Points:
        """Rows as they were added."""
        if self._file is None:
            if len(self._pieces) != 1:
                self._pieces = [np.concatenate([np.empty((0, NUM_JOINTS, 3), np.float32), *self._pieces])]
            return self._pieces[0][start:end]
        points = np.empty((end - start, NUM_JOINTS, 3), np.float32)
        if not points.size:
            return points
        try:
            # Seeking writes what is buffered, hence the error for a full disk here too.
            self._file.seek(start * _ROW_BYTES)
            self._file.readinto(points.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
        except OSError as error:
            raise no_space(error) from None
        return points
