"""WebVTT and SubRip: under a line with two times and an arrow the words, until an empty line.

Both are read alike and leniently, since people's files mix them: what a time or an arrow means is taken where only one
thing can be meant, and counted elsewhere. As players do, an arrow begins a cue wherever it stands, in a comment too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from signverse.ingest.captions.cleaning import clean_srt, clean_vtt, speaker_of
from signverse.ingest.captions.formats.encodings import lines_of
from signverse.ingest.captions.formats.reading import UNREADABLE, Reading

ARROW: Final = "-->"
ARROW_IN_WORDS: Final = "are words with an arrow and no times"

_TIME: Final = (
    r"(?:([-\u2212])\s*)?(?:(\d{1,5})\s*:\s*(\d{1,2})|(\d{1,3}))\s*:\s*(\d{1,2})(?![\d])(?:\s*[.,]\s*(\d{1,30}))?"
)
"""Sign; hours and minutes, or minutes; seconds; digits after the point. Translation programs put blanks in between."""

_ANY_ARROW: Final = r"(?:[-\u2010-\u2015\u2212]\s?){1,3}>|[\u2192\u27f6\u2794\u279c\u21d2]|={1,3}>"
_TIMES: Final = re.compile(rf"\s*{_TIME}\s*(?:{_ANY_ARROW})\s*{_TIME}(?:\s.*)?", re.S)
_LIKE_TIMES: Final = re.compile(rf"\s*[-\u2212]?\d+\s*:\s*\d+\s*[:.,]\s*\d.*?(?:{_ANY_ARROW})")
"""What begins a cue with another arrow than WebVTT's: with less in front it may be words, as in 5:30 -> 6:00."""

_POSSIBLE: Final = re.compile("[>\uff1e\ufe65\u2192\u27f6\u2794\u279c\u21d2]|&gt;")
_DIGITS_AROUND: Final = re.compile(r"\d\s*:\s*\d")
_COMMENT: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_MAP: Final = re.compile(r"X-TIMESTAMP-MAP\s*=\s*(.*)")
_LANGUAGE: Final = re.compile(r"Language:\s*([A-Za-z0-9-]{2,35})\s*")
WORD_TIMES: Final = re.compile(r"<(?:\d\d+:)?\d\d:\d\d\.\d\d\d>")
"""Times inside a cue: speech recognition marks each word, people do not."""

_NOTE: Final = re.compile(r"NOTE track kind=(manual|automatic|translated)(?: source=([A-Za-z0-9-]{2,35}))?\s*")
"""What our exporter writes into a track that is not manual."""

_CLOCK: Final = 90_000
"""Ticks of MPEG-TS in a second."""


@dataclass
class _Cue:
    line: int
    start_s: float
    end_s: float
    identifier: str
    words: list[str] = field(default_factory=list)


def read_webvtt(text: str, reading: Reading) -> None:
    """Reads the text of a WebVTT file, which begins with WEBVTT."""
    _Reader(reading, is_webvtt=True).read(lines_of(text))


def read_subrip(text: str, reading: Reading) -> None:
    """Reads the text of a SubRip file, or of one that is nearly WebVTT."""
    _Reader(reading, is_webvtt=False).read(lines_of(text))


class _Reader:
    """Goes through the lines of a file once.

    A block is lines without an empty one between. `_inside` says what the lines of the present block are: a header or a
    comment (both left alone), the words of a cue, those of one that cannot be read, or nothing known so far.
    """

    def __init__(self, reading: Reading, *, is_webvtt: bool) -> None:
        self._reading = reading
        self._is_webvtt = is_webvtt
        self._inside = "unknown"
        self._cues: list[_Cue] = []
        self._block: list[tuple[int, str]] = []
        self._wordless: _Cue | None = None
        self._orphans: list[int] = []
        self._late: list[int] = []
        self._in_comments: list[int] = []
        self._shift_s = 0.0
        self._first_mpegts: int | None = None

    def read(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, 1):
            if _POSSIBLE.search(line) and self._arrow(number, line):
                continue
            if not line or (self._inside == "unknown" and not line.strip()):
                self._end_block()
            elif self._inside == "cue":
                self._cues[-1].words.append(line)
            elif self._inside == "header":
                self._header(line)
            elif self._inside == "unknown":
                self._unknown(number, line)
        self._end_block()
        for cue in self._cues:
            text = "\n".join(cue.words)
            self._reading.is_recognised |= bool(WORD_TIMES.search(text))
            words = clean_vtt(text) if self._is_webvtt else clean_srt(text)
            speaker = speaker_of(text) if self._is_webvtt else ""
            self._reading.take(cue.start_s, cue.end_s, words, cue.line, speaker)
        self._remark()

    def _arrow(self, number: int, line: str) -> bool:
        """Takes a line with an arrow; False where it is words like any other."""
        plain = _plain(line if self._is_webvtt else line.replace("&gt;", ">"))
        if ARROW not in line and not _LIKE_TIMES.match(plain):
            return False
        times = _times(plain)
        self._reading.find()
        if times is None and self._inside == "cue" and not _DIGITS_AROUND.search(line):
            # What someone says: "A --> B".
            self._reading.leave_out(ARROW_IN_WORDS, number)
            return False
        in_comment = self._inside == "comment"
        identifier = self._identifier()
        self._end_block()
        if times is None:
            self._reading.leave_out(UNREADABLE, number)
            self._inside, self._wordless = "unreadable", None
        else:
            if in_comment:
                self._in_comments.append(number)
            start_s, end_s = (time - self._shift_s for time in times)
            self._cues.append(_Cue(number, round(start_s, 9), round(end_s, 9), identifier))
            self._inside, self._wordless = "cue", self._cues[-1]
        return True

    def _identifier(self) -> str:
        """Takes the line above an arrow as the cue's identifier, where it is one: it belongs to no words then."""
        if self._inside == "unknown" and self._block:
            is_one = len(self._block) == 1 or _is_number(self._block[-1][1].strip())
            return self._block.pop()[1].strip() if is_one else ""
        if self._inside == "cue" and self._cues[-1].words:
            # A number that goes on counting, where the empty line above it is missing.
            before, last = self._cues[-1].identifier, self._cues[-1].words[-1].strip()
            if _is_number(before) and _is_number(last) and int(last) == int(before) + 1:
                return self._cues[-1].words.pop().strip()
        return ""

    def _unknown(self, number: int, line: str) -> None:
        if not self._block and self._is_webvtt and line.lstrip().startswith("WEBVTT"):
            self._inside = "header"
        elif not self._block and self._is_webvtt and _COMMENT.match(line):
            self._inside = "comment"
            if not self._cues and (note := _NOTE.fullmatch(line)):
                self._reading.kind, self._reading.source = note.group(1), note.group(2) or ""
        else:
            self._block.append((number, line))

    def _end_block(self) -> None:
        if self._block:
            if self._wordless is not None and not any(line.strip() for line in self._wordless.words):
                self._late.append(self._block[0][0])
                self._wordless.words += [line for _, line in self._block]
            else:
                self._orphans += [number for number, line in self._block if line.strip()]
            self._wordless = None
        elif self._inside in {"header", "comment"}:
            self._wordless = None
        self._block.clear()
        self._inside = "unknown"

    def _header(self, line: str) -> None:
        if (match := _LANGUAGE.fullmatch(line)) and not self._reading.language:
            self._reading.language = match.group(1)
        elif match := _MAP.match(line):
            self._map(match.group(1))

    def _map(self, written: str) -> None:
        """HLS: LOCAL in the file is MPEGTS in the video, whose first moment is taken for 0."""
        local = re.search(rf"LOCAL:({_TIME})", written)
        ticks = re.search(r"MPEGTS:(\d{1,18})", written)
        if local is None or ticks is None:
            self._reading.remarks.append(f"X-TIMESTAMP-MAP={written[:60]} cannot be read: times are taken as they are")
            return
        mpegts, local_s = int(ticks.group(1)), _seconds(local.groups()[1:])
        if self._first_mpegts is None:
            self._first_mpegts = mpegts
            if local_s or mpegts:
                self._reading.remarks.append(
                    f"times are counted from {local.group(1)}, as X-TIMESTAMP-MAP says; "
                    f"MPEGTS {mpegts} is taken for the beginning of the video"
                )
        self._shift_s = local_s - (mpegts - self._first_mpegts) / _CLOCK

    def _remark(self) -> None:
        remarks = self._reading.remarks
        if self._orphans:
            are = "line of text belongs" if len(self._orphans) == 1 else "lines of text belong"
            where = (
                f"line {self._orphans[0]:,}" if len(self._orphans) == 1 else f"the first is line {self._orphans[0]:,}"
            )
            remarks.append(f"{len(self._orphans):,} {are} to no cue, {where}: left out")
        for line in self._late[:1]:
            more = f" and of {len(self._late) - 1:,} more" if len(self._late) > 1 else ""
            remarks.append(f"the words of a cue{more} stand below an empty line, line {line:,}, and are taken")
        for line in self._in_comments[:1]:
            more = f" and {len(self._in_comments) - 1:,} more" if len(self._in_comments) > 1 else ""
            remarks.append(f"a cue in a comment, line {line:,},{more} is taken, as players do")


def _plain(line: str) -> str:
    """A line with full-width signs and digits as plain ones."""
    return unicodedata.normalize("NFKC", line)


def _times(line: str) -> tuple[float, float] | None:
    """Start and end in seconds, where a line is two times with an arrow between."""
    match = _TIMES.fullmatch(line)
    if match is None:
        return None
    parts = match.groups()
    return _seconds(parts[:6]), _seconds(parts[6:])


def _seconds(parts: tuple[str | None, ...]) -> float:
    sign, hours, minutes, minutes_only, seconds, fraction = (part or "0" for part in parts)
    whole = int(hours) * 3600 + (int(minutes) + int(minutes_only)) * 60 + int(seconds)
    # Divided once: 1 + 0.344 would be 1.3439999999999999.
    value: float = (whole * 10 ** len(fraction) + int(fraction)) / 10 ** len(fraction)
    return value if sign == "0" else -value


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10
