"""Spilling to disk what does not fit into memory, in files without a name.

Such a file disappears when the last process that has it open ends, however it ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signverse.lake.model.errors import SignverseError
from signverse.lake.storage.temporary.leftovers import clear_halves, half_name

IN_MEMORY: Final = 48 << 20
"""Bytes of a video's keypoints that are kept in memory: 22 minutes of one person; most videos have less."""


def spill_file(in_memory: int = 0) -> IO[bytes]:
    """A temporary file that lives as long as its object, on disk beyond `in_memory` bytes (0: always)."""
    folder = _folder()
    # Where the system knows no files without a name, it has one for a moment.
    prefix = half_name("spill")
    if in_memory:
        return tempfile.SpooledTemporaryFile(in_memory, dir=folder, prefix=prefix)
    clear_halves(Path(folder or tempfile.gettempdir()))
    return tempfile.TemporaryFile(dir=folder, prefix=prefix)


def close_with(owner: object, file: IO[bytes]) -> None:
    """Closes a file when its owner is garbage-collected."""
    weakref.finalize(owner, _close, file)


def _close(file: IO[bytes]) -> None:
    # A failed write was raised where it happened.
    with suppress(OSError):
        file.close()


def no_space(error: OSError) -> SignverseError:
    """The error for a file that cannot be written."""
    why = f"the keypoints of a long video cannot be stored in {_folder() or tempfile.gettempdir()}: {error.strerror}"
    return SignverseError(why, "Set TMPDIR to a folder with more space.")


def _folder() -> str | None:
    """The folder of spilled files: not /tmp, which is memory on many systems. None leaves it to Python and TMPDIR."""
    return None if "TMPDIR" in os.environ or not Path("/var/tmp").is_dir() else "/var/tmp"  # noqa: S108


class Spill:
    """Tables on disk, read in the order in which they were written; the open file can be handed to another process."""

    def __init__(self) -> None:
        self._open(spill_file())
        self.num_rows = 0

    def _open(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: Any = None
        close_with(self, file)

    def append(self, table: pa.Table) -> None:
        """Writes a table; all have the same columns.

        Raises:
            SignverseError: the disk is full.
        """
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_stream(self._file, table.schema)
            self._writer.write_table(table)
            self._file.flush()
        except OSError as error:
            raise no_space(error) from None
        self.num_rows += table.num_rows

    def tables(self) -> Iterator[pa.Table]:
        """The tables, once all are written."""
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield pa.Table.from_batches([batch])

    def fileno(self) -> int:
        """The open file; it has no name by which it could be found."""
        return self._file.fileno()

    @classmethod
    def of(cls, handle: int, num_rows: int) -> Spill:
        """The tables of an open file that another process wrote; closes it in the end."""
        spill = cls.__new__(cls)
        spill._open(os.fdopen(handle, "rb"))
        spill.num_rows = num_rows
        return spill


class LargeArray:
    """An array float32 in memory, or in a mapped file without a name where it is large; see `large_array`."""

    def __init__(self, array: NDArray[np.float32], mapped: mmap.mmap | None = None) -> None:
        self.array = array
        self._mapped = mapped

    def release(self) -> None:
        """Gives back the memory of what was read and written so far; the numbers stay."""
        release(self._mapped)


def large_array(shape: tuple[int, ...]) -> LargeArray:
    """An array float32 to be filled, on disk if it is larger than IN_MEMORY.

    Raises:
        SignverseError: the disk is full.
    """
    size = 4 * prod(shape)
    if size <= IN_MEMORY:
        return LargeArray(np.empty(shape, np.float32))
    with spill_file() as file:
        try:
            # All of it now: a disk that is full later would end the process.
            os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), size)
        except AttributeError:
            # macOS has no such call.
            return LargeArray(np.empty(shape, np.float32))
        except OSError as error:
            raise no_space(error) from None
    return LargeArray(np.frombuffer(mapped, np.float32).reshape(shape), mapped)


def release(mapped: mmap.mmap | None) -> None:
    """Gives back the memory of a mapped file's pages; what they hold stays in the file."""
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)
