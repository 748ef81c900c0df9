"""Tracks of a video joined to people: who comes back after a cut or an absence is the same where that is plausible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.assignment import best_pairs
from signverse.ingest.tracking.observations import Sightings, lengths, scales
from signverse.ingest.tracking.tracker import Tracks

# What one standard deviation is. Proportions of real signers differ by 0.05 to 0.15 from one another and by up to 0.07
# from themselves at another time. After a cut the camera may stand anywhere: place and size say half as much.
_BUILD: Final = 0.07
_SIZE, _SIZE_AFTER_CUT = 0.35, 0.7
_PLACE, _PLACE_AFTER_CUT = 2.0, 4.0
# How much unlikeness (squares of deviations, summed) is still the same person.
_PLAUSIBLE, _PLAUSIBLE_AFTER_CUT = 8.0, 14.0
# Who is shown after a cut is more likely the one who has signed most so far: what that counts for, in the same squares.
# Where as many are shown as before it cancels out.
_PRIMARY: Final = 2.0
_LATE: Final = 6
"""Frames into a shot in which somebody may be seen first who was there from its beginning."""

# What few frames or few lengths have to say about proportions is not asked.
_ROWS_OF_A_BUILD, _LENGTHS_OF_A_BUILD = 6, 3
# A track's build is that of so many rows, evenly spread.
_ROWS_ASKED: Final = 64

_REMEMBERED: Final = 256
"""So many people are waited for: of more, those who were seen least are forgotten."""


@dataclass(frozen=True)
class _Looks:
    """Tracks, one a row: the frames they are in, where they begin and end, and of what build they are."""

    frames: list[NDArray[np.int64]]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    first_box: NDArray[np.float32]
    last_box: NDArray[np.float32]
    rows: NDArray[np.int64]
    build: NDArray[np.float32]


def reunite(seen: Sightings, tracks: Tracks, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Join tracks to people.

    Args:
        weights: float64 [N], what each row adds to its person's weight.

    Returns:
        int64 [N], the person of each row, counted from 0 by first frame; and how many times somebody came back without
        a cut in between.
    """
    looks = _look(seen, tracks)
    if len(looks.rows) == 1:
        return np.zeros(len(seen.frames), np.int64), 0
    weight = np.bincount(tracks.of_row, weights).astype(np.float64)
    reunion = _Reunion(looks, tracks, weight)
    reunion.run()
    return reunion.person[tracks.of_row], reunion.returned


class _Reunion:
    """Goes through the tracks in the order in which they begin, and remembers the people so far."""

    def __init__(self, looks: _Looks, tracks: Tracks, weight: NDArray[np.float64]) -> None:
        self._looks, self._weight = looks, weight
        self._cuts = np.array(tracks.cuts, np.int64)
        # Where nobody was seen the camera may have moved as well: a title, a slide.
        self._shots = np.sort(np.r_[self._cuts, np.array(tracks.pauses, np.int64)])
        self.person = np.full(len(looks.rows), -1, np.int64)
        self.returned = 0
        self._tracks: list[list[int]] = []  # of each person
        self._latest: list[int] = []  # the one of them that ends last
        self._fullest: list[int] = []  # the one that says most about the build
        self._waiting: list[int] = []

    def run(self) -> None:
        looks = self._looks
        # Who is missed in the first frame of a shot begins with it all the same: those of a shot are decided together.
        shot = np.r_[-_LATE - 1, self._shots][np.searchsorted(self._shots, looks.first, side="right")]
        begins = np.where(looks.first - shot <= _LATE, shot, looks.first)
        order = np.lexsort((looks.first, begins))
        for group in np.split(order, np.flatnonzero(np.diff(begins[order])) + 1):
            self._match(group)
            for track in group.tolist():
                if self.person[track] < 0:
                    # One of the others of its group may be the same person, if the two are never seen at once.
                    if len(group) > 1:
                        self._match(np.array([track]))
                    if self.person[track] < 0:
                        self._give(track, len(self._tracks))
            if len(self._waiting) > _REMEMBERED:
                self._waiting.sort(key=lambda who: (-looks.rows[self._fullest[who]], who))
                del self._waiting[_REMEMBERED:]

    def _match(self, group: NDArray[np.int64]) -> None:
        """Give tracks to people who are waited for, as far as that is plausible."""
        if not self._waiting:
            return
        looks, start = self._looks, self._looks.first[group[0]]
        last = np.array([self._latest[who] for who in self._waiting])
        full = np.array([self._fullest[who] for who in self._waiting])
        gone = looks.last[last] < start
        # Who is seen again later was cut away from, if this is the same person.
        moved = _between(self._shots, looks.last[last], start) | ~gone
        worth = _plausible(looks, last, full, group, moved[:, None])
        so_far = np.array([self._weight[self._tracks[who]].sum() for who in self._waiting])
        worth += np.where((worth > 0) & moved[:, None], _PRIMARY * (so_far / so_far.max())[:, None], 0)
        for at in np.flatnonzero(looks.last[last] >= start).tolist():
            # Not gone yet: the same only where the two are never seen at once, as with boxes that flicker.
            own = self._tracks[self._waiting[at]]
            beside = [looks.frames[one] for one in own if looks.last[one] >= start]
            worth[at, [_meet(looks.frames[track], beside) for track in group.tolist()]] = 0
        came_back = gone & ~_between(self._cuts, looks.last[last], start)
        for one, other in best_pairs(worth):
            self._give(int(group[other]), self._waiting[one])
            self.returned += bool(came_back[one])

    def _give(self, track: int, who: int) -> None:
        rows, ends = self._looks.rows, self._looks.last
        if who == len(self._tracks):
            self._tracks.append([])
            self._latest.append(track)
            self._fullest.append(track)
            self._waiting.append(who)
        self.person[track] = who
        self._tracks[who].append(track)
        if ends[track] > ends[self._latest[who]]:
            self._latest[who] = track
        if rows[track] > rows[self._fullest[who]]:
            self._fullest[who] = track


def _meet(frames: NDArray[np.int64], others: list[NDArray[np.int64]]) -> bool:
    return any(len(np.intersect1d(frames, other, assume_unique=True)) > 0 for other in others)


def _between(frames: NDArray[np.int64], last: NDArray[np.int64], first: np.int64) -> NDArray[np.bool_]:
    """Whether one of `frames` lies after each of `last` and not after `first`."""
    passed: NDArray[np.bool_] = np.searchsorted(frames, last, side="right") < np.searchsorted(
        frames, first, side="right"
    )
    return passed


def _look(seen: Sightings, tracks: Tracks) -> _Looks:
    along = np.lexsort((seen.frames, tracks.of_row))
    starts = np.flatnonzero(np.r_[True, np.diff(tracks.of_row[along]) > 0])
    rows = np.diff(np.r_[starts, len(along)])
    build = np.full((len(rows), 6), np.nan, np.float32)
    for track in np.flatnonzero(rows >= _ROWS_OF_A_BUILD).tolist() if len(rows) > 1 else ():
        some = np.linspace(0, rows[track] - 1, min(_ROWS_ASKED, rows[track])).astype(np.int64)
        build[track] = lengths(seen.joints[along[starts[track] + some]])
    first, last = along[starts], along[starts + rows - 1]
    frames = np.split(seen.frames[along], starts[1:])
    return _Looks(frames, seen.frames[first], seen.frames[last], seen.boxes[first], seen.boxes[last], rows, build)


def _plausible(
    looks: _Looks,
    last: NDArray[np.int64],
    full: NDArray[np.int64],
    found: NDArray[np.int64],
    moved: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """What it is worth to take a track found [B] for a person [A]: float64 [A, B], 0 where it is not plausible.

    Args:
        last, full: each person's latest track, and the one that says most about its build.
        found: the tracks.
        moved: [A, 1], whether the camera may have moved since.
    """
    apart = looks.build[full][:, None] - looks.build[found][None]
    known = ~np.isnan(apart)
    count = known.sum(axis=-1)
    apart = np.where(known, apart, 0)
    # The zoom is one factor for all lengths.
    apart = np.where(known, apart - (apart.sum(axis=-1) / np.maximum(count, 1))[..., None], 0)
    build = np.where(count >= _LENGTHS_OF_A_BUILD, (apart**2).sum(axis=-1) / np.maximum(count - 1, 1), 0) / _BUILD**2

    boxes, others = looks.last_box[last][:, None], looks.first_box[found][None]
    sizes, other_sizes = scales(boxes), scales(others)
    size = (np.log(sizes / other_sizes) / np.where(moved, _SIZE_AFTER_CUT, _SIZE)) ** 2
    way = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    away = np.hypot(way[..., 0], way[..., 1]) / np.sqrt(sizes * other_sizes)
    place = (away / np.where(moved, _PLACE_AFTER_CUT, _PLACE)) ** 2

    unlike = build + size + place
    # Any plausible pair is worth more than none, and the more alike of two choices more than the other.
    worth: NDArray[np.float64] = np.where(
        unlike <= np.where(moved, _PLAUSIBLE_AFTER_CUT, _PLAUSIBLE), 2 * _PLAUSIBLE_AFTER_CUT - unlike, 0
    )
    return worth
