"""The limits of a run, and when downloading waits because of them. Imported at every start: nothing heavy here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signverse.ingest.acquire.scheduling.retry_policy import ATTEMPTS, PAUSE_S
from signverse.lake.model.wording import counted, size_of

STALLED_S: Final = 300.0
"""A download worker that reports nothing for so long is ended; yt-dlp's own retries take less."""

LEASED_S: Final = 10.0
"""After so long a video is looked at again that another run has the lease of."""

POLL_S: Final = 1.0
"""How often a run looks at the disk and at its clocks when nothing happens."""

IDLE_COMMIT_S: Final = 5.0
"""Where nothing is under way, what is finished is committed after so long, and its leases are free for other runs."""


@dataclass(frozen=True)
class Limits:
    """When downloading waits, and when it ends.

    Attributes:
        backlog: bytes of finished downloads that may wait for extraction (--ahead).
        keep_free: bytes that stay free on the disk of the media.
        attempts: tries of a video in this run.
        first_pause_s: after the first of them.
        keep_going: whether to wait on where a site keeps blocking.
    """

    backlog: int
    keep_free: int
    attempts: int = ATTEMPTS
    first_pause_s: float = PAUSE_S
    keep_going: bool = False

    def backlog_full(self, videos: int, size: int) -> str:
        """Why no download starts beside so many videos (and bytes) that wait for extraction; "" where one may."""
        if size < self.backlog:
            return ""
        return f"{counted(videos, 'video')} {'waits' if videos == 1 else 'wait'} for extraction"

    def disk_low(self, free: int) -> bool:
        """Whether too little is free on the disk of the media for another download to start."""
        return free < self.keep_free


def disk_low_message(unfinished: int, folder: object) -> str:
    """What is said while downloading waits for the disk.

    Args:
        unfinished: bytes of downloads that were started and are not finished.
        folder: where they are.
    """
    detail = f" ({size_of(unfinished)} are in {folder})" if unfinished else ""
    return f"the disk is low: downloading goes on when there is room{detail}"
