"""Caption tracks: cues with their language and kind, and which track of a video becomes its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

_KINDS: Final = ("manual", "automatic", "translated")
"""Best first."""


@dataclass(frozen=True)
class Cue:
    """A caption with its times in seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Track:
    """A caption track.

    Attributes:
        name: unique among the tracks of the video, such as "en.manual".
        kind: manual, automatic or translated.
        language: BCP 47 tag of the text, or und.
        source: for a translated track the language it was translated from, else "".
    """

    name: str
    kind: str
    language: str
    cues: tuple[Cue, ...] = field(repr=False)
    source: str = ""

    @property
    def is_english(self) -> bool:
        return is_english(self.language)


def is_english(language: str) -> bool:
    """Whether a BCP 47 tag is English, of any region."""
    return language.lower().split("-")[0] in {"en", "eng"}


def unique(tracks: Sequence[Track]) -> list[Track]:
    """Tracks with unique names: duplicates are left out, other tracks of the same name get a number."""
    found: dict[str, Track] = {}
    for track in tracks:
        name, number = track.name, 2
        while name in found and found[name].cues != track.cues:
            name, number = f"{track.name}.{number}", number + 1
        found.setdefault(name, replace(track, name=name))
    return list(found.values())


def choose(tracks: Sequence[Track]) -> tuple[Track | None, str]:
    """The one track that becomes segments, and its english_source.

    Manual English comes first, then automatic English, then a translation into English. Without English it is the
    best track of another language, and the source is "none".
    """
    usable = [track for track in tracks if track.cues]
    if not usable:
        return None, "none"
    best = min(usable, key=lambda track: (not track.is_english, _KINDS.index(track.kind), track.language, track.name))
    if not best.is_english:
        return best, "none"
    return best, f"translated_from:{best.source or 'und'}" if best.kind == "translated" else "native"
