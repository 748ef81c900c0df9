"""Files of which parts are here: a keypoints file of a store has its size at once, and its bytes as they are read.

The file is sparse. Which of its blocks were fetched is in another file, a byte a block, that is written after the
block: several processes may read and fetch the same file. A power cut may keep that byte and not the block, so it
counts until the machine starts again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

BLOCK: Final = 4096
"""Bytes that are fetched or not."""

_GAP: Final = 16
"""Blocks that are fetched along with those on both sides: a request costs more than 64 kB."""

_MOST: Final = 2048
"""Blocks of one request: 8 MB."""

Span = tuple[int, int]
"""First byte and number of bytes."""


@lru_cache(maxsize=1)
def _this_start() -> str:
    """Names this machine since it was started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(8)


def make(path: Path, size: int, modified_ns: int) -> None:
    """Makes a file of which no block is here, with the time that it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with made.open("xb") as file:
        file.truncate(size)
    os.utime(made, ns=(modified_ns, modified_ns))
    made.replace(path)


def note_of(notes: Path, name: str) -> Path:
    """The file that says which blocks of a file are here.

    Args:
        notes: the folder of such files.
        name: of the file, a path inside its lake.
    """
    return notes / f"{name}.{_this_start()}"


def fetch(path: Path, note: Path, spans: Sequence[Span], read: Callable[[list[Span]], list[Any]]) -> None:
    """Fetches the blocks that spans touch and that are not here.

    Args:
        read: gives ranges of the file, in their order.

    Raises:
        OSError: the disk is full, or the file is gone.
    """
    found = path.stat()
    missing = _missing(note, -(-found.st_size // BLOCK), spans)
    if not missing:
        return
    runs = _runs(missing)
    wanted = [(first * BLOCK, min(last * BLOCK, found.st_size) - first * BLOCK) for first, last in runs]
    note.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    flags = os.open(note, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        # No more than 64 MB of it in memory.
        for at in range(0, len(runs), 8 if max(size for _, size in wanted) > 1 << 20 else 512):
            many = slice(at, at + (8 if max(size for _, size in wanted) > 1 << 20 else 512))
            for (first, last), (start, _), data in zip(runs[many], wanted[many], read(wanted[many]), strict=True):
                _write(file, memoryview(data), start)
                _write(flags, memoryview(bytes([1]) * (last - first)), first)
    finally:
        # A file is known by its time: it is the same file as before.
        os.utime(path, ns=(found.st_mtime_ns, found.st_mtime_ns))
        os.close(flags)
        os.close(file)


def _write(handle: int, data: memoryview, start: int) -> None:
    while len(data):
        written = os.pwrite(handle, data, start)
        data, start = data[written:], start + written


def _missing(note: Path, blocks: int, spans: Sequence[Span]) -> list[int]:
    try:
        held = np.fromfile(note, np.uint8, blocks)
    except FileNotFoundError:
        held = np.zeros(0, np.uint8)
    here = np.zeros(blocks, np.bool_)
    here[: len(held)] = held == 1
    wanted = np.zeros(blocks, np.bool_)
    for start, size in spans:
        if size > 0:
            wanted[max(0, start) // BLOCK : -(-(start + size) // BLOCK)] = True
    missing: list[int] = np.flatnonzero(wanted & ~here).tolist()
    return missing


def _runs(blocks: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges [first, last) of blocks, small gaps among them filled, none longer than a request."""
    runs: list[tuple[int, int]] = []
    for block in blocks:
        if runs and block - runs[-1][1] <= _GAP and block + 1 - runs[-1][0] <= _MOST:
            runs[-1] = runs[-1][0], block + 1
        else:
            runs.append((block, block + 1))
    return runs
