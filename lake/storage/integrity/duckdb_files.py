"""The way by which DuckDB reads the files of a lake: what it reads is compared with its checksums first.

DuckDB compares no checksum of Parquet itself. Views therefore take their list of files from a function of ours, which
DuckDB calls whenever it plans a query over the table: it compares the files of small tables, and gives their paths. Of
keypoints a query may need little of much, and only DuckDB knows what: these come through a file system of ours, which
compares each column chunk that DuckDB reads, once. It costs a tenth of the time of a narrow query. Where all that a
query may read is known to be whole, or so little that it is compared at once, DuckDB gets plain paths.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import duckdb

from signverse.lake.model.errors import DamagedLakeError, UnreachableError
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.storage.integrity.chunk_checksums import are_whole, checksums_of
from signverse.lake.storage.integrity.digests import check_files, read_at
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as
from signverse.lake.storage.parquet_layout import literal_path
from signverse.lake.storage.stores.cached_lake import lake_of, want, want_ends

PROTOCOL: Final = "signverse-keypoints"
"""Under this protocol DuckDB finds the keypoints files of the session, and nothing else."""

FUNCTION: Final = "lake_files"
"""The SQL function that gives the files of a table of the session."""

_RAISED: Final = re.compile(r"(DamagedLakeError|UnreachableError): (.+)")


def damage_in(message: str) -> DamagedLakeError | UnreachableError | None:
    """The error that this module raised inside DuckDB, which makes a text of it; None where it raised none."""
    raised = _RAISED.search(message)
    if raised is None:
        return None
    kind = DamagedLakeError if raised[1] == "DamagedLakeError" else UnreachableError
    return kind(raised[2].strip().removesuffix("."))


@dataclass(frozen=True)
class _TableFiles:
    """The files of a table: by DuckDB's names for those that come through the file system, their paths, and patterns.

    All in the same order, and made once: a query has time for one look at each of thousands of files.
    """

    by_name: Mapping[str, Path]
    paths: list[str]
    patterns: list[str]


class LakeFiles:
    """The files of the tables of one session.

    Attributes:
        columns: those of `keypoints` that the query reads at most; None where that is not known.
        compared: the small tables that were compared for the query; None where it is not known when one begins.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.columns: Collection[str] | None = None
        self.compared: set[str] | None = None
        self._files: dict[str, _TableFiles] = {}
        self._order = {name: place for place, name in enumerate(KEYPOINTS.in_file(KEYPOINTS.schema).names)}
        con.create_function(FUNCTION, self._list, ["VARCHAR"], "VARCHAR[]")
        _of_session[con] = self

    def add(self, table: str, folder: Path, names: Sequence[str]) -> None:
        """Adds the files of a table: paths inside its folder, which a query over it is to read."""
        paths = [f"{folder}/{name}" for name in names]
        # Thousands of files of other tables have no name of ours.
        own = zip(names, paths, strict=True) if table == KEYPOINTS.name else ()
        by_name = {f"{PROTOCOL}://{name}": Path(path) for name, path in own}
        self._files[table] = _TableFiles(by_name, paths, [literal_path(path) for path in paths])

    def path_of(self, name: str) -> Path:
        """The keypoints file that DuckDB calls by a name.

        Raises:
            FileNotFoundError: it is not one of this session's.
        """
        files = self._files.get(KEYPOINTS.name)
        found = files and files.by_name.get(name if "://" in name else f"{PROTOCOL}://{name}")
        if not found:
            raise FileNotFoundError(f"{name} is not a file of the lake")
        return found

    def _list(self, table: str) -> list[str]:
        files = self._files[table]
        if table == KEYPOINTS.name:
            return self._list_keypoints()
        if self.compared is None or table not in self.compared:
            check_files(files.paths)
        if self.compared is not None:
            self.compared.add(table)
        return files.patterns

    def _list_keypoints(self) -> list[str]:
        files, width = self._files[KEYPOINTS.name], len(self._order)
        want_ends(files.paths)
        names = self._order if self.columns is None else self._order.keys() & self.columns
        places = [self._order[name] for name in names]
        if are_whole(files.paths, places, width):
            return files.patterns
        whole = (are_whole([path], places, width, compare=False) for path in files.paths)
        return [
            pattern if plain else name
            for pattern, name, plain in zip(files.patterns, files.by_name, whole, strict=True)
        ]


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
            if lake_of(self._path) is not None:
                wanted = self._size - at if size < 0 else size
                want({str(self._path): [self._checksums.around(at, wanted)]})
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
