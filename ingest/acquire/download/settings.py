"""How videos are downloaded: the settings of every worker. Imported at every start: nothing heavy here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError

MAX_HEIGHT: Final = 720
"""Pixels. Hands need them; the published pipeline took the lowest resolution on offer."""

CAPTION_MODES: Final = ("all", "english", "none")
"""Which caption tracks are downloaded."""

SLEEP: Final = "1-5"
"""Seconds between two videos of a worker, by default."""

SOCKET_TIMEOUT_S: Final = 20.0
"""Seconds that a server may be silent."""


@dataclass(frozen=True)
class Settings:
    """How videos are downloaded.

    Attributes:
        max_height: pixels; a video that is offered in larger formats only comes in the smallest of them.
        captions: all, english or none.
        cookies: a Netscape cookie file. Each worker reads it and keeps what sites change in memory.
        proxy: for all requests; "" for none at all, None for the environment's.
        rate: bytes/s of one download.
        sleep: seconds between two videos of a worker, from and to.
        least_free: free bytes of the media's disk below which a running download ends.
        backoff_s: seconds before a caption track is requested again after a 429; below 1, yt-dlp's own retries are
            as much faster.
        public_only: addresses that are not public are refused, and files of this machine.
    """

    max_height: int = MAX_HEIGHT
    captions: str = "all"
    cookies: Path | None = None
    proxy: str | None = None
    rate: int | None = None
    sleep: tuple[float, float] = (1.0, 5.0)
    least_free: int = 0
    backoff_s: float = 5.0
    public_only: bool = False


def read_sleep(text: str) -> tuple[float, float]:
    """Seconds such as "3" or "1-5".

    Raises:
        BadInputError: it is neither.
    """
    match = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)(?:-(\d{1,5}(?:\.\d+)?))?", text.strip())
    low = float(match.group(1)) if match else 0.0
    high = float(match.group(2) or low) if match else 0.0
    if not match or high < low:
        raise BadInputError(f"--sleep {text[:40]} is not a time", "Such as 3, or 1-5 for one to five seconds.")
    return low, high
