"""Marks in captions that are not speech: sounds in brackets, music, who speaks."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import Final

_SQUARE: Final = re.compile(r"\[[^\[\]]*\]|［[^［］]*］|【[^【】]*】")  # noqa: RUF001
_ROUND: Final = re.compile(r"\([^()]*\)|（[^（）]*）")  # noqa: RUF001
_NOTE: Final = "[♩♪♫♬🎵🎶]\ufe0f?"
_SUNG: Final = re.compile(f"(?:{_NOTE})+[^♩♪♫♬🎵🎶]*{_NOTE}(?:{_NOTE})*|{_NOTE}")
_SPEAKER: Final = re.compile(r"(?<!\S)(?:>{2,3}|＞{2,3})[ \t]*")  # noqa: RUF001
_DASH: Final = re.compile(r"^[ \t]*[-\u2010-\u2015](?:[ \t]+|$)", re.M)
_SPACED: Final = re.compile(r" (?=[,.](?:\s|$))")
_AROUND: Final = " \t\n,;:.!…&/、。"


def without_marks(text: str) -> str:
    """The words of a cue without marks of sounds and speakers; "" where nothing else is left.

    Removed are:
    - text in square brackets, fullwidth ones too, except up to three letters within a word: [Music], [door slams], not
      [s]he;
    - text in round brackets where every word is in the table of sounds: (applause), (soft music), （拍手）; other
      brackets are speech: (s)he, (I love music), (2019);
    - notes (♪) with the lyrics between two of them;
    - >> and >>> before a word, and a dash followed by a blank at the start of a line.

    Args:
        text: cleaned, lines separated by line breaks.
    """  # noqa: RUF002
    kept = _SUNG.sub(" ", text)
    kept = _SQUARE.sub(lambda match: match.group() if _inside_word(match) else " ", kept)
    kept = _ROUND.sub(lambda match: " " if _is_sound(match.group()[1:-1]) else match.group(), kept)
    kept = _DASH.sub("", _SPEAKER.sub("", kept))
    if kept == text:
        return text
    lines = [_SPACED.sub("", " ".join(line.split())) for line in kept.split("\n")]
    # Punctuation alone is not speech.
    return "\n".join(line for line in lines if line) if any(c.isalnum() for c in kept) else ""


def _inside_word(match: re.Match[str]) -> bool:
    sides = match.string[max(0, match.start() - 1) : match.start()] + match.string[match.end() : match.end() + 1]
    return len(match.group()) <= len("[ing]") and any(side.isalnum() for side in sides)


def _is_sound(words: str) -> bool:
    found = re.split(f"[{_AROUND}]+", words.casefold().strip(_AROUND))
    sounds, along = _table()
    return any(word in sounds for word in found) and all(word in sounds or word in along for word in found)


@cache
def _table() -> tuple[frozenset[str], frozenset[str]]:
    """Words for sounds, and words that may accompany them, in all languages."""
    sounds: set[str] = set()
    along: set[str] = set()
    for row in csv.DictReader((files(__package__) / "sound_words.csv").read_text("utf-8").splitlines()):
        (along if row["language"].endswith("-with") else sounds).update(row["words"].casefold().split())
    return frozenset(sounds), frozenset(along)
