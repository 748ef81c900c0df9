"""The block of a keypoints file: what is checked and found by, between its last row group and its footer.

Parquet has checksums of the data of pages only: a corrupted byte in a page's header, or in the footer, would change
what is read. And its footer takes ten times as long to read as the few numbers that finding a clip needs. Readers that
do not know the block see a gap. It is

    magic, 8 bytes
    numbers, which differ by the magic
    SHA-256 of the block up to here and of what follows it: its length, the footer, the footer's length and magic
    int32 length of the block

SVCHUNK2, of files whose list columns are in pages as our writer makes them; the numbers are int32 row groups G,
columns C, pieces N and rows of a page, int64 their bytes once unpacked, and compressed by zstd, one behind the other:

    int32 [G] rows, [G] first frames, [G] last frames, [G] persons; uint8 [G] has_visible; uint8 [C] paged
    uint32 [N] bytes, [N] unpacked, [N] levels; uint8 [N] bytes of the header; uint32 [N] CRC-32, header included
    int32 [R] steps, int8 [R] people
    JSON, a list of the video ids [G]

(see `PageTable`). Pieces lie one behind the other from byte 4 of the file on.

SVCHUNK1, of files of format 1 and of those that are not as our writer makes them; the numbers are int32 column chunks
and columns, uint32 bytes of each chunk and uint32 CRC-32 of each.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.storage.integrity.digests import DamagedBytes, read_at, refuse_no_file
from signverse.lake.storage.keypoints import list_widths
from signverse.lake.storage.pages.page_headers import Page, pages_in
from signverse.lake.storage.pages.page_table import (
    HEADER,
    LEVELS,
    SEVERAL,
    SIZE,
    START,
    UNPACKED,
    PageTable,
    are_regular,
    are_sorted,
    first_pieces,
    page_counts,
    paged_columns,
    plain_groups,
)

_CHUNKS: Final = b"SVCHUNK1"
_PAGES: Final = b"SVCHUNK2"
_LENGTH: Final = struct.Struct("<i")
_CHUNK_COUNTS: Final = struct.Struct("<ii")
_PAGE_COUNTS: Final = struct.Struct("<iiiiq")
_TAIL: Final = 8
"""Bytes at the end of every Parquet file: the footer's length and PAR1."""

_SHA: Final = 32
_MOST_BYTES: Final = 32 << 20
"""Of numbers once unpacked, a bound for those that are made to fill the memory: ten hours of five people take 30 MB."""

_FIXED: Final = len(_PAGES) + _SHA + _LENGTH.size


@dataclass(frozen=True)
class Block:
    """What the block of a file says.

    Attributes:
        width: number of columns C; chunk i is column i % C of row group i // C.
        sizes: int64 [N], bytes of each piece: a page, or a whole chunk.
        crcs: uint32 [N].
        chunks: int64 [G * C + 1], the first piece of each chunk, and N.
        pages: None in a file of whole chunks.
    """

    width: int
    sizes: npt.NDArray[np.int64]
    crcs: npt.NDArray[np.uint32]
    chunks: npt.NDArray[np.int64]
    pages: PageTable | None


def add_block(path: Path, page_rows: int | None) -> None:
    """Puts the block into a finished Parquet file, as the last step before its digest is made.

    Args:
        page_rows: rows of a page; None where a list is neither null nor as long as its part: then pages do not say
            where a row is, and the block has checksums only.
    """
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
        size = os.fstat(handle).st_size
        (length,) = _LENGTH.unpack(read_at(handle, 4, size - _TAIL))
        at = size - _TAIL - length
        footer = read_at(handle, length + _TAIL, at)
        block = None
        if page_rows is not None and at < 2**32:
            block = _page_block(path, handle, metadata, starts, sizes, page_rows)
        block = block or _chunk_block(handle, metadata.num_columns, starts, sizes)
        end = _LENGTH.pack(len(block) + _SHA + 4) + footer
        rest = memoryview(block + hashlib.sha256(block + end).digest() + end)
        file.seek(at)
        while rest:
            rest = rest[file.write(rest) :]


def _start(chunk: Any) -> int:
    return int(chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset)


def _chunk_block(handle: int, width: int, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> bytes:
    crcs = [zlib.crc32(read_at(handle, size, at)) for at, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
    numbers = sizes.astype("<u4").tobytes() + np.array(crcs, "<u4").tobytes()
    return _CHUNKS + _CHUNK_COUNTS.pack(len(crcs), width) + numbers


def _page_block(
    path: Path,
    handle: int,
    metadata: pq.FileMetaData,
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    page_rows: int,
) -> bytes | None:
    """The block of a file whose list columns are in pages; None where they are not as we write them."""
    paged = paged_columns(metadata)
    groups = None if paged is None else _groups(path, metadata)
    if paged is None or groups is None:
        return None
    pieces: list[Page] = []
    crcs: list[int] = []
    for index, (at, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        chunk = read_at(handle, size, at)
        pages = pages_in(chunk) if paged[index % len(paged)] else [(size, 0, 0, 0)]
        if pages is None:
            return None
        pieces += pages
        begin = 0
        for page in pages:
            crcs.append(zlib.crc32(memoryview(chunk)[begin : begin + page[0]]))
            begin += page[0]
    numbers = np.insert(np.array(pieces, np.int64).reshape(-1, 4), START, 0, axis=1)
    if not are_regular(numbers, groups.rows, paged, page_rows):
        return None
    payload = b"".join(
        (
            *(column.astype("<i4").tobytes() for column in (groups.rows, *groups.frames.T, groups.person)),
            groups.has_visible.tobytes(),
            paged.tobytes(),
            *(numbers[:, which].astype("<u4").tobytes() for which in (SIZE, UNPACKED, LEVELS)),
            numbers[:, HEADER].astype("u1").tobytes(),
            np.array(crcs, "<u4").tobytes(),
            groups.steps.astype("<i4").tobytes(),
            groups.people.astype("i1").tobytes(),
            json.dumps(groups.video_ids).encode(),
        )
    )
    if len(payload) > _MOST_BYTES:
        return None
    counts = _PAGE_COUNTS.pack(len(groups.rows), len(paged), len(pieces), page_rows, len(payload))
    return _PAGES + counts + bytes(pa.Codec("zstd", compression_level=9).compress(payload, asbytes=True))


@dataclass(frozen=True)
class _Groups:
    """Of the row groups what `PageTable` says, as read from their columns."""

    video_ids: list[str]
    rows: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    person: npt.NDArray[np.int64]
    has_visible: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    people: npt.NDArray[np.int64]


def _groups(path: Path, metadata: pq.FileMetaData) -> _Groups | None:
    """None where a row group holds several videos, or rows that are not sorted by frame and person."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    rows = np.array([group.num_rows for group in groups], np.int64)
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    if "video_id" not in paths or not len(rows) or not rows.all():
        return None
    video_ids = [_only(group.column(paths.index("video_id")).statistics) for group in groups]
    if None in video_ids:
        return None
    with pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True) as file:
        table = file.read(["frame", "person", "body_visible"])
    if table.num_columns < 3 or table["frame"].null_count or table["person"].null_count:
        return None
    firsts = np.cumsum(rows) - rows
    frame, person = (table[name].to_numpy().astype(np.int64) for name in ("frame", "person"))
    visible = table["body_visible"].is_valid().to_numpy()
    begins = np.zeros(len(frame), np.bool_)
    begins[firsts] = True
    steps = np.where(begins, 0, np.diff(frame, prepend=0))
    # Sorted by both, and no row twice.
    later = (steps > 0) | ((steps == 0) & (np.diff(person, prepend=0) > 0))
    if not (later | begins).all() or (frame < 0).any():
        return None
    frames = np.stack((frame[firsts], frame[firsts + rows - 1]), axis=1)
    lowest, highest = np.minimum.reduceat(person, firsts), np.maximum.reduceat(person, firsts)
    whose = np.where(lowest == highest, lowest, SEVERAL)
    listed = np.repeat(~plain_groups(rows, frames, whose), rows)
    has_visible = np.logical_or.reduceat(visible, firsts)
    return _Groups(video_ids, rows, frames, whose, has_visible, steps[listed], person[listed])


def _only(statistics: Any) -> Any:
    return statistics.min if statistics and statistics.has_min_max and statistics.min == statistics.max else None


def read_block(path: Path) -> Block | None:
    """The block of a file; None where it has none.

    Raises:
        DamagedBytes, OSError: the block or the footer is not as it was written, or cannot be read.
    """
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
        if not _FIXED + _CHUNK_COUNTS.size <= length <= footer - 4:
            return None
        made = {_CHUNKS: _read_chunks, _PAGES: _read_pages}.get(read_at(handle, len(_PAGES), footer - length))
        if made is None:
            return None
        block = read_at(handle, size - footer + length, footer - length)
    end = length - _SHA - _LENGTH.size
    if hashlib.sha256(block[:end] + block[end + _SHA :]).digest() != block[end : end + _SHA]:
        raise DamagedBytes
    found = made(memoryview(block)[len(_PAGES) : end])
    if 4 + int(found.sizes.sum()) != footer - length:
        raise DamagedBytes
    return found


def _read_chunks(numbers: memoryview) -> Block:
    count, width = _CHUNK_COUNTS.unpack_from(numbers)
    if count < 0 or width < 1 or count % width or len(numbers) != _CHUNK_COUNTS.size + 8 * count:
        raise DamagedBytes
    sizes, crcs = np.frombuffer(numbers, "<u4", 2 * count, _CHUNK_COUNTS.size).reshape(2, -1)
    return Block(width, sizes.astype(np.int64), crcs.astype(np.uint32), np.arange(count + 1), None)


def _read_pages(block: memoryview) -> Block:
    count, width, total, page_rows, size = _PAGE_COUNTS.unpack_from(block)
    if min(count, width, total, page_rows) < 1 or not 0 <= size <= _MOST_BYTES:
        raise DamagedBytes
    numbers = _Numbers(pa.Codec("zstd").decompress(block[_PAGE_COUNTS.size :], size))
    rows, first, last, person = (numbers.take("<i4", count).astype(np.int64) for _ in range(4))
    has_visible = numbers.take("?", count)
    paged = numbers.take("?", width)
    sizes, unpacked, levels = (numbers.take("<u4", total) for _ in range(3))
    headers = numbers.take("u1", total)
    crcs = numbers.take("<u4", total).astype(np.uint32)
    frames = np.stack((first, last), axis=1)
    listed = int(rows[~plain_groups(rows, frames, person)].sum())
    steps, people = numbers.take("<i4", listed), numbers.take("i1", listed)
    video_ids = json.loads(numbers.rest())
    if len(video_ids) != count or not are_sorted(rows, frames, person, steps, people):
        raise DamagedBytes
    starts = 4 + np.cumsum(sizes, dtype=np.int64) - sizes
    pieces = np.stack((starts, sizes, headers, unpacked, levels), axis=1)
    if int(paged.sum()) != len(list_widths()) or not are_regular(pieces, rows, paged, page_rows):
        raise DamagedBytes
    table = PageTable(
        # One string a video, not one a row group.
        [sys.intern(video_id) for video_id in video_ids],
        rows, frames, person, has_visible, page_rows, paged, pieces.astype(np.uint32),
        steps.astype(np.min_scalar_type(int(steps.max(initial=0)))), people.copy(),
    )  # fmt: skip
    chunks = np.append(first_pieces(page_counts(rows, page_rows), paged).reshape(-1), total)
    return Block(width, sizes.astype(np.int64), crcs, chunks, table)


class _Numbers:
    """Arrays one behind the other."""

    def __init__(self, data: pa.Buffer) -> None:
        self._data = data
        self._at = 0

    def take(self, kind: str, count: int) -> npt.NDArray[Any]:
        taken = np.frombuffer(self._data, kind, count, self._at)
        self._at += taken.nbytes
        return taken

    def rest(self) -> bytes:
        return bytes(memoryview(self._data)[self._at :])
