"""Leases, heartbeats and journals: how several processes, on several machines, share one media folder.

A run has a file that it touches while it lives. It takes a lease on each video before it downloads it, and writes each
outcome into its journal until the lake has it, so that nothing is requested twice after a kill. A run is dead when its
process is gone (on this machine) or its file was not touched for ten minutes; the run that finds this takes over its
leases and brings its journal into the lake.

    runs/RUN               host, process and start of a run; touched while it lives
    leases/ID              the run that has the video
    journal/RUN.jsonl      its outcomes; RUN.N.jsonl those that it took over
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from signverse.lake.model.ids import check_video_id, new_ingest_id
from signverse.lake.outcomes.folder import INSIDE
from signverse.lake.outcomes.runs import EXPIRY_S, HEARTBEAT_S, RUNS, has_ended
from signverse.lake.storage.temporary.process_mark import host_name, start_time
from signverse.lake.storage.temporary.whole_file import create_whole, write_whole

_RUN_ID: Final = re.compile(r"[0-9a-f-]{36}")


class Run:
    """This process among those that share a media folder. Use as a context manager."""

    def __init__(self, media: Path) -> None:
        self.id = new_ingest_id()
        self._runs = media / INSIDE / RUNS
        self._leases = media / INSIDE / "leases"
        self._journals = media / INSIDE / "journal"
        self._held: set[str] = set()
        self._adopted: list[Path] = []
        self._numbers = count()
        self._touched_at = 0.0

    def __enter__(self) -> Run:
        for folder in (self._runs, self._leases, self._journals):
            folder.mkdir(parents=True, exist_ok=True)
        about = {"host": host_name(), "pid": os.getpid(), "began": start_time(os.getpid())}
        write_whole(self._file, json.dumps(about).encode())
        self._journal = self._journal_of(self.id).open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        for video_id in list(self._held):
            self.release_lease(video_id)
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

    def heartbeat(self) -> None:
        """Shows that this run lives. Call it often: it costs little."""
        now = time.monotonic()
        if now - self._touched_at >= HEARTBEAT_S:
            self._file.touch()
            self._touched_at = now

    def take_lease(self, video_id: str) -> bool:
        """Takes the lease of a video; False where another live run has it."""
        video_id = check_video_id(video_id)
        if video_id in self._held:
            return True
        lease = self._leases / video_id
        if not self._create(lease):
            if not self._is_dead(_read(lease), lease):
                return False
            # One at a time: another run may be taking it over too, and its new lease must stay.
            with FileLock(self._leases.parent / "takeover.lock", mode=0o666):
                if not self._is_dead(_read(lease), lease):
                    return False
                lease.unlink(missing_ok=True)
                if not self._create(lease):
                    return False
        self._held.add(video_id)
        return True

    def _create(self, lease: Path) -> bool:
        # In one step: an empty lease would have no owner.
        return create_whole(lease, self.id.encode())

    def release_lease(self, video_id: str) -> None:
        """Releases a lease; without effect where this run does not have it."""
        video_id = check_video_id(video_id)
        if video_id in self._held:
            self._held.remove(video_id)
            lease = self._leases / video_id
            # A run that was taken for dead has lost it.
            if _read(lease) == self.id:
                lease.unlink(missing_ok=True)

    def write_journal(self, row: dict[str, Any]) -> None:
        """Writes an outcome down until the lake has it."""
        self._journal.write(json.dumps(row) + "\n")
        # To the system, not to the disk: it outlives the process, and a power cut costs a minute at most.
        self._journal.flush()

    def clear_journal(self) -> None:
        """Clears the journal, and those that were taken over: the lake has them."""
        self._journal.truncate(0)
        while self._adopted:
            self._adopted.pop().unlink(missing_ok=True)

    def adopt_journals(self) -> list[dict[str, Any]]:
        """Takes over the journals of dead runs, which may hold outcomes that the lake lacks.

        Returns:
            The rows as they were given to `write_journal`. Call `clear_journal` when the lake has them.
        """
        rows: list[dict[str, Any]] = []
        for path in sorted(self._journals.glob("*.jsonl")):
            owner = path.name.split(".")[0]
            if not path.is_file() or not self._is_dead(owner, path):
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
            (self._runs / owner).unlink(missing_ok=True)
        return rows

    def _is_dead(self, run_id: str, written: Path) -> bool:
        """Whether the run is dead that has written a lease or a journal."""
        if run_id == self.id:
            return False
        file = self._runs / run_id if _RUN_ID.fullmatch(run_id) else written
        try:
            touched = file.stat().st_mtime
            ended = has_ended(file.read_text("utf-8"))
            if ended is not None:
                return ended
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            # Not readable for us.
            pass
        # By the clock of the shared file system: those of the machines differ.
        self._file.touch()
        return self._file.stat().st_mtime - touched > EXPIRY_S


def _row(line: str) -> dict[str, Any] | None:
    """A line of a journal; None where it is broken, as the last one may be after a kill."""
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
