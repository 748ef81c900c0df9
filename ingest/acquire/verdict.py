"""What became of an attempt to get a video, and what its error means.

The words of errors and what they mean are data: verdicts.csv, in the order in which they are tried. A block is never
taken for a video that is gone: one study filed 25,238 blocked videos as dead.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

OUTCOMES: Final = ("done", "unavailable", "blocked", "failed")


@dataclass(frozen=True)
class Verdict:
    """What an attempt came to.

    Attributes:
        outcome: done, unavailable (deleted, private, region), blocked (rate limit, bot check, sign-in wanted) or failed
            (network, disk, unknown).
        reason: a word.
        message: one line for the person.
        scope: whom it concerns: the video, the whole site (others would be blocked too), or this machine.
    """

    outcome: str
    reason: str = ""
    message: str = ""
    scope: str = "video"


def judge(error: BaseException) -> Verdict:
    """What an exception of yt-dlp, of the network or of the disk says of the video."""
    chain = list(_causes(error))
    message = _plain(str(error)) or type(error).__name__
    message = message if len(message) <= _LONGEST else message[: _LONGEST - 3] + "..."
    status = next((code for one in chain if isinstance(code := getattr(one, "status", None), int)), None)
    # A page may say why it is refused: its words come before the bare number, except where the number is all there is.
    words = " | ".join(dict.fromkeys(_plain(str(one) or type(one).__name__) for one in chain))
    if status is not None:
        words += f" | HTTP Error {status}"
    # An address tells nothing, whatever words it is made of.
    words = _ADDRESS.sub("", words).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for pattern, verdict in _table():
        if pattern.search(words):
            return Verdict(verdict.outcome, verdict.reason, message, verdict.scope)
    if isinstance(error, OSError):
        # Of the system's errors only those about files name one.
        if error.filename is not None:
            return Verdict("failed", "disk", message, "machine")
        return Verdict("failed", "network", message)
    return Verdict("failed", "unknown", message)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that caused it; yt-dlp keeps them in attributes of its own."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = getattr(one, "exc_info", None)
            waiting += [getattr(one, "cause", None), inner[1] if inner else None, one.__cause__]


@cache
def _table() -> list[tuple[re.Pattern[str], Verdict]]:
    return [
        (re.compile(row["pattern"], re.I), Verdict(row["outcome"], row["reason"], "", row["scope"])) for row in rows()
    ]


def rows() -> list[dict[str, str]]:
    """The table of words: pattern, outcome, reason, scope and an example of each."""
    text = (files(__package__) / "verdicts.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


_LONGEST: Final = 300
"""Letters of a message."""

_MOST_READ: Final = 10_000
"""Letters of an exception that are looked at: some bring a whole page along."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

_ADDRESS: Final = re.compile(r"\b(?:https?|file)://\S+")

_NOISE: Final = re.compile(
    r"^ERROR: |\(caused by .*|; please report this issue on.*|You might want to use a VPN.*"
    r"|It is recommended to use `-.*|(?:How to|See|Also see) +https?://\S+.*",
    re.S,
)
"""What yt-dlp adds for its own users: advice about options that are not ours."""


_WHOSE: Final = re.compile(r"^\[[\w:.+-]+\] (?:\S+: )?")
"""The extractor and the id that yt-dlp puts before its messages: the id is ours already."""


def _plain(text: str) -> str:
    text = _WHOSE.sub("", " ".join(_NOISE.sub("", _COLOUR.sub("", text)).split()))
    return "".join(c for c in text if c.isprintable())[:_MOST_READ]
