"""Writes down what happens to videos: into the run's journal at once, into the lake with the next commit.

Whatever is killed, and whenever, nothing is lost: the journal keeps an outcome until the lake has it, media is removed
and a lease is released only after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.leases import Run
from signverse.ingest.acquire.media_folder import FinishedVideo
from signverse.ingest.acquire.scheduling.limits import IDLE_COMMIT_S
from signverse.ingest.acquire.worklist import complete
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.run import attempts_so_far
from signverse.ingest.videos.workers import STAGE
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import COMMIT_SECONDS, Committer, VideoRows
from signverse.lake.storage.sources import add_sources

LIST: Final = "list"
"""Stage of an outcome about a row of a manifest."""


class Recorder:
    """Records the outcomes of one run.

    Args:
        on_committed: called with the id of each extracted video when the lake has it.
    """

    def __init__(self, lake: Lake, run: Run, committer: Committer, on_committed: Callable[[str], None]) -> None:
        self._lake, self._run, self._committer = lake, run, committer
        self._on_committed = on_committed
        self._attempts = attempts_so_far(lake)
        self._sources: list[dict[str, Any]] = []
        self._extracted: list[tuple[str, FinishedVideo | None]] = []
        self._to_release: set[str] = set()
        self._uncommitted = False
        self._committed_at = time.monotonic()

    def recover(self, invalid: Iterable[tuple[str, str]]) -> None:
        """Commits what killed runs have left in their journals, and the manifest's invalid ids.

        Args:
            invalid: a printable form of each id, and why it is invalid.
        """
        self._adopt_journals()
        for video_id, message in invalid:
            if (video_id, LIST) not in self._attempts:
                self.record(video_id, LIST, Outcome("failed", "bad_id", message))
        if self._uncommitted:
            self.commit()
            self._lake.refresh()

    def _adopt_journals(self) -> None:
        for row in self._run.adopt_journals():
            try:
                key, attempt = (str(row["video_id"]), str(row["stage"])), int(row["attempt"])
                outcome, reason, message = (str(row[name] or "") for name in ("outcome", "reason", "message"))
            except (KeyError, TypeError, ValueError, OverflowError):
                continue
            if attempt > self._attempts.get(key, 0):
                self._attempts[key] = attempt
                self._committer.record(*key, outcome, reason, message, attempt=attempt)
                self._uncommitted = True

    def record(self, video_id: str, stage: str, outcome: Outcome) -> None:
        """Records the outcome of a stage."""
        attempt = self._next_attempt(video_id, stage)
        row = {
            "video_id": video_id,
            "stage": stage,
            "outcome": outcome.kind,
            "reason": outcome.reason,
            "message": outcome.message,
        }
        self._run.write_journal({**row, "attempt": attempt})
        self._committer.record(**row, attempt=attempt)

    def record_source(self, entry: Entry, info: Mapping[str, Any]) -> None:
        """Records what a site says of a video, for the table `sources`."""
        self._sources.append(vars(complete(entry, info)))

    def record_extracted(self, video_id: str, rows: VideoRows, media: FinishedVideo | None) -> None:
        """Records the rows of an extracted video.

        Args:
            media: is removed after the commit; None to keep it.
        """
        attempt = self._next_attempt(video_id, STAGE)
        self._extracted.append((video_id, media))
        self._to_release.add(video_id)
        self._committer.add(rows, attempt=attempt)
        if self._committer.pending == 0:
            # It commits by itself once it holds 128 MB.
            self._after_commit()

    def record_extraction_failed(self, video_id: str, reason: str, message: str) -> None:
        """Records that a video could not be extracted."""
        attempt = self._next_attempt(video_id, STAGE)
        self._to_release.add(video_id)
        self._committer.record(video_id, STAGE, "failed", reason, message, attempt=attempt)
        if self._committer.pending == 0:
            self._after_commit()

    def _next_attempt(self, video_id: str, stage: str) -> int:
        attempt = self._attempts.get((video_id, stage), 0) + 1
        self._attempts[video_id, stage] = attempt
        self._uncommitted = True
        return attempt

    def release_after_commit(self, video_id: str) -> None:
        """Releases the lease of a video when the lake has its outcome."""
        self._to_release.add(video_id)

    def keep_lease(self, video_id: str) -> None:
        """Keeps the lease of a video after all: it is tried again."""
        self._to_release.discard(video_id)

    def commit_if_due(self, *, idle: bool) -> None:
        """Commits where something has waited long enough: a minute, a few seconds where nothing is under way."""
        wait = IDLE_COMMIT_S if idle else COMMIT_SECONDS
        if self._uncommitted and time.monotonic() - self._committed_at >= wait:
            self.commit()

    def commit(self) -> None:
        """Commits what there is, then clears the journal, removes the media and releases the leases."""
        self._adopt_journals()
        if self._sources:
            add_sources(self._lake.snapshot, self._sources)
            self._sources = []
        self._committer.flush()
        self._run.clear_journal()
        self._after_commit()
        for video_id in self._to_release:
            self._run.release_lease(video_id)
        self._to_release.clear()
        self._uncommitted = False
        self._committed_at = time.monotonic()

    def _after_commit(self) -> None:
        for video_id, media in self._extracted:
            if media is not None:
                media.remove()
            self._on_committed(video_id)
        self._extracted = []
