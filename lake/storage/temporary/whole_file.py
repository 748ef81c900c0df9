"""Files that appear whole or not at all: written under another name beside their own, then renamed or linked.

The bytes of a result are on disk before it takes its name: after a power cut it is whole or not there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.integrity.sync import sync_open
from signverse.lake.storage.temporary.leftovers import clear_halves, half_name


@contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """A binary file that takes its name only when all of it is written. A pipe or a device is written to as it is.

    Raises:
        BadInputError: it cannot be written; nothing is left behind and an earlier file stays as it was.
    """
    if out.exists() and not out.is_file() and not out.is_dir():
        # /dev/null, /dev/stdout, a named pipe: a file put in its place would be the end of it.
        with out.open("wb") as file:
            yield file
        return
    try:
        with _beside(out) as (handle, temporary):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                sync_open(file.fileno())
            temporary.replace(out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror or error}") from None


@contextmanager
def whole_path(out: Path, *, suffix: str = "") -> Iterator[Path]:
    """As `whole_file`, for a library that writes to a name: that of an empty file, which then takes its own.

    Args:
        suffix: the ending of that name, by which some libraries know what to write.

    Raises:
        BadInputError: it cannot be written; nothing is left behind and an earlier file stays as it was.
    """
    try:
        with _beside(out, suffix) as (handle, temporary):
            os.close(handle)
            yield temporary
            with temporary.open("rb") as file:
                sync_open(file.fileno())
            temporary.replace(out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror or error}") from None


def write_whole(out: Path, data: bytes) -> None:
    """Writes a file, in place of an earlier one; a process that is killed leaves that one or none.

    Raises:
        OSError: it cannot be written.
    """
    with _beside(out) as (handle, temporary):
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(out)


def create_whole(out: Path, data: bytes) -> bool:
    """Creates a file with its content in one step; False where there is one of its name.

    Raises:
        OSError: it cannot be written.
    """
    with _beside(out) as (handle, temporary):
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        try:
            os.link(temporary, out)
        except FileExistsError:
            return False
        except OSError:
            # Some file systems know no links: there a kill may leave an empty file.
            return _create(out, data)
    return True


def _create(out: Path, data: bytes) -> bool:
    try:
        file = out.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(data)
    except OSError:
        out.unlink(missing_ok=True)
        raise
    return True


@contextmanager
def _beside(out: Path, suffix: str = "") -> Iterator[tuple[int, Path]]:
    """A new open file beside another, under a name by which it is known as half-written; removed in the end."""
    clear_halves(out.parent)
    handle, name = tempfile.mkstemp(suffix, half_name(out.name), out.parent)
    temporary = Path(name)
    try:
        # mkstemp makes files that only their owner reads; a result is an ordinary file.
        with suppress(OSError):
            temporary.chmod(0o666 & ~_umask())
        yield handle, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
