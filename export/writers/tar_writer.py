"""Writing tars whose bytes depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from signverse.export.writers.hashing import BackgroundHash
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.temporary.whole_file import whole_file

Member = bytes | Callable[[IO[bytes]], None]
"""The content of a file in a tar: its bytes, or a function that writes them to a seekable file."""


@dataclass(frozen=True)
class Place:
    """A member of a finished tar: where its data begin, how many bytes they are, and their sha256."""

    member: str
    offset: int
    size: int
    sha256: str


class HashingWriter:
    """Write to a file and hash what is written: it is not read again for its checksum."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return int(self._file.write(data))

    def sha256(self) -> str:
        """The sha256 of what was written so far."""
        return self._digest.hexdigest()


class HashingSink(HashingWriter):
    """A `HashingWriter` with the other methods of a file that pyarrow calls."""

    closed = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is buffered here."""


class Tar:
    """A tar that is being written; `file` has its checksum and size when it is finished."""

    def __init__(self, file: BackgroundHash) -> None:
        self.file = file
        self._sums: dict[str, Future[str]] = {}
        self._members: list[tuple[str, int, int, str | Future[str]]] = []

    def add(self, name: str, data: Member) -> None:
        """Add a file; `sha256` has the checksum of one that is given as a function."""
        out, start = self.file.out, self.file.size
        if isinstance(data, bytes):
            head = _head(name, len(data))
            end = start + out.write(head + data)
            self._members.append((name, start + len(head), len(data), hashlib.sha256(data).hexdigest()))
        else:
            # Its size is known when it is written.
            room = len(_head(name, 0))
            inside = start + out.write(bytes(room))
            # A zip takes an error of the disk at its first seek for a file without seeks, and goes on in another form.
            out.flush()
            data(cast(IO[bytes], _Inside(out, inside)))
            end = out.seek(0, io.SEEK_END)
            known = _head(name, end - inside)
            if len(known) != room:
                raise BadInputError(f"{name} has {end - inside:,} bytes, more than a file of a tar may have")
            out.seek(start)
            out.write(known)
            out.seek(end)
            self._sums[name] = self.file.part(inside, end)
            self._members.append((name, inside, end - inside, self._sums[name]))
        self.file.finished(end + out.write(bytes(-end % tarfile.BLOCKSIZE)))

    def finish(self) -> None:
        """Write the end of the tar."""
        out, end = self.file.out, self.file.size + 2 * tarfile.BLOCKSIZE
        self.file.finished(self.file.size + out.write(bytes(end + -end % tarfile.RECORDSIZE - self.file.size)))

    def sha256(self, name: str) -> str:
        """The sha256 of a file that was given as a function."""
        return self._sums[name].result()

    def places(self) -> list[Place]:
        """Where each file is, in order."""
        return [
            Place(name, offset, size, digest if isinstance(digest, str) else digest.result())
            for name, offset, size, digest in self._members
        ]


def _head(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)


class _Inside:
    """The part of a file from `start` on, as a file of its own."""

    def __init__(self, out: IO[bytes], start: int) -> None:
        self._out, self._start = out, start
        self.write, self.flush = out.write, out.flush

    def tell(self) -> int:
        return self._out.tell() - self._start

    def seek(self, at: int) -> int:
        return self._out.seek(self._start + at) - self._start


@contextmanager
def atomic_tar(path: Path) -> Iterator[Tar]:
    """Write a tar that gets its name only when all of it is written."""
    with whole_file(path) as out, BackgroundHash(out) as file:
        tar = Tar(file)
        yield tar
        tar.finish()
