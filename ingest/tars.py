"""Reading tars that a stranger wrote: where each plain file lies, and nothing more.

Nothing is unpacked, so names, links and devices can do no harm: members are looked up by name in memory and read from
where they lie. The standard library's tarfile would keep an object a member, takes ten times as long for it, and a
published tar can hold a hundred thousand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import numpy.typing as npt

from lake.errors import BadInputError

_BLOCK: Final = 512
_MAX_NAME: Final = 4096
"""Bytes of a long name; a longer one is refused, and so is the rest of its tar."""

MAX_MEMBERS: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file of a tar: its name as text, and where its bytes are."""

    name: str
    start: int
    size: int


class Tar:
    """A tar, opened for reading. Use as a context manager.

    Attributes:
        passed_over: names of what is no plain file, with what it is; the first thousand.
        damage: where reading had to stop before the end, and why, as a line; empty where all is well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed_over: list[tuple[str, str]] = []
        self.damage = ""
        try:
            self._file = path.open("rb", buffering=0)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise BadInputError(f"{path} cannot be read: {error.strerror}") from None

    def __enter__(self) -> Tar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, start: int, size: int, name: str) -> bytes:
        """Bytes of the tar.

        Raises:
            BadInputError: the tar ends before.
        """
        data = os.pread(self._file.fileno(), size, start) if start + size <= self.size else b""
        if len(data) != size:
            # One call reads at most 2 GB.
            while data and len(data) < size:
                more = os.pread(self._file.fileno(), size - len(data), start + len(data))
                if not more:
                    break
                data += more
        if len(data) != size:
            raise BadInputError(f"{self.path}: {name} ends early")
        return data

    def read_many(self, starts: Sequence[int], size: int, name: str) -> npt.NDArray[np.uint8]:
        """Files of one size, uint8 [n, size].

        Raises:
            BadInputError: the tar ends before.
        """
        files = np.empty((len(starts), size), np.uint8)
        handle = self._file.fileno()
        for row, start in zip(files, starts, strict=True):
            if os.preadv(handle, [row.data], start) != size:
                raise BadInputError(f"{self.path}: {name} ends early")
        return files

    def members(self) -> Iterator[Member]:
        """The plain files, in order; what comes before damage is given, and `damage` says where it is.

        Raises:
            BadInputError: there is no member at all, so it is no tar.
        """
        count = 0
        try:
            for member in self._members():
                count += 1
                yield member
        except BadInputError as error:
            if not count:
                raise
            self.damage = str(error)

    def _members(self) -> Iterator[Member]:
        at, count, long_name = 0, 0, b""
        while at + _BLOCK <= self.size:
            header = os.pread(self._file.fileno(), _BLOCK, at)
            if not header.strip(b"\0"):
                if not count:
                    raise BadInputError(f"{self.path} is empty: it holds no file")
                return
            if not _sound(header):
                raise BadInputError(f"{self.path} is damaged or no tar at byte {at:,}")
            size, kind = _number(header[124:136]), header[156:157]
            if size < 0 or at + _BLOCK + size > self.size:
                raise BadInputError(f"{self.path} ends early, in {_text(long_name or _name(header))!r:.100}")
            start, at = at + _BLOCK, at + _BLOCK + -(-size // _BLOCK) * _BLOCK
            count += 1
            if count > MAX_MEMBERS:
                raise BadInputError(f"{self.path} has more than {MAX_MEMBERS:,} members")
            if kind in b"Lx":
                if size > _MAX_NAME * 4:
                    raise BadInputError(f"{self.path} has a name of {size:,} bytes")
                data = self.read(start, size, "a long name")
                long_name = data.rstrip(b"\0") if kind == b"L" else _pax_path(data) or long_name
                continue
            name, long_name = long_name or _name(header), b""
            if kind in b"0\0":
                yield Member(_text(name), start, size)
            elif kind not in b"5gK":
                what = {b"1": "hard link", b"2": "symbolic link", b"S": "sparse file"}.get(kind, "special file")
                if len(self.passed_over) < 1000:
                    self.passed_over.append((_text(name), what))
        if at < self.size or not count:
            raise BadInputError(f"{self.path} is damaged or no tar at byte {min(at, self.size):,}")


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:262] == b"ustar" and header[257:265] != b"ustar  \0":
        prefix = header[345:500].split(b"\0", 1)[0]
        name = prefix + b"/" + name if prefix else name
    return name


def _text(name: bytes) -> str:
    # What is no UTF-8 becomes lone surrogates, which no video id may hold.
    return name[:_MAX_NAME].decode("utf-8", "surrogateescape")


def _number(digits: bytes) -> int:
    """A size: octal, or base 256 where it has more than eleven digits."""
    if digits[0] & 0x80:
        return int.from_bytes(digits[4:], "big") if digits[0] == 0x80 and not any(digits[1:4]) else -1
    text = digits.strip(b" \0")
    return int(text, 8) if re.fullmatch(rb"[0-7]+", text) else 0 if not text else -1


def _sound(header: bytes) -> bool:
    """Whether the header's checksum is right: the sum of its bytes, its own place counted as blanks."""
    stated = header[148:156].strip(b" \0")
    if not re.fullmatch(rb"[0-7]+", stated):
        return False
    return sum(header) - sum(header[148:156]) + 8 * 0x20 == int(stated, 8)


def _pax_path(data: bytes) -> bytes:
    """The path that a pax header gives to the next member."""
    at = 0
    while at < len(data):
        match = re.compile(rb"(\d{1,9}) ").match(data, at)
        if not match or int(match.group(1)) <= len(match.group()):
            return b""
        end = at + int(match.group(1))
        key, _, value = data[match.end() : end - 1].partition(b"=")
        if key == b"path":
            return value
        at = end
    return b""
