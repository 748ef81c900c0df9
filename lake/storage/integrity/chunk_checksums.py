"""Checksums inside a keypoints file, of its footer and of each of its column chunks: a part is checked for itself.

Parquet has checksums of pages only. A corrupted byte in a page's header, or in the footer, would change what is read.
So a keypoints file has a block between its last row group and its footer, where readers that do not know it see a gap:

    magic, 8 bytes
    int32 number of column chunks, and int32 number of columns
    uint32 bytes of each chunk, one behind the other from byte 4 of the file on
    uint32 CRC-32 of each chunk, page headers included
    SHA-256 of the block up to here and of what follows it: its length, the footer, the footer's length and magic
    int32 length of the block

Files of older versions have none: they are compared with the digest in their name, as a whole.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from signverse.lake.storage.integrity.digests import (
    OTHER_BYTES,
    Identity,
    identity_of,
    is_intact,
    is_known,
    read_at,
    refuse_no_file,
)

_MAGIC: Final = b"SVCHUNK1"
_LENGTH: Final = struct.Struct("<i")
_COUNTS: Final = struct.Struct("<ii")
_TAIL: Final = 8
"""Bytes at the end of every Parquet file: the footer's length and PAR1."""

_SHA: Final = 32
_KEPT: Final = 2048
"""Files whose checksums are kept: about 80 kB for a file of 128 MB."""

_LITTLE: Final = 64 << 20
"""Bytes that are compared before a query that may need less: a tenth of a second, and those after it are as fast as
over files that nobody compares."""


class DamagedBytes(ValueError):  # noqa: N818 (the reader makes an error of it that names the file)
    """Bytes are not those that were written."""

    def __init__(self) -> None:
        super().__init__(OTHER_BYTES)


@dataclass(frozen=True)
class Checksums:
    """The checksums of one file, and what was found of its chunks until now.

    Attributes:
        width: number of columns C; chunk i is column i % C of row group i // C.
        ends: int64 [N + 1]: chunk i is bytes ends[i] to ends[i + 1].
        crcs: uint32 [N].
        checked: bool [N]: the chunk was compared. It may be set by several threads.
        whole: columns of which every chunk was compared, as far as that was asked.
    """

    width: int
    ends: npt.NDArray[np.int64]
    crcs: npt.NDArray[np.uint32]
    checked: npt.NDArray[np.bool_]
    whole: set[int] = field(default_factory=set)

    def compare(self, file: int, start: int, data: bytes | memoryview) -> None:
        """Compares the chunks that bytes of the file touch.

        Args:
            file: open for reading; chunks that the bytes cut are read whole.
            start: place of the bytes in the file.

        Raises:
            DamagedBytes: a chunk differs.
        """
        first = int(np.searchsorted(self.ends, start, side="right")) - 1
        last = int(np.searchsorted(self.ends, start + len(data), side="left"))
        for index in range(max(0, first), min(last, len(self.crcs))):
            if self.checked[index]:
                continue
            low, high = int(self.ends[index]), int(self.ends[index + 1])
            inside = start <= low and high <= start + len(data)
            chunk = memoryview(data)[low - start : high - start] if inside else read_at(file, high - low, low)
            if len(chunk) != high - low or zlib.crc32(chunk) != self.crcs[index]:
                raise DamagedBytes
            self.checked[index] = True

    def bytes_left(self, columns: Collection[int]) -> int:
        """Bytes of the chunks of columns, by their place in the file, that were not compared yet."""
        if self.whole.issuperset(columns):
            return 0
        left = np.where(self.checked, 0, np.diff(self.ends)).reshape(-1, self.width)[:, list(columns)].sum(axis=0)
        self.whole.update(column for column, size in zip(columns, left, strict=True) if not size)
        return int(left.sum())

    def compare_groups(self, path: Path, groups: Iterable[int], columns: Collection[int]) -> None:
        """Compares columns of row groups.

        Args:
            columns: by their place in the file.

        Raises:
            DamagedBytes: a chunk differs.
        """
        wanted = [group * self.width + column for group in groups for column in columns]
        if not len(self.crcs) or self.checked[wanted].all():
            return
        with path.open("rb", buffering=0) as file:
            for index in wanted:
                if not self.checked[index]:
                    self.compare(file.fileno(), int(self.ends[index]), b"\0")


_WHOLE: Final = Checksums(1, np.zeros(1, np.int64), np.zeros(0, np.uint32), np.ones(0, np.bool_))
"""Of a file that was compared with the digest in its name: no chunk is left to compare."""


def add_checksums(path: Path) -> None:
    """Puts the block into a finished Parquet file, as the last step before its digest is made."""
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(metadata.num_columns)]
    starts = np.array([_start(chunk) for chunk in chunks], np.int64)
    sizes = np.array([chunk.total_compressed_size for chunk in chunks], np.int64)
    if (starts != 4 + np.cumsum(sizes) - sizes).any():
        # Not one behind the other, as pyarrow has written them so far: such a file goes by its digest.
        return
    with path.open("r+b", buffering=0) as file:
        handle = file.fileno()
        crcs = [zlib.crc32(read_at(handle, int(size), int(at))) for at, size in zip(starts, sizes, strict=True)]
        size = os.fstat(handle).st_size
        (length,) = _LENGTH.unpack(read_at(handle, 4, size - _TAIL))
        at = size - _TAIL - length
        footer = read_at(handle, length + _TAIL, at)
        numbers = sizes.astype("<u4").tobytes() + np.array(crcs, "<u4").tobytes()
        block = _MAGIC + _COUNTS.pack(len(crcs), metadata.num_columns) + numbers
        end = _LENGTH.pack(len(block) + _SHA + 4) + footer
        rest = memoryview(block + hashlib.sha256(block + end).digest() + end)
        file.seek(at)
        while rest:
            rest = rest[file.write(rest) :]


def _start(chunk: Any) -> int:
    return int(chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset)


_Kept = tuple[Identity, Checksums | None]

_lock = threading.Lock()
_kept: OrderedDict[str, _Kept] = OrderedDict()


def checksums_of(path: Path, *, whole: bool = True) -> Checksums:
    """The checksums of a file, its footer compared; a file without them is compared as a whole.

    What was compared is remembered by the process until the file is written to.

    Args:
        whole: False for a reader that compares the checksums of pages: then a file without others is not read here.

    Raises:
        DamagedBytes, OSError: it is not as it was written, or cannot be read.
    """
    name, now = str(path), identity_of(path)
    kept = _recall(name, now) or _learn(name, now)
    if kept[1] is not None:
        return kept[1]
    if whole and not is_intact(name):
        raise DamagedBytes
    return _WHOLE


def are_whole(files: Iterable[str], columns: Collection[int], width: int, *, compare: bool = True) -> bool:
    """Whether all chunks of columns were compared: then any reader may read them.

    What is left is compared now where it is little. False where it is much, and where something differs or is missing:
    a query that does not need that has its answer all the same.

    Args:
        columns: by their place in a file of `width` columns; of a file of another width all count.
        compare: False to read nothing of the files.
    """
    unread: list[tuple[str, Collection[int]]] = []
    left = _LITTLE if compare else 0
    try:
        for name in files:
            now = identity_of(name)
            kept = _recall(name, now)
            if kept is None and compare and len(columns) < width:
                kept = _learn(name, now)
            checksums = kept[1] if kept else None
            wanted = columns if checksums is None or checksums.width == width else range(checksums.width)
            if checksums is not None:
                size = checksums.bytes_left(wanted)
            else:
                size = 0 if kept and is_known(name, now) else now[2]
            if size:
                left -= size
                unread.append((name, wanted))
            if left < 0:
                return False
        for name, wanted in unread:
            checksums = checksums_of(Path(name))
            if checksums is not _WHOLE:
                wanted = wanted if checksums.width == width else range(checksums.width)
                checksums.compare_groups(Path(name), list(range(len(checksums.crcs) // checksums.width)), wanted)
    except (OSError, DamagedBytes):
        return False
    return True


def _recall(name: str, now: Identity) -> _Kept | None:
    with _lock:
        kept = _kept.get(name)
        if kept is None or kept[0] != now:
            return None
        _kept.move_to_end(name)
        return kept


def _learn(name: str, now: Identity) -> _Kept:
    kept = now, _read(Path(name))
    with _lock:
        _kept[name] = kept
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return kept


def _read(path: Path) -> Checksums | None:
    refuse_no_file(path)
    with path.open("rb", buffering=0) as file:
        handle = file.fileno()
        size = os.fstat(handle).st_size
        tail = read_at(handle, _TAIL, max(0, size - _TAIL))
        if len(tail) < _TAIL or tail[4:] != b"PAR1":
            raise DamagedBytes
        footer = size - _TAIL - _LENGTH.unpack_from(tail)[0]
        if not 8 <= footer <= size - _TAIL:
            raise DamagedBytes
        (length,) = _LENGTH.unpack(read_at(handle, 4, footer - 4))
        fixed = len(_MAGIC) + _COUNTS.size + _SHA + _LENGTH.size
        if not fixed <= length <= footer - 4:
            return None
        block = read_at(handle, size - footer + length, footer - length)
    if not block.startswith(_MAGIC):
        return None
    count, width = _COUNTS.unpack_from(block, len(_MAGIC))
    numbers = len(_MAGIC) + _COUNTS.size
    end = numbers + 8 * count
    if count < 0 or width < 1 or count % width or length != fixed + 8 * count:
        return None
    if hashlib.sha256(block[:end] + block[end + _SHA :]).digest() != block[end : end + _SHA]:
        raise DamagedBytes
    sizes = np.frombuffer(block, "<u4", count, numbers).astype(np.int64)
    crcs = np.frombuffer(block, "<u4", count, numbers + 4 * count).astype(np.uint32)
    ends = np.concatenate((np.array([4], np.int64), 4 + np.cumsum(sizes)))
    return Checksums(width, ends, crcs, np.zeros(count, np.bool_))
