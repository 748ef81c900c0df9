"""Which processes write to a lake, so that maintenance leaves their files alone; and the time by the store's clock.

A process that has files to commit has a file LAKE/_writers/WRITER.lock, which it locks until they are committed, and
puts WRITER into the names of its data files. The system lifts the lock when the process ends, however it ends, on other
machines of a shared file system too. No clock is asked, nothing has to be refreshed while a library computes for
minutes, and a file whose writer was killed is free at once. (An object store has no locks; there an object appears only
when it is complete, and what a writer holds is known by its age on the store's clock.)
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from filelock import BaseFileLock, FileLock, Timeout

from signverse.lake.storage.integrity.sync import make_durable_folder
from signverse.lake.storage.stores.cached_lake import refuse_in_store

FOLDER: Final = "_writers"
"""Inside a lake, beside its tables."""

_NO_LOCKS_S: Final = 7 * 86_400.0
"""Where the file system has no locks, a writer is taken to live for so long after it began."""

_NAME: Final = re.compile(
    r"part-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-([0-9a-f]{12}))(?:-[0-9a-f]{32})?\.parquet"
)

_registered: dict[tuple[int, Path], tuple[str, BaseFileLock | None]] = {}
"""By process id (a forked process is another writer) and lake: the name of this writer, and its lock."""

_guard = threading.RLock()
"""Threads of a process register once."""

_in_use: set[str] = set()
"""The data files that this process has made and not committed yet: the first number of their names."""


_working: list[str] = []
"""The writers of this process that have a working folder, one for each folder."""


def new_name(lake: Path) -> str:
    """A name for a new data file, which is in use until `release`.

    Raises:
        OSError: the lake cannot be written.
    """
    with _guard:
        number = f"{str(uuid.uuid4())[:-12]}{_writer_name(lake)}"
        _in_use.add(number)
    return f"part-{number}.parquet"


def release(names: Iterable[str]) -> None:
    """Ends the use of data files of this process: a version names them, or they are given up."""
    with _guard:
        for name in names:
            parts = _NAME.fullmatch(name.rsplit("/", 1)[-1])
            if parts:
                _in_use.discard(parts[1])
                _end_unless_in_use(parts[2])


def _end_unless_in_use(writer: str) -> None:
    """Lifts the lock of a writer of this process that has nothing to commit any more."""
    if not any(number.endswith(writer) for number in (*_in_use, *_working)):
        for key in [key for key, (name, _) in _registered.items() if name == writer]:
            _end(key)


def in_use(lake: Path, names: Iterable[str]) -> set[str]:
    """Those among the data files of a lake that a writer which lives has made; it may be about to commit them.

    Args:
        names: paths inside the folders of tables.
    """
    found: set[str] = set()
    alive: dict[str, bool] = {}
    own = {writer for (pid, _), (writer, _) in _registered.items() if pid == os.getpid()}
    for name in names:
        parts = _NAME.fullmatch(name.rsplit("/", 1)[-1])
        if parts is None:
            continue
        number, writer = parts.groups()
        if writer in own:
            if number in _in_use:
                found.add(name)
            continue
        if writer not in alive:
            alive[writer] = lives(lake, writer)
        if alive[writer]:
            found.add(name)
    return found


@contextmanager
def working_folder(lake: Path) -> Iterator[Path]:
    """A folder on the file system of the lake for files in the making; removed in the end.

    Raises:
        OSError: the lake cannot be written.
    """
    with _guard:
        writer = _writer_name(lake)
        folder = Path(tempfile.mkdtemp(prefix=f"{writer}.", dir=lake / FOLDER))
        _working.append(writer)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with _guard:
            _working.remove(writer)
            _end_unless_in_use(writer)


def store_time(lake: Path) -> float:
    """The time now in seconds, by the clock that stamps the files of a lake: the clocks of machines differ.

    Raises:
        OSError: the lake cannot be written.
    """
    with working_folder(lake) as folder:
        file = folder / "clock"
        # Made and touched now: the server of a shared file system stamps it.
        file.touch()
        return file.stat().st_mtime


def clock_error(lake: Path) -> timedelta:
    """What the clock of this machine is ahead of that of the store; nothing where they agree within a second.

    Raises:
        OSError: the lake cannot be written.
    """
    ahead = timedelta(seconds=time.time() - store_time(lake))
    # The clock that stamps files is coarse.
    return ahead if abs(ahead) > timedelta(seconds=1) else timedelta(0)


@contextmanager
def locked(lake: Path) -> Iterator[None]:
    """While no other process is in the same block, about the same lake."""
    refuse_in_store(lake, "nothing is written there")
    make_durable_folder(lake / FOLDER)
    with FileLock(lake / FOLDER / "making", mode=0o666):
        yield


def clear_dead(lake: Path) -> None:
    """Removes what killed writers have left beside the tables."""
    for note in sorted((lake / FOLDER).glob("*.lock")):
        writer = note.stem
        if not re.fullmatch("[0-9a-f]{12}", writer) or any(writer == name for name, _ in _registered.values()):
            continue
        lock = FileLock(note, mode=0o666, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError, NotImplementedError):
            continue
        try:
            # While it is locked: a writer that has opened it and waits finds that it is gone, and takes another name.
            for folder in (lake / FOLDER).glob(f"{writer}.*"):
                if folder != note:
                    shutil.rmtree(folder, ignore_errors=True)
            note.unlink(missing_ok=True)
        finally:
            lock.release()


def _writer_name(lake: Path) -> str:
    """The name of this process among the writers of a lake, whose lock it takes at the first call."""
    refuse_in_store(lake, "nothing is written there")
    key = os.getpid(), lake
    if key not in _registered:
        make_durable_folder(lake / FOLDER)
        _registered[key] = _register(lake)
    writer, _ = _registered[key]
    # It may have been removed, as it is not a table.
    if not (lake / FOLDER).is_dir():
        del _registered[key]
        return _writer_name(lake)
    return writer


def _register(lake: Path) -> tuple[str, BaseFileLock | None]:
    while True:
        writer = secrets.token_hex(6)
        note = lake / FOLDER / f"{writer}.lock"
        lock = FileLock(note, mode=0o666, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        except NotImplementedError:
            note.touch()
            return writer, None
        if note.exists():
            return writer, lock
        lock.release()


@atexit.register
def _end_all() -> None:
    for key in list(_registered):
        _end(key)


def _end(key: tuple[int, Path]) -> None:
    if key[0] != os.getpid():
        return
    writer, lock = _registered.pop(key)
    with suppress(OSError):
        (key[1] / FOLDER / f"{writer}.lock").unlink(missing_ok=True)
    if lock is not None:
        with suppress(OSError):
            lock.release()


def lives(lake: Path, writer: str) -> bool:
    """Whether the process that has a name among the writers of a lake has files to commit, or a working folder."""
    note = lake / FOLDER / f"{writer}.lock"
    try:
        began = note.stat().st_mtime
    except OSError:
        return False
    lock = FileLock(note, mode=0o666, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        with suppress(OSError):
            return store_time(lake) - began < _NO_LOCKS_S
        return time.time() - began < _NO_LOCKS_S
    lock.release()
    return False
