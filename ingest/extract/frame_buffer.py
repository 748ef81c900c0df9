"""Buffers for what is found frame by frame: one array, not a list of small ones, and keypoints that spill to disk.

Ten hours of frames would not fit into memory otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from signverse.lake.storage.spill import IN_MEMORY, close_with, no_space, spill_file

_FIRST_ROWS: Final = 256


class FrameRows(Sequence[NDArray[np.float32]]):
    """A ragged array: any number of rows for each frame; `rows[frame]` is a view float32 [P, ...] of the frame's rows.

    Args:
        shape: the shape of one row.
    """

    def __init__(self, *shape: int) -> None:
        self._data = np.empty((_FIRST_ROWS, *shape), np.float32)
        self._ends = np.zeros(_FIRST_ROWS, np.int64)
        self._frames = 0

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add the next frame's rows, float32 [P, ...]."""
        start = int(self._ends[self._frames - 1]) if self._frames else 0
        end = start + len(rows)
        self._data = _grown(self._data, end)
        self._ends = _grown(self._ends, self._frames + 1)
        self._data[start:end] = rows
        self._ends[self._frames] = end
        self._frames += 1

    @property
    def rows(self) -> NDArray[np.float32]:
        """All rows, float32 [N, ...], in the order of their frames; a view."""
        return self._data[: self._ends[self._frames - 1] if self._frames else 0]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of rows of each frame, int64 [frames]."""
        return np.diff(self._ends[: self._frames], prepend=0)

    def __len__(self) -> int:
        return self._frames

    @overload
    def __getitem__(self, frame: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, frame: slice) -> list[NDArray[np.float32]]: ...
    def __getitem__(self, frame: int | slice) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        if isinstance(frame, slice):
            return [self[i] for i in range(*frame.indices(self._frames))]
        if not -self._frames <= frame < self._frames:
            raise IndexError(frame)
        frame %= self._frames
        return self._data[self._ends[frame - 1] if frame else 0 : self._ends[frame]]

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[frame] for frame in range(self._frames))


class SpillBuffer:
    """Rows of one shape, float32, in memory up to IN_MEMORY bytes and beyond that on disk.

    Args:
        shape: the shape of one row.
    """

    def __init__(self, *shape: int) -> None:
        self._shape = shape
        self._row_bytes = 4 * prod(shape)
        self._file = spill_file(IN_MEMORY)
        close_with(self, self._file)
        self._rows = 0

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows, float32 [P, ...]; not after the first read.

        Raises:
            SignverseError: the disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, np.float32).data)
        except OSError as error:
            raise no_space(error) from None
        self._rows += len(rows)

    def __len__(self) -> int:
        return self._rows

    def chunks(self, size: int, order: NDArray[np.integer] | None = None) -> Iterator[NDArray[np.float32]]:
        """All rows in arrays float32 [size, ...]; the last may be shorter, and without rows it is one empty array.

        Args:
            order: int [N], the row at each position. It should be near that position: rows in between are read too.
        """
        for start in range(0, max(1, self._rows), size):
            end = min(self._rows, start + size)
            if order is None or start == end:
                yield self._read(start, end)
            else:
                rows = order[start:end]
                first = int(rows.min())
                yield self._read(first, int(rows.max()) + 1)[rows - first]

    def _read(self, start: int, end: int) -> NDArray[np.float32]:
        try:
            # Seeking flushes the file's buffer, hence the error for a full disk here too.
            self._file.seek(start * self._row_bytes)
        except OSError as error:
            raise no_space(error) from None
        content = self._file.read((end - start) * self._row_bytes)
        return np.frombuffer(content, np.float32).reshape(-1, *self._shape)


def _grown(data: NDArray[Any], capacity: int) -> NDArray[Any]:
    """The array with room for `capacity` rows. It grows by a quarter: doubling would waste half of gigabytes."""
    if capacity <= len(data):
        return data
    grown = np.empty((max(capacity, len(data) * 5 // 4), *data.shape[1:]), data.dtype)
    grown[: len(data)] = data
    return grown
