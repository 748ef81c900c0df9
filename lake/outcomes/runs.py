"""The runs that share a media folder, as a reader sees them; `ingest.acquire.leases` says what they do.

.signverse/runs/RUN    host, process and start of a run as JSON; touched while it lives
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular
from signverse.lake.outcomes.folder import INSIDE
from signverse.lake.storage.temporary.process_mark import host_name, start_time

RUNS: Final = "runs"
"""In .signverse the folder of the files of runs."""

HEARTBEAT_S: Final = 30.0
"""How often a run touches its file, at least."""

EXPIRY_S: Final = 600.0
"""A run on another machine that has not touched its file for so long is dead."""

_SILENT_S: Final = 4 * HEARTBEAT_S

_MAX_BYTES: Final = 4096
_MAX_RUNS: Final = 1000


@dataclass(frozen=True)
class SeenRun:
    """A run that shares a media folder.

    Attributes:
        host: its machine's name; "unknown" where its file does not tell.
        pid: its process there; None where its file does not tell.
        state: "at work"; "silent", when it gave no sign of life for two minutes; "ended", when its process is gone or
            it was silent for ten minutes, and the next run takes over its videos.
        silent_s: seconds since its last sign of life, by this machine's clock.
    """

    host: str
    pid: int | None
    state: Literal["at work", "silent", "ended"]
    silent_s: float


def runs_of(media: Path) -> list[SeenRun]:
    """The runs that share a media folder and have not tidied up: those at work first, then the most recent ones."""
    folder = media / INSIDE / RUNS
    try:
        files = sorted(folder.iterdir())[:_MAX_RUNS]
    except OSError:
        return []
    seen = [run for file in files if (run := _seen(file)) is not None]
    return sorted(seen, key=lambda run: (("at work", "silent", "ended").index(run.state), run.silent_s))


def _seen(file: Path) -> SeenRun | None:
    """None where the run has ended a moment ago."""
    try:
        with open_regular(file, _MAX_BYTES) as opened:
            text = opened.read(_MAX_BYTES).decode("utf-8", errors="replace")
        silent_s = max(0.0, time.time() - file.stat().st_mtime)
    except (OSError, BadInputError):
        return None
    about = _about(text)
    host, pid = about.get("host"), about.get("pid")
    ended = has_ended(text)
    if ended is None:
        ended = silent_s > EXPIRY_S
    # The name is followed by what tells cloned machines and containers apart.
    name = host.split(" ", 1)[0][:80] if isinstance(host, str) and host.strip() else "unknown"
    state: Literal["at work", "silent", "ended"]
    state = "ended" if ended else "silent" if silent_s > _SILENT_S else "at work"
    return SeenRun(name, pid if isinstance(pid, int) else None, state, round(silent_s, 1))


def has_ended(text: str) -> bool | None:
    """Whether a run's process is gone, by what its file says.

    Returns:
        None where this machine cannot tell: the run is another machine's, or the file says nothing. Then its last sign
        of life decides.
    """
    if not text.strip("\0"):
        # Earlier versions made such a file in two steps and may have been killed between them; a power cut too may
        # leave one without its content.
        return True
    about = _about(text)
    try:
        if about["host"] == host_name():
            return bool(start_time(about["pid"]) != about["began"])
    except (KeyError, TypeError):
        pass
    return None


def _about(text: str) -> dict[str, Any]:
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
