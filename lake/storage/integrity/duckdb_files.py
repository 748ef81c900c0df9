"""The way by which DuckDB reads the files of a lake: what it reads is compared with its checksums first.

DuckDB compares no checksum of Parquet itself. Views therefore take their list of files from a function of ours, which
DuckDB calls whenever it plans a query over the table: it compares the files of small tables, and gives their paths. Of
keypoints a query may need little of much, and only DuckDB knows what: these come through a file system of ours, which
compares each column chunk that DuckDB reads, once. It costs a tenth of the time of a narrow query. Where all that a
query may read is known to be whole, DuckDB gets plain paths again.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import duckdb

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.storage.integrity.chunk_checksums import checksums_of, known_checksums
from signverse.lake.storage.integrity.digests import check_files, read_at
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as
from signverse.lake.storage.parquet_layout import literal_path

PROTOCOL: Final = "signverse-keypoints"
"""Under this protocol DuckDB finds the keypoints files of the session, and nothing else."""

FUNCTION: Final = "lake_files"
"""The SQL function that gives the files of a table of the session."""

_RAISED: Final = re.compile(r"DamagedLakeError: (.+)")


def damage_in(message: str) -> DamagedLakeError | None:
    """The error that this module raised inside DuckDB, which makes a text of it; None where it raised none."""
    raised = _RAISED.search(message)
    return DamagedLakeError(raised[1].strip().removesuffix(".")) if raised else None


class LakeFiles:
    """The files of the tables of one session.

    Attributes:
        columns: those of `keypoints` that the query reads at most; None where that is not known.
        compared: the small tables that were compared for the query; None where it is not known when one begins.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.columns: Collection[str] | None = None
        self.compared: set[str] | None = None
        self._files: dict[str, Mapping[str, Path]] = {}
        self._order = {name: place for place, name in enumerate(KEYPOINTS.in_file(KEYPOINTS.schema).names)}
        con.create_function(FUNCTION, self._list, ["VARCHAR"], "VARCHAR[]")
        _of_session[con] = self

    def add(self, table: str, folder: Path, names: Sequence[str]) -> None:
        """Adds the files of a table: paths inside its folder, which a query over it is to read."""
        self._files[table] = {f"{PROTOCOL}://{name}": folder / name for name in names}

    def path_of(self, name: str) -> Path:
        """The keypoints file that DuckDB calls by a name.

        Raises:
            FileNotFoundError: it is not one of this session's.
        """
        found = self._files.get(KEYPOINTS.name, {}).get(name if "://" in name else f"{PROTOCOL}://{name}")
        if found is None:
            raise FileNotFoundError(f"{name} is not a file of the lake")
        return found

    def _list(self, table: str) -> list[str]:
        files = self._files[table]
        if table == KEYPOINTS.name:
            return [literal_path(path) if self._is_whole(path) else name for name, path in files.items()]
        if self.compared is None or table not in self.compared:
            check_files(str(path) for path in files.values())
        if self.compared is not None:
            self.compared.add(table)
        return [literal_path(path) for path in files.values()]

    def _is_whole(self, path: Path) -> bool:
        if self.columns is None:
            return False
        with contextlib.suppress(OSError):
            checksums = known_checksums(path)
            places = [self._order[name] for name in self.columns if name in self._order]
            return checksums is not None and checksums.width == len(self._order) and checksums.all_checked(places)
        return False


_of_session: WeakKeyDictionary[duckdb.DuckDBPyConnection, LakeFiles] = WeakKeyDictionary()


@contextmanager
def one_query(con: duckdb.DuckDBPyConnection) -> Iterator[LakeFiles | None]:
    """The files of a connection, for one query: DuckDB plans it several times, and small tables are compared once.

    None for a connection that is not a session over a lake.
    """
    files = _of_session.get(con)
    if files is None:
        yield None
        return
    files.compared = set()
    try:
        yield files
    finally:
        files.columns = files.compared = None


def register(con: duckdb.DuckDBPyConnection, files: LakeFiles) -> None:
    """Makes DuckDB read keypoints through `files`."""
    # Imported here for speed of start: 0.07 s.
    from fsspec import AbstractFileSystem

    class CheckedFileSystem(AbstractFileSystem):  # type: ignore[misc]
        """The keypoints files of a session, for reading."""

        protocol = PROTOCOL
        cachable = False

        def open(self, path: str, mode: str = "rb", **_: Any) -> _CheckedFile:
            return _CheckedFile(files.path_of(path))

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            found = files.path_of(path).stat()
            return {"name": path, "size": found.st_size, "type": "file", "mtime": found.st_mtime}

        def exists(self, path: str, **_: Any) -> bool:
            with contextlib.suppress(OSError):
                return files.path_of(path).exists()
            return False

        def isfile(self, path: str) -> bool:
            return self.exists(path)

        def isdir(self, path: str) -> bool:
            return False

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path]

        def modified(self, path: str) -> Any:
            from datetime import UTC, datetime

            return datetime.fromtimestamp(files.path_of(path).stat().st_mtime, UTC)

    con.register_filesystem(CheckedFileSystem())


class _CheckedFile:
    """A keypoints file that is open for DuckDB, which reads it from several threads at once, by place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        with foreign_errors_as(damaged(f"keypoints file {path}")):
            self._checksums = checksums_of(path)
            self._handle = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self._handle).st_size
        # seek and read are two calls, and another thread may come between.
        self._at: dict[int, int] = {}

    def read(self, size: int = -1) -> bytes:
        thread = threading.get_ident()
        at = self._at.get(thread, 0)
        with foreign_errors_as(damaged(f"keypoints file {self._path}")):
            data = read_at(self._handle, self._size - at if size < 0 else size, at)
            self._checksums.compare(self._handle, at, data)
        self._at[thread] = at + len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        thread = threading.get_ident()
        start = (0, self._at.get(thread, 0), self._size)[whence]
        self._at[thread] = start + offset
        return start + offset

    def tell(self) -> int:
        return self._at.get(threading.get_ident(), 0)

    def seekable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        self.close()
