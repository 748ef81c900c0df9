"""A column of keypoints from the bytes of its page, without pyarrow's walk over the nesting of lists.

pyarrow takes a millisecond and a half to find out, level by level, that 1,024 lists of 136 floats are just that, and
makes all of them where a clip wants a tenth. Pages are read here as parquet_layout.py has them written: one a
row group, zstd, floats split into byte streams, few nulls. Any other page is `Unusual`, and pyarrow reads it.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_HEADER: Final = re.compile(
    rb"\x15\x00 \x15(V) \x15(V) (?: \x15(V)\x1c | \x2c ) \x15(V) \x15\x12 \x15\x06 \x15\x06 (?:\x1c\x00)? \x00 \x00"
    .replace(b"V", rb"[\x80-\xff]*[\x00-\x7f]"),
    re.VERBOSE,
)  # fmt: skip
"""A page's header, a Thrift struct: a page of data, its bytes without and with compression, perhaps its checksum, how
many levels, byte streams, both kinds of levels in runs, no statistics."""

_INT: Final = struct.Struct("<i")

_PRESENT: Final = 3
"""The level of an element that is not null, in an optional list of optional elements; that of a null list is 0."""

_MOST_LEVEL_BYTES: Final = 8192
"""Of runs of levels: beyond, where nulls lie scattered, pyarrow's loop is the faster one."""

_FEW_LEVEL_BYTES: Final = 512
"""Runs that are cheaper to read than to be looked up."""

_UNPACKED: Final = [bytes(byte >> shift & 3 for shift in (0, 2, 4, 6)) for byte in range(256)]
"""The four levels in a byte of packed bits."""


class Unusual(Exception):  # noqa: N818 (no error: another way of reading is taken)
    """The page is not as our writer writes it."""


class BrokenPage(ValueError):  # noqa: N818 (the reader makes an error of it that names the file)
    """The page does not hold the bytes that were written."""


@dataclass(frozen=True)
class Column:
    """A list column of a row group, `width` floats a row.

    Attributes:
        streams: uint8 [4, N]: first bytes, second bytes, ... of the N floats that are not null.
        present: bool [rows * width]; None where no element is null.
    """

    width: int
    streams: npt.NDArray[np.uint8]
    present: npt.NDArray[np.bool_] | None

    def write(self, target: npt.NDArray[np.uint8], row: int) -> None:
        """Writes rows from `row` on as bytes: uint8 [T, joints, 2, 4] or [T, joints, 4]; nulls are left as they are."""
        first, last = row * self.width, (row + len(target)) * self.width
        if self.present is None:
            floats = _floats(self.streams[:, first:last]).reshape(target.shape[:-1])
            place = target.view("<f4")[..., 0]
            if place.ndim == 2:
                place[...] = floats
            else:
                # One by one: four times as fast as pairs at once.
                place[..., 0], place[..., 1] = floats[..., 0], floats[..., 1]
            return
        before = np.count_nonzero(self.present[:first])
        wanted = self.present[first:last].reshape(target.shape[:-1])
        target[wanted] = self.streams[:, before : before + np.count_nonzero(wanted)].T

    def values(self) -> npt.NDArray[np.float32]:
        """All rows, float32 [rows, width], nan where an element is null."""
        floats = _floats(self.streams)
        if self.present is None:
            return floats.reshape(-1, self.width)
        values = np.full(len(self.present), np.nan, np.float32)
        values[self.present] = floats
        return values.reshape(-1, self.width)


def _floats(streams: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Floats [N] of their bytes [4, N]: by shifts, which numpy does for many at once; byte by byte takes four times."""
    halves = []
    for low, high in (streams[:2], streams[2:]):
        half = high.astype(np.uint16)
        half <<= 8
        half |= low
        halves.append(half)
    whole = halves[1].astype("<u4")
    whole <<= 16
    whole |= halves[0]
    floats: npt.NDArray[np.float32] = whole.view("<f4")
    return floats


def read_column(chunk: bytes, rows: int, width: int) -> Column | None:
    """Decodes a column chunk of one page; None where every list is null.

    Raises:
        Unusual: it is not as our writer writes it.
        BrokenPage: it does not hold the bytes that were written.
    """
    header = _HEADER.match(chunk)
    if header is None:
        raise Unusual
    size, compressed, levels = (_zigzag(header[i]) for i in (1, 2, 4))
    page = memoryview(chunk)[header.end() :]
    if len(page) != compressed:
        raise Unusual
    if header[3] is not None and zlib.crc32(page) != _zigzag(header[3]) & 0xFFFFFFFF:
        raise BrokenPage("the checksum of a page differs")
    try:
        data = memoryview(pa.decompress(page, size, codec="zstd"))
    except OSError as error:
        raise BrokenPage(str(error)) from None
    # Lists of the schema have `width` elements each, so the repetition levels hold no information.
    start = 4 + _INT.unpack_from(data)[0]
    end = start + 4 + _INT.unpack_from(data, start)[0]
    packed = bytes(data[start + 4 : end])
    runs = _runs(packed, levels) if len(packed) <= _FEW_LEVEL_BYTES else _cached_runs(packed, levels)
    floats = np.frombuffer(data, np.uint8, offset=end)
    if levels == rows and runs is not None and not runs.any():
        return None
    if levels != rows * width or len(floats) % 4:
        raise Unusual
    present = None if runs is None else runs == _PRESENT
    if (levels if present is None else np.count_nonzero(present)) * 4 != len(floats):
        raise Unusual
    return Column(width, floats.reshape(4, -1), present)


def _zigzag(varint: bytes) -> int:
    value = _varint(varint, 0)[0]
    return (value >> 1) ^ -(value & 1)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and the offset of the next one."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _runs(data: bytes, count: int) -> npt.NDArray[np.uint8] | None:
    """Levels of 2 bits in Parquet's mix of runs and packed bits, uint8 [count]; None where all say "present".

    Raises:
        Unusual: there are many runs.
    """
    if len(data) > _MOST_LEVEL_BYTES:
        raise Unusual
    levels = bytearray()
    at = 0
    while at < len(data):
        head, at = _varint(data, at)
        if head & 1:
            end = at + 2 * (head >> 1)
            levels += b"".join([_UNPACKED[byte] for byte in data[at:end]])
            at = end
        else:
            value = data[at]
            at += 1
            if value == _PRESENT and head >> 1 == count:
                return None
            levels += bytes((value,)) * (head >> 1)
    # The last of packed bits is filled up to eight levels.
    return np.frombuffer(levels, np.uint8)[:count]


# Joints that the picture never shows are null in every frame: the same pattern in one row group after the other.
_cached_runs = lru_cache(maxsize=64)(_runs)
