"""A lake that is looked at: its clips, its videos and the file of its picks."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.export.explorer.media import videos_in
from signverse.lake.model.errors import BadInputError, SignverseError

if TYPE_CHECKING:
    from signverse.export.explorer.clips.catalog import Catalog
    from signverse.export.explorer.figures.status import StatusReader
    from signverse.lake.query.bounded.statements import Statements


class ChangedLakeError(SignverseError):
    """The page was made of another version of the lake than the server has."""


_FIRST: Final = 96
"""Videos whose clips are read before all others, for the first screen: clips that are the first of the whole lake."""


class _Reading:
    """The clips of a version of the lake, as they are read in a thread.

    Attributes:
        first: clips of the first videos; once all are read, those.
        whole: all clips.
        media: the videos that are there, by id; known with the first clips.
        read, rows: rows of clips that were read, of how many in the lake.
    """

    def __init__(self, lake: Path, media: Path | None, statements: Statements) -> None:
        self.first: Future[Catalog] = Future()
        self.whole: Future[Catalog] = Future()
        self.media: dict[str, Path] = {}
        self.read = self.rows = 0
        self._is_wanted = True
        threading.Thread(target=self._run, args=(lake, media, statements), daemon=True).start()

    def _run(self, lake: Path, media: Path | None, statements: Statements) -> None:
        from signverse.export.explorer.clips.catalog import Catalog
        from signverse.lake.storage.snapshot import Snapshot

        try:
            snapshot = Snapshot.open(lake)
            self.rows = sum(file.num_rows for file in snapshot.stored_files("segments"))
            found = Catalog(snapshot, statements=statements, first=_FIRST)
            if media is not None:
                self.media = videos_in(media, frozenset(snapshot.visible()["video_id"].to_list()))
            self.first.set_result(found)
            if not found.is_whole:
                found = Catalog(snapshot, statements=statements, on_rows=self._progressed)
            self.whole.set_result(found)
            self.first = self.whole
        except BaseException as error:  # raised in each request that waits for them
            for waited in (self.first, self.whole):
                if not waited.done():
                    waited.set_exception(error)

    def _progressed(self, count: int) -> None:
        self.read = count
        if not self._is_wanted:
            raise ChangedLakeError("the lake was opened again while it was read", "Reload the page.")

    def stop(self) -> None:
        """Ends the reading, if it goes on, soon."""
        self._is_wanted = False

    @property
    def has_failed(self) -> bool:
        return self.whole.done() and self.whole.exception() is not None


class Explorer:
    """A lake and what the page does with it.

    Attributes:
        lake: its folder.
        media: the folder of the videos, or None.
        picks: the selection file of the picked clips.
        statements: runs statements in SQL, in processes of their own.
    """

    def __init__(self, lake: Path, media: Path | None, picks: Path) -> None:
        """
        Raises:
            NotALakeError, NewerLakeError, DamagedLakeError: there is no lake, or it cannot be opened.
            BadInputError: there is no folder of videos.
        """
        from signverse.lake.query.bounded.statements import Statements
        from signverse.lake.storage.snapshot import Snapshot

        Snapshot.open(lake)
        if media is not None and not media.is_dir():
            raise BadInputError(f"there is no folder {media}", "Name the folder of the videos: --media DIR.")
        self.lake = lake
        self.media = media
        self.picks = picks
        self.statements = Statements(lake)
        self._reading: _Reading | None = None
        self._turning = threading.Lock()
        self._writing = threading.Lock()

    def _current(self) -> _Reading:
        with self._turning:
            if self._reading is None or self._reading.has_failed:
                self._reading = _Reading(self.lake, self.media, self.statements)
            return self._reading

    @property
    def catalog(self) -> Catalog:
        """The clips of the lake, once they are read.

        Raises:
            NotALakeError, NewerLakeError, DamagedLakeError, BadInputError: the lake or the folder cannot be read.
        """
        return self._current().whole.result()

    @property
    def videos(self) -> dict[str, Path]:
        """The videos of the folder, by id."""
        reading = self._current()
        reading.first.result()
        return reading.media

    @property
    def progress(self) -> dict[str, int] | None:
        """While the clips are read: how many were, and of how many; None afterwards."""
        reading = self._current()
        return None if reading.whole.done() else {"read": reading.read, "of": reading.rows}

    def close(self) -> None:
        """Ends the processes that run statements."""
        self.statements.close()

    @cached_property
    def status(self) -> StatusReader:
        """What reads the status of the corpus."""
        from signverse.export.explorer.figures.status import StatusReader

        return StatusReader(self.lake, self.media)

    def load_soon(self) -> None:
        """Begins to read the clips; what cannot be read is said to the page, which asks for the same."""
        self._current()

    def at(self, version: str | None) -> Catalog:
        """The clips, if the lake is the one that the page was made of.

        Raises:
            ChangedLakeError: it is not.
        """
        reading = self._current()
        _check_version(reading.first.result(), version)
        return reading.whole.result()

    def first(self, version: str | None = None) -> Catalog:
        """As `at`, while the clips are read without those of most videos: `is_whole` tells."""
        catalog = self._current().first.result()
        _check_version(catalog, version)
        return catalog

    def newest_version(self) -> int | None:
        """The version of the lake on disk; None where another lake lies there that happens to have the same one."""
        from signverse.lake.storage.snapshot import Snapshot

        newest, shown = Snapshot.open(self.lake), self.first().snapshot
        if newest.version != shown.version:
            return newest.version
        # Names of files are unique: a version of a lake has the same ones for ever.
        same = [file.name for file in newest.stored_files("videos")] == [
            file.name for file in shown.stored_files("videos")
        ]
        return newest.version if same else None

    def reload(self) -> int:
        """Opens the newest version; the server's version from then on.

        Raises:
            NotALakeError, NewerLakeError, DamagedLakeError: it cannot be read; the next request tries it again.
        """
        with self._turning:
            if self._reading is not None:
                self._reading.stop()
            # The earlier clips go first, so that memory need not hold both; requests that read them keep them so long.
            self._reading = reading = _Reading(self.lake, self.media, self.statements)
        return reading.first.result().snapshot.version

    def change_picks(self, catalog: Catalog, add: list[str], remove: list[str]) -> list[str]:
        """Changes the picked clips, one call after the other; gives their ids."""
        from signverse.export.explorer.clips.picks import change_picks

        with self._writing:
            return change_picks(self.picks, catalog, add, remove)


def _check_version(catalog: Catalog, version: str | None) -> None:
    if version is not None and version != str(catalog.snapshot.version):
        raise ChangedLakeError("the lake has changed since this page was made", "Reload the page.")
