"""Temporary folders, and removing what processes that have ended left behind.

The name of everything temporary carries the mark of its process (process_mark.py). The next process that makes such
removes what is of this user, of this machine, and of a process that is gone; nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from signverse.lake.storage.temporary.process_mark import MARK, has_ended, own_mark

_FOLDER: Final = re.compile(rf"signverse-[a-z]+-(?P<mark>{MARK})-\w+")
_HALF: Final = re.compile(rf"\.(?P<name>.+)\.signverse-(?P<mark>{MARK})-\w+", re.DOTALL)

_cleared: Final[set[str]] = set()


def half_name(name: str) -> str:
    """What the names of half-written files begin with whose whole file has this name."""
    mark = own_mark()
    # Names have 255 bytes at most; the letters at the end are those that make it unique.
    room = 255 - len(mark) - 24
    return f".{os.fsdecode(os.fsencode(name)[:room])}.signverse-{mark}-"


def name_of_half(name: str) -> str:
    """The name that a half-written file was to take; "" where this is none."""
    found = _HALF.fullmatch(name)
    return found.group("name") if found else ""


def clear_halves(folder: Path) -> None:
    """Removes the half-written files of ended processes in a folder; once in the life of this process."""
    _clear(folder, _HALF)


def _clear(folder: Path, pattern: re.Pattern[str]) -> None:
    place = os.path.abspath(folder)  # noqa: PTH100 (a name, also where nothing is there)
    if place in _cleared:
        return
    _cleared.add(place)
    # A folder that cannot be listed, or lies on a disk that fails, is not a reason to write nothing.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found and has_ended(found.group("mark")):
                with suppress(OSError):
                    _remove(Path(entry.path))


def _remove(path: Path) -> None:
    about = path.lstat()
    # In a folder that many write to, a file of another user may have such a name, or be named so on purpose.
    if hasattr(os, "geteuid") and about.st_uid != os.geteuid():
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def temporary_folder_of(kind: str, owner: object) -> Path:
    """A new private folder among the temporary files, removed with its owner or at the end of the process.

    Args:
        kind: what it is for, a word.
        owner: an object that can be referred to weakly.

    Raises:
        OSError: it cannot be made.
    """
    folder = _new_folder(kind)
    weakref.finalize(owner, _remove_own, folder, os.getpid())
    return folder


def _remove_own(folder: Path, pid: int) -> None:
    # Not in a process that was forked from this one.
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A private folder among the temporary files, removed when the block ends.

    Args:
        kind: what it is for, a word.

    Raises:
        OSError: it cannot be made.
    """
    folder = _new_folder(kind)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder(kind: str) -> Path:
    place = Path(tempfile.gettempdir())
    _clear(place, _FOLDER)
    # Only its user may look into it.
    return Path(tempfile.mkdtemp(prefix=f"signverse-{kind}-{own_mark()}-", dir=place))
