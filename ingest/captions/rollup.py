"""Captions that are shown more than once: as layers, piece by piece, or rolling up. Here each is kept once.

In roll-up captions each cue repeats lines of the cue before above its own. YouTube's automatic captions roll up in two
lines, with cues of 10 ms that hold a line still, and until 2018 in three; broadcasts in two or three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

TOUCHING_S: Final = 0.1
"""Seconds between roll-up cues up to which equal lines are repetitions; after a longer gap they are spoken again."""

_SAME_MOMENT_S: Final = 0.02
"""Seconds between two times that are one: formats round to hundredths, and half a frame is 0.02."""

_MOST_ROWS: Final = 15
"""Rows of a screen of captions (CEA-608). A cue of a million lines is not compared at every height."""

_HELD_S: Final = 0.011
"""Seconds that YouTube's recogniser holds a line still before the next one comes."""


@dataclass(frozen=True)
class Shown:
    """The lines on the screen from one time to another, in seconds.

    Attributes:
        lines: from top to bottom; an empty one is "".
        speaker: whom the format names for these words; "" where it names nobody.
    """

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """The lines that are not empty."""
        return tuple(line for line in self.lines if line)


def rolls_up(shown: Sequence[Shown], least: int) -> bool:
    """Whether captions roll up: lines of one cue move up in the next, to make room for a new line.

    Captions by people repeat lines too, as in a chorus, but without moving them up.

    Args:
        shown: sorted by time.
        least: how often it must happen; and in at least half of the cues that follow another without a gap.
    """
    height = _height(shown)
    touching = rolling = 0
    for before, after in pairwise(shown):
        if _touch(before, after):
            touching += 1
            known = _known(before, after, height)
            held = (after.lines[-1] == "" and before.lines[-1] != "") or known == len(after.words) < len(before.words)
            rolling += bool(known and (known < len(after.words) or held))
    return rolling >= least and 2 * rolling >= touching


def unrolled(shown: Sequence[Shown]) -> list[Shown]:
    """Roll-up captions with each line once: from when it appears until the next one does, or until it disappears.

    Args:
        shown: sorted by time, none without words.
    """
    height = _height(shown)
    kept: list[Shown] = []
    before: Shown | None = None
    for cue in shown:
        known = _known(before, cue, height) if before and _touch(before, cue) else 0
        new = cue.words[known:]
        if kept and not new:
            kept[-1] = replace(kept[-1], end_s=max(kept[-1].end_s, cue.end_s))
        elif new:
            if kept and kept[-1].start_s < cue.start_s:
                kept[-1] = replace(kept[-1], end_s=min(kept[-1].end_s, cue.start_s))
            kept.append(Shown(cue.start_s, cue.end_s, new))
        before = cue
    return kept


def _height(shown: Sequence[Shown]) -> int:
    return max((len(cue.lines) for cue in shown), default=0)


def _touch(before: Shown, after: Shown) -> bool:
    return after.start_s - before.end_s <= TOUCHING_S


def _known(before: Shown, cue: Shown, height: int) -> int:
    """How many of a cue's first lines were the last lines on the screen before it."""
    screen, words = before.words, cue.words
    for count in range(min(len(screen), len(words), _MOST_ROWS), 0, -1):
        # A full screen of one repeated line has moved up by one; otherwise there would be no new cue.
        again = count == len(words) == height > 1 and len(set(words)) == 1
        # Lines move up or stay. Below an empty line, lower than it stood before, the same line is new.
        down = cue.lines[0] == "" and _rows(cue)[0] > _rows(before)[-count]
        if screen[-count:] == words[:count] and not again and not down:
            return count
    return 0


def _rows(cue: Shown) -> list[int]:
    """Where the lines that are not empty stand, from the top."""
    return [row for row, line in enumerate(cue.lines) if line]


def held_still(shown: Sequence[Shown]) -> bool:
    """Whether captions that roll up hold lines still in the way of YouTube's recogniser.

    Args:
        shown: sorted by time.
    """
    held = sum(cue.end_s - cue.start_s <= _HELD_S for cue in shown)
    return held >= 2 and 3 * held >= len(shown)


def without_layers(shown: Sequence[Shown]) -> list[Shown]:
    """Cues without those of the same times and lines as another: outlines and shadows."""
    return list(dict.fromkeys(shown))


def without_pieces(shown: Sequence[Shown]) -> list[Shown]:
    """Cues of the same words without a gap between as one: fades, changes of colour, karaoke.

    What two speakers say one after the other stays two cues, where the file names both.

    Args:
        shown: sorted by time.
    """
    kept: list[Shown] = []
    last: dict[str, int] = {}
    for cue in shown:
        at = last.get(cue.text)
        if at is not None and kept[at].speaker and cue.speaker and kept[at].speaker != cue.speaker:
            at = None
        if at is not None and round(cue.start_s - kept[at].end_s, 6) <= _SAME_MOMENT_S:
            kept[at] = replace(kept[at], end_s=max(kept[at].end_s, cue.end_s))
        else:
            last[cue.text] = len(kept)
            kept.append(cue)
    return kept
