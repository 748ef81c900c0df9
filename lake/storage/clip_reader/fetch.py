"""Ranges of files into one buffer. Of a lake in a store, this is the step that asks it: for all files side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.clip_reader.plan import Range
from signverse.lake.storage.integrity.digests import DamagedBytes, read_at
from signverse.lake.storage.stores.cached_lake import lake_of, want


def fetch(ranges: Sequence[Sequence[Range]], buffer: npt.NDArray[np.uint8]) -> None:
    """Reads ranges [R][C] of files into a buffer, where they lie by column: all ranges of the first one come first.

    Raises:
        DamagedBytes, OSError: a file is shorter, or cannot be read.
    """
    sizes = np.array([[size for _, _, size in of_run] for of_run in ranges])
    ends = np.cumsum(sizes.T).reshape(sizes.shape[::-1]).T.tolist()
    if lake_of(ranges[0][0].path) is not None:
        spans: dict[str, list[tuple[int, int]]] = {}
        for of_run in ranges:
            spans.setdefault(of_run[0].path, []).extend((start, size) for _, start, size in of_run)
        want(spans)
    view = buffer.data
    handles: dict[str, int] = {}
    with ExitStack() as opened:
        for of_run, of_ends in zip(ranges, ends, strict=True):
            path = of_run[0].path
            handle = handles.get(path)
            if handle is None:
                handle = handles[path] = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
                opened.callback(os.close, handle)
            for (_, start, size), end in zip(of_run, of_ends, strict=True):
                if _read(handle, (view[end - size : end],), start) != size:
                    raise DamagedBytes


def _read_and_copy(handle: int, into: Sequence[memoryview], start: int) -> int:
    """As `os.preadv` into one piece of memory, where the system lacks that."""
    data = read_at(handle, len(into[0]), start)
    into[0][: len(data)] = data
    return len(data)


_read: Final[Callable[[int, Sequence[memoryview], int], int]] = getattr(os, "preadv", _read_and_copy)
