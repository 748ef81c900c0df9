"""Checksums inside a keypoints file, of its footer and of each of its parts: a part is checked for itself.

They are in a block of the file, see `signverse.lake.storage.pages.block`. The first files of format 1 have none: they
are compared with the digest in their name, as a whole.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.integrity.digests import (
    DamagedBytes,
    Identity,
    identity_of,
    is_intact,
    is_known,
    read_at,
)
from signverse.lake.storage.pages.block import read_block
from signverse.lake.storage.pages.page_table import PageTable
from signverse.lake.storage.stores.cached_lake import lake_of, want, want_all, want_ends

KEPT_BYTES: Final = 512 << 20
"""Of memory for the blocks of files: 1.2 MB for a file of 128 MB, and 80 kB for one of format 1."""

_LITTLE: Final = 64 << 20
"""Bytes that are compared before a query that may need less: a tenth of a second, and those after it are as fast as
over files that nobody compares."""


@dataclass(frozen=True)
class Checksums:
    """The checksums of one file, and what was found of its pieces until now.

    A piece is a page, or a whole column chunk; a chunk is one piece or several.

    Attributes:
        width: number of columns C; chunk i is column i % C of row group i // C.
        ends: int64 [N + 1]: piece i is bytes ends[i] to ends[i + 1].
        crcs: uint32 [N].
        checked: bool [N]: the piece was compared. It may be set by several threads.
        chunks: int64 [G * C + 1]: chunk i is pieces chunks[i] to chunks[i + 1].
        pages: where pages lie; None in a file of format 1, or of another writer.
        whole: columns of which every piece was compared, as far as that was asked.
    """

    width: int
    ends: npt.NDArray[np.int64]
    crcs: npt.NDArray[np.uint32]
    checked: npt.NDArray[np.bool_]
    chunks: npt.NDArray[np.int64]
    pages: PageTable | None = None
    whole: set[int] = field(default_factory=set)

    @property
    def groups(self) -> int:
        """Row groups of the file."""
        return len(self.chunks) // self.width

    @property
    def nbytes(self) -> int:
        """Bytes of memory that this takes, about."""
        mine = self.ends.nbytes + self.crcs.nbytes + self.checked.nbytes + self.chunks.nbytes
        return mine + (self.pages.nbytes if self.pages else 0)

    def compare(self, file: int, start: int, data: bytes | memoryview) -> None:
        """Compares the pieces that bytes of the file touch.

        Args:
            file: open for reading; pieces that the bytes cut are read whole.
            start: place of the bytes in the file.

        Raises:
            DamagedBytes: a piece differs.
        """
        first = max(0, int(np.searchsorted(self.ends, start, side="right")) - 1)
        last = min(int(np.searchsorted(self.ends, start + len(data), side="left")), len(self.crcs))
        held, end = memoryview(data), start + len(data)
        for index in (first + np.flatnonzero(~self.checked[first:last])).tolist():
            low, high = self.ends[index : index + 2].tolist()
            piece = held[low - start : high - start] if start <= low and high <= end else read_at(file, high - low, low)
            if len(piece) != high - low or zlib.crc32(piece) != self.crcs[index]:
                raise DamagedBytes
            self.checked[index] = True

    def bytes_left(self, columns: Collection[int]) -> int:
        """Bytes of the chunks of columns, by their place in the file, that were not compared yet."""
        if self.whole.issuperset(columns):
            return 0
        of_pieces = np.where(self.checked, 0, np.diff(self.ends))
        of_chunks = np.add.reduceat(of_pieces, self.chunks[:-1]) if len(of_pieces) else of_pieces
        left = of_chunks.reshape(-1, self.width)[:, list(columns)].sum(axis=0)
        self.whole.update(column for column, size in zip(columns, left, strict=True) if not size)
        return int(left.sum())

    def _spans(self, groups: Iterable[int], columns: Collection[int]) -> list[tuple[int, int]]:
        """Where columns of row groups lie."""
        chunks = [group * self.width + column for group in groups for column in columns]
        ends = self.ends[self.chunks]
        return [(int(ends[chunk]), int(ends[chunk + 1] - ends[chunk])) for chunk in chunks]

    def around(self, start: int, size: int) -> tuple[int, int]:
        """Bytes of the file, and those of the pieces that they cut: first byte and number of bytes."""
        first = max(0, int(np.searchsorted(self.ends, start, side="right")) - 1)
        last = min(int(np.searchsorted(self.ends, start + size, side="left")), len(self.crcs))
        low, high = min(start, int(self.ends[first])), max(start + size, int(self.ends[last]))
        return low, high - low

    def compare_groups(self, path: Path, groups: Iterable[int], columns: Collection[int]) -> None:
        """Compares columns of row groups.

        Args:
            columns: by their place in the file.

        Raises:
            DamagedBytes: a piece differs.
        """
        if not len(self.crcs):
            want_all(path)
            return
        if lake_of(path) is not None:
            want({str(path): self._spans(groups := list(groups), columns)})
        with path.open("rb", buffering=0) as file:
            for group in groups:
                for column in columns:
                    first, last = self.chunks[group * self.width + column :][:2].tolist()
                    if not self.checked[first:last].all():
                        start, end = int(self.ends[first]), int(self.ends[last])
                        self.compare(file.fileno(), start, read_at(file.fileno(), end - start, start))


_WHOLE: Final = Checksums(1, np.zeros(1, np.int64), np.zeros(0, np.uint32), np.ones(0, np.bool_), np.zeros(1, np.int64))
"""Of a file that was compared with the digest in its name: no piece is left to compare."""


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
    files = list(files)
    if files and lake_of(files[0]) is not None:
        # Over a network nothing is read that may not be needed.
        compare = False
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
                checksums.compare_groups(Path(name), range(checksums.groups), wanted)
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
    want_ends([name])
    kept = now, _read(Path(name))
    with _lock:
        _kept[name] = kept
        _kept.move_to_end(name)
        held = sum(checksums.nbytes for _, checksums in _kept.values() if checksums)
        while held > KEPT_BYTES and len(_kept) > 1:
            _, (_, checksums) = _kept.popitem(last=False)
            held -= checksums.nbytes if checksums else 0
    return kept


def _read(path: Path) -> Checksums | None:
    block = read_block(path)
    if block is None:
        return None
    ends = np.concatenate((np.array([4], np.int64), 4 + np.cumsum(block.sizes)))
    return Checksums(block.width, ends, block.crcs, np.zeros(len(block.crcs), np.bool_), block.chunks, block.pages)
