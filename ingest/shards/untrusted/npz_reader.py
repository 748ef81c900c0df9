"""Reads .npz files from untrusted sources.

`numpy.load(allow_pickle=True)` calls whatever a pickle names. Arrays of objects go through pickle_reader.py instead,
which can call nothing.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.pickle_reader import Block, read_frames
from signverse.lake.model.errors import BadInputError

MAX_BYTES: Final = 4 * 1024**3
"""Of all arrays of a file, decompressed. Ten hours of two people are 2.6 GB."""

Arrays = dict[str, npt.NDArray[Any] | list[Block]]


def read_npz(data: bytes, name: str) -> Arrays:
    """The arrays of an .npz: numbers and text as numpy arrays, arrays of dicts as blocks of frames.

    Raises:
        BadInputError: it is not an .npz, is too large or damaged, or its pickles hold anything but dicts of numbers and
            arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return dict(_members(archive, name))
    except BadInputError:
        raise
    # zipfile, zlib and numpy raise many kinds of errors on malformed bytes, and all mean the same.
    except Exception as error:
        raise BadInputError(f"{name} cannot be read: {type(error).__name__}: {error}") from None


def _members(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, npt.NDArray[Any] | list[Block]]]:
    total = sum(info.file_size for info in archive.infolist())
    packed = sum(info.compress_size for info in archive.infolist())
    # Keypoints compress to a tenth at best: a far higher ratio is an attempt to exhaust memory.
    most = min(MAX_BYTES, 200 * packed + 64 * 1024**2)
    if total > most:
        raise ValueError(f"it unpacks to {total:,} bytes, at most {most:,} are read")
    for info in archive.infolist():
        # Opened whatever its name: a name damaged in one of its two places is detected here, not skipped.
        with archive.open(info) as file:
            if not info.filename.endswith(".npy"):
                continue
            # One byte more than declared: a file that unpacks to more is detected without unpacking it all.
            content = file.read(info.file_size + 1)
        yield info.filename.removesuffix(".npy"), _read_npy(content, name)


def _read_npy(data: bytes, name: str) -> npt.NDArray[Any] | list[Block]:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"npy version {version} is not read")
    if dtype.hasobject:
        return read_frames(memoryview(data)[file.tell() :], name)
    count = math.prod(shape)
    if len(data) - file.tell() != count * dtype.itemsize:
        raise ValueError("an array is not as long as its shape")
    return np.frombuffer(data, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")
