"""Which elements of a page are null: Parquet's definition levels."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.integrity.digests import DamagedBytes

_NULL_LIST: Final = 0
_EMPTY_LIST: Final = 1
_PRESENT: Final = 3
"""Levels of an optional list of optional elements; 2 is that of an element that is null. No part is empty."""

_UNPACKED: Final = np.array([[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], np.uint8)
"""[256, 4] the four levels in a byte of packed bits."""

Present = npt.NDArray[np.bool_]
"""bool [1, width] where the same elements are there in every row, [rows, 1] where each row is there or null as a whole;
else [rows, width]."""


_MOST_KEPT: Final = 1 << 18
"""Bytes of an answer that is kept, twice those of ours: 128 MB in all, whatever a file is made to hold."""


def present(levels: bytes, count: int, rows: int, width: int, values: int) -> Present:
    """Which elements of a page are there.

    Args:
        levels: as they are in the page, in Parquet's mix of runs and packed bits.
        count: how many levels these are.
        values: how many elements are there.

    Raises:
        DamagedBytes: they are not those of so many rows and elements.
    """
    if max(len(levels), rows * width) > _MOST_KEPT:
        return _present(levels, count, rows, width, values)
    return _kept(levels, count, rows, width, values)


def _present(levels: bytes, count: int, rows: int, width: int, values: int) -> Present:
    of_runs, times = _runs(levels, count)
    there = of_runs == _PRESENT
    # A null list has one level, whatever its width.
    times[of_runs == _NULL_LIST] *= width
    if int(times.sum()) != rows * width or int(times[there].sum()) != values or (of_runs == _EMPTY_LIST).any():
        raise DamagedBytes
    if not (times % width).any():
        return np.repeat(there, times // width)[:, None]
    found = np.repeat(there, times).reshape(rows, width)
    for some in (found[:1], found[:, :1]):
        if (found == some).all():
            return some.copy()
    return found


# Joints that the picture never shows are null in every frame: the same levels in one page after the other.
_kept = lru_cache(maxsize=512)(_present)


def _runs(levels: bytes, count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Levels, and how often each comes in a row."""
    values = bytearray()
    times: list[int] = []
    at, left = 0, count
    while left > 0:
        head, at = _varint(levels, at)
        if head & 1:
            # Packed bits: `head >> 1` times eight levels, of which the last may be only filling.
            end = at + 2 * (head >> 1)
            packed = _UNPACKED[np.frombuffer(levels, np.uint8)[at:end]].reshape(-1)[:left]
            values += packed.tobytes()
            held, at = len(packed), end
            times += [1] * held
        else:
            held = min(left, head >> 1)
            values.append(levels[at])
            times.append(held)
            at += 1
        if not held:
            raise DamagedBytes
        left -= held
    return np.frombuffer(values, np.uint8), np.array(times)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and the place of what follows it."""
    value = 0
    for shift in range(0, 35, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise DamagedBytes
