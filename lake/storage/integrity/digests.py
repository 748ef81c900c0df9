"""Digests of whole files: the one in a file's name says what was written, and it is looked at once a file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.storage.integrity.foreign_errors import VERIFY, damaged, foreign_errors_as
from signverse.lake.storage.stores.cached_lake import want_all

Identity = tuple[int, int, int, int]
"""Device, inode, size and time of the last change in nanoseconds: with the same, a file was not written to since."""

OTHER_BYTES: Final = "its bytes are not those that were written"

CHANGED: Final = f"is damaged: {OTHER_BYTES}"
"""The problem of a file that has its size and not its digest: it shows when all of it is read."""


class DamagedBytes(ValueError):  # noqa: N818 (the reader makes an error of it that names the file)
    """Bytes are not those that were written."""

    def __init__(self) -> None:
        super().__init__(OTHER_BYTES)


_SEALED: Final = re.compile(r"-([0-9a-f]{32})\.parquet$")

_AT_ONCE: Final = 4
"""Threads that read: a core makes 1.9 GB/s, which few disks give to more."""

_intact: dict[str, Identity] = {}
"""By path, the files of this process that were compared with a digest, and what they were then."""


def identity_of(path: str | Path | int) -> Identity:
    """What tells whether a file, or an open one, was changed since it was looked at."""
    found = os.stat(path)  # noqa: PTH116 (of a descriptor too, and for hundreds of files a query)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read_at(handle: int, size: int, start: int) -> bytes:
    """Bytes of an open file, without moving its position where the system can do that."""
    if hasattr(os, "pread"):
        return os.pread(handle, size, start)
    os.lseek(handle, start, os.SEEK_SET)
    return os.read(handle, size)


def refuse_no_file(path: Path) -> None:
    """Refuses what is there and is not a file: reading a pipe would wait for ever.

    Raises:
        OSError: it is a folder, a pipe or a device, or not there.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "It is not a file", str(path))


def digest(path: Path) -> str:
    """The digest that the name of a finished file carries: half of its SHA-256, in hexadecimal.

    Raises:
        OSError: it cannot be read, or is not a file.
    """
    refuse_no_file(path)
    want_all(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def has_digest(name: str) -> bool:
    """Whether the name of a file promises its bytes."""
    return _SEALED.search(name) is not None


def is_as_written(path: Path) -> bool | None:
    """Whether a file still holds the bytes that its name promises; None where the name promises nothing."""
    sealed = _SEALED.search(path.name)
    return digest(path) == sealed[1] if sealed else None


def is_intact(path: str) -> bool:
    """As `is_as_written`, where nothing promised is true; a file is read once, until it is written to.

    Raises:
        OSError: it cannot be read.
    """
    now = identity_of(path)
    if is_known(path, now):
        return True
    as_written = is_as_written(Path(path))
    if as_written:
        _intact[path] = now
    return as_written is not False


def is_known(path: str, now: Identity) -> bool:
    """Whether a file was compared with its digest when it was what it is now."""
    return _intact.get(path) == now


def compare_files(paths: Iterable[str]) -> list[str]:
    """Compares files with the digests in their names where they were not since they were written to.

    Returns:
        Those that were not known to be whole before: now read, or missing, or without a digest.
    """
    unread = _unknown(paths)
    if len(unread) > 1:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(_try, unread))
    return unread


def check_files(paths: Iterable[str]) -> None:
    """As `compare_files`; a file that is missing is left to the reader, which cannot overlook that.

    Raises:
        DamagedLakeError: a file differs, or cannot be read.
    """
    for path in compare_files(paths):
        with foreign_errors_as(damaged(path)), contextlib.suppress(FileNotFoundError):
            if not is_intact(path):
                raise not_as_written(path)


def _unknown(paths: Iterable[str]) -> list[str]:
    # For thousands of files a query, of which one look at each is all that is left of the cost: no call but that.
    stat, intact, unknown = os.stat, _intact.get, []
    for path in paths:
        try:
            found = stat(path)
        except OSError:
            unknown.append(path)
            continue
        if intact(path) != (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns):
            unknown.append(path)
    return unknown


def _try(path: str) -> None:
    with contextlib.suppress(OSError):
        is_intact(path)


def not_as_written(path: str | Path) -> DamagedLakeError:
    """The error for a file that holds other bytes than were written."""
    return DamagedLakeError(f"{path} {CHANGED}", VERIFY)
