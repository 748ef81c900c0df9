"""The limits of a run, and when downloading waits because of them. Imported at every start: nothing heavy here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signverse.ingest.acquire.scheduling.retry_policy import ATTEMPTS, PAUSE_S
from signverse.lake.model.wording import counted, size_of

STALLED_S: Final = 300
"""Seconds without a report after which a download worker is ended; yt-dlp's own retries take less."""

LEASED_S: Final = 10.0
"""Seconds until a video whose lease another run holds is checked again."""

POLL_S: Final = 1.0
"""Seconds between two checks of the disk and of what is due, when nothing happens."""

IDLE_COMMIT_S: Final = 5.0
"""Seconds after which an idle run commits what is finished, which releases its leases for other runs."""


@dataclass(frozen=True)
class Limits:
    """When downloading pauses, and when a run gives up.

    Attributes:
        backlog: bytes of finished downloads that may wait for extraction (--ahead).
        keep_free: bytes that stay free on the disk of the media.
        attempts: attempts for a video in this run.
        first_pause_s: seconds between the first attempt and the second.
        keep_going: whether to continue where a site keeps blocking, instead of ending the run.
        stalled_s: seconds without a report after which a download is given up.
    """

    backlog: int
    keep_free: int
    attempts: int = ATTEMPTS
    first_pause_s: float = PAUSE_S
    keep_going: bool = False
    stalled_s: float = STALLED_S

    def backlog_full(self, videos: int, size: int) -> str:
        """Why no download may start now; "" where one may.

        Args:
            videos: finished downloads that wait for extraction.
            size: their bytes.
        """
        if size < self.backlog:
            return ""
        return f"{counted(videos, 'video')} {'waits' if videos == 1 else 'wait'} for extraction"

    def disk_low(self, free: int) -> bool:
        """Whether too little is free on the disk of the media for another download to start."""
        return free < self.keep_free


def disk_low_message(unfinished: int, folder: object) -> str:
    """The message that is shown while downloading waits for the disk.

    Args:
        unfinished: bytes of downloads that were started and are not finished.
        folder: where they are.
    """
    detail = f" ({size_of(unfinished)} are in {folder})" if unfinished else ""
    return f"the disk is low: downloading goes on when there is room{detail}"
