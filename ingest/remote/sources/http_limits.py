"""How much is asked of a server at a time, how long an answer may take, and how often a request is repeated."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from signverse.ingest.remote.sources.protocols import AbsentError, RemoteFileError, SourceError, Traffic
from signverse.lake.model.wording import lasting

_TOO_MANY: Final = 429

TRANSIENT: Final = frozenset({408, 425, _TOO_MANY, 500, 502, 503, 504})
"""Answers that may be others a little later."""


@dataclass(frozen=True)
class Limits:
    """What a source may be asked at a time, and how long it is waited for.

    Attributes:
        streams: requests at a time, all files of the source together. 8 is what the hub's own client takes.
        connect_s: seconds in which a connection is made.
        answer_s: seconds in which something arrives, whenever something should.
        slowest: bytes a second, below which a connection counts as broken after twice `answer_s`.
        attempts: requests in a row that may bring nothing before a file is given up.
        first_attempts: the same while the source has not answered at all: it may be misspelt, or this machine offline.
        wait_s: seconds before the second attempt; each later wait is twice the one before.
        longest_wait_s: the longest of these.
        longest_pause_s: the longest pause that a server may ask for. The hub counts requests in windows of 300 s.
    """

    streams: int = 8
    connect_s: float = 15.0
    answer_s: float = 30.0
    slowest: float = 1000.0
    attempts: int = 7
    first_attempts: int = 3
    wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_pause_s: float = 900.0


class Limiter:
    """Keeps all threads that read a source within its limits; what one is asked to wait, all wait."""

    def __init__(self, limits: Limits, traffic: Traffic) -> None:
        self.limits = limits
        self.has_answered = False
        self.slots = threading.BoundedSemaphore(max(1, limits.streams))
        self._traffic = traffic
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._until = 0.0

    def end(self) -> None:
        """All that waits fails soon."""
        self._ended.set()

    def pause(self, seconds: float) -> None:
        """No request begins within so many seconds from now."""
        with self._lock:
            now = time.monotonic()
            more = now + seconds - max(now, self._until)
            if more > 0:
                # Requests that were on their way together are refused together: that is one pause.
                self._traffic.add(waits=int(self._until <= now), waited_s=more)
                self._until = now + seconds

    def wait(self, seconds: float = 0.0) -> None:
        """Waits so many seconds, and for the end of a pause.

        Raises:
            SourceError: the source was closed.
        """
        self.check()
        if seconds > 0:
            self._ended.wait(seconds)
        while (left := self._until - time.monotonic()) > 0:
            self.check()
            self._ended.wait(left)
        self.check()

    def check(self) -> None:
        """Raises a SourceError once the source is closed."""
        if self._ended.is_set():
            raise SourceError("the source was closed while it was read")


class Attempts:
    """Counts the requests for one thing that brought nothing, and waits before the next, each time longer.

    Args:
        what: what is asked for, for the message of the last failure.
    """

    def __init__(self, limiter: Limiter, what: str) -> None:
        self._limiter, self.what = limiter, what
        self._failed = 0

    def progress(self) -> None:
        """Something was received: the count starts again."""
        self._failed = 0

    def broken(self, why: str) -> None:
        """A connection broke, or could not be made.

        Raises:
            RemoteFileError: too often in a row.
            AbsentError: the source has never answered.
        """
        self._next(why)
        self._limiter.wait(self._growing())

    def busy(self, status: int, headers: Mapping[str, str]) -> None:
        """The server answered that it cannot answer now.

        Raises:
            RemoteFileError: too often in a row, or it asks for a longer pause than one waits for.
        """
        limits = self._limiter.limits
        asked = pause_asked_for(headers)
        if asked is None and status == _TOO_MANY:
            asked = limits.wait_s * 5 * 2**self._failed
        if asked is not None and asked > limits.longest_pause_s:
            raise RemoteFileError(
                f"{self.what}: the server asks to come back in {lasting(asked)} (status {status})",
                "Run the command again then; what is there is kept.",
            )
        self._next("too many requests" if status == _TOO_MANY else f"the server has an error (status {status})")
        if asked is None:
            self._limiter.wait(self._growing())
        else:
            self._limiter.pause(asked)
            self._limiter.wait()

    def _next(self, why: str) -> None:
        self._failed += 1
        limits = self._limiter.limits
        if not self._limiter.has_answered and self._failed >= limits.first_attempts:
            raise AbsentError(
                f"{self.what} cannot be reached: {why}",
                "Check the address, and whether this machine is online, by way of a proxy if it needs one.",
            )
        if self._failed >= limits.attempts:
            raise RemoteFileError(
                f"{self.what}: {why}, {self._failed} times in a row",
                "Check the network, and run the command again; what is there is kept.",
            )

    def _growing(self) -> float:
        limits = self._limiter.limits
        return min(limits.longest_wait_s, limits.wait_s * 2.0 ** (self._failed - 1))


def pause_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: by Retry-After (seconds or a date), or by the hub's RateLimit; None: none."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,30}(\.\d{1,9})?", value):
        return min(float(value), 1e7)
    if value:
        try:
            at = parsedate_to_datetime(value)
            return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError):
            pass
    # "api";r=0;t=55: nothing remains in this window, and the next begins in 55 s. One more, as the hub's client waits.
    # It comes with every answer of the hub: where something remains, the answer is about something else.
    found = re.search(r'"\w+"\s*;\s*r\s*=\s*0+\s*;\s*t\s*=\s*(\d{1,9})', headers.get("ratelimit", ""))
    return float(found[1]) + 1 if found else None
