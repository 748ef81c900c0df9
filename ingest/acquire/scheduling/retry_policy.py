"""Retries of a video: how many, and how long the pauses between them are. Imported at every start: nothing heavy here.

The requests that yt-dlp repeats within one try are in download/ytdlp.py; the pause of all videos of a site that blocks
is in site_breaker.py.
"""

from __future__ import annotations

from typing import Final

ATTEMPTS: Final = 4
"""Tries of a video in one run."""

PAUSE_S: Final = 60.0
"""After the first try of a video that was blocked or failed."""

_GROWTH: Final = 4
"""Each further pause is so many times as long."""

LONGEST_PAUSE: Final = 64
"""In first pauses: an hour."""


def pause_after(tries: int, first_s: float = PAUSE_S) -> float:
    """Seconds to wait after the n-th failed try: exponential backoff, up to LONGEST_PAUSE first pauses."""
    return first_s * float(min(LONGEST_PAUSE, _GROWTH ** max(0, tries - 1)))
