"""Hashing a file while it is still being written."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Final

_PIECE: Final = 256 * 1024
_BATCH: Final = 1024 * 1024


class HashedBehind:
    """A file that is hashed behind its writer, by two threads: one for the whole, one for parts of it.

    What was just written is read back from the system's cache, which takes a sixteenth of the time of hashing it. So
    a writer may go back and fill in what it knows at the end, and nobody has to hold a file that is being written.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.out = file
        self.size = 0
        self._told = 0
        self._digest = hashlib.sha256()
        self._whole, self._parts = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._waiting: list[Future[None]] = []

    def __enter__(self) -> HashedBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._tell()
                for future in self._waiting:
                    future.result()
        finally:
            # The file is closed next.
            for pool in (self._whole, self._parts):
                pool.shutdown(wait=True, cancel_futures=kind is not None)

    def finished(self, size: int) -> None:
        """The first `size` bytes will not change any more."""
        self.size = size
        if size - self._told >= _BATCH:
            self._tell()

    def _tell(self) -> None:
        self.out.flush()
        self._waiting.append(self._whole.submit(self._update, self._digest, self._told, self.size))
        self._told = self.size

    def part(self, start: int, end: int) -> Future[str]:
        """The sha256 of bytes that will not change any more."""
        self.out.flush()
        return self._parts.submit(self._sum, start, end)

    def _sum(self, start: int, end: int) -> str:
        digest = hashlib.sha256()
        self._update(digest, start, end)
        return digest.hexdigest()

    def _update(self, digest: Any, start: int, end: int) -> None:
        while start < end:
            data = os.pread(self.out.fileno(), min(_PIECE, end - start), start)
            if not data:
                raise OSError("what was written to it is gone")
            digest.update(data)
            start += len(data)

    def sha256(self) -> str:
        """Of the whole, when it is closed."""
        return self._digest.hexdigest()
