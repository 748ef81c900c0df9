"""A lake that is looked at: its clips, its videos and the file of its picks."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from signverse.export.explorer.media import videos_in
from signverse.lake.model.errors import BadInputError, SignverseError

if TYPE_CHECKING:
    from signverse.export.explorer.clips.catalog import Catalog
    from signverse.export.explorer.figures.status import StatusReader


class ChangedLakeError(SignverseError):
    """The page was made of another version of the lake than the server has."""


class Explorer:
    """A lake and what the page does with it.

    Attributes:
        lake: its folder.
        media: the folder of the videos, or None.
        picks: the selection file of the picked clips.
    """

    def __init__(self, lake: Path, media: Path | None, picks: Path) -> None:
        """
        Raises:
            NotALakeError, NewerLakeError, DamagedLakeError: there is no lake, or it cannot be opened.
            BadInputError: there is no folder of videos.
        """
        from signverse.lake.storage.snapshot import Snapshot

        Snapshot.open(lake)
        if media is not None and not media.is_dir():
            raise BadInputError(f"there is no folder {media}", "Name the folder of the videos: --media DIR.")
        self.lake = lake
        self.media = media
        self.picks = picks
        self.videos: dict[str, Path] = {}
        self._catalog: Catalog | None = None
        self._loading = threading.Lock()
        self._writing = threading.Lock()

    @property
    def catalog(self) -> Catalog:
        """The clips of the lake; the first call reads them.

        Raises:
            NotALakeError, NewerLakeError, DamagedLakeError, BadInputError: the lake or the folder cannot be read.
        """
        with self._loading:
            if self._catalog is None:
                self._load()
            assert self._catalog is not None
            return self._catalog

    @cached_property
    def status(self) -> StatusReader:
        """What reads the status of the corpus."""
        from signverse.export.explorer.figures.status import StatusReader

        return StatusReader(self.lake, self.media)

    def load_soon(self) -> None:
        """Reads the clips in a thread; what cannot be read is said to the page, which asks for the same."""

        def load() -> None:
            with suppress(SignverseError):
                _ = self.catalog

        threading.Thread(target=load, daemon=True).start()

    def _load(self) -> None:
        from signverse.export.explorer.clips.catalog import Catalog
        from signverse.lake.storage.snapshot import Snapshot

        catalog = Catalog(Snapshot.open(self.lake))
        if self.media is not None:
            self.videos = videos_in(self.media, frozenset(catalog.videos["video_id"].to_list()))
        self._catalog = catalog

    def at(self, version: str | None) -> Catalog:
        """The clips, if the lake is the one that the page was made of.

        Raises:
            ChangedLakeError: it is not.
        """
        catalog = self.catalog
        if version is not None and version != str(catalog.snapshot.version):
            raise ChangedLakeError("the lake has changed since this page was made", "Reload the page.")
        return catalog

    def newest_version(self) -> int:
        """The version of the lake on disk."""
        from signverse.lake.storage.snapshot import Snapshot

        return Snapshot.open(self.lake).version

    def reload(self) -> int:
        """Opens the newest version; the server's version from then on."""
        with self._loading:
            # The earlier one is not closed: other requests may be reading it, and it goes with the last of them.
            self._load()
            assert self._catalog is not None
            return self._catalog.snapshot.version

    def change_picks(self, catalog: Catalog, add: list[str], remove: list[str]) -> list[str]:
        """Changes the picked clips, one call after the other; gives their ids."""
        from signverse.export.explorer.clips.picks import change_picks

        with self._writing:
            return change_picks(self.picks, catalog, add, remove)
