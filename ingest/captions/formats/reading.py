"""What reading a caption file gives: cues in the order of the file, and an account of those that are not taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from signverse.ingest.captions.rollup import Shown
from signverse.ingest.captions.tracks import LeftOut
from signverse.lake.model.errors import BadInputError

MAX_BYTES: Final = 32 * 1024 * 1024
"""A larger caption file is refused: ten hours of dense captions take about 2 MB."""

MAX_CUES: Final = 200_000
"""A file of more cues is refused: ten hours in which a cue begins each second have 36,000."""

UNREADABLE: Final = "cannot be read"
NO_WORDS: Final = "have no words"
NO_LENGTH: Final = "have an end that is not after the start"
BEFORE_START: Final = "end before the video begins"
"""Why cues are left out."""


class BadCaptionsError(BadInputError):
    """A caption file cannot be used as it is."""


@dataclass
class Reading:
    """What a caption file holds. Every cue is accounted for: `found` is the number of `shown` and of those left out.

    Attributes:
        format: WebVTT, SubRip, ASS or json3.
        encoding: such as UTF-8.
        name: of the file, for messages.
        found: lines with an arrow, or what stands for them in other formats.
        shown: the cues that are taken.
        left_out: the others by reason: how many, and the line of the first.
        language: that the file names, "" where it names none.
        kind, source: that a file of our exporter names, "" elsewhere.
        is_recognised: words have times, as speech recognition gives them and people do not.
        remarks: what was changed or guessed, a line each.
    """

    format: str
    encoding: str = "UTF-8"
    name: str = ""
    found: int = 0
    shown: list[Shown] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    language: str = ""
    kind: str = ""
    source: str = ""
    is_recognised: bool = False
    remarks: list[str] = field(default_factory=list)
    _cut: int = 0

    def find(self, count: int = 1) -> None:
        """Counts cues that the file has, before they are taken or left out.

        Raises:
            BadCaptionsError: there are more than MAX_CUES.
        """
        self.found += count
        if self.found > MAX_CUES:
            raise BadCaptionsError(f"{self.name} has more than {MAX_CUES:,} cues".lstrip())

    def leave_out(self, why: str, line: int = 0) -> None:
        """Counts a cue that is not taken; `why` as in LeftOut."""
        before = self.left_out.get(why)
        first = min(before.line, line) if before else line
        self.left_out[why] = LeftOut(why, (before.count if before else 0) + 1, first)

    def take(self, start_s: float, end_s: float, lines: tuple[str, ...], line: int = 0, speaker: str = "") -> None:
        """Takes a cue, or counts why it is none: without words, without length, or before the video.

        Args:
            lines: its text without markup.
            line: where it stands in the file.
            speaker: whom the format names; "" for nobody.
        """
        if not any(lines):
            self.leave_out(NO_WORDS, line)
        elif end_s <= start_s:
            self.leave_out(NO_LENGTH, line)
        elif end_s <= 0:
            self.leave_out(BEFORE_START, line)
        else:
            self._cut += start_s < 0
            self.shown.append(Shown(max(0.0, start_s), end_s, lines, speaker))

    def account(self) -> list[str]:
        """What was left out, changed or guessed, a line each."""
        lines = [
            f"{left.count:,} of {self.found:,} cues {_verb(left)}, {_where(left)}" for left in self.left_out.values()
        ]
        if self._cut:
            begins = "begins" if self._cut == 1 else "begin"
            lines.append(f"{self._cut:,} of {self.found:,} cues {begins} before the video and is cut there")
        return [*lines, *self.remarks]


_SINGULAR: Final = {"have": "has", "end": "ends", "are": "is"}


def _verb(left: LeftOut) -> str:
    verb, _, rest = left.why.partition(" ")
    return f"{_SINGULAR.get(verb, verb)} {rest}" if left.count == 1 else left.why


def _where(left: LeftOut) -> str:
    if not left.line:
        return "left out"
    return f"line {left.line:,}" if left.count == 1 else f"the first in line {left.line:,}"
