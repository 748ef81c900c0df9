"""The dialects of one .npz for each frame, thousands for a video.

`per-frame` has plain arrays with flat keys. `per-frame-dicts`, which the same authors' tools for single frames write,
has an array without dimensions for each person, person_0 and so on: a pickled dict of plain arrays. Flat keys are made
of it. It does not say how large frames are.

Opening each with zipfile and numpy takes half a millisecond. But their layout repeats: the first file of a layout is
parsed, and those after it are compared with it in all bytes that may not vary.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError

DICTS: Final = "per-frame-dicts"
"""The dialect whose people are pickled dicts."""

_PERSON: Final = re.compile(r"person_(0|[1-9]\d{0,2})")

ASSUMED_SIZE: Final = (1280, 720)
"""Pixels that a frame has where no file of a video says it: the usual shape, 16:9. It is recorded in the repairs."""

_MAX_UNPACKED: Final = 4 * 1024**2
"""Bytes of all arrays of a frame: with 127 people it has 0.5 MB."""


@dataclass
class Seen:
    """What the files of a video are like.

    Attributes:
        dicts: whether one is of the dialect `DICTS`. A frame without people is the same in both.
        without_size: files that do not say how large their frame is; ASSUMED_SIZE is read of them.
    """

    dicts: bool = False
    without_size: int = 0


@dataclass
class _Layout:
    """The layout of a frame's .npz: which bytes are constant, and where arrays and checksums are."""

    size: int
    constant: npt.NDArray[np.intp]
    bytes: npt.NDArray[np.uint8]
    arrays: list[tuple[str, int, int, np.dtype[Any], tuple[int, ...]]]
    checks: list[tuple[int, int, int]]


def read_files(files: npt.NDArray[np.uint8], names: list[str], seen: Seen) -> list[Block]:
    """The frames of files of one size.

    Args:
        files: uint8 [n, size], one row for each file.
        names: of the files, for messages.
        seen: takes what they are like.

    Raises:
        BadInputError: a file is an .npz of neither dialect, or is damaged.
    """
    blocks: list[Block] = []
    at = 0
    while at < len(files):
        layout = _layout(files[at].tobytes())
        count = _repeats(files[at:], layout) if layout else 0
        if layout is None or count == 0:
            blocks.append(_read_with_numpy(files[at].tobytes(), names[at], seen))
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
    return [_with_size(block, seen) for block in blocks]


def _with_size(block: Block, seen: Seen) -> Block:
    keys = ("frame_width", "frame_height")
    if not any(key in block.arrays for key in keys):
        seen.without_size += block.count
        block.arrays |= {key: np.full(block.count, side) for key, side in zip(keys, ASSUMED_SIZE, strict=True)}
    return block


def _read_with_numpy(data: bytes, name: str, seen: Seen) -> Block:
    """A frame read with zipfile and numpy; what is pickled, by our own machine."""
    block = Block(1)
    for key, value in read_npz(data, name, _MAX_UNPACKED).items():
        person = _PERSON.fullmatch(key)
        if isinstance(value, Block) and person:
            seen.dicts = True
            found = {f"person_{int(person.group(1)):03d}_{part}": array for part, array in value.arrays.items()}
        elif isinstance(value, np.ndarray):
            found = {key: value[None]}
        else:
            raise BadInputError(f"{name}: {key} is an array of objects, numbers were expected")
        if twice := found.keys() & block.arrays.keys():
            raise BadInputError(f"{name} has {min(twice)} twice")
        block.arrays |= found
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
