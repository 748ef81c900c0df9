"""A folder of tars of this machine, or one tar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from signverse.ingest.remote.sources.protocols import (
    Opened,
    RemoteFileError,
    SourceError,
    SourceFile,
    Traffic,
    check_range,
    is_plain,
)
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular
from signverse.lake.model.wording import counted, printable, some


class LocalFile:
    """A file of this machine as a `RangedFile`."""

    def __init__(self, path: str, place: Path, traffic: Traffic) -> None:
        self.path = path
        self._place, self._traffic = place, traffic
        try:
            self._file = open_regular(place, buffering=0)
        except BadInputError as error:
            raise RemoteFileError(error.message, error.hint) from None
        self._about = self._now()
        self.size, changed = self._about
        self.oid: str | None = f"modified:{changed}"

    def pread(self, start: int, size: int) -> bytes:
        check_range(str(self._place), start, size, self.size)
        pieces, at, end = [], start, start + size
        try:
            # One call reads at most 2 GB.
            while at < end and (piece := os.pread(self._file.fileno(), end - at, at)):
                pieces.append(piece)
                at += len(piece)
            about = self._now()
        except OSError as error:
            raise RemoteFileError(f"{self._place} cannot be read at byte {at:,}: {error.strerror or error}") from None
        self._traffic.add(bytes=at - start, requests=1)
        if at < end or about != self._about:
            raise RemoteFileError(
                f"{self._place} changed while it was read", "Run the command again when nothing writes to it any more."
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _now(self) -> tuple[int, int]:
        about = os.fstat(self._file.fileno())
        return about.st_size, about.st_mtime_ns

    def close(self) -> None:
        self._file.close()


class LocalSource(Opened):
    """A folder or a file of this machine as a `TarSource`.

    Args:
        place: the folder or file.

    Raises:
        SourceError: there is none.
    """

    revision: str | None = None

    def __init__(self, place: Path) -> None:
        self.traffic = Traffic()
        self.remarks: list[str] = []
        try:
            self._place = place.expanduser().absolute()
            self._is_folder = self._place.is_dir()
            exists = self._place.exists()
        except (OSError, ValueError, RuntimeError) as error:
            raise SourceError(f"{place} cannot be read: {error}") from None
        if not exists:
            raise SourceError(f"there is no {place}", "Name a folder of tars, or a tar.")
        self.address = str(self._place)

    def files(self) -> Sequence[SourceFile]:
        if not self._is_folder:
            if not is_plain(self._place.name):
                raise SourceError(f"{printable(self._place.name)} cannot be read under this name", "Give it another.")
            return [SourceFile(self._place.name, self._place.stat().st_size, None)]
        found = sorted(self._found(), key=lambda file: file.path)
        odd = [printable(file.path) for file in found if not is_plain(file.path)]
        if odd and not self.remarks:
            self.remarks.append(f"{counted(len(odd), 'file')} not read, for their names: {some(odd)}.")
        return [file for file in found if is_plain(file.path)]

    def _found(self) -> Iterator[SourceFile]:
        def fail(error: OSError) -> None:
            raise SourceError(f"{error.filename} cannot be listed: {error.strerror}") from None

        for parent, folders, names in os.walk(self._place, onerror=fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                place = Path(parent, name)
                # Links may lead to files, as in the cache of the hub's client, or nowhere. Pipes and devices are none.
                if not name.startswith(".") and place.is_file():
                    size = place.stat().st_size
                    yield SourceFile(place.relative_to(self._place).as_posix(), size, None)

    def open(self, path: str) -> LocalFile:
        return LocalFile(path, self._place / path if self._is_folder else self._place, self.traffic)
