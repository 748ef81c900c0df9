"""Hashing a file while it is still being written."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Final

_PIECE: Final = 256 * 1024
_BATCH: Final = 1024 * 1024


class BackgroundHash:
    """Hash a file in two threads while it is written: one thread for all of it, one for parts of it.

    The bytes are read back from the system's cache, which takes a sixteenth of the time of hashing them. So a writer
    may go back and fill in what it knows at the end only, and no file is held in memory.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.out = file
        self.size = 0
        self._hashed_to = 0
        self._digest = hashlib.sha256()
        self._all, self._parts = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._waiting: list[Future[None]] = []

    def __enter__(self) -> BackgroundHash:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._hash_new()
                for future in self._waiting:
                    future.result()
        finally:
            # The file is closed next.
            for pool in (self._all, self._parts):
                pool.shutdown(wait=True, cancel_futures=kind is not None)

    def finished(self, size: int) -> None:
        """Report that the first `size` bytes will not change any more."""
        self.size = size
        if size - self._hashed_to >= _BATCH:
            self._hash_new()

    def _hash_new(self) -> None:
        self.out.flush()
        self._waiting.append(self._all.submit(self._update, self._digest, self._hashed_to, self.size))
        self._hashed_to = self.size

    def part(self, start: int, end: int) -> Future[str]:
        """Hash the bytes [start, end), which will not change any more."""
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
                raise OSError("the file became shorter while it was hashed")
            digest.update(data)
            start += len(data)

    def sha256(self) -> str:
        """The sha256 of the whole file, once it is closed."""
        return self._digest.hexdigest()
