"""Which rows of which row groups a clip is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signverse.lake.model.skeleton import Part
from signverse.lake.storage.clip_reader.plan import Kept, PagedFile, Span
from signverse.lake.storage.clip_reader.scratch import new_points
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.pages.page_table import PageTable


def spans_of(
    file: PagedFile, groups: Sequence[int], start: int, length: int, person: int, size: int, parts: Sequence[Part]
) -> tuple[Points, list[Span]]:
    """The points of a clip, to be written, and the rows that are to be written there.

    Args:
        groups: the row groups that hold frames of it.
        start, length: its first frame, and how many frames T it has.
        size: K, joints of the points, of which those of the parts are written.

    Returns:
        float32 [T, K, 3], nan where nothing is to be written.
    """
    places = [(group, *place) for group in groups if (place := _rows(file.pages, group, start, length, person))]
    frames = sum(last - first if kept is None else len(kept[0]) for _, first, last, _, kept in places)
    points = new_points(length, size)
    if frames < length or size > sum(part.size for part in parts):
        points.fill(np.nan)
    spans = []
    for group, first, last, at, kept in places:
        target = points[at : at + last - first] if kept is None else points
        spans.append(Span(file, group, first, last, target, kept))
    return points, spans


def _rows(
    pages: PageTable, group: int, start: int, length: int, person: int
) -> tuple[int, int, int, Kept | None] | None:
    """The first and the last row of a clip in a row group, the frame of the clip that is the first; see `Span.kept`."""
    if pages.plain[group]:
        first, last = pages.frames[group].tolist()
        low, high = max(start, first), min(start + length, last + 1)
        if low >= high or pages.person[group] != person:
            return None
        return low - first, high - first, low - start, None
    frames, persons = pages.rows_of(group)
    low, high = np.searchsorted(frames, (start, start + length)).tolist()
    mine = low + np.flatnonzero(persons[low:high] == person)
    if not len(mine):
        return None
    first = int(mine[0])
    return first, int(mine[-1]) + 1, 0, (mine - first, frames[mine].astype(np.intp) - start)
