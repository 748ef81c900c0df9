"""Captions that roll up: each shows lines of the one before again, above its own. Here each line is said once.

YouTube's automatic captions do so in two lines, with cues of 10 ms that hold a line still; broadcasts in two or three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

TOUCHING_S: Final = 0.1
"""A cue that begins so soon after the one before may show its lines again; after a longer gap they are said again."""


@dataclass(frozen=True)
class Shown:
    """What stands on the screen from one time to another, in seconds.

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
    """Whether captions roll up: at least so often, and wherever two cues touch at least every other time.

    That often, lines of the cue before move up to make room for a new one. What people write repeats itself at times,
    as a chorus does, but not in this way.

    Args:
        shown: sorted by time.
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
    """Captions that roll up with each line once, from when it first appears to when the next one does or it goes.

    Args:
        shown: sorted by time, none without a word.
    """
    height = _height(shown)
    kept: list[Shown] = []
    before: Shown | None = None
    for one in shown:
        known = _known(before.words, one, height) if before and _touch(before, one) else 0
        new = one.words[known:]
        if kept and not new:
            kept[-1] = replace(kept[-1], end_s=max(kept[-1].end_s, one.end_s))
        elif new:
            if kept and kept[-1].start_s < one.start_s:
                kept[-1] = replace(kept[-1], end_s=min(kept[-1].end_s, one.start_s))
            kept.append(Shown(one.start_s, one.end_s, new))
        before = one
    return kept


def _height(shown: Sequence[Shown]) -> int:
    return max((len(one.lines) for one in shown), default=0)


def _touch(before: Shown, after: Shown) -> bool:
    return after.start_s - before.end_s <= TOUCHING_S


def _known(screen: Sequence[str], one: Shown, height: int) -> int:
    """How many of a cue's first lines were on the screen's lower lines already."""
    words = one.words
    if one.lines[0] == "":
        # Nothing was moved up: what stands below is new, though it be the same words.
        return 0
    for count in range(min(len(screen), len(words)), 0, -1):
        # A full screen of the same line that is shown again has moved up by one: else there were no new cue.
        again = count == len(words) == height > 1 and len(set(words)) == 1
        if tuple(screen[-count:]) == words[:count] and not again:
            return count
    return 0
