"""Files and folders reach the disk before a commit counts, so that a power cut loses nothing that was reported done.

A file is durable when both its bytes and its name in the folder are. The Delta library syncs neither: data files and
their folders are synced before a commit, the log's entry and its folder after it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_RECENT_S: Final = 120.0
"""Log entries of the last two minutes are synced together with a new one: other processes may have written them and
not synced them yet. What is older the system has written by itself; Linux waits 30 seconds."""

_NO_FOLDER_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR}
"""What file systems answer that cannot sync a folder, and write names through by themselves."""


def sync_file(path: Path) -> None:
    """Waits until the bytes of a file are on disk.

    Raises:
        OSError: they are not; they may be lost.
    """
    _sync(path)


def sync_open(handle: int) -> None:
    """Waits until the bytes of an open file are on disk.

    Raises:
        OSError: they are not; they may be lost.
    """
    _flush(handle)


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on disk.

    Raises:
        OSError: they are not; they may be lost.
    """
    try:
        _sync(path)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        _flush(handle)
    finally:
        os.close(handle)


def _flush(handle: int) -> None:
    # On macOS fsync leaves the bytes in the drive's cache.
    full = _full_sync()
    if full is not None:
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(handle, full)
            return
    os.fsync(handle)


def _full_sync() -> int | None:
    try:
        import fcntl
    except ImportError:
        return None
    return getattr(fcntl, "F_FULLFSYNC", None)


def make_durable_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing, each with its name on disk.

    Raises:
        OSError: one of them cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync_folder(folder.parent)


def sync_names(folder: Path, files: Iterable[str]) -> None:
    """Waits until the names of files are on disk, and those of the folders that they lie in.

    Args:
        folder: of a table.
        files: paths inside it.
    """
    inside = {folder / parent for name in files for parent in Path(name).parents}
    for each in sorted({*inside, folder}):
        sync_folder(each)


def sync_log(folder: Path, *, synced: int = -1) -> None:
    """Waits until the newest entries of a table's log are on disk, and their names.

    Args:
        folder: of a table.
        synced: the entries up to this version are known to be on disk.
    """
    log = folder / "_delta_log"
    times: dict[str, float] = {}
    for entry in os.scandir(log):
        version = entry.name.removesuffix(".json")
        if version.isdecimal() and int(version) > synced:
            with suppress(FileNotFoundError):
                times[entry.path] = entry.stat().st_mtime
    newest = max(times.values(), default=0.0)
    for path, time in times.items():
        if time >= newest - _RECENT_S:
            with suppress(FileNotFoundError):
                sync_file(Path(path))
    sync_folder(log)
