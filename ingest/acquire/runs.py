"""Who is at work in a media folder: several processes, on several machines, may share one.

A run has a file that it touches while it lives. It takes a lease on each video before it fetches it, and writes each
outcome into its journal until the lake has it, so that nothing is asked for twice after a kill. A run is dead when its
process is gone (on this machine) or its file was not touched for ten minutes; who finds that takes its leases over and
brings its journal into the lake.

    runs/RUN               who it is; touched while it lives
    leases/ID              the run that has the video
    journal/RUN.jsonl      its outcomes; RUN.N.jsonl those that it took over
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from signverse.ingest.acquire.media import INSIDE
from signverse.lake.model.ids import check_video_id, new_ingest_id

EXPIRY_S: Final = 600.0
"""A run on another machine that gave no sign of life for so long is dead."""

BEAT_S: Final = 30.0

_RUN_ID: Final = re.compile(r"[0-9a-f-]{36}")


class Run:
    """This process among those that share a media folder. Use as a context manager."""

    def __init__(self, media: Path) -> None:
        self.id = new_ingest_id()
        self._runs = media / INSIDE / "runs"
        self._leases = media / INSIDE / "leases"
        self._journals = media / INSIDE / "journal"
        self._mine: set[str] = set()
        self._adopted: list[Path] = []
        self._numbers = count()
        self._beaten = 0.0

    def __enter__(self) -> Run:
        for folder in (self._runs, self._leases, self._journals):
            folder.mkdir(parents=True, exist_ok=True)
        about = {"host": _host(), "pid": os.getpid(), "began": _began(os.getpid())}
        self._file.write_text(json.dumps(about), "utf-8")
        self._journal = self._journal_of(self.id).open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        for video_id in list(self._mine):
            self.release(video_id)
        # What is not in the lake yet stays in the journal, for the next run.
        with suppress(FileNotFoundError):
            if not self._journal_of(self.id).stat().st_size:
                self._journal_of(self.id).unlink()
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self._runs / self.id

    def _journal_of(self, run_id: str) -> Path:
        return self._journals / f"{run_id}.jsonl"

    def beat(self) -> None:
        """Shows that this run lives. Call it often: it does little."""
        now = time.monotonic()
        if now - self._beaten >= BEAT_S:
            self._file.touch()
            self._beaten = now

    def take(self, video_id: str) -> bool:
        """Takes the lease of a video; False where another run that lives has it."""
        if video_id in self._mine:
            return True
        lease = self._leases / check_video_id(video_id)
        if not self._make(lease):
            if not self._is_dead(_read(lease), lease):
                return False
            # One at a time: another may have found the same, and its new lease must stay.
            with FileLock(self._leases.parent / "takeover.lock", mode=0o666):
                if not self._is_dead(_read(lease), lease):
                    return False
                lease.unlink(missing_ok=True)
                if not self._make(lease):
                    return False
        self._mine.add(video_id)
        return True

    def _make(self, lease: Path) -> bool:
        try:
            file = lease.open("x", encoding="utf-8")
        except FileExistsError:
            return False
        try:
            with file:
                file.write(self.id)
        except OSError:
            # A full disk: an empty lease would be nobody's, and believed to be somebody's for ten minutes.
            lease.unlink(missing_ok=True)
            raise
        return True

    def release(self, video_id: str) -> None:
        """Gives a lease back."""
        if video_id in self._mine:
            self._mine.remove(video_id)
            lease = self._leases / video_id
            # Who was taken for dead has it no more.
            if _read(lease) == self.id:
                lease.unlink(missing_ok=True)

    def note(self, row: dict[str, Any]) -> None:
        """Writes an outcome down until the lake has it."""
        self._journal.write(json.dumps(row) + "\n")
        # To the system, not to the disk: it outlives the process, and a power cut costs a minute at most.
        self._journal.flush()

    def noted(self) -> None:
        """Forgets what was written down: the lake has it."""
        self._journal.truncate(0)
        while self._adopted:
            self._adopted.pop().unlink(missing_ok=True)

    def left_behind(self) -> list[dict[str, Any]]:
        """The outcomes of runs that are dead, which the lake may lack; they are this run's from now on.

        Returns:
            The rows as they were given to `note`. Call `noted` when the lake has them.
        """
        rows: list[dict[str, Any]] = []
        for path in sorted(self._journals.glob("*.jsonl")):
            whose = path.name.split(".")[0]
            if not path.is_file() or not self._is_dead(whose, path):
                continue
            adopted = self._journals / f"{self.id}.{next(self._numbers)}.jsonl"
            try:
                path.rename(adopted)
            except FileNotFoundError:
                # Another run was faster.
                continue
            self._adopted.append(adopted)
            text = adopted.read_text("utf-8", errors="replace")
            rows += (row for line in text.split("\n") if (row := _row(line)) is not None)
            (self._runs / whose).unlink(missing_ok=True)
        return rows

    def _is_dead(self, run_id: str, its: Path) -> bool:
        """Whether the run that wrote a file, a lease or a journal, lives no more."""
        if run_id == self.id:
            return False
        file = self._runs / run_id if _RUN_ID.fullmatch(run_id) else its
        try:
            touched = file.stat().st_mtime
            about = json.loads(file.read_text("utf-8"))
            if about["host"] == _host():
                return bool(_began(about["pid"]) != about["began"])
        except FileNotFoundError:
            return True
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # Just made, and not written yet; or not to be read by us.
            pass
        # By the clock of the file system that all share: clocks of machines differ.
        self._file.touch()
        return self._file.stat().st_mtime - touched > EXPIRY_S


def _row(line: str) -> dict[str, Any] | None:
    """A line of a journal; None where it is broken, as the last one of a process that was killed while it wrote."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _host() -> str:
    """This machine, or this container of it: where a process's number means that process."""
    parts = [socket.gethostname()]
    # Clones may share a name, and the outermost space of processes has one number everywhere.
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text("utf-8", errors="replace").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _began(pid: int) -> str:
    """What tells a process from a later one of the same number; "" where there is none."""
    try:
        # The 22nd field, start time in ticks; the second, a name in brackets, may hold blanks.
        return Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "alive"
