"""Roll-up captions: each cue repeats lines of the cue before above its own. Here each line is kept once.

YouTube's automatic captions roll up in two lines, with cues of 10 ms that hold a line still; broadcasts in two or
three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

TOUCHING_S: Final = 0.1
"""Seconds between two cues up to which equal lines are repetitions; after a longer gap they are spoken again."""


@dataclass(frozen=True)
class Shown:
    """The lines on the screen from one time to another, in seconds.

    Attributes:
        lines: from top to bottom; an empty one is "".
    """

    start_s: float
    end_s: float
    lines: tuple[str, ...]

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
            known = _known(before.words, after, height)
            held = after.lines[-1] == "" and before.lines[-1] != ""
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
        known = _known(before.words, cue, height) if before and _touch(before, cue) else 0
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


def _known(screen: Sequence[str], cue: Shown, height: int) -> int:
    """How many of a cue's first lines were the last lines on the screen before it."""
    words = cue.words
    if cue.lines[0] == "":
        # Nothing was moved up: the line below is new, even with the same words.
        return 0
    for count in range(min(len(screen), len(words)), 0, -1):
        # A full screen of one repeated line has moved up by one; otherwise there would be no new cue.
        again = count == len(words) == height > 1 and len(set(words)) == 1
        if tuple(screen[-count:]) == words[:count] and not again:
            return count
    return 0
