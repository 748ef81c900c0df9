"""A lake of an object store, read by way of a folder of this machine that has what was read of it.

The logs and the files of the small tables are copied whole, once: their names never mean other bytes. A keypoints file
has its size at once, and its bytes where something reads them. So whatever reads a lake reads files of this machine,
compared with their checksums as ever.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from signverse.lake.model.errors import DamagedLakeError, NotALakeError
from signverse.lake.model.places import stands_for
from signverse.lake.model.schema import KEYPOINTS, TABLES, VIDEOS
from signverse.lake.storage.stores import blocks
from signverse.lake.storage.stores.address import Address, address_of
from signverse.lake.storage.stores.cache_folder import cache_folder, make_room
from signverse.lake.storage.stores.object_store import AT_ONCE, Entry, ObjectStore
from signverse.lake.storage.stores.options import endpoint

if TYPE_CHECKING:
    from signverse.lake.storage.delta import ActiveFile

ADDRESS_FILE: Final = "_address"
"""In the folder that stands for a lake: its address, for other processes that read there."""

_NOTES: Final = "_blocks"
_RECORDS: Final = "_versions"
_LOG: Final = re.compile(r"\d{20}\.(json|checkpoint(\.\d{10}\.\d{10})?\.parquet)")
_RECORD: Final = re.compile(r"([a-z]+)-(\d{20})(\.checkpoint[.\d]*\.parquet-[0-9a-f]{32})?")
_LAST_BYTES: Final = 1 << 20
"""The end of a keypoints file that is fetched first: its footer, and mostly the block of its checksums and pages."""


class CachedLake:
    """A lake of a store.

    Attributes:
        address: of the lake.
        folder: that stands for it.
    """

    def __init__(self, address: Address, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self._store = ObjectStore(address)
        self._sizes: dict[str, tuple[int, int]] = {}

    @classmethod
    def of(cls, address: Address) -> CachedLake:
        """The lake of an address, with the folder for it."""
        known = hashlib.sha256(f"{address} {endpoint(address.scheme)}".encode()).hexdigest()[:32]
        lake = cls(address, cache_folder() / known)
        lake.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return lake

    def sync(self) -> None:
        """Copies what the logs have that the folder lacks: in three rounds of requests.

        Raises:
            NotALakeError: there is no lake at the address.
            UnreachableError: the store cannot be asked.
        """
        with ThreadPoolExecutor(AT_ONCE) as threads, FileLock(self.folder / "_sync.lock"):
            # A version is recorded after it was written, and `videos` is written last: what is listed in this order
            # has whatever it speaks of.
            records = threads.submit(self._store.entries, _RECORDS)
            logs = {VIDEOS.name: self._log(VIDEOS.name)}
            recorded = [entry for entry in records.result() if _RECORD.fullmatch(entry.name.rpartition("/")[2])]
            others = [table.name for table in TABLES if table is not VIDEOS]
            logs |= zip(others, threads.map(self._log, others), strict=True)
            if not any(logs.values()):
                if not (self.folder / ADDRESS_FILE).exists():
                    shutil.rmtree(self.folder)
                raise NotALakeError(
                    f"there is no lake at {self.address}", "Look at the address: a lake has a folder videos/_delta_log."
                )
            if any(self._is_behind(entry, logs) for entry in recorded):
                logs[VIDEOS.name] = self._log(VIDEOS.name)
            self._take_over(threads, logs, recorded)
        (self.folder / ADDRESS_FILE).write_text(str(self.address), "utf-8")
        make_room(self.folder)

    def _log(self, table: str) -> list[Entry]:
        found = self._store.entries(f"{table}/_delta_log")
        start = f"{table}/_delta_log/"
        return [entry for entry in found if _LOG.fullmatch(entry.name.removeprefix(start))]

    @staticmethod
    def _is_behind(record: Entry, logs: Mapping[str, Sequence[Entry]]) -> bool:
        """Whether a recorded version of `videos` is newer than its log, which was listed at the same time."""
        parts = _RECORD.fullmatch(record.name.rpartition("/")[2])
        if parts is None or parts[1] != VIDEOS.name:
            return False
        newest = max((entry.name.rpartition("/")[2][:20] for entry in logs[VIDEOS.name]), default="")
        return parts[2] > newest

    def _take_over(
        self, threads: ThreadPoolExecutor, logs: Mapping[str, Sequence[Entry]], recorded: Sequence[Entry]
    ) -> None:
        listed = [entry for entries in logs.values() for entry in entries]
        new = [entry for entry in listed if not self._has(entry)]
        with_names = {entry: self._spool() for entry in new}
        try:
            copied = list(threads.map(lambda entry: self._store.copy(entry.name, with_names[entry]), new))
            # `videos` last: who opens the folder meanwhile sees no video whose other rows are missing.
            for entry, there in sorted(zip(new, copied, strict=True), key=lambda pair: self._is_of_videos(pair[0])):
                if there:
                    self._put(with_names[entry], entry)
        finally:
            for spool in with_names.values():
                spool.unlink(missing_ok=True)
        # What is no longer there was dropped by maintenance.
        names = {entry.name for entry in (*listed, *recorded)}
        for table in logs:
            self._remove_others(f"{table}/_delta_log", names)
        (self.folder / _RECORDS).mkdir(exist_ok=True)
        for entry in recorded:
            (self.folder / entry.name).touch()
        self._remove_others(_RECORDS, names)

    @staticmethod
    def _is_of_videos(entry: Entry) -> bool:
        return entry.name.startswith(f"{VIDEOS.name}/")

    def _has(self, entry: Entry) -> bool:
        try:
            found = (self.folder / entry.name).stat()
        except FileNotFoundError:
            return False
        return found.st_size == entry.size and found.st_mtime_ns == _ns(entry.modified.timestamp())

    def _put(self, spool: Path, entry: Entry) -> None:
        target = self.folder / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        time = _ns(entry.modified.timestamp())
        os.utime(spool, ns=(time, time))
        spool.replace(target)

    def _remove_others(self, folder: str, names: set[str]) -> None:
        for path in (self.folder / folder).glob("*"):
            if f"{folder}/{path.name}" not in names:
                path.unlink(missing_ok=True)

    def _spool(self) -> Path:
        return self.folder / f"_new.{secrets.token_hex(8)}"

    def bring(self, table: str, files: Iterable[ActiveFile]) -> None:
        """Makes the files of a table readable: those of a small one are copied, those of keypoints get their size.

        One that the store does not have stays missing.

        Raises:
            DamagedLakeError: the log names a file outside of its table.
            UnreachableError: the store cannot be asked.
        """
        wanted: list[tuple[str, ActiveFile]] = []
        for file in files:
            if not _is_inside(file.name):
                raise DamagedLakeError(f"the log of table '{table}' names a file outside of it: {file.name[:80]}")
            time = _ns(file.modified.timestamp())
            self._sizes[f"{table}/{file.name}"] = file.size, time
            if table == KEYPOINTS.name:
                self._make_if_gone(f"{table}/{file.name}")
            elif not (self.folder / table / file.name).exists():
                wanted.append((f"{table}/{file.name}", file))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self._copy, wanted))

    def _copy(self, wanted: tuple[str, ActiveFile]) -> None:
        name, file = wanted
        spool = self._spool()
        try:
            if self._store.copy(name, spool):
                self._put(spool, Entry(name, file.size, file.modified))
        finally:
            spool.unlink(missing_ok=True)

    def _make_if_gone(self, name: str) -> None:
        path = self.folder / name
        if path.exists() or name not in self._sizes:
            return
        with FileLock(self.folder / "_making.lock"):
            if not path.exists():
                # Where it was removed to make room, what was known of its blocks counts no more.
                blocks.note_of(self.folder / _NOTES, name).unlink(missing_ok=True)
                blocks.make(path, *self._sizes[name])

    def want(self, path: Path, spans: Sequence[blocks.Span]) -> None:
        """Fetches ranges of a file, where they are not here.

        Raises:
            FileNotFoundError: the store has no such file.
            UnreachableError: the store cannot be asked.
        """
        name = path.relative_to(self.folder).as_posix()
        if not name.startswith(f"{KEYPOINTS.name}/"):
            return
        self._make_if_gone(name)
        note = blocks.note_of(self.folder / _NOTES, name)
        blocks.fetch(path, note, spans, lambda ranges: self._store.ranges(name, ranges))

    def want_end(self, path: Path) -> None:
        """Fetches the end of a keypoints file: its footer, and the block of its checksums before it."""
        self._make_if_gone(path.relative_to(self.folder).as_posix())
        size = path.stat().st_size
        known = max(0, size - _LAST_BYTES)
        self.want(path, [(known, size - known)])
        # Twice: where the footer begins says how long the block is.
        for _ in range(2):
            start = _start_of_end(path, size, known)
            if start >= known:
                return
            self.want(path, [(start, size - start)])
            known = start


def _start_of_end(path: Path, size: int, known: int) -> int:
    """Where the footer of a file begins, or the block before it, of which `known` is the first byte that is here."""
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        tail = file.read(8)
        footer = size - 8 - int.from_bytes(tail[:4], "little")
        if len(tail) < 8 or footer - 4 < 8:
            return known
        if footer - 4 < known:
            return footer - 4
        file.seek(footer - 4)
        start = footer - int.from_bytes(file.read(4), "little")
    # Of a file without a block these bytes are something else.
    return start if footer - (64 << 20) < start < footer and start >= 4 else known


def _is_inside(name: str) -> bool:
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and len(parts) <= 2 and "\\" not in name and ":" not in parts[0]


def _ns(seconds: float) -> int:
    return round(seconds * 1000) * 1_000_000


_lakes: Final[dict[str, CachedLake]] = {}
"""The lakes of stores that this process reads, by the path of the folder and a slash."""


def cached(place: str | Path) -> Path | None:
    """The folder that stands for a lake of a store, up to date; None where the place is a path of this machine.

    Raises:
        NotALakeError: there is no lake at the address.
        UnreachableError: the store cannot be asked.
    """
    address = address_of(place)
    if address is None:
        return None
    found = CachedLake.of(address)
    lake = _lakes.setdefault(f"{found.folder}/", found)
    stands_for(str(lake.folder), str(address))
    lake.sync()
    return lake.folder


def lake_of(path: str | Path) -> CachedLake | None:
    """The lake of a store that a path lies in, or that a folder stands for; None where it is a lake of this machine."""
    if not _lakes:
        return None
    text = f"{path}/"
    return next((lake for folder, lake in _lakes.items() if text.startswith(folder)), None)


def sync(folder: Path) -> None:
    """Brings the folder of a lake up to date, see `CachedLake.sync`; nothing where it is a lake of this machine."""
    lake = lake_of(folder)
    if lake is not None:
        lake.sync()


def recognize(folder: Path) -> None:
    """Makes this process know a folder that another one has made for a lake of a store."""
    # Of every lake of this machine this is asked, and an error would cost more than the answer.
    if not os.path.exists(f"{folder}/{ADDRESS_FILE}"):  # noqa: PTH110
        return
    text = (folder / ADDRESS_FILE).read_text("utf-8")
    address = address_of(text)
    if address is not None and lake_of(folder) is None and folder.parent == cache_folder():
        _lakes[f"{folder}/"] = CachedLake(address, folder)
        stands_for(str(folder), text)


def want(spans: Mapping[str, Sequence[blocks.Span]]) -> None:
    """Fetches ranges of files by their paths, all side by side; nothing where they are files of this machine.

    Raises:
        FileNotFoundError: the store has no such file.
        UnreachableError: the store cannot be asked.
    """
    if not _lakes:
        return
    jobs = [(lake, Path(path), ranges) for path, ranges in spans.items() if (lake := lake_of(path))]
    if len(jobs) == 1:
        lake, path, ranges = jobs[0]
        lake.want(path, ranges)
    elif jobs:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda job: job[0].want(job[1], job[2]), jobs))


def want_all(path: str | Path) -> None:
    """Fetches all of a file, see `want`."""
    lake = lake_of(path)
    if lake is not None:
        lake.want(Path(path), [(0, Path(path).stat().st_size)])


def want_ends(paths: Iterable[str | Path]) -> None:
    """Fetches the ends of keypoints files, see `want`: what finding rows in them needs."""
    if not _lakes:
        return
    jobs = [(lake, Path(path)) for path in paths if (lake := lake_of(path))]
    if len(jobs) == 1:
        jobs[0][0].want_end(jobs[0][1])
    elif jobs:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda job: job[0].want_end(job[1]), jobs))


def refuse_in_store(folder: str | Path, what: str) -> None:
    """Refuses to do what cannot be done to a lake of a store.

    Raises:
        NotALakeError: the lake lies in one.
    """
    lake = lake_of(folder)
    address = lake.address if lake else address_of(folder)
    if address is not None:
        raise NotALakeError(
            f"{address} lies in an object store: {what}",
            "There a lake can be asked. Change the lake in a folder and copy it up: data files first, logs last.",
        )
