"""Commits and a forgetting take turns: nothing is committed between the tombstone of a video and the sight of it.

Any number of processes commit at once; while one forgets, for moments, none does. The lock goes with the process,
however it ends. Where a file system has no locks, a forgetting that meets a commit is run once more (it finds what
came in between).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock

from signverse.lake.storage.integrity import writers
from signverse.lake.storage.integrity.sync import make_durable_folder

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


@contextmanager
def committing(lake: Path) -> Iterator[None]:
    """While rows are checked and committed. Not to be entered twice at once by one thread."""
    with _locked(lake, alone=False):
        yield


@contextmanager
def no_commits(lake: Path) -> Iterator[None]:
    """While no process commits."""
    with _locked(lake, alone=True):
        yield


@contextmanager
def _locked(lake: Path, *, alone: bool) -> Iterator[None]:
    folder = lake / writers.FOLDER
    make_durable_folder(folder)
    if fcntl is None:
        with FileLock(folder / "commits", mode=0o666):
            yield
        return
    handle = _opened(folder / "commits")
    try:
        # Who waits for the others to end has the turn, and no other begins: 16 writers would keep it waiting for ever.
        turn = _opened(folder / "turn")
        try:
            _lock(turn, fcntl.LOCK_EX)
            _lock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            _lock(turn, fcntl.LOCK_UN)
            os.close(turn)
        yield
    finally:
        # A process that was forked meanwhile has the same lock open, and would keep it.
        _lock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _opened(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    # Whatever the umask of who makes it: every user who may write to the lake takes turns.
    with suppress(OSError):
        os.fchmod(handle, 0o666)
    return handle


def _lock(handle: int, how: int) -> None:
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
