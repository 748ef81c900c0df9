"""Reading WebVTT: its cues, their text without markup, and the language and kind of the track."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from signverse.ingest.captions.rollup import Shown, rolls_up, unrolled
from signverse.ingest.captions.sound_marks import without_marks
from signverse.ingest.captions.track_names import language_of, parse_tag
from signverse.ingest.captions.tracks import Cue, Track
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.languages import UNDETERMINED

MAX_BYTES: Final = 32 * 1024 * 1024
"""A larger caption file is refused: ten hours of dense captions take about 2 MB."""

# Zero-width and direction marks, soft hyphens and control characters that players hide and text searches trip over.
# The two joiners U+200C and U+200D stay: they are spelling in Persian and in Indic scripts, and hold emoji together.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc]"
)
_JOINERS: Final = "\u200c\u200d"

_STYLING: Final = re.compile(r"\{\\[^{}]*\}|(?<!:)\\[Nh]")
"""Remains of ASS in converted captions: {\\an8}, line breaks and non-breaking spaces."""

_TWICE_ESCAPED: Final = re.compile(r"&(?:nbsp|lrm|rlm|zwn?j|shy|quot|apos|#0?39|#[xX]27);")
"""Entities that are never meant literally; &amp;amp; and &amp;lt; may be, where a speaker explains HTML."""

_ABOVE: Final = re.compile(r"<r[tp](?:[.\s][^<>]*)?>[^<]*")
"""Ruby annotations: they repeat how the characters are read."""

_NOTE: Final = re.compile(rb"^NOTE track kind=(manual|automatic|translated)(?: source=([A-Za-z0-9-]{2,35}))?\r?$", re.M)
"""What our exporter writes into a track that is not manual."""

_WORD_TIMES: Final = re.compile(rb"<\d\d:\d\d:\d\d\.\d\d\d>")
"""Times inside a cue: speech recognition marks each word, people do not."""


class BadCaptionsError(BadInputError):
    """A caption file cannot be used as it is."""


def clean(text: str, *, entities: bool = True) -> str:
    """The words of a cue on one line: without invisible marks, line breaks and styling, and with entities resolved.

    Args:
        entities: resolve WebVTT's entities, also where they were escaped twice (&amp;nbsp;).
    """
    if entities:
        text = _TWICE_ESCAPED.sub(lambda match: html.unescape(match.group()), html.unescape(text))
    words = _INVISIBLE.sub("", _STYLING.sub(" ", text)).split()
    return " ".join(word for word in words if word.strip(_JOINERS))


def read_vtt(data: bytes, name: str) -> tuple[list[Cue], str]:
    """The cues of a WebVTT file, and the language that its header names ("" where it names none).

    Cues without text or duration are left out; the others are sorted by time.

    Raises:
        BadCaptionsError: it is not WebVTT, not UTF-8, or too large; names the file.
    """
    shown, named = _read_shown(data, name)
    return _cues(shown), named


def _cues(shown: Iterable[Shown]) -> list[Cue]:
    return [Cue(cue.start_s, cue.end_s, cue.text) for cue in shown]


def _read_shown(data: bytes, name: str) -> tuple[list[Shown], str]:
    """As `read_vtt`, with the lines of each cue."""
    # Imported in functions, not at the top: it would slow the start of the command line.
    import webvtt

    if len(data) > MAX_BYTES:
        raise BadCaptionsError(f"{name} has {len(data):,} bytes, captions of up to {MAX_BYTES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCaptionsError(
            f"{name} is not UTF-8 at byte {error.start}", "WebVTT files are UTF-8: convert it."
        ) from None
    if not re.match(r"WEBVTT(\s|$)", text):
        raise BadCaptionsError(
            f"{name} is not WebVTT: it does not begin with WEBVTT", "Correct or remove it, then run again."
        )
    try:
        captions = webvtt.WebVTT.from_string(text)
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError) as error:
        raise BadCaptionsError(f"{name} is not WebVTT: {error}", "Correct or remove it, then run again.") from None
    header = re.split(r"\r?\n\s*\r?\n", text, maxsplit=1)[0]
    if "-->" in text and not re.search(r"^[ \t]*(\d+:)?\d\d:\d\d\.\d{3}\s+-->", text, re.M):
        # The library skips what it cannot parse, such as SRT's commas under a first line of WEBVTT.
        raise BadCaptionsError(
            f"{name} is not WebVTT: none of its times can be read", "They look like 00:00:01.000 --> 00:00:02.500."
        )
    named = re.search(r"^Language:\s*([A-Za-z0-9-]{2,35})\s*$", header, re.M)
    shown = [
        Shown(_seconds(caption.start_time), _seconds(caption.end_time), _lines(caption))
        for caption in captions.captions
    ]  # fmt: skip
    kept = [cue for cue in shown if cue.text and cue.end_s > cue.start_s]
    return sorted(kept, key=lambda cue: (cue.start_s, cue.end_s)), named.group(1) if named else ""


def _lines(caption: Any) -> tuple[str, ...]:
    caption.text = _ABOVE.sub("", caption.raw_text)
    return tuple(clean(line) for line in caption.text.split("\n"))


def _seconds(stamp: object) -> float:
    hours, minutes, seconds, milliseconds = stamp.to_tuple()  # type: ignore[attr-defined]
    # Divided once: 1 + 0.344 would be 1.3439999999999999.
    return float((hours * 3600 + minutes * 60 + seconds) * 1000 + milliseconds) / 1000


def track_from(data: bytes, name: str, tag: str, *, sound_marks: bool = True) -> Track:
    """The track in a WebVTT file; captions that roll up are unrolled.

    The kind is that of our exporter's note, or else the tag's; or else automatic where words have times, otherwise
    manual. The language is the tag's, or the header's where the tag has none.

    Args:
        name: of the file, for messages.
        tag: the part of its name that gives language and kind (see track_names.py), or "".
        sound_marks: whether to keep marks of sounds and speakers (see sound_marks.py).

    Raises:
        BadCaptionsError: it is not WebVTT; names the file.
    """
    shown, named = _read_shown(data, name)
    language, kind, source = parse_tag(tag)
    if language == UNDETERMINED:
        language = language_of(named)
    # Only before the first cue: further down, the same words would be a caption.
    note = _NOTE.search(data.partition(b"-->")[0])
    if note is not None:
        kind, source = note.group(1).decode(), (note.group(2) or b"").decode()
    elif kind is None:
        kind = "automatic" if _WORD_TIMES.search(data) else "manual"
    # Our own files are unrolled already. Manual captions are unrolled only where they roll up beyond doubt.
    if note is None and rolls_up(shown, 3 if kind == "manual" else 1):
        shown = unrolled(shown)
    if not sound_marks:
        spoken = [replace(cue, lines=tuple(without_marks("\n".join(cue.lines)).split("\n"))) for cue in shown]
        shown = [cue for cue in spoken if cue.text]
    return Track(f"{language}.{kind}", kind, language, tuple(_cues(shown)), source)
