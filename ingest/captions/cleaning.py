"""The words of captions without markup: tags, entities, styling and invisible marks."""

from __future__ import annotations

import html
import re
from typing import Final

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

_VTT_TAG: Final = re.compile(r"<(?:/?[A-Za-z.][^<>]*|/|\d[\d:.]*)>")
_BREAK: Final = re.compile(r"<br\s*/?>", re.I)
"""HTML's line break, which converters leave in both formats."""

_VOICE: Final = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")
_SRT_TAG: Final = re.compile(r"</?(?:b|i|u|s|c|v|em|strong|font|span|br|ruby|lang)(?:[.\s=/][^<>]*)?>", re.I)
"""SubRip has no rules: what is not known to be a tag, such as <3, is text."""


def clean(text: str, *, entities: bool = True) -> str:
    """The words of a cue on one line: without invisible marks, line breaks and styling, and with entities resolved.

    Args:
        entities: resolve WebVTT's entities, also where they were escaped twice (&amp;nbsp;).
    """
    if entities:
        text = _TWICE_ESCAPED.sub(lambda match: html.unescape(match.group()), html.unescape(text))
    words = _INVISIBLE.sub("", _STYLING.sub(" ", text)).split()
    return " ".join(word for word in words if word.strip(_JOINERS))


def clean_vtt(text: str) -> tuple[str, ...]:
    """The lines of a WebVTT cue without tags, and without the annotations above Japanese characters."""
    return tuple(clean(line) for line in _VTT_TAG.sub("", _ABOVE.sub("", _BREAK.sub("\n", text))).split("\n"))


def speaker_of(text: str) -> str:
    """Whom the first voice tag of a WebVTT cue names (<v Anna>); "" without one."""
    match = _VOICE.search(text)
    return clean(match.group(1)) if match else ""


def clean_srt(text: str) -> tuple[str, ...]:
    """The lines of a SubRip cue without tags, and without entities that are never meant literally."""
    text = _TWICE_ESCAPED.sub(lambda match: html.unescape(match.group()), _SRT_TAG.sub("", _BREAK.sub("\n", text)))
    return tuple(clean(line, entities=False) for line in text.split("\n"))
