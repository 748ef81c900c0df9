"""Reads tars from untrusted sources: finds where each regular file lies, without unpacking.

As nothing is unpacked, names, links and devices can do no harm: members are looked up by name in memory and read in
place. The standard library's tarfile keeps an object for each member and takes ten times as long; a published tar can
hold a hundred thousand members.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

_BLOCK: Final = 512
_MAX_NAME: Final = 4096
"""Bytes of a name; longer ones are cut."""

_MAX_ABOUT: Final = 1024**2
"""Bytes of a header about the next member: its long name, or extended attributes."""

_MAX_HEADERS: Final = 16
"""Headers about one member; writers need two."""

_MAX_RECORDS: Final = 1000
"""Statements of a header about the next member; writers make some ten."""

_MAX_END: Final = 2 * 1024**2
"""Bytes of zeros that a tar may end with: writers pad their last record, usually to 10 kB."""

_NO_DATA: Final = b"123456"
"""Links, devices, folders and pipes: they have no data, whatever size is stated."""

_KINDS: Final = {b"1": "hard link", b"2": "symbolic link", b"S": "sparse file"}
_PAX_LENGTH: Final = re.compile(rb"([0-9]{1,9}) ")

_COMPRESSED: Final = {
    b"\x1f\x8b": ("gzip", "gunzip -k"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ\0": ("xz", "unxz -k"),
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\x04\x22\x4d\x18": ("lz4", "unlz4 -k"),
    b"LZIP": ("lzip", "lzip -dk"),
    b"\x1f\x9d": ("compress", "uncompress -k"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"7z\xbc\xaf\x27\x1c": ("7z", "7z x"),
    b"Rar!\x1a\x07": ("rar", "unrar x"),
}
"""How compressed files begin, what they are, and what unpacks them."""

MAX_MEMBERS: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of a tar: its name as text, and where its bytes are."""

    name: str
    start: int
    size: int


class TarBytes(Protocol):
    """The bytes of a tar, read by place: a file of this machine, or one elsewhere."""

    @property
    def size(self) -> int:
        """Bytes of it."""

    def pread(self, start: int, size: int) -> bytes:
        """So many bytes; fewer only where the file has got shorter."""


@dataclass(frozen=True)
class Listing:
    """What a tar holds, known before it is opened.

    Attributes:
        size: bytes of the tar.
        members: its regular files, in order.
        skipped, damage, cut_in: as of `Tar`.
    """

    size: int
    members: tuple[Member, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    damage: str = ""
    cut_in: str = ""


class FileBytes:
    """The bytes of a file of this machine."""

    def __init__(self, path: Path) -> None:
        # A folder may hold pipes and devices of that name.
        self._file = open_regular(path, buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size

    def pread(self, start: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, start)
        # One call reads at most 2 GB.
        while data and len(data) < size:
            more = os.pread(self._file.fileno(), size - len(data), start + len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        self._file.close()


class _Inside(io.RawIOBase):
    """A member of a tar as a file of its own."""

    def __init__(self, file: TarBytes, member: Member) -> None:
        self._file, self._member, self._at = file, member, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._member.size - self._at)]
        data = self._file.pread(self._member.start + self._at, len(view)) if view else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._member.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


class Tar:
    """A tar, opened for reading. Use as a context manager.

    Attributes:
        passed_over: names and kinds of members that are not regular files; the first thousand.
        damage: where and why reading stopped before the end; "" where it did not.
        cut_in: the file in which it stopped; "" where it stopped between two, or there is no damage.
    """

    def __init__(self, path: Path, file: TarBytes | None = None, listing: Listing | None = None) -> None:
        """Opens a tar.

        Args:
            path: of the file; its name in messages where `file` is given.
            file: its bytes; of these only members that are read need to be there where there is a `listing`.
            listing: what it holds; None to find out.

        Raises:
            BadInputError: it cannot be opened.
        """
        self.path = path
        self.passed_over: list[tuple[str, str]] = []
        self.damage = ""
        self.cut_in = ""
        self._listing = listing
        self._opened = None
        if file is None:
            file = self._opened = FileBytes(path)
        self._file: TarBytes = file
        self.size = file.size

    def __enter__(self) -> Tar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    def read(self, start: int, size: int, name: str) -> bytes:
        """Bytes of the tar.

        Raises:
            BadInputError: the tar ends before them.
        """
        data = self._file.pread(start, size) if start + size <= self.size else b""
        if len(data) != size:
            raise BadInputError(f"{self.path}: {name} ends early")
        return data

    def open(self, member: Member) -> IO[bytes]:
        """A file of the tar, read in place; seekable.

        Raises:
            BadInputError: the tar ends before it does.
        """
        if member.start + member.size > self.size:
            raise BadInputError(f"{self.path}: {member.name} ends early")
        return io.BufferedReader(_Inside(self._file, member), 2**18)

    def read_many(self, starts: Sequence[int], size: int, name: str) -> npt.NDArray[np.uint8]:
        """Files of one size, uint8 [n, size].

        Raises:
            BadInputError: the tar ends before them.
        """
        files = np.empty((len(starts), size), np.uint8)
        for row, start in zip(files, starts, strict=True):
            row[:] = np.frombuffer(self.read(start, size, name), np.uint8)
        return files

    def listing(self) -> Listing:
        """What it holds, to be used the next time.

        Raises:
            BadInputError: there is no member at all, so it is not a tar.
        """
        members = tuple(self.members())
        return Listing(self.size, members, tuple(self.passed_over), self.damage, self.cut_in)

    def members(self) -> Iterator[Member]:
        """The regular files, in order, up to any damage; `damage` then says where it is.

        Raises:
            BadInputError: there is no member at all, so it is not a tar.
        """
        if self._listing is not None:
            self.passed_over = list(self._listing.skipped)
            self.damage, self.cut_in = self._listing.damage, self._listing.cut_in
            yield from self._listing.members
            return
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
        at, count, headers = 0, 0, 0
        about = _About()
        self._check_is_not_compressed()
        while at + _BLOCK <= self.size:
            header = self._file.pread(at, _BLOCK)
            if not header.strip(b"\0"):
                if self._continues(at):
                    # Zeros in the middle: what a broken download leaves, or two tars in one file.
                    raise BadInputError(f"{self.path} ends at byte {at:,}, and what follows is not read")
                if not count:
                    raise BadInputError(f"{self.path} is empty: it holds no file")
                return
            if not _sound(header):
                raise BadInputError(f"{self.path} is damaged or not a tar at byte {at:,}")
            kind = header[156:157]
            name = about.name or _name(header)
            size = 0 if kind in _NO_DATA else _number(header[124:136]) if about.size is None else about.size
            start = at + _BLOCK
            if kind == b"S":
                start = self._after_sparse_map(header, start)
            if size < 0 or start + size > self.size:
                self.cut_in = _text(name)
                raise BadInputError(f"{self.path} ends early, in {_text(name)!r:.100}")
            at = start + -(-size // _BLOCK) * _BLOCK
            count += 1
            if count > MAX_MEMBERS:
                raise BadInputError(f"{self.path} has more than {MAX_MEMBERS:,} members")
            if kind in b"Lx":
                if size > _MAX_ABOUT:
                    raise BadInputError(f"{self.path} has a name of {size:,} bytes")
                headers += 1
                if headers > _MAX_HEADERS:
                    raise BadInputError(f"{self.path} has more than {_MAX_HEADERS} headers about one file")
                data = self.read(start, size, "a long name")
                about = replace(about, name=data.split(b"\0", 1)[0]) if kind == b"L" else _pax(data, about)
                continue
            if kind in b"gK":
                continue
            if kind in b"0\0" and not about.sparse:
                yield Member(_text(name), start, size)
            elif kind != b"5" and len(self.passed_over) < 1000:
                what = "sparse file" if about.sparse else _KINDS.get(kind, "special file")
                self.passed_over.append((_text(name), what))
            about, headers = _About(), 0
        if at < self.size or not count or about != _About():
            raise BadInputError(f"{self.path} is damaged or not a tar at byte {min(at, self.size):,}")
        # A download that was cut between two members looks complete except for this.
        raise BadInputError(f"{self.path} has no end mark: it may be cut short")

    def _check_is_not_compressed(self) -> None:
        start = self._file.pread(0, min(_BLOCK, self.size))
        found = next((found for magic, found in _COMPRESSED.items() if start.startswith(magic)), None)
        # A name in a tar may begin like that, too.
        if found and not (len(start) == _BLOCK and _sound(start)):
            what, unpack = found
            command = f"{unpack} {self.path}"
            if self.path.suffix.lower() == ".tar" and what not in ("zip", "7z", "rar"):
                # These programs refuse a file without their own ending.
                command = f"{re.sub('k$', 'c', unpack)} < {self.path} > {self.path.stem}-unpacked.tar"
            raise BadInputError(f"{self.path} is compressed ({what})", f"Unpack it: {command}")

    def _continues(self, at: int) -> bool:
        """Whether there is anything but zeros from `at` on, or more zeros than a tar ends with."""
        rest = self.size - at
        return rest > _MAX_END or bool(self.read(at, rest, "its end").strip(b"\0"))

    def _after_sparse_map(self, header: bytes, start: int) -> int:
        """Where the data of a GNU sparse file start: its map continues in further blocks while a flag says so."""
        more = header[482]
        while more and start + _BLOCK <= self.size:
            more = self._file.pread(start + 504, 1)[0]
            start += _BLOCK
        return start


def is_header_of(header: bytes, member: Member) -> bool:
    """Whether the block before a member's data is its header, as far as that block alone tells.

    A name of more than 100 bytes, or in other letters than ASCII's, stands in a header before that one.
    """
    if len(header) != _BLOCK or not _sound(header) or header[156:157] not in (b"0", b"\0"):
        return False
    name = member.name.encode("utf-8", "surrogateescape")
    elsewhere = len(name) > 100 or not name.isascii()
    # Of 8 GB and more the size is not there either; no member of that size is read.
    return _number(header[124:136]) == member.size and (elsewhere or _name(header) == name)


@dataclass(frozen=True, slots=True)
class _About:
    """What the headers before a member say about it."""

    name: bytes = b""
    size: int | None = None
    sparse: bool = False


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:262] == b"ustar" and header[257:265] != b"ustar  \0":
        prefix = header[345:500].split(b"\0", 1)[0]
        name = prefix + b"/" + name if prefix else name
    return name


def _text(name: bytes) -> str:
    # Bytes that are not UTF-8 become lone surrogates, which video ids may not hold.
    return name[:_MAX_NAME].decode("utf-8", "surrogateescape")


def _number(digits: bytes) -> int:
    """A size: octal, or base 256 where it has more than eleven digits."""
    if digits[0] & 0x80:
        return int.from_bytes(digits[4:], "big") if digits[0] == 0x80 and not any(digits[1:4]) else -1
    text = digits.strip(b" \0")
    return int(text, 8) if re.fullmatch(rb"[0-7]+", text) else 0 if not text else -1


def _sound(header: bytes) -> bool:
    """Whether the header's checksum is right: the sum of its bytes, with blanks in place of the checksum."""
    stated = header[148:156].strip(b" \0")
    if not re.fullmatch(rb"[0-7]+", stated):
        return False
    return sum(header) - sum(header[148:156]) + 8 * 0x20 == int(stated, 8)


def _pax(data: bytes, about: _About) -> _About:
    """What a pax header says about the next member; ignored from where it is malformed.

    Raises:
        BadInputError: it says more than any writer does.
    """
    at = records = 0
    while match := _PAX_LENGTH.match(data, at):
        end = at + int(match.group(1))
        if not match.end() < end <= len(data):
            break
        key, _, value = data[match.end() : end - 1].partition(b"=")
        if key in (b"path", b"GNU.sparse.name"):
            about = replace(about, name=value)
        elif key == b"size":
            about = replace(about, size=int(value) if re.fullmatch(rb"[0-9]{1,18}", value) else -1)
        if key.startswith(b"GNU.sparse."):
            about = replace(about, sparse=True)
        at, records = end, records + 1
        if records > _MAX_RECORDS:
            raise BadInputError(f"a header of a tar has more than {_MAX_RECORDS} statements about one file")
    return about
