"""The outcome of an attempt to download a video, and which outcome an error stands for.

The rules are data: outcome_rules.csv, a row a pattern, in the order in which they are tried. A block is never taken for
a video that is gone: one study filed 25,238 blocked videos as dead.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

KINDS: Final = ("done", "unavailable", "blocked", "failed")
"""What `Outcome.kind` may be; the tests hold every rule to it."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt.

    Attributes:
        kind: done, unavailable (deleted, private, region), blocked (rate limit, bot check, sign-in required) or failed
            (network, disk, unknown).
        reason: a word.
        message: one line for the user.
        scope: what it concerns: the video, the whole site (other videos would be blocked too), or this machine.
    """

    kind: str
    reason: str = ""
    message: str = ""
    scope: str = "video"


_MAX_MESSAGE: Final = 300
"""Characters of a message."""

MAX_SHOWN: Final = 200
"""Characters of an address or of a site's name for something, in a message."""

_MAX_READ: Final = 10_000
"""Characters of an exception that are read: some contain a whole page."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

_URL: Final = re.compile(r"\b(?:https?|file)://\S+")

_ADVICE: Final = re.compile(
    r"^ERROR: |\(caused by .*|; please report this issue on.*|You might want to use a VPN.*"
    r"|It is recommended to use `-.*|(?:How to|See|Also see) +https?://\S+.*",
    re.S,
)
"""What yt-dlp adds for its own users: advice about options that are not ours."""

_EXTRACTOR_AND_ID: Final = re.compile(r"^\[[\w:.+-]+\] (?:\S+: )?")
"""What yt-dlp puts before its messages: we have the id already."""


def classify(error: BaseException) -> Outcome:
    """The outcome that an exception of yt-dlp, of the network or of the disk stands for."""
    chain = list(_causes(error))
    message = _plain(str(error)) or type(error).__name__
    message = message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 3] + "..."
    status = next((code for cause in chain if isinstance(code := getattr(cause, "status", None), int)), None)
    # A page may say why it refuses: its words come before the bare status, except where there is nothing else.
    text = " | ".join(dict.fromkeys(_plain(str(cause) or type(cause).__name__) for cause in chain))
    if status is not None:
        text += f" | HTTP Error {status}"
    # The words of an address mean nothing.
    text = _URL.sub("", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for pattern, outcome in _compiled_rules():
        if pattern.search(text):
            return Outcome(outcome.kind, outcome.reason, message, outcome.scope)
    if isinstance(error, OSError):
        # Of the system's errors only those about files name one.
        if error.filename is not None:
            return Outcome("failed", "disk", message, "machine")
        return Outcome("failed", "network", message)
    return Outcome("failed", "unknown", message)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that caused it; yt-dlp keeps them in attributes of its own."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        cause = queue.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            inner = getattr(cause, "exc_info", None)
            queue += [getattr(cause, "cause", None), inner[1] if inner else None, cause.__cause__]


def rules() -> list[dict[str, str]]:
    """The rows of outcome_rules.csv: pattern, outcome, reason, scope and an example of each."""
    text = (files(__package__) / "outcome_rules.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _compiled_rules() -> list[tuple[re.Pattern[str], Outcome]]:
    return [
        (re.compile(row["pattern"], re.I), Outcome(row["outcome"], row["reason"], "", row["scope"])) for row in rules()
    ]


def _plain(text: str) -> str:
    text = _EXTRACTOR_AND_ID.sub("", " ".join(_ADVICE.sub("", _COLOUR.sub("", text)).split()))
    return "".join(c for c in text if c.isprintable())[:_MAX_READ]
