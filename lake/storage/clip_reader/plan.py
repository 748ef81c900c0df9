"""Which pages of which row groups the clips of a batch lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.integrity.chunk_checksums import Checksums
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.pages.page_table import SIZE, START, PageTable

Kept = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Of some rows the ones to take, and the frames that they become; see `Span`."""


@dataclass(frozen=True)
class PagedFile:
    """A keypoints file whose pages are known."""

    path: Path
    pages: PageTable
    checksums: Checksums


class Span(NamedTuple):
    """Rows `first` to `last` of a row group, and the frames of a clip that they become.

    Attributes:
        points: [T, K, 3], written in place.
        kept: of the rows the ones to take, and the frames of `points` that they become; None where row i of the span
            becomes frame i and T is their number.
    """

    file: PagedFile
    group: int
    first: int
    last: int
    points: Points
    kept: Kept | None = None


class Run(NamedTuple):
    """Pages `first` to `last` of a row group, of every column that is read."""

    file: PagedFile
    group: int
    first: int
    last: int


class Range(NamedTuple):
    """Bytes of a file that lie together."""

    path: str
    start: int
    size: int


@dataclass(frozen=True)
class Plan:
    """The pages of a batch: of C columns the same P pages, in the order of the runs.

    Attributes:
        runs: of pages that lie together; run r has the pages begins[r] to begins[r + 1].
        index: int64 [C, P], the number of the piece in its file.
        pieces: int64 [C, P, 5], what `PageTable.pieces` says of it.
        held: int64 [P], rows of each page.
        rows: int64 [S], for each span the row of the batch that is its first one.
    """

    runs: list[Run]
    begins: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int64]
    held: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def ranges(self) -> list[list[Range]]:
        """[R][C] what to read, for each run its part of each column."""
        starts = self.pieces[:, self.begins[:-1], START].T.tolist()
        sizes = np.add.reduceat(self.pieces[:, :, SIZE], self.begins[:-1], axis=1).T.tolist()
        paths = [str(run.file.path) for run in self.runs]
        return [
            [Range(path, start, size) for start, size in zip(*of_run, strict=True)]
            for path, *of_run in zip(paths, starts, sizes, strict=True)
        ]


def plan(spans: Sequence[Span], columns: Sequence[int]) -> Plan:
    """Which pages the spans lie in; a page that several touch is there once.

    Args:
        columns: by their place in `list_columns()`.
    """
    runs, run_of = _runs(spans)
    index = [_index(run, columns) for run in runs]
    pieces = [run.file.pages.pieces[of_run] for run, of_run in zip(runs, index, strict=True)]
    counts = np.array([run.last - run.first for run in runs])
    begins = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    # The last page of a row group has what is left.
    first, most = np.array([(run.first, run.file.pages.page_rows) for run in runs]).T
    in_group = np.array([run.file.pages.rows[run.group] for run in runs])
    page = np.arange(begins[-1]) + np.repeat(first - begins[:-1], counts)
    held = np.minimum(np.repeat(most, counts), np.repeat(in_group, counts) - page * np.repeat(most, counts))
    before = np.cumsum(held) - held
    begins_at = (before[begins[:-1]] - first * most)[run_of]
    return Plan(
        runs,
        begins,
        np.concatenate(index, axis=1),
        np.concatenate(pieces, axis=1).astype(np.int64),
        held,
        begins_at + [span.first for span in spans],
    )


def _runs(spans: Sequence[Span]) -> tuple[list[Run], list[int]]:
    """Runs of pages, and for each span the run that it lies in."""
    order = sorted(range(len(spans)), key=lambda i: (id(spans[i].file), spans[i].group, spans[i].first))
    runs: list[Run] = []
    run_of = [0] * len(spans)
    for i in order:
        file, group, first, last, *_ = spans[i]
        size = file.pages.page_rows
        begin, end = first // size, -(-last // size)
        before = runs[-1] if runs else None
        if before and before.file is file and before.group == group and begin <= before.last:
            runs[-1] = before._replace(last=max(before.last, end))
        else:
            runs.append(Run(file, group, begin, end))
        run_of[i] = len(runs) - 1
    return runs, run_of


def _index(run: Run, columns: Sequence[int]) -> npt.NDArray[np.int64]:
    """int64 [C, pages] the pieces of a run."""
    pages = run.file.pages
    first = pages.first[run.group, pages.columns[columns]]
    index: npt.NDArray[np.int64] = np.add.outer(first, np.arange(run.first, run.last))
    return index
