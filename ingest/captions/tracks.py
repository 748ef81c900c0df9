"""Caption tracks: cues with their language and kind, and which track of a video becomes its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

_KINDS: Final = ("manual", "automatic", "translated")
"""Best first."""


IN_PART: Final = "captions_in_part"
CHANGED: Final = "captions_changed"
"""Reasons in `outcomes`: something of the captions was left out; or it was only changed, joined or guessed."""


@dataclass(frozen=True)
class Cue:
    """A caption with its times in seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class LeftOut:
    """Cues of a file that are not in its track, for one reason.

    Attributes:
        why: a verb in the plural and what follows: "cannot be read", "have no words".
        count: how many there are.
        line: of the first of them, from 1; 0 where the format has no lines.
    """

    why: str
    count: int
    line: int = 0


@dataclass(frozen=True)
class Track:
    """A caption track.

    Every cue of its file is accounted for: `found` is the number of cues, plus `joined`, plus those of `left_out`.

    Attributes:
        name: unique among the tracks of the video, such as "en.manual".
        kind: manual, automatic or translated.
        language: BCP 47 tag of the text, or und.
        source: for a translated track the language it was translated from, else "".
        file: name of the file, "" where it is none.
        found: lines with an arrow, or what stands for them in other formats.
        joined: cues that are part of another one: shown twice, repeated without a gap, or rolled up.
        left_out: cues that are not in the track.
        remarks: what was left out, changed or guessed, a line each, with the file's name.
    """

    name: str
    kind: str
    language: str
    cues: tuple[Cue, ...] = field(repr=False)
    source: str = ""
    file: str = ""
    found: int = 0
    joined: int = 0
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()

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


def outcome_remarks(tracks: Sequence[Track]) -> list[tuple[str, str]]:
    """The remarks of all tracks with the reason that `outcomes` records: captions_in_part or captions_changed."""
    return [(IN_PART if track.left_out else CHANGED, remark) for track in tracks for remark in track.remarks]


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
