"""Joining cues to sentences."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

from signverse.ingest.captions.sound_marks import without_marks
from signverse.ingest.captions.tracks import Cue

MAX_GAP_S: Final = 2.0
"""A longer silence ends a sentence."""

MAX_S: Final = 20.0
"""No sentence becomes longer, unless a single cue is. It also limits languages without full stops, such as Thai."""

_STOPS: Final = ".…"
"""Marks that do not always end a sentence: abbreviations, numbers, pauses."""

_ENDS: Final = _STOPS + "!?。．｡！？‼⁇⁈⁉؟۔।॥։።፧፨။។៕།\u037e"  # noqa: RUF001
_CLOSING: Final = " \"'”“’‘»«›‹)]}」』）］】》〉〕"  # noqa: RUF001


def join_sentences(
    cues: Sequence[Cue], language: str, *, max_gap_s: float = MAX_GAP_S, max_s: float = MAX_S
) -> list[Cue]:
    """Cues joined until one ends a sentence; each has the start of its first cue and the end of its last.

    Cues are never cut, as the times of their words are unknown: a sentence that ends within a cue includes what
    follows in it. Sound marks between two sentences are joined to neither.

    Args:
        cues: sorted by time.
        language: BCP 47; it decides which abbreviations are known.
        max_gap_s: seconds of silence that end a sentence.
        max_s: the longest sentence in seconds.
    """
    joined: list[Cue] = []
    held: list[Cue] = []
    end, said = 0.0, ""
    abbreviated = _abbreviations().get(language.split("-")[0].lower(), frozenset())
    for cue in cues:
        open_still = _is_unfinished(said, cue.text, abbreviated) and cue.start_s - end <= max_gap_s
        if held and not (open_still and max(end, cue.end_s) - held[0].start_s <= max_s):
            joined.append(_one(held, end))
            held, end, said = [], 0.0, ""
        held.append(cue)
        end = max(end, cue.end_s)
        said = without_marks(cue.text) or said
    return [*joined, _one(held, end)] if held else joined


def _one(cues: Sequence[Cue], end_s: float) -> Cue:
    """Joins cues with blanks between them, except in Chinese and Japanese, which have none."""
    text = [cues[0].text]
    for before, after in pairwise(cues):
        text += ["" if _is_unspaced(before.text[-1]) and _is_unspaced(after.text[0]) else " ", after.text]
    return Cue(cues[0].start_s, end_s, "".join(text))


def _is_unfinished(said: str, after: str, abbreviated: frozenset[str]) -> bool:
    """Whether a sentence is unfinished after the words `said`, given the words that follow; "" is never unfinished."""
    said = said.rstrip(_CLOSING)
    if not said:
        return False
    if said[-1] not in _ENDS:
        return True
    if said[-1] not in _STOPS:
        return False
    if after[0].islower() or (said[-2:-1].isdigit() and after[0].isdigit()):
        return True
    word = re.split(r"[\s(\[\"“„«-]", said)[-1].removesuffix(".")
    # An initial is short for a name, but for the English word.
    return word.casefold() in abbreviated or (len(word) == 1 and word.isupper() and word != "I")


@cache
def _abbreviations() -> dict[str, frozenset[str]]:
    """By language: abbreviations without their last full stop."""
    rows = csv.DictReader((files(__package__) / "abbreviations.csv").read_text("utf-8").splitlines())
    return {row["language"]: frozenset(row["abbreviations"].casefold().split()) for row in rows}


def _is_unspaced(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" and "HANGUL" not in unicodedata.name(character, "")
