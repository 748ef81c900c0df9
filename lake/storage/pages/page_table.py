"""The row groups and pages of a keypoints file, as arrays: what a clip is found by, without the file's footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from signverse.lake.storage.keypoints import list_columns, list_widths

SEVERAL: Final = -1
"""In place of a person: the row group holds several."""

START, SIZE, HEADER, UNPACKED, LEVELS = range(5)
"""Of a piece: where it begins in the file; its bytes, with the header of a page; of a page the bytes of its header, its
bytes without the header once unpacked, and its definition levels. The last three are 0 for a whole chunk."""

_MOST_ROWS: Final = 65_536
"""Of a row group, a bound for numbers that are made to fill the memory: 100 MB of points. Ours have 1,024."""


@dataclass(frozen=True)
class PageTable:
    """The row groups of a file, G of them, and its pieces, N of them.

    A piece is a page of a list column, or a whole chunk of any other column. All list columns of a row group have their
    pages at the same rows: every `page_rows`, the last page of a group has what is left.

    Attributes:
        video_ids: the video of each group; None where it is unknown.
        rows: int64 [G].
        frames: int64 [G, 2], the first and the last frame.
        person: int64 [G], the only person in it, or SEVERAL.
        has_visible: bool [G]: some row has body_visible.
        page_rows: rows of a page.
        paged: bool [C]: the columns of the file, in its order, that are in pages here: those of `list_columns()`.
        pieces: uint32 [N, 5], what START, SIZE, HEADER, UNPACKED and LEVELS say of each piece.
        steps: [R], for the rows of groups that are not plain, the frame of a row less that of the row before.
        people: int8 [R], the persons of these rows.
    """

    video_ids: Sequence[str | None]
    rows: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    person: npt.NDArray[np.int64]
    has_visible: npt.NDArray[np.bool_]
    page_rows: int
    paged: npt.NDArray[np.bool_]
    pieces: npt.NDArray[np.uint32] = field(repr=False)
    steps: npt.NDArray[np.unsignedinteger] = field(repr=False)
    people: npt.NDArray[np.int8] = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that this takes, about."""
        return self.pieces.nbytes + self.steps.nbytes + self.people.nbytes + len(self.rows) * (80 + 8 * len(self.paged))

    @cached_property
    def plain(self) -> npt.NDArray[np.bool_]:
        """bool [G]: one person in every frame from the first to the last, so that a row is found by counting."""
        return plain_groups(self.rows, self.frames, self.person)

    @cached_property
    def pages(self) -> npt.NDArray[np.int64]:
        """int64 [G], pages of each list column."""
        return page_counts(self.rows, self.page_rows)

    @cached_property
    def columns(self) -> npt.NDArray[np.intp]:
        """The places in the file of the columns of `list_columns()`."""
        return np.flatnonzero(self.paged)

    @cached_property
    def first(self) -> npt.NDArray[np.int64]:
        """int64 [G, C], the first piece of each column of each group."""
        return first_pieces(self.pages, self.paged)

    @cached_property
    def _first_row(self) -> npt.NDArray[np.int64]:
        counted = np.where(self.plain, 0, self.rows)
        return np.asarray(np.cumsum(counted) - counted, np.int64)

    def rows_of(self, group: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """Frame and person of each row of a group, sorted by both."""
        first, count = int(self.frames[group, 0]), int(self.rows[group])
        if self.plain[group]:
            return np.arange(first, first + count, dtype=np.int32), np.full(count, self.person[group], np.int8)
        at = int(self._first_row[group])
        frames = np.cumsum(self.steps[at : at + count], dtype=np.int32)
        frames += np.int32(first)
        return frames, self.people[at : at + count]


def plain_groups(
    rows: npt.NDArray[np.int64], frames: npt.NDArray[np.int64], person: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """See `PageTable.plain`."""
    plain: npt.NDArray[np.bool_] = (person != SEVERAL) & (frames[:, 1] - frames[:, 0] + 1 == rows)
    return plain


def page_counts(rows: npt.NDArray[np.int64], page_rows: int) -> npt.NDArray[np.int64]:
    """See `PageTable.pages`."""
    return -(-rows // page_rows)


def first_pieces(pages: npt.NDArray[np.int64], paged: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """See `PageTable.first`."""
    pieces = np.where(paged, pages[:, None], 1)
    first: npt.NDArray[np.int64] = (np.cumsum(pieces) - pieces.reshape(-1)).reshape(pieces.shape)
    return first


def paged_columns(metadata: pq.FileMetaData) -> npt.NDArray[np.bool_] | None:
    """bool [C]: the list columns of points; None where they are not all there, or in another order."""
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    wanted = [f"{column}.list.element" for column in list_columns()]
    if [path for path in paths if path in wanted] != wanted:
        return None
    return np.array([path in wanted for path in paths])


def are_sorted(
    rows: npt.NDArray[np.int64],
    frames: npt.NDArray[np.int64],
    person: npt.NDArray[np.int64],
    steps: npt.NDArray[np.integer],
    people: npt.NDArray[np.int8],
) -> bool:
    """Whether the rows of every group go from its first frame to its last, sorted by frame and person, none twice.

    The arguments are as in `PageTable`.
    """
    first, last = frames.T
    if not ((rows > 0) & (first >= 0) & (first <= last) & (person >= SEVERAL)).all():
        return False
    plain = plain_groups(rows, frames, person)
    listed = np.flatnonzero(~plain)
    if not len(listed):
        return True
    begins = np.cumsum(rows[listed]) - rows[listed]
    later = (steps > 0) | ((steps == 0) & (np.diff(people.astype(np.int16), prepend=np.int16(0)) > 0))
    later[begins] = steps[begins] == 0
    length = np.add.reduceat(steps, begins, dtype=np.int64)
    one = np.repeat(np.where(person[listed] == SEVERAL, 0, 1), rows[listed]) > 0
    whose = np.repeat(person[listed], rows[listed])
    return bool(later.all() and (length == (last - first)[listed]).all() and (people == whose)[one].all())


def are_regular(
    pieces: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], paged: npt.NDArray[np.bool_], page_rows: int
) -> bool:
    """Whether every page holds the rows that it should: `page_rows`, the last of a row group what is left.

    Of n rows, k of them lists of `width` elements and the others null, a page has n + k (width - 1) levels. They and
    the floats take less than five bytes an element.

    Args:
        pieces: int64 [N, 5], as in `PageTable`.
    """
    pages = page_counts(rows, page_rows)
    first = first_pieces(pages, paged)
    if len(pieces) != int(np.where(paged, pages[:, None], 1).sum()) or max(page_rows, rows.max()) > _MOST_ROWS:
        return False
    for column, width in zip(np.flatnonzero(paged).tolist(), list_widths(), strict=True):
        group = np.repeat(np.arange(len(rows)), pages)
        page = np.arange(len(group)) - (np.cumsum(pages) - pages)[group]
        held = np.minimum(page_rows, rows[group] - page * page_rows)
        _, size, header, unpacked, levels = pieces[first[group, column] + page].T
        lists, left = np.divmod(levels - held, width - 1)
        if ((header < 8) | (header > np.minimum(size, 255)) | (unpacked > 5 * held * width + 64)).any():
            return False
        if ((left != 0) | (lists < 0) | (lists > held)).any():
            return False
    return True
