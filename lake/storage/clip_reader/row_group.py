"""A row group as pyarrow reads it: of a file of another writer, of which nobody knows where its pages lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from signverse.lake.model.skeleton import BODY, NUM_JOINTS, PARTS, Part
from signverse.lake.storage.integrity.foreign_errors import foreign_errors_as
from signverse.lake.storage.keypoints import (
    Points,
    Rows,
    from_table,
    hide_unseen,
    list_columns,
    visible_from_table,
)
from signverse.lake.storage.pages.footers import Footers, unreadable


class RowGroup:
    """One row group of a file: each requested column is read once."""

    def __init__(self, footers: Footers, file: str, index: int) -> None:
        self._footers = footers
        self._file = file
        self._index = index
        self._parts: dict[Part, Points] = {}
        self._frames: tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]] | None = None

    def fill(self, points: Points, start: int, person: int, places: Sequence[tuple[Part, int]]) -> None:
        """Writes one person's frames into points [T, K, 3] of the frames from `start` on; the others stay as they are.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        mine, frames = self._mine(start, start + len(points), person)
        for part, at in places:
            points[frames, at : at + part.size] = self._points(part)[mine]

    def people(self) -> Rows:
        """All rows of the group.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        frames, persons = self._rows()
        points = np.full((len(frames), NUM_JOINTS, 3), np.nan, np.float32)
        for part in PARTS:
            points[:, part.slice] = self._points(part)
        visible = self.visible_body() if np.isnan(points[:, BODY.slice, 2]).any() else None
        return Rows(frames, persons, points, visible)

    def hide_unseen(self, points: Points, start: int, person: int) -> None:
        """Makes body joints that are known to be hidden absent, in points [T, K, 3] that begin with the body.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        visible = self.visible_body()
        if visible is None:
            return
        mine, frames = self._mine(start, start + len(points), person)
        body = points[frames]
        hide_unseen(body, visible[mine])
        points[frames] = body

    def visible_body(self) -> npt.NDArray[np.bool_] | None:
        """Visibility of the body's joints in each row, bool [N, 18]; None where it is not known.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with foreign_errors_as(unreadable(self._footers.folder / self._file)):
            return visible_from_table(self._table(["body_visible"]))

    def _mine(self, start: int, end: int, person: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The rows of a person in frames [start, end), and these frames, counted from `start`."""
        frames, persons = self._rows()
        # Sorted by frame, so the range is a slice.
        low, high = np.searchsorted(frames, [start, end])
        mine = low + np.flatnonzero(persons[low:high] == person)
        return mine, frames[mine].astype(np.intp) - start

    def _rows(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        if self._frames is None:
            with foreign_errors_as(unreadable(self._footers.folder / self._file)):
                table = self._table(["frame", "person"])
                self._frames = table.column("frame").to_numpy(), table.column("person").to_numpy()
        return self._frames

    def _points(self, part: Part) -> Points:
        """float32 [N, size, 3]."""
        if part not in self._parts:
            with foreign_errors_as(unreadable(self._footers.folder / self._file)):
                self._parts[part] = from_table(self._table(list_columns([part])), [part])[:, part.slice]
        return self._parts[part]

    def _table(self, columns: list[str]) -> pa.Table:
        with self._footers.open(self._file) as file:
            self._footers.compare(self._file, file, [self._index], columns)
            return file.read_row_groups([self._index], columns=columns, use_threads=False)
