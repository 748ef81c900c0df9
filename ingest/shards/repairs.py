"""The defects of the published bytes: found by what gives them away, undone where that is exact, and recorded.

The list is in the order of `repair`. Every function says what it found as words for `videos.repairs`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.poses import Poses
from signverse.ingest.tracking.identities import number_people
from signverse.lake.model.skeleton import BODY, LEFT_HAND, NECK, RIGHT_HAND, joint_index
from signverse.lake.storage.keypoints import MAX_SCORE, Points

OUTSIDE: Final = (-0.25, 1.25)
"""Coordinates beyond these shares of the frame are no places, but marks of absent points."""

_RIGHT_WRIST, _LEFT_WRIST = joint_index("right_wrist"), joint_index("left_wrist")


def repair(poses: Poses) -> None:
    """Puts right what is wrong with the keypoints of a published video, in place."""
    if poses.dialect != "card":
        _body_codes(poses)
    _body_flags(poses)
    _absent(poses)
    if poses.dialect != "card":
        _impossible_scores(poses)
        _permuted_hands(poses)
    _order(poses)
    _empty_rows(poses)
    if poses.dialect != "card":
        _identity(poses)


def as_published(poses: Poses) -> None:
    """Only what the tables need: absent points as such, frames in order. The bytes' own claims stay."""
    _absent(poses)
    _order(poses)
    _empty_rows(poses)
    poses.repairs.clear()


def _body_codes(poses: Poses) -> None:
    """Body scores that are index codes: 18 * person + joint where the detector was sure, else -1.

    The tell: every score is -1 or its own code, and one is 2 or more, which no confidence is.
    """
    scores = poses.points[:, BODY.slice, 2]
    codes = 18 * poses.slots[:, None].astype(np.float32) + np.arange(BODY.size, dtype=np.float32)
    # A frame without a body has nan there, which neither speaks for codes nor against.
    if not ((scores == -1) | (scores == codes) | np.isnan(scores)).all() or not (scores >= 2).any():
        return
    visible = scores != -1
    poses.body_visible = visible
    # True confidence is lost: unknown where the joint was seen; where it was not, _absent finds its place to be none.
    poses.points[:, BODY.slice, 2] = np.nan
    poses.repairs.append("body_scores_unknown")


def _body_flags(poses: Poses) -> None:
    """Body scores that are 1 or 0 and nothing else tell who was seen, and no confidence.

    So are bodies written whose scores were lost to the defect above. A detector never gives 1 to a whole video.
    """
    scores = poses.points[:, BODY.slice, 2]
    seen = scores == 1
    told = seen.copy()
    told[:, NECK] = False  # Its score is a flag in every dialect.
    if not (seen | (scores == 0) | np.isnan(scores)).all() or np.count_nonzero(told) < 2:
        return
    poses.body_visible = seen
    poses.points[:, BODY.slice, 2][seen] = np.nan
    poses.repairs.append("body_scores_unknown")


def _impossible_scores(poses: Poses) -> None:
    """Scores beyond all confidence, such as index codes of which only some are left: unknown."""
    impossible = poses.points[..., 2] > MAX_SCORE
    # A body of which one score is such has codes for all of them, and those of its first joints look like scores.
    spoilt = np.logical_or.reduce(impossible[:, BODY.slice], axis=1)
    impossible[:, BODY.slice] = spoilt[:, None] & np.greater(poses.points[:, BODY.slice, 2], 0)
    if impossible.any():
        poses.points[..., 2][impossible] = np.nan
        poses.repairs.append(f"impossible_scores:{np.count_nonzero(impossible)}")


def _permuted_hands(poses: Poses) -> None:
    """Hands of several people written in the order L0..Ln-1, R0..Rn-1 and read as L0, R0, L1, R1, ...

    Confirmed by distance over the whole video: put right, hands lie nearer to the wrists of their people. Only wrists
    are asked that have a hand both ways.
    """
    changes: list[tuple[npt.NDArray[np.intp], Points]] = []
    before, after = 0.0, 0.0
    for rows in _frames_of_many(poses):
        people = poses.points[rows]
        flat = np.stack([people[:, :, LEFT_HAND.slice], people[:, :, RIGHT_HAND.slice]], axis=2)
        count = people.shape[1]
        flat = flat.reshape(len(rows), 2 * count, LEFT_HAND.size, 3)
        fixed = people.copy()
        fixed[:, :, LEFT_HAND.slice] = flat[:, :count]
        fixed[:, :, RIGHT_HAND.slice] = flat[:, count:]
        # A hand at its wrist and one far from it must weigh the same in every frame: no distance counts beyond this.
        most = 0.25 * float(np.hypot(poses.width, poses.height))
        as_read, put_right = _wrist_distances(people), _wrist_distances(fixed)
        both = np.isfinite(as_read) & np.isfinite(put_right)
        before += float(np.minimum(as_read[both], most).sum())
        after += float(np.minimum(put_right[both], most).sum())
        changes.append((rows, fixed))
    if not after < 0.5 * before:
        return
    for rows, fixed in changes:
        poses.points[rows] = fixed
    poses.repairs.append(f"hands_unpermuted:{sum(len(rows) for rows, _ in changes)}")


def _frames_of_many(poses: Poses) -> list[npt.NDArray[np.intp]]:
    """Rows of frames with two or more people, [frames, people] for each number of people."""
    starts = np.flatnonzero(np.r_[True, (np.diff(poses.frames) != 0) | (np.diff(poses.slots) <= 0)])
    if not len(poses.frames):
        return []
    counts = np.diff(np.r_[starts, len(poses.frames)])
    return [starts[counts == count][:, None] + np.arange(count) for count in np.unique(counts) if count > 1]


def _wrist_distances(people: Points) -> npt.NDArray[np.float32]:
    """The distance from each hand's root to its wrist, [F, P, 2] for people [F, P, 128, 3]; nan where one is absent."""
    sides = [
        np.hypot(*np.moveaxis(people[:, :, wrist, :2] - people[:, :, hand.start, :2], -1, 0))
        for wrist, hand in ((_LEFT_WRIST, LEFT_HAND), (_RIGHT_WRIST, RIGHT_HAND))
    ]
    return np.stack(sides, axis=-1)


def _absent(poses: Poses) -> None:
    """Points outside of all reason, and points without a score, are absent: no place, score 0."""
    if poses.dialect == "card":
        # Its points are where the model put them, also outside of the frame; only (0, 0, 0) is absent.
        nothing = (poses.points[..., 0] == 0) & (poses.points[..., 1] == 0) & (poses.points[..., 2] == 0)
        poses.points[nothing, :2] = np.nan
        return
    x, y, score = (poses.points[..., i] for i in range(3))
    # Column by column: a reduction over pairs takes numpy ten times as long.
    outside = np.zeros(x.shape, bool)
    for values, size in ((x, poses.width), (y, poses.height)):
        # A nan is neither above nor below, and counts as outside.
        outside |= ~((values >= OUTSIDE[0] * size) & (values <= OUTSIDE[1] * size))
    # (-1, -1) is the dialect's own way to say absent, whatever the score; only other marks are a defect.
    nothing = (score <= 0) | ((x == -poses.width) & (y == -poses.height))
    found = np.count_nonzero(outside & ~nothing & ~np.isnan(x))
    if found:
        poses.repairs.append(f"sentinels:{found}")
    outside |= nothing
    never = np.isnan(x) & np.isnan(score)
    if never.any():
        outside &= ~never
    poses.points[outside] = (np.nan, np.nan, 0.0)


def _order(poses: Poses) -> None:
    """Frames by their numbers; of a number that comes twice the first frame counts."""
    numbers = np.unique(poses.numbers)
    doubled = len(poses.numbers) - len(numbers)
    if doubled:
        poses.repairs.append(f"frames_doubled:{doubled}")
        # A copy begins where the frame changes, or where its slots begin anew.
        copy = np.cumsum(np.r_[0, (np.diff(poses.frames) != 0) | (np.diff(poses.slots) <= 0)])[: len(poses.frames)]
        _, first, frame = np.unique(poses.frames, return_index=True, return_inverse=True)
        poses.keep(np.flatnonzero(copy == copy[first][frame]))
        poses.keep(np.lexsort((poses.slots, poses.frames)))
    elif (np.diff(poses.numbers) < 0).any():
        poses.repairs.append("frames_out_of_order")
        poses.keep(np.lexsort((poses.slots, poses.frames)))
    poses.numbers = numbers


def _empty_rows(poses: Poses) -> None:
    """A person without any point is not there."""
    some = ~np.isnan(_boxes(poses.points)[:, 0])
    if not some.all():
        poses.keep(np.flatnonzero(some))


def _identity(poses: Poses) -> None:
    """Slots are in the detector's order, frame by frame: people get numbers as in extraction, 0 the primary signer."""
    found = number_people(poses.frames, _boxes(poses.points), poses.points)
    if not np.array_equal(found.person, poses.slots):
        poses.repairs.append("people_renumbered")
    poses.slots = found.person
    poses.keep(np.lexsort((found.person, poses.frames)))


def _boxes(points: Points) -> npt.NDArray[np.float32]:
    """The box around each person's points, float32 [N, 4]; nan where there is none."""
    # Joint by joint over all rows: along the rows' own axis numpy takes ten times as long.
    x, y = (np.ascontiguousarray(points[..., i].T) for i in range(2))
    bounds = (np.fmin.reduce(x), np.fmin.reduce(y), np.fmax.reduce(x), np.fmax.reduce(y))
    return np.stack(bounds, axis=1)
