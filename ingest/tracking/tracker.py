"""People followed from frame to frame, as far as they are in sight and no cut comes between.

Most of a video decides itself: in two frames that follow one another every person is far more like itself than like
anybody else. These links are made for all frames at once. What is left - somebody appears, is lost, hides another, or
two are so near that either could be either - is decided frame by frame, in order, with what is known of the movement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.assignment import best_pairs
from signverse.ingest.tracking.observations import Sightings, overlap, scales
from signverse.lake.model.skeleton import FPS

BRIDGE_FRAMES: Final = int(FPS)
"""Somebody turned away or hidden for a second goes on as the same."""

# The head and the shoulders of real signers move by 0.03 of the box's size from frame to frame at most (measured on
# seven): three times that is still likely the same person, ten times that is somebody else.
_SPREAD: Final = 0.1
# The longer somebody was out of sight, the less is known of the place: twice the spread in six frames.
_SPREAD_FRAMES: Final = 6.0

# A link that needs no thought: alike, and more so by this much than any other link of the two.
_CLEAR, _MARGIN, _CLEAR_FRAMES = 0.5, 0.25, 4
# Below this, two are not the same; boxes alone that overlap by three tenths are above it.
_POSSIBLE: Final = 0.15
# A movement is measured over as many frames, and over no fewer than three: below that it is jitter.
_MOVEMENT_FRAMES, _MOVEMENT_LEAST = 8, 3
# Where somebody stood last counts for less than where the movement led.
_STOOD_STILL: Final = 0.7
# Of two who were lost in the same place the later one: what a frame of absence counts.
_OLDER: Final = 0.005
# Points that are all this unlike from one frame to the next have jumped.
_JUMPED: Final = 0.3

# Two poses of one frame that are so alike are one pose, found twice.
_SAME_POSE: Final = 0.5

_PAIRS_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True)
class Tracks:
    """Who was followed.

    Attributes:
        of_row: int64 [N], each row's track, counted from 0 by first frame.
        cuts: the frames in which everybody jumped: a new shot begins.
        pauses: the frames in which somebody is seen elsewhere after moments with nobody, where a cut may have been.
        bridged: the rows at both ends of each loss that was bridged, (last before, first after).
    """

    of_row: NDArray[np.int64]
    cuts: list[int]
    pauses: list[int]
    bridged: list[tuple[int, int]]


def follow(seen: Sightings) -> Tracks:
    """Join the rows of a video to tracks; no track has two rows of a frame."""
    starts = np.flatnonzero(np.r_[True, np.diff(seen.frames) > 0]) if len(seen.frames) else np.empty(0, np.int64)
    seen = replace(seen, joints=_own(seen, starts))
    before = _clear_links(seen, starts)
    follower = _Follower(seen, starts, before)
    follower.run()
    return Tracks(_chains(before), follower.cuts, follower.pauses, follower.bridged)


def likeness(
    boxes: NDArray[np.float32],
    joints: NDArray[np.float32],
    other_boxes: NDArray[np.float32],
    other_joints: NDArray[np.float32],
    spread: float | NDArray[np.floating] = _SPREAD,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How alike people are in place and posture, from 0 to 1, broadcast.

    Args:
        boxes, other_boxes: float32 [..., 4].
        joints, other_joints: float32 [..., 12, 2].
        spread: the distance, in sizes of the box, at which a point is alike by 0.6.

    Returns:
        The mean of the boxes' overlap and of the points' likeness, and the latter alone: COCO's object keypoint
        similarity with one spread for all points. With fewer than four points in common both are the overlap.
    """
    shared = overlap(boxes, other_boxes)
    size = scales(boxes) * scales(other_boxes)
    away = joints - other_joints
    squares = (away[..., 0] ** 2 + away[..., 1] ** 2) / size[..., None]
    alike = np.exp(squares / (-2 * np.square(np.asarray(spread, np.float32)))[..., None])
    known = ~np.isnan(alike)
    count = known.sum(axis=-1)
    points = np.where(known, alike, 0).sum(axis=-1) / np.maximum(count, 1)
    points = np.where(count >= 4, points, shared).astype(np.float32)
    return (shared + points) / 2, points


def _own(seen: Sightings, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """The joints without those that a box has of somebody else.

    In the box of somebody half hidden the pose model finds the one in front: of two poses in one place the one with
    fewer points, or with the smaller box, is not that person's own.
    """
    counts = np.diff(np.r_[starts, len(seen.frames)])
    joints = seen.joints
    known = np.count_nonzero(~np.isnan(joints[..., 0]), axis=1)
    for people in np.unique(counts[counts > 1]).tolist():
        first, second = np.triu_indices(people, 1)
        some = starts[counts == people]
        step = max(1, _PAIRS_AT_ONCE // len(first))
        for at in range(0, len(some), step):
            ones, others = (some[at : at + step, None] + which for which in (first, second))
            _, points = likeness(seen.boxes[ones], seen.joints[ones], seen.boxes[others], seen.joints[others])
            # Without four points in common the boxes speak, and boxes that overlap are nobody's fault.
            shared = np.count_nonzero(~np.isnan(seen.joints[ones] + seen.joints[others])[..., 0], axis=-1) >= 4
            same = shared & (points > _SAME_POSE)
            ones, others = ones[same], others[same]
            if len(ones):
                joints = seen.joints.copy() if joints is seen.joints else joints
                fewer = known[ones].astype(np.int64) - known[others]
                lesser = (fewer < 0) | ((fewer == 0) & (seen.scales[ones] < seen.scales[others]))
                joints[np.where(lesser, ones, others)] = np.nan
    return joints


def _clear_links(seen: Sightings, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row the row before it of the same person, where there is no question about it; else -1."""
    before = np.full(len(seen.frames), -1, np.int64)
    counts = np.diff(np.r_[starts, len(seen.frames)])
    near = np.flatnonzero(np.diff(seen.frames[starts]) <= _CLEAR_FRAMES)
    here, there = counts[near], counts[near + 1]
    # Frames with the same numbers of people are worked on together.
    kinds = here * 1000 + there
    for kind in np.unique(kinds).tolist():
        people, others = divmod(kind, 1000)
        some = near[kinds == kind]
        step = max(1, _PAIRS_AT_ONCE // (people * others))
        for at in range(0, len(some), step):
            pairs = some[at : at + step]
            rows = starts[pairs][:, None] + np.arange(people)
            following = starts[pairs + 1][:, None] + np.arange(others)
            alike, _ = likeness(
                seen.boxes[rows][:, :, None], seen.joints[rows][:, :, None],
                seen.boxes[following][:, None], seen.joints[following][:, None],
            )  # fmt: skip
            pair, row, other = np.nonzero(_clear(alike))
            before[following[pair, other]] = rows[pair, row]
    return before


def _clear(alike: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the links [..., P, Q] are beyond question."""
    clear: NDArray[np.bool_] = alike >= _CLEAR
    for axis in (-2, -1):
        if alike.shape[axis] > 1:
            second, best = np.moveaxis(np.partition(alike, (-2, -1), axis=axis), axis, -1)[..., -2:].transpose(2, 0, 1)
            clear &= alike == np.expand_dims(best, axis)
            clear &= np.expand_dims(best - second >= _MARGIN, axis)
    return clear


def _chains(before: NDArray[np.int64]) -> NDArray[np.int64]:
    """The chain of each row, counted by first row."""
    root = np.where(before < 0, np.arange(len(before)), before)
    while True:
        # Each step reaches twice as far back.
        further = root[root]
        if (further == root).all():
            break
        root = further
    first = before < 0
    number = np.cumsum(first) - 1
    chains: NDArray[np.int64] = number[root]
    return chains


class _Follower:
    """Goes through the frames in which somebody has no clear link, and decides."""

    def __init__(self, seen: Sightings, starts: NDArray[np.int64], before: NDArray[np.int64]) -> None:
        self._seen, self._starts, self._before = seen, starts, before
        self._after = np.full(len(before), -1, np.int64)
        linked = np.flatnonzero(before >= 0)
        self._after[before[linked]] = linked
        self.cuts: list[int] = []
        self.pauses: list[int] = []
        self.bridged: list[tuple[int, int]] = []

    def run(self) -> None:
        frames = self._seen.frames
        heads = np.flatnonzero(self._before < 0)
        tails = np.flatnonzero(self._after < 0)
        at, lost = 0, np.empty(0, np.int64)
        for group in np.split(heads, np.flatnonzero(np.diff(frames[heads])) + 1):
            if not len(group):
                return
            frame = frames[group[0]]
            passed = int(np.searchsorted(frames[tails], frame))
            lost = np.concatenate([lost, tails[at:passed]])
            at = passed
            lost = lost[frames[lost] >= frame - BRIDGE_FRAMES - 1]
            if not len(lost):
                at_frame = int(np.searchsorted(self._starts, group[0], side="right")) - 1
                if at_frame and frame - frames[self._starts[at_frame - 1]] > BRIDGE_FRAMES:
                    self.pauses.append(int(frame))
                continue
            pairs, jumped = self._decide(lost, group)
            away = self._all_new(group) if jumped else 0
            if away:
                (self.cuts if away <= _CLEAR_FRAMES else self.pauses).append(int(frame))
                continue
            for one, other in pairs:
                self._join(int(lost[one]), int(group[other]))
            lost = np.delete(lost, [one for one, _ in pairs])

    def _join(self, last: int, following: int) -> None:
        self._before[following], self._after[last] = last, following
        frames = self._seen.frames
        # Who comes back has never been away: it was no cut, but one lost and another found in the same moment.
        while self.cuts and self.cuts[-1] > frames[last]:
            self.cuts.pop()
        if frames[following] - frames[last] > 1:
            self.bridged.append((last, following))

    def _all_new(self, found: NDArray[np.int64]) -> int:
        """The frames since somebody was seen, where everybody in a frame is without a clear link; else 0."""
        frames = self._seen.frames
        at = int(np.searchsorted(self._starts, found[0], side="right")) - 1
        end = self._starts[at + 1] if at + 1 < len(self._starts) else len(frames)
        return int(frames[found[0]] - frames[self._starts[at - 1]]) if end - self._starts[at] == len(found) else 0

    def _movement(self, row: int, along: NDArray[np.int64]) -> NDArray[np.float32]:
        """Pixels a frame, float32 [2], of the person of a row, over the rows along its chain from there.

        nan where they are too few to tell.
        """
        seen = self._seen
        at = row
        for _ in range(_MOVEMENT_FRAMES):
            if along[at] < 0:
                break
            at = int(along[at])
        frames = int(seen.frames[row] - seen.frames[at])
        if not _MOVEMENT_LEAST <= abs(frames) <= 2 * _MOVEMENT_FRAMES:
            return np.full(2, np.nan, np.float32)
        away = seen.joints[row] - seen.joints[at]
        away = away[~np.isnan(away[:, 0])]
        if len(away) < 4:
            away = (seen.boxes[row] - seen.boxes[at]).reshape(2, 2)
        moved: NDArray[np.float32] = np.median(away, axis=0) / np.float32(frames)
        return moved

    def _decide(self, lost: NDArray[np.int64], found: NDArray[np.int64]) -> tuple[list[tuple[int, int]], bool]:
        """Pairs of places in `lost` and `found`, and whether all that could be paired has jumped."""
        seen = self._seen
        gap = (seen.frames[found[0]] - seen.frames[lost]).astype(np.float32)[:, None]
        # Where the movement before leads to, and where the movement after comes from: two who meet and turn back would
        # stand where two who pass each other do, but neither movement would lead there.
        ahead = np.stack([self._movement(row, self._before) for row in lost.tolist()])
        later = np.stack([self._movement(row, self._after) for row in found.tolist()])
        boxes, joints = seen.boxes[lost][:, None], seen.joints[lost][:, None]
        others, other_joints = seen.boxes[found][None], seen.joints[found][None]
        spread = _SPREAD * (1 + (gap - 1) / _SPREAD_FRAMES)
        stood, _ = likeness(boxes, joints, others, other_joints, spread)
        ways = [np.where(np.isnan(way), 0, way) * gap[..., None] for way in (ahead[:, None], later[None])]
        led, came = (
            likeness(boxes + np.tile(way, 2), joints + way[:, :, None], others, other_joints, spread)[0] for way in ways
        )
        unknown, unknown_later = np.isnan(ahead[:, :1]), np.isnan(later[:, 0])[None]
        went = np.where(unknown, came, np.where(unknown_later, led, (led + came) / 2))
        values = np.maximum(went, _STOOD_STILL * stood)
        # Who was lost before a cut is found again only where there is no question about it.
        since = self.cuts[-1] if self.cuts else 0
        least = np.where(seen.frames[lost] < since, _CLEAR, _POSSIBLE)[:, None]
        pairs = best_pairs(np.where(values >= least, values - _OLDER * (gap - 1), 0))
        one, other = np.array(pairs, np.int64).reshape(-1, 2).T
        near = gap[one, 0] <= 1
        _, points = likeness(
            seen.boxes[lost[one]], seen.joints[lost[one]], seen.boxes[found[other]], seen.joints[found[other]]
        )
        return pairs, bool((near & (points < _JUMPED)).all())
