"""Opens files that a folder, an archive or a listing names, and only regular ones.

Opening a named pipe waits for its other end, reading a device or a file of /proc may never end, and a link may point at
any of them. A pipe that a person names on the command line is another thing: `read_given` takes it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from signverse.lake.model.errors import BadInputError

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
"""Windows has the last only."""

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_CHUNK: Final = 1 << 20


def open_regular(path: str | os.PathLike[str], max_bytes: int | None = None, *, buffering: int = -1) -> BinaryIO:
    """Opens a regular file, or a link to one, for reading bytes. Never waits.

    Args:
        max_bytes: the largest size; more is refused.
        buffering: as `open` has it; 0 for none.

    Raises:
        BadInputError: it cannot be opened, is a folder, pipe, socket or device, is made up as it is read (as those of
            /proc are), or is larger; says which.
    """
    try:
        # Before it is opened as well: opening a device may do something.
        _check_kind(path, Path(path).stat().st_mode)
        handle = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        about = os.fstat(handle)
        _check_kind(path, about.st_mode)
        if max_bytes is not None and about.st_size > max_bytes:
            raise _too_large(path, max_bytes)
        if not about.st_size and _holds_more_than_it_says(handle):
            raise BadInputError(f"{path} cannot be read: it says that it is empty, and is not")
        return os.fdopen(handle, "rb", buffering)
    except OSError as error:
        os.close(handle)
        raise _unreadable(path, error) from None
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        BadInputError: see `open_regular`; also where it grows beyond `max_bytes` while it is read.
    """
    with open_regular(path, max_bytes) as file:
        return _read(file, path, max_bytes)


def read_given(path: str | os.PathLike[str], max_bytes: int, what: str = "") -> bytes:
    """The bytes of a file that a person names on the command line: a pipe, /dev/stdin or `<(command)` as well.

    Args:
        what: what messages call it, in place of its path.

    Raises:
        BadInputError: it cannot be read, or holds more than `max_bytes`.
    """
    try:
        with Path(path).open("rb") as file:
            return _read(file, what or path, max_bytes)
    except (OSError, ValueError) as error:
        raise _unreadable(what or path, error) from None


def _read(file: BinaryIO, path: str | os.PathLike[str], max_bytes: int) -> bytes:
    chunks, size = [], 0
    try:
        while chunk := file.read(min(_CHUNK, max_bytes + 1 - size)):
            chunks.append(chunk)
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(path, max_bytes)
    except OSError as error:
        raise _unreadable(path, error) from None
    return b"".join(chunks)


def _check_kind(path: str | os.PathLike[str], mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_one, name in _KINDS if is_one(mode)), "something else")
        raise BadInputError(f"{path} cannot be read: it is {kind}, not a file")


def _holds_more_than_it_says(handle: int) -> bool:
    """Whether an empty file has something to read; one that is being written says so by its size."""
    try:
        return bool(os.pread(handle, 1, 0)) and not os.fstat(handle).st_size
    except BlockingIOError:
        return True
    except AttributeError:
        # Windows has neither pread nor files of this kind.
        return False


def _too_large(path: str | os.PathLike[str], max_bytes: int) -> BadInputError:
    return BadInputError(f"{path} is larger than {max_bytes:,} bytes, which such a file never is")


def _unreadable(path: str | os.PathLike[str], error: Exception) -> BadInputError:
    # A name with a zero byte is a ValueError.
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return BadInputError(f"{path} cannot be read: {why}")
