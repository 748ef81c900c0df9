"""The status of a corpus that is being built: that of `signverse status`, of the lake's newest version."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Final

from signverse.export.explorer.clips.details import shortened
from signverse.lake.model.languages import by_code
from signverse.lake.model.wording import as_argument
from signverse.lake.outcomes.states import STATES
from signverse.lake.outcomes.status import Status, read_status
from signverse.lake.storage.snapshot import Snapshot

_LONGEST: Final = 2000
"""Characters of a message, and rows of a table."""

_FRESH_S: Final = 1.0
"""So old may an answer be: many pages that ask at once cost one reading."""


class StatusReader:
    """Reads the status of a lake again and again. Safe in threads.

    Args:
        lake: its folder.
        media: the folder of its videos, or None.
    """

    def __init__(self, lake: Path, media: Path | None) -> None:
        self._lake, self._media = lake, media
        self._reading = threading.Lock()
        self._last: tuple[float, dict[str, Any]] | None = None

    def read(self) -> dict[str, Any]:
        """The status in plain values; see `read_status`.

        Returns:
            What `Status.as_json` has, with states as a list in their order, the name of each language, job (whether any
            attempt or list was ever recorded), watch (the command that shows the same on a terminal) and start (the one
            that builds a corpus).

        Raises:
            BadInputError: the media folder is not there, or cannot be read.
            NotALakeError, DamagedLakeError: the lake is gone, or a file of it cannot be read.
        """
        with self._reading:
            if self._last is None or time.monotonic() - self._last[0] >= _FRESH_S:
                snapshot = Snapshot.open(self._lake)
                try:
                    made = self._made(read_status(snapshot, self._media))
                finally:
                    snapshot.close()
                self._last = time.monotonic(), shortened(made, _LONGEST)
            return self._last[1]

    def _made(self, status: Status) -> dict[str, Any]:
        lake = f"--lake {as_argument(self._lake)}"
        media = f" --media {as_argument(self._media)}" if self._media is not None else ""
        languages = [
            {**row, "name": by_code()[row["sign_language"]].name if row["sign_language"] in by_code() else ""}
            for row in status.languages
        ]
        return {
            **status.as_json(),
            "states": [{"name": state, "videos": status.states[state]} for state in STATES],
            "languages": languages,
            "job": status.last_attempt is not None or status.listed > status.states[STATES[0]],
            "watch": f"signverse status {lake}{media} --watch",
            "start": f"signverse ingest run manifest.csv{media or ' --media DIR'} {lake}",
        }
