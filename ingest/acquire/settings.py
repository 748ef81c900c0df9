"""How videos are fetched: what every worker process is told."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted

MAX_HEIGHT: Final = 720
"""Pixels. Hands need them; the published pipeline took the lowest resolution on offer."""

MODES: Final = ("all", "english", "none")
"""Which caption tracks are fetched."""

SLEEP: Final = "1-5"
"""Seconds between two videos of a worker, by default."""

PAUSE_S: Final = 60.0
"""After the first try of a video that was blocked or failed; each further one is four times as long."""

LONGEST_PAUSE: Final = 64
"""In first pauses: an hour."""

ATTEMPTS: Final = 4
"""Tries of a video in one run."""

SOCKET_TIMEOUT_S: Final = 20.0
"""Seconds that a server may be silent."""

STALLED_S: Final = 300.0
"""A worker that tells nothing for so long is given up; yt-dlp's own retries take less."""


@dataclass(frozen=True)
class Settings:
    """How videos are fetched.

    Attributes:
        max_height: pixels; a video that is offered in larger forms only comes in the smallest of them.
        captions: all, english or none.
        cookies: a Netscape cookie file. Each worker takes a copy into `scratch`, for yt-dlp writes into it.
        scratch: a private folder that the command removes.
        proxy: for all requests; "" for none at all, None for what the environment names.
        rate: bytes/s of one download.
        sleep: seconds between two videos of a worker, from and to.
        keep_free: bytes that no download may take from the disk of the media.
        least_free: bytes of the media's disk below which a download that is under way ends.
        backoff_s: seconds before a caption that was refused for the number of requests is asked for again.
    """

    max_height: int = MAX_HEIGHT
    captions: str = "all"
    cookies: Path | None = None
    scratch: Path | None = None
    proxy: str | None = None
    rate: int | None = None
    sleep: tuple[float, float] = (1.0, 5.0)
    keep_free: int = 0
    least_free: int = 0
    backoff_s: float = 5.0


@dataclass(frozen=True)
class Acquisition:
    """What the options of a download ask for.

    Attributes:
        settings: for the workers.
        languages: codes of sign languages; none for all.
        limit: videos that are taken up at most.
        parallel: workers.
        attempts, first_pause_s, keep_going, keep_free: see `ingest.acquire.lanes.Limits`.
        share: number and count of --slice.
        retry: states to take up at once.
    """

    settings: Settings
    languages: frozenset[str]
    limit: int | None
    parallel: int
    attempts: int
    first_pause_s: float
    keep_going: bool
    keep_free: int
    share: tuple[int, int]
    retry: tuple[str, ...]


def read_sleep(text: str) -> tuple[float, float]:
    """Seconds such as "3" or "1-5".

    Raises:
        BadInputError: it is neither.
    """
    match = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)(?:-(\d{1,5}(?:\.\d+)?))?", text.strip())
    low = float(match.group(1)) if match else 0.0
    high = float(match.group(2) or low) if match else 0.0
    if not match or high < low:
        raise BadInputError(f"--sleep {text[:40]} is no time", "Such as 3, or 1-5 for one to five seconds.")
    return low, high


_FORMAT: Final = "Its first line is '# Netscape HTTP Cookie File', then seven columns with tabs between them."


def check_cookies(path: Path) -> None:
    """Reads a cookie file once, without changing it.

    Raises:
        BadInputError: it cannot be read, or is no Netscape cookie file.
    """
    from yt_dlp.cookies import YoutubeDLCookieJar

    # yt-dlp writes the lines that it passes over to stderr, with all secrets in them: such a file is refused.
    passed_over = io.StringIO()
    try:
        jar = YoutubeDLCookieJar(str(path))
        with contextlib.redirect_stderr(passed_over):
            jar.load(ignore_discard=True, ignore_expires=True)
    except OSError as error:
        # http.cookiejar's LoadError, too, is an OSError; only the system's has words of its own.
        if error.strerror:
            raise BadInputError(f"cookies {path} cannot be read: {error.strerror}") from None
        raise BadInputError(f"cookies {path} cannot be read: it is not in Netscape's format", _FORMAT) from None
    except UnicodeDecodeError:
        raise BadInputError(f"cookies {path} cannot be read: it is no text in UTF-8", _FORMAT) from None
    if count := len(passed_over.getvalue().splitlines()):
        raise BadInputError(f"{counted(count, 'line')} of cookies {path} cannot be read", _FORMAT)
    if not len(jar):
        raise BadInputError(f"cookies {path} holds none", "Export it again while you are signed in.")
