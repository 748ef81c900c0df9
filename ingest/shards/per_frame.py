"""The `per-frame` dialect: one .npz for each frame, thousands for a video, of plain arrays with flat keys.

Opening each with zipfile and numpy takes half a millisecond. But their layout repeats: the first file of a layout is
parsed, and those after it are compared with it in all bytes that may not vary.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError


@dataclass
class _Layout:
    """The layout of a frame's .npz: which bytes are constant, and where arrays and checksums are."""

    size: int
    constant: npt.NDArray[np.intp]
    bytes: npt.NDArray[np.uint8]
    arrays: list[tuple[str, int, int, np.dtype[Any], tuple[int, ...]]]
    checks: list[tuple[int, int, int]]


def read_files(files: npt.NDArray[np.uint8], names: list[str]) -> list[Block]:
    """The frames of files of one size.

    Args:
        files: uint8 [n, size], one row for each file.
        names: of the files, for messages.

    Raises:
        BadInputError: a file is not an .npz of plain arrays, or is damaged.
    """
    blocks: list[Block] = []
    at = 0
    while at < len(files):
        layout = _layout(files[at].tobytes())
        count = _repeats(files[at:], layout) if layout else 0
        if layout is None or count == 0:
            blocks.append(_read_with_numpy(files[at].tobytes(), names[at]))
            at += 1
            continue
        same = files[at : at + count]
        _check(same, layout, names[at : at + count])
        block = Block(count)
        for key, start, size, dtype, shape in layout.arrays:
            data = np.ascontiguousarray(same[:, start : start + size]).view(dtype)
            block.arrays[key] = data.reshape(count, *shape)
        blocks.append(block)
        at += count
    return blocks


def _read_with_numpy(data: bytes, name: str) -> Block:
    """A frame read with zipfile and numpy."""
    block = Block(1)
    for key, value in read_npz(data, name).items():
        if not isinstance(value, np.ndarray):
            raise BadInputError(f"{name}: {key} is an array of objects, numbers were expected")
        block.arrays[key] = value[None]
    return block


def _layout(data: bytes) -> _Layout | None:
    """The layout of a file of plain arrays; None where it is compressed, or unlike what numpy writes."""
    varies = np.zeros(len(data), bool)
    arrays: list[tuple[str, int, int, np.dtype[Any], tuple[int, ...]]] = []
    checks: list[tuple[int, int, int]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            central = archive.start_dir
            for info in archive.infolist():
                at = info.header_offset
                if info.compress_type != zipfile.ZIP_STORED or info.flag_bits or not info.filename.endswith(".npy"):
                    return None
                name_size, extra_size = struct.unpack_from("<HH", data, at + 26)
                if data[at + 30 : at + 30 + name_size] != info.filename.encode():
                    # Two names for one array: zipfile refuses it, with a reason.
                    return None
                start = at + 30 + name_size + extra_size
                file = io.BytesIO(data[start : start + info.file_size])
                if np.lib.format.read_magic(file) != (1, 0):
                    return None
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                size = info.file_size - file.tell()
                if fortran or dtype.hasobject or dtype.itemsize * int(np.prod(shape)) != size:
                    return None
                # Time, date and checksum may vary; the checksum is compared with that of the local header.
                varies[at + 10 : at + 18] = True
                varies[central + 12 : central + 20] = True
                varies[start + file.tell() : start + info.file_size] = True
                arrays.append((info.filename.removesuffix(".npy"), start + file.tell(), size, dtype, shape))
                checks.append((at + 14, start, info.file_size))
                central += 46 + sum(struct.unpack_from("<HHH", data, central + 28))
    # zipfile and numpy raise many kinds of errors on malformed bytes; _read_with_numpy then says what is wrong.
    except Exception:
        return None
    constant = np.flatnonzero(~varies)
    return _Layout(len(data), constant, np.frombuffer(data, np.uint8)[constant], arrays, checks)


def _repeats(files: npt.NDArray[np.uint8], layout: _Layout) -> int:
    """How many files, from the first on, have the layout."""
    matched, step = 0, 4
    while matched < len(files):
        step = min(4 * step, 4096)
        same = (files[matched : matched + step][:, layout.constant] == layout.bytes).all(axis=1)
        if not same.all():
            return matched + int(np.argmin(same))
        matched += len(same)
    return matched


def _check(files: npt.NDArray[np.uint8], layout: _Layout, names: list[str]) -> None:
    for row, name in zip(files, names, strict=True):
        data = memoryview(row)
        for place, start, size in layout.checks:
            if zlib.crc32(data[start : start + size]) != int.from_bytes(data[place : place + 4], "little"):
                raise BadInputError(f"{name} is damaged: a checksum is wrong")
