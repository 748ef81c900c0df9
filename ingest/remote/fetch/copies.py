"""Copies of parts of tars: a sparse file, where each byte has its place in the tar, and a list of what is there.

What the list names is on disk: a process that is killed, or a power cut, costs what was under way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from signverse.lake.storage.integrity.sync import sync_open

Range = tuple[int, int]
"""Bytes from the first number up to the second, which is not included."""

LIST_SUFFIX: Final = ".ranges"


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, those joined that overlap or touch."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def without(ranges: Iterable[Range], there: Iterable[Range]) -> Iterator[Range]:
    """What of some ranges is in no other range; all in order."""
    others = merged(there)
    for start, end in merged(ranges):
        for first, last in others:
            if last <= start or first >= end:
                continue
            if first > start:
                yield start, first
            start = max(start, last)
        if start < end:
            yield start, end


class PartialCopy:
    """A copy of parts of a file; several threads may write to it."""

    def __init__(self, path: Path, size: int, identity: str) -> None:
        """Opens a copy, or begins one.

        Args:
            path: of the copy; the list lies beside it.
            size: of the whole file.
            identity: of the file's content. A copy of another content is begun from nothing.

        Raises:
            OSError: it cannot be written.
        """
        self.path = path
        self._list = path.with_name(path.name + LIST_SUFFIX)
        self._lock = threading.Lock()
        first_line = f"{size} {identity}"
        self._there = self._read(first_line)
        if not self._there:
            path.unlink(missing_ok=True)
            self._list.write_text(first_line + "\n", encoding="utf-8")
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        os.ftruncate(self._handle, size)
        self._log = self._list.open("a", encoding="utf-8", buffering=1)

    def _read(self, first_line: str) -> list[Range]:
        with suppress(OSError, ValueError):
            lines = self._list.read_text(encoding="utf-8").split("\n")
            if lines[0] == first_line and self.path.is_file():
                # The last piece follows the last line break: nothing, or a line that was broken off.
                pairs = [line.split(" ") for line in lines[1:-1]]
                return merged((int(start), int(end)) for start, end in pairs)
        return []

    @property
    def there(self) -> list[Range]:
        """What is on disk."""
        with self._lock:
            return list(self._there)

    def missing(self, ranges: Iterable[Range]) -> list[Range]:
        """What of some ranges is not there yet."""
        return list(without(ranges, self.there))

    def read(self, start: int, size: int) -> bytes:
        """Bytes that are there."""
        return os.pread(self._handle, size, start)

    def write(self, start: int, data: bytes) -> None:
        """Writes bytes at their place, and waits until they are on disk.

        Raises:
            OSError: they cannot be written.
        """
        view, at = memoryview(data), start
        while view:
            count = os.pwrite(self._handle, view, at)
            view, at = view[count:], at + count
        sync_open(self._handle)
        with self._lock:
            self._log.write(f"{start} {start + len(data)}\n")
            self._there = merged([*self._there, (start, start + len(data))])

    def close(self) -> None:
        """Closes the files."""
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._log.close()
                self._handle = -1

    def remove(self) -> None:
        """Removes the copy, which is not needed any more."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._list.unlink(missing_ok=True)
