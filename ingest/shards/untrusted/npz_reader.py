"""Reads .npz files from untrusted sources.

`numpy.load(allow_pickle=True)` calls whatever a pickle names. Arrays of objects go through pickle_reader.py instead,
which can call nothing. They are the large ones: what does not fit into memory is unpacked to disk, and its frames are
handed out some thousand at a time.
"""

from __future__ import annotations

import io
import math
import mmap
import zipfile
from collections.abc import Collection, Iterator
from typing import IO, Any, Final, cast

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.pickle_reader import Block, frames_in, unframed
from signverse.ingest.shards.untrusted.zip_directory import check_directory
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.frame_ranges import MAX_FRAMES
from signverse.lake.storage.spill import IN_MEMORY, no_space, release, spill_file

MAX_BYTES: Final = 8 * 1024**3
"""Of all arrays of a file, decompressed. Ten hours of three people are 5 GB."""

MAX_PLAIN_BYTES: Final = 8 * MAX_FRAMES
"""Of an array of numbers or text that is used: one number for each frame that a video may have."""

_HEAD: Final = 2**16 + 16
"""Bytes that are read at first; numpy's headers have some hundred."""

_PIECE: Final = 1024**2
"""Bytes that are read, or released, at once."""


class Frames:
    """An array of dicts: the frames of a video, read while they are asked for, and only once.

    Attributes:
        single: whether it is an array without dimensions, which holds one dict.
    """

    def __init__(self, data: bytes | mmap.mmap, name: str, packed: int, *, single: bool = False) -> None:
        self.single = single
        self._data = data
        self._name = name
        self._packed = packed

    def __iter__(self) -> Iterator[Block]:
        """The frames in blocks.

        Raises:
            BadInputError: the pickle is not one of dicts of numbers and arrays; perhaps after the first blocks.
        """
        read = 0
        for block in frames_in(cast(Any, self._data), self._name, self._packed, single=self.single):
            read += sum(array.nbytes for array in block.arrays.values())
            yield block
            if read > 16 * _PIECE and isinstance(self._data, mmap.mmap):
                # The pages that were read are not needed any more, and would count as memory of this process.
                release(self._data)
                read = 0


Arrays = dict[str, npt.NDArray[Any] | Frames | None]


def open_npz(file: IO[bytes], name: str, wanted: Collection[str], most: int | None = None) -> Arrays:
    """The arrays of an .npz: numbers and text as numpy arrays, arrays of dicts as frames that are read when asked for.

    All bytes are checked against their checksums first.

    Args:
        wanted: names of the arrays of numbers and text that are used; the others are None.
        most: bytes that all arrays may have, decompressed; None for MAX_BYTES.

    Raises:
        BadInputError: it is not an .npz, or is too large or damaged.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        check_directory(file, size)
        with zipfile.ZipFile(file) as archive:
            return dict(_members(archive, size, name, wanted, MAX_BYTES if most is None else most))
    except SignverseError:
        raise
    # zipfile, zlib and numpy raise many kinds of errors on malformed bytes, and all mean the same.
    except Exception as error:
        raise BadInputError(f"{name} cannot be read: {type(error).__name__}: {error}") from None


def read_npz(data: bytes, name: str, most: int | None = None) -> dict[str, npt.NDArray[Any] | list[Block] | Block]:
    """All arrays of a small .npz at once; an array of dicts as blocks, one without dimensions as a block of its dict.

    Args:
        most: bytes that all arrays may have, decompressed; None for MAX_BYTES.

    Raises:
        BadInputError: it is not an .npz, is too large or damaged, or its pickles hold anything but dicts of numbers and
            arrays.
    """
    found = open_npz(io.BytesIO(data), name, _Everything(), most)
    return {key: _at_once(value) for key, value in found.items() if value is not None}


def _at_once(value: npt.NDArray[Any] | Frames) -> npt.NDArray[Any] | list[Block] | Block:
    if not isinstance(value, Frames):
        return value
    return next(iter(list(value))) if value.single else list(value)


class _Everything(frozenset[str]):
    """A collection of all names."""

    def __contains__(self, name: object) -> bool:
        return True


def _members(
    archive: zipfile.ZipFile, size: int, name: str, wanted: Collection[str], limit: int
) -> Iterator[tuple[str, npt.NDArray[Any] | Frames | None]]:
    total = sum(info.file_size for info in archive.infolist())
    # Of the file itself: what its table of contents says of compressed sizes may be false.
    packed = size
    # Keypoints compress to a tenth at best: a far higher ratio is an attempt to exhaust memory.
    most = min(limit, 200 * packed + 64 * 1024**2)
    if total > most:
        raise ValueError(f"it unpacks to {total:,} bytes, at most {most:,} are read")
    for info in archive.infolist():
        # Opened whatever its name: a name damaged in one of its two places is detected here, not skipped.
        with archive.open(info) as file:
            if info.filename.endswith(".npy"):
                key = info.filename.removesuffix(".npy")
                packed = 0 if info.compress_type == zipfile.ZIP_STORED else min(info.compress_size, size)
                yield key, _read_npy(file, info.file_size, packed, name, key in wanted)


def _read_npy(file: IO[bytes], size: int, packed: int, name: str, wanted: bool) -> npt.NDArray[Any] | Frames | None:
    head = io.BytesIO(file.read(min(size, _HEAD)))
    version = np.lib.format.read_magic(head)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(head)
    else:
        raise ValueError(f"npy version {version} is not read")
    rest, left = _Rest(head, file), size - head.tell()
    found: npt.NDArray[Any] | Frames | None = None
    if dtype.hasobject:
        pickled = _unpacked(unframed(rest, left))  # type: ignore[arg-type]
        found = Frames(pickled, name, packed, single=not shape)
    else:
        count = math.prod(shape)
        if left != count * dtype.itemsize:
            raise ValueError("an array is not as long as its shape")
        if wanted:
            if left > MAX_PLAIN_BYTES:
                raise ValueError(f"an array of numbers has {left:,} bytes, at most {MAX_PLAIN_BYTES:,} are read")
            found = np.frombuffer(rest.read(left), dtype, count).reshape(shape, order="F" if fortran else "C")
    # To the end and one byte beyond: the checksum is compared there, and a file that unpacks to more than it declares
    # is detected.
    while rest.read(_PIECE):
        pass
    return found


class _Rest:
    """What follows the header of an array: the rest of what was read with it, then the rest of the file."""

    def __init__(self, head: io.BytesIO, file: IO[bytes]) -> None:
        self._head, self._file = head, file

    def read(self, size: int) -> bytes:
        data = self._head.read(size)
        return data + self._file.read(size - len(data)) if len(data) < size else data


def _unpacked(pieces: Iterator[bytes]) -> bytes | mmap.mmap:
    """Bytes in memory, or in a mapped file without a name where they are many."""
    waiting: list[bytes] = []
    file, size = None, 0
    for piece in pieces:
        size += len(piece)
        waiting.append(piece)
        if file is None and size > IN_MEMORY:
            file = spill_file()
        if file is not None:
            try:
                file.writelines(waiting)
            except OSError as error:
                raise no_space(error) from None
            waiting = []
    if file is None:
        return b"".join(waiting)
    try:
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise no_space(error) from None
    # The mapping keeps the file, which has no name, until it is not used any more.
    file.close()
    return mapped
