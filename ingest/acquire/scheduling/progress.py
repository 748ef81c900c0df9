"""What a run reports: events while it works, and a summary at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from signverse.ingest.acquire.download.worker import Attempt
from signverse.ingest.videos.account import Account
from signverse.ingest.videos.plan import VideoTask
from signverse.lake.storage.committer import VideoRows


class Listener(Protocol):
    """Receives the events of a run; the command line draws its screen from them."""

    def started(self, finished: int) -> None:
        """The run begins; so many of its videos need nothing."""

    def download_progress(self, video_id: str, step: str, done: int, expected: int) -> None:
        """A worker is at a step of a download (looking, captions, video), with bytes done and expected (0: unknown)."""

    def download_ended(self, video_id: str, attempt: Attempt, retried: bool) -> None:
        """An attempt has ended; `retried` where this run tries the video again."""

    def extraction_progress(self, task: VideoTask, done: int, expected: int) -> None:
        """So many frames of a video are extracted."""

    def extracted(self, task: VideoTask, rows: VideoRows) -> None:
        """A video is extracted."""

    def extraction_failed(self, task: VideoTask, reason: str) -> None:
        """A video could not be extracted."""

    def waiting(self, reason: str) -> None:
        """Why no download starts for now; "" where one does."""


@dataclass
class Summary:
    """How a run went: videos by what became of them.

    Attributes:
        size: bytes downloaded.
        came_back: downloads of videos that had been unavailable.
        removed: videos whose media was removed because the lake had them before this run.
        ended: outcome (unavailable, blocked or failed) of each video that this run gave up.
        before: videos that needed nothing, by their state.
        elsewhere: videos that another run has the lease of.
        account: what extraction took, changed and left.
        stopped: why the run ended early; "" where it did not.
    """

    downloaded: int = 0
    size: int = 0
    extracted: int = 0
    frames: int = 0
    came_back: int = 0
    removed: int = 0
    ended: dict[str, str] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    account: Account = field(default_factory=Account)
    stopped: str = ""
