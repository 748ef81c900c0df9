"""The bytes of a column's pages become floats: Parquet's BYTE_STREAM_SPLIT, and its levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.clip_reader import scratch
from signverse.lake.storage.clip_reader.nulls import Present, present
from signverse.lake.storage.integrity.digests import DamagedBytes

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pages:
    """Unpacked pages of one column, P of them, one behind the other.

    A page is 4 bytes of length and the repetition levels, which say nothing where all lists are of one length; then the
    same of the definition levels; then n floats: their n first bytes, their n second bytes, and so on.

    Attributes:
        places: where each begins in `data`.
        values: where its floats begin, counted from there.
        counts: how many floats it has, those that are not null.
        level_bytes, levels: bytes of the definition levels, and how many levels these are.
        rows: how many rows each has.
        width: elements of a row.
        total_rows, total: of all pages, rows and floats.
    """

    data: Bytes
    places: Numbers
    values: Numbers
    counts: Numbers
    level_bytes: Numbers
    levels: Numbers
    rows: Numbers
    width: int
    total_rows: int
    total: int


def pages_of_columns(data: Bytes, unpacked: Numbers, levels: Numbers, rows: Numbers, widths: Numbers) -> list[Pages]:
    """The pages of C columns.

    Args:
        unpacked, levels: int64 [C, P], bytes and levels of each page.
        rows: int64 [P].
        widths: int64 [C].

    Raises:
        DamagedBytes: the lengths in a page contradict its size.
    """
    places = (np.cumsum(unpacked) - unpacked.reshape(-1)).reshape(unpacked.shape)
    # Four bytes at any place: nothing in a page is aligned.
    words = np.ndarray((max(0, len(data) - 3),), "<u4", data, strides=(1,))
    second = places + 4 + words[places]
    level_bytes = words[np.minimum(second, len(words) - 1)].astype(np.int64)
    values = second + 4 + level_bytes - places
    counts, left = np.divmod(unpacked - values, 4)
    if ((left != 0) | (counts < 0) | (counts > rows * widths[:, None])).any():
        raise DamagedBytes
    total_rows, totals = int(rows.sum()), counts.sum(axis=1).tolist()
    return [
        Pages(data, places[c], values[c], counts[c], level_bytes[c], levels[c], rows, width, total_rows, total)
        for c, (width, total) in enumerate(zip(widths.tolist(), totals, strict=True))
    ]


def column_floats(pages: Pages, name: str) -> npt.NDArray[np.float32]:
    """The rows of the pages, float32 [sum of rows, width], nan where an element is null. In scratch memory.

    Raises:
        DamagedBytes: the levels of a page contradict its floats.
    """
    flat = scratch.floats(name, pages.total_rows * pages.width)
    out = flat.reshape(-1, pages.width)
    if pages.total == len(flat):
        _put_together(pages, flat)
    elif not pages.total:
        out.fill(np.nan)
    else:
        values = scratch.floats("values", pages.total)
        _put_together(pages, values)
        _spread(pages, values, out)
    return out


def _put_together(pages: Pages, out: npt.NDArray[np.float32]) -> None:
    """The floats that are not null, of all pages, one behind the other."""
    places, heads, counts = pages.places.tolist(), pages.values.tolist(), pages.counts.tolist()
    edges = [i for i in range(1, len(places)) if counts[i] != counts[i - 1] or heads[i] != heads[i - 1]]
    if 4 * len(edges) > len(places) + 16:
        _put_together_unequal(pages, out)
        return
    # Pages of the same size lie at the same distance from each other.
    done = 0
    for first, last in pairwise((0, *edges, len(places))):
        at, head, count = places[first], heads[first], counts[first]
        if count:
            size, several = head + 4 * count, last - first
            block = pages.data[at : at + several * size].reshape(several, size)
            planes = [block[:, head + k * count : head + (k + 1) * count] for k in range(4)]
            interleave(planes, out[done : done + several * count])
            done += several * count


def _put_together_unequal(pages: Pages, out: npt.NDArray[np.float32]) -> None:
    """As `_put_together`, where almost every page has another size: byte by byte first, so that it is done at once."""
    planes = scratch.scratch("planes", 4 * len(out)).reshape(4, 1, len(out))
    starts, counts = (pages.places + pages.values).tolist(), pages.counts.tolist()
    for k, plane in enumerate(planes):
        pieces = [pages.data[at + k * n : at + (k + 1) * n] for at, n in zip(starts, counts, strict=True)]
        np.concatenate(pieces, out=plane[0])
    interleave(list(planes), out)


def _spread(pages: Pages, values: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """Values to the elements that are there, and nan to the others."""
    rows, counts = pages.rows.tolist(), pages.counts.tolist()
    partly = [page for page, count in enumerate(counts) if 0 < count < rows[page] * pages.width]
    masks = _masks(pages, partly)
    if len(masks) == len(rows) and len(masks[0]) == 1 and all(_is_same(mask, masks[0]) for mask in masks):
        _spread_columns(masks[0][0], values, out)
        return
    of_rows = np.repeat(pages.counts > 0, pages.rows)
    width = max((mask.shape[1] for mask in masks), default=1)
    there = np.repeat(of_rows[:, None], width, axis=1)
    ends = np.cumsum(pages.rows).tolist()
    for page, mask in zip(partly, masks, strict=True):
        there[ends[page] - rows[page] : ends[page]] = mask
    if width == 1:
        out[there[:, 0]] = values.reshape(-1, pages.width)
        out[~there[:, 0]] = np.nan
    else:
        out[there] = values
        out[~there] = np.nan


def _spread_columns(mask: npt.NDArray[np.bool_], values: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """As `_spread`, where the same elements [width] are there in every row: joints that the picture never shows."""
    rows = values.reshape(len(out), -1)
    edges = [0, *(np.flatnonzero(np.diff(mask)) + 1).tolist(), len(mask)]
    done = 0
    for first, last in pairwise(edges):
        if mask[first]:
            out[:, first:last] = rows[:, done : done + last - first]
            done += last - first
        else:
            out[:, first:last] = np.nan


def _masks(pages: Pages, which: list[int]) -> list[Present]:
    """Which elements are there, of some of the pages."""
    levels, rows, counts, data = pages.levels.tolist(), pages.rows.tolist(), pages.counts.tolist(), pages.data.data
    ends = (pages.places + pages.values).tolist()
    starts = (pages.places + pages.values - pages.level_bytes).tolist()
    return [present(bytes(data[starts[i] : ends[i]]), levels[i], rows[i], pages.width, counts[i]) for i in which]


def _is_same(mask: Present, other: Present) -> bool:
    return mask is other or np.array_equal(mask, other)


def interleave(planes: list[Bytes], out: npt.NDArray[np.float32]) -> None:
    """Floats of their first, second, third and fourth bytes.

    OpenCV's merge, which puts the channels of a picture together: four times as fast as shifts of numpy.

    Args:
        planes: four of uint8 [N, M], of which rows may lie apart.
        out: float32 [N * M].
    """
    # Imported here for speed of start: 0.2 s.
    from cv2 import merge

    merge(planes, out.view(np.uint8).reshape(*planes[0].shape, 4))
