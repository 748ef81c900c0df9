"""The lease of upkeep: one process at a time rewrites the files of a lake.

It is a file in the lake, made only where nothing is. Its holder renews it; it is over when its holder has ended,
however it ended, and ten minutes after it was last renewed. It saves work and nothing depends on it: two processes that
both rewrite the same files cannot both commit that (see `delta.replace_files`).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import SignverseError
from signverse.lake.storage.integrity import writers

NAME: Final = "_upkeep.json"
"""Inside a lake, beside its tables."""

_OVER_S: Final = 600.0
"""By the clock of the store, after the last renewal."""

_UNSAID_S: Final = 2.0
"""A lease says who holds it, but in the moment when it is made; a power cut may leave one that never will."""

_RENEWED_S: Final = 60.0
_LOOKED_S: Final = 0.2


@contextmanager
def upkeep_lease(lake: Path) -> Iterator[bool]:
    """Takes the lease of a lake for as long as the block runs.

    Yields:
        Whether it was free. Where it was not, another process is at work, and the block should do nothing.

    Raises:
        OSError: the lake cannot be written.
    """
    with writers.working_folder(lake) as work:
        path = lake / NAME
        if not _take(lake, path, work):
            yield False
            return
        ended = threading.Event()
        renewing = threading.Thread(target=_renew, args=(path, work.name, ended), name="lease", daemon=True)
        renewing.start()
        try:
            yield True
        finally:
            ended.set()
            renewing.join()
            with suppress(OSError), _alone(lake):
                if _holder(path) == work.name:
                    path.unlink(missing_ok=True)


_wait_s = 60.0
"""Merging takes seconds: who is to maintain a lake waits for it."""

_inside: set[tuple[int, Path]] = set()
"""Threads in `only_upkeep`, and the lakes."""


@contextmanager
def only_upkeep(lake: Path) -> Iterator[None]:
    """Takes the lease, waiting for a while where another process has it; a thread may do so again inside.

    Raises:
        SignverseError: another process has it all that time.
        OSError: the lake cannot be written.
    """
    me = threading.get_ident(), lake
    if me in _inside:
        yield
        return
    until = time.monotonic() + _wait_s
    while True:
        with upkeep_lease(lake) as free:
            if free:
                _inside.add(me)
                try:
                    yield
                finally:
                    _inside.discard(me)
                return
        if time.monotonic() > until:
            raise SignverseError(
                f"another process is maintaining {lake}",
                f"Run it again later. Where none is, {NAME} ends its wait ten minutes after it was last renewed.",
            )
        time.sleep(_LOOKED_S)


def _take(lake: Path, path: Path, work: Path) -> bool:
    for _ in range(2):
        if _make(path, work):
            return True
        with _alone(lake):
            # Another process may have been faster.
            if not _is_over(lake, path, work):
                return False
            path.unlink(missing_ok=True)
    return False


def _make(path: Path, work: Path) -> bool:
    """Makes the lease where there is none, whole at once."""
    text = json.dumps({"holder": work.name})
    made = work / "lease"
    made.write_text(text)
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    except OSError:
        # Not every file system has hard links.
        try:
            with path.open("x") as file:
                file.write(text)
        except FileExistsError:
            return False
    return True


def _renew(path: Path, holder: str, ended: threading.Event) -> None:
    while not ended.wait(_RENEWED_S):
        with suppress(OSError):
            if _holder(path) != holder:
                return
            os.utime(path)


def _is_over(lake: Path, path: Path, work: Path) -> bool:
    try:
        renewed = path.stat().st_mtime
    except FileNotFoundError:
        return True
    clock = work / "clock"
    clock.touch()
    # Also one that was renewed long after now: the clock of the store was wrong then, or is.
    age = clock.stat().st_mtime - renewed
    if abs(age) > _OVER_S:
        return True
    holder = _holder(path)
    return age > _UNSAID_S if holder is None else not writers.lives(lake, holder.partition(".")[0])


def _holder(path: Path) -> str | None:
    """The name of the working folder of who holds the lease; None where that is not said."""
    # Reading a pipe would wait for ever.
    if not path.is_file():
        return None
    try:
        holder = json.loads(path.read_bytes()[:1000])["holder"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return holder if isinstance(holder, str) else None


@contextmanager
def _alone(lake: Path) -> Iterator[None]:
    """While no other process looks whether the lease is over, where the file system has locks."""
    with writers.locked(lake):
        yield
