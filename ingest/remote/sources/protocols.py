"""What a source of tars is, what a file of it is, and how reading them fails."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from signverse.lake.model.errors import BadInputError


class SourceError(BadInputError):
    """A source as a whole cannot be read: it is not there, may not be read, or cannot be reached."""


class AbsentError(SourceError):
    """There is nothing at an address, or nothing answers there."""


class RemoteFileError(BadInputError):
    """A file of a source cannot be read: it is gone, was replaced, ends early, or connections to it keep breaking.

    Other files of the source may be readable.
    """


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as its source lists it.

    Attributes:
        path: its name inside the source, with / between folders.
        size: bytes; None where the listing does not say, as that of a web server: `TarSource.open` says it.
        oid: see `RangedFile`; None where the listing does not say.
    """

    path: str
    size: int | None
    oid: str | None


@dataclass
class Traffic:
    """What was asked of a source so far. Counted by several threads at once.

    Attributes:
        bytes: of the files, as received; what was received of a request that broke counts.
        requests: of any kind: listings, addresses and ranges, failed ones as well.
        resolves: those that asked the hub for the address of a file, which it limits.
        waits: pauses that a server asked for.
        waited_s: their seconds.
    """

    bytes: int = 0
    requests: int = 0
    resolves: int = 0
    waits: int = 0
    waited_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(
        self, *, bytes: int = 0, requests: int = 0, resolves: int = 0, waits: int = 0, waited_s: float = 0.0
    ) -> None:
        """Adds to the counts."""
        with self._lock:
            self.bytes += bytes
            self.requests += requests
            self.resolves += resolves
            self.waits += waits
            self.waited_s += waited_s


class RangedFile(Protocol):
    """A file of a source, opened: the same file until it is closed. Several threads may read it at once."""

    @property
    def path(self) -> str:
        """Its name inside the source, as in `SourceFile`."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def oid(self) -> str | None:
        """Which bytes these are, to compare with an earlier time; None where the source has nothing to tell by.

        64 hexadecimal digits are the file's sha256. `etag:...` is a strong ETag of the server. `modified:...` is the
        time of the last change, which together with the size has to do.
        """

    def pread(self, start: int, size: int) -> bytes:
        """Exactly these bytes.

        Args:
            start: the first byte, from 0.
            size: how many; 0 for none.

        Raises:
            RemoteFileError: the file ends before them, is another by now, or cannot be read.
            SourceError: the source cannot be reached or read any more.
        """

    def close(self) -> None:
        """Ends reading; closing it again does nothing."""


class TarSource(Protocol):
    """Where tars lie. Use as a context manager."""

    @property
    def address(self) -> str:
        """What it is, the same for every way of naming it, without user names, keys and signatures."""

    @property
    def revision(self) -> str | None:
        """The commit, where the source has commits: the files are those of this commit, whatever comes after."""

    @property
    def traffic(self) -> Traffic:
        """What was asked of it so far."""

    @property
    def remarks(self) -> Sequence[str]:
        """What a person should know about how it was opened and listed, a line each."""

    def files(self) -> Sequence[SourceFile]:
        """All files, those in folders inside as well, sorted by path; asked for once.

        Raises:
            SourceError: they cannot be listed.
        """

    def open(self, path: str) -> RangedFile:
        """Opens a file, by its path in `files`.

        Raises:
            RemoteFileError: there is no such file, or it cannot be read.
            SourceError: the source cannot be reached or read.
        """

    def close(self) -> None:
        """Ends all reading; what other threads still wait for fails soon."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Opened:
    """What sources share: `with` closes them."""

    def close(self) -> None:
        """Ends all reading."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tars(files: Sequence[SourceFile]) -> list[SourceFile]:
    """The tars among the files of a source."""
    return [file for file in files if is_tar(file.path)]


def is_tar(path: str) -> bool:
    """Whether a file is a tar, by its name."""
    name = path.rpartition("/")[2]
    return name.lower().endswith(".tar") and not name.startswith(".")


def check_range(path: str, start: int, size: int, length: int) -> None:
    """Refuses bytes that a file does not have.

    Args:
        length: the file's size.

    Raises:
        RemoteFileError: it ends before them.
    """
    if start < 0 or size < 0:
        raise ValueError(f"{size} bytes from {start}")
    if start + size > length:
        raise RemoteFileError(f"{path} ends at byte {length:,}: there are not {size:,} bytes from byte {start:,} on")


def is_plain(path: str) -> bool:
    """Whether a path that a listing names stays inside of its source, and can be shown and asked for as it is."""
    parts = path.split("/")
    return path.isprintable() and not any(part in ("", ".", "..") for part in parts) and "\\" not in path
