"""Walking the headers of a tar that lies elsewhere: some 64 KiB for each large member, instead of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.copies import PartialCopy
from signverse.ingest.remote.sources.protocols import RangedFile
from signverse.ingest.shards.untrusted.tar_reader import Listing, Member, Tar

WINDOW: Final = 64 * 1024
"""Bytes that are read at once: small members, such as captions, come along with the header of a large one."""

_TRIED: Final = 16
"""Windows after which it is clear whether members are large enough for a walk to spare anything."""


@dataclass(frozen=True)
class Walked:
    """What a walk found.

    Attributes:
        listing: what the tar holds; None where its members are so small that a walk would read all of it.
        beginning: the members that were seen, all of them where there is a `listing`.
        requests, received: what the walk cost, in requests and bytes.
    """

    listing: Listing | None
    beginning: tuple[Member, ...]
    requests: int
    received: int


def walk(file: RangedFile, copy: PartialCopy | None = None) -> Walked:
    """Finds the members of a tar.

    Args:
        copy: keeps what was read, so that a walk that is broken off goes on from there.

    Raises:
        BadInputError: it cannot be read, or is not a tar.
    """
    window = _Window(file, copy)
    seen: list[Member] = []
    listing = None
    with Tar(Path(file.path), window) as tar:
        try:
            seen += tar.members()
            listing = Listing(tar.size, tuple(seen), tuple(tar.passed_over), tar.damage, tar.cut_in)
        except _SmallMembersError:
            pass
    return Walked(listing, tuple(seen), window.requests, window.received)


class _SmallMembersError(Exception):
    """A walk would read all of a tar."""


class _Window:
    """A file elsewhere as the reader of tars takes it: what follows a header is read along with it."""

    def __init__(self, file: RangedFile, copy: PartialCopy | None) -> None:
        self._file, self._copy = file, copy
        self._start, self._data = 0, b""
        self.size = file.size
        self.requests = self.received = 0

    def pread(self, start: int, size: int) -> bytes:
        size = min(size, self.size - start)
        if not self._start <= start <= start + size <= self._start + len(self._data):
            if self.requests >= _TRIED and self.received > start / 2:
                raise _SmallMembersError
            self._start, self._data = start, self._read(start, min(max(size, WINDOW), self.size - start))
            self.requests += 1
            self.received += len(self._data)
        return self._data[start - self._start : start - self._start + size]

    def _read(self, start: int, size: int) -> bytes:
        if self._copy is None:
            return self._file.pread(start, size)
        if not self._copy.missing([(start, start + size)]):
            return self._copy.read(start, size)
        data = self._file.pread(start, size)
        self._copy.write(start, data)
        return data
