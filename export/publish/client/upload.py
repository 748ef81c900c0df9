"""Files as they are sent: counted and hashed on the way, and ended by Ctrl-C between two reads."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from typing import Any

from signverse.export.publish.content import Source
from signverse.lake.model.errors import BadInputError


class StoppedError(Exception):
    """Ctrl-C came while files were sent."""


class DamagedSourceError(BadInputError):
    """A file does not hold what the checksums of its export say: it was not committed."""


class Upload(io.BufferedIOBase):
    """The content of a file as the client reads it to send it, several times where a connection breaks.

    Raises, from `read`:
        StoppedError: `stop` is set.
        DamagedSourceError: the end is reached, and the sha256 of what was read is not the one that is known.
    """

    def __init__(self, source: Source, stop: threading.Event, on_bytes: Callable[[int], None]) -> None:
        self._source = source
        self._stop = stop
        self._on_bytes = on_bytes
        self._file = source.open()
        self._hash = hashlib.sha256()
        # How far it was read, the first time; a second reading of the same bytes counts nothing.
        self._read = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise StoppedError
        start = self._file.tell()
        data = self._file.read(-1 if size is None else size)
        fresh = data[max(0, self._read - start) :] if start <= self._read else b""
        if fresh:
            self._hash.update(fresh)
            self._read += len(fresh)
            self._on_bytes(len(fresh))
        at_end = self._read >= self._source.size or (not data and size != 0)
        if at_end and self._hash.hexdigest() != self._source.digest():
            raise DamagedSourceError(
                f"{self._source.place or self._source.path} is damaged: it is not what its checksum says",
                "`signverse verify` says more; write the export again, with --overwrite.",
            )
        return data

    def close(self) -> None:
        self._file.close()
        super().close()

    def __reduce__(self) -> Any:
        raise TypeError("an open file cannot be sent to another process")
