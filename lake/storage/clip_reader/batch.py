"""A batch of clips: the steps of the package, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from signverse.lake.model.skeleton import PARTS, Part
from signverse.lake.storage.clip_reader.check import check
from signverse.lake.storage.clip_reader.fetch import fetch
from signverse.lake.storage.clip_reader.floats import column_floats, pages_of_columns
from signverse.lake.storage.clip_reader.plan import Span, plan
from signverse.lake.storage.clip_reader.scatter import scatter
from signverse.lake.storage.clip_reader.scratch import scratch
from signverse.lake.storage.clip_reader.unpack import unpack
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as, is_foreign
from signverse.lake.storage.keypoints import list_widths
from signverse.lake.storage.pages.page_table import HEADER, LEVELS, SIZE, UNPACKED

_ROWS: Final = 8192
"""Rows that are unpacked at once: 13 MB of bytes, and a part's 6 MB of floats."""

_WIDTHS: Final = np.array(list_widths())


def fill(spans: Sequence[Span], places: Sequence[tuple[Part, int]]) -> None:
    """Writes the rows of the spans into their points.

    Args:
        places: the parts to read, and the joint of the points that is the first of each.

    Raises:
        DamagedLakeError: a file does not hold what was written, or cannot be read.
    """
    for batch in _batches(spans):
        try:
            _fill(batch, places)
        except Exception as error:
            if not is_foreign(error):
                raise
            # Once more, a file at a time: the error names the file.
            for path, of_file in groupby(sorted(batch, key=_path), key=_path):
                with foreign_errors_as(damaged(f"keypoints file {path}")):
                    _fill(list(of_file), places)


def _path(span: Span) -> Path:
    return span.file.path


def _batches(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    first = rows = 0
    for i, span in enumerate(spans):
        if rows > _ROWS:
            yield spans[first:i]
            first, rows = i, 0
        size = span.file.pages.page_rows
        rows += (-(-span.last // size) - span.first // size) * size
    if first < len(spans):
        yield spans[first:]


def _fill(spans: Sequence[Span], parts: Sequence[tuple[Part, int]]) -> None:
    columns = [column for part, _ in parts for column in (2 * PARTS.index(part), 2 * PARTS.index(part) + 1)]
    pages = plan(spans, columns)
    sizes = pages.pieces[:, :, SIZE]
    ends = np.cumsum(sizes)
    places = ends.reshape(sizes.shape) - sizes
    buffer = scratch("pages", int(ends[-1]))
    fetch(pages.ranges(), buffer)
    check(pages, buffer, places)
    headers, unpacked, levels = (pages.pieces[:, :, what] for what in (HEADER, UNPACKED, LEVELS))
    data = unpack(buffer, places.reshape(-1), headers.reshape(-1), unpacked.reshape(-1))
    of_columns = pages_of_columns(data, unpacked, levels, pages.held, _WIDTHS[columns])
    rows = pages.rows.tolist()
    for (_, at), xy, score in zip(parts, of_columns[::2], of_columns[1::2], strict=True):
        scatter(column_floats(xy, "xy"), column_floats(score, "score"), spans, rows, at)
