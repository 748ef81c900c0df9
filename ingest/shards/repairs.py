"""Known defects of the published bytes: recognised by their marks, undone exactly, and recorded in `videos.repairs`.

The functions are in the order in which `repair` applies them; each adds a word for what it found to `Poses.repairs`.
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
"""Coordinates outside of this range, relative to the frame, mark absent points."""

_RIGHT_WRIST, _LEFT_WRIST = joint_index("right_wrist"), joint_index("left_wrist")


def repair(poses: Poses) -> None:
    """Repairs the keypoints of a published video, in place."""
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
    """Only what the tables need: absent points marked, frames in order. Defective values stay as published."""
    _absent(poses)
    _order(poses)
    _empty_rows(poses)
    poses.repairs.clear()


def _body_codes(poses: Poses) -> None:
    """Body scores that are index codes: 18 * person + joint where the joint was seen, else -1.

    Recognised where every score is -1 or its own code, and one is 2 or more, which a confidence never is.
    """
    scores = poses.points[:, BODY.slice, 2]
    codes = 18 * poses.slots[:, None].astype(np.float32) + np.arange(BODY.size, dtype=np.float32)
    # A frame without a body has nan there, which fits codes and confidences alike.
    if not ((scores == -1) | (scores == codes) | np.isnan(scores)).all() or not (scores >= 2).any():
        return
    visible = scores != -1
    poses.body_visible = visible
    # The confidence is lost: unknown (nan) where the joint was seen; unseen joints are found by _absent.
    poses.points[:, BODY.slice, 2] = np.nan
    poses.repairs.append("body_scores_unknown")


def _body_flags(poses: Poses) -> None:
    """Body scores that are only 1 or 0: flags of visibility, not confidences.

    Bodies whose scores were lost to the defect above are written so. A detector never gives 1 throughout a video.
    """
    scores = poses.points[:, BODY.slice, 2]
    seen = scores == 1
    without_neck = seen.copy()
    without_neck[:, NECK] = False  # Its score is a flag in every dialect.
    if not (seen | (scores == 0) | np.isnan(scores)).all() or np.count_nonzero(without_neck) < 2:
        return
    poses.body_visible = seen
    poses.points[:, BODY.slice, 2][seen] = np.nan
    poses.repairs.append("body_scores_unknown")


def _impossible_scores(poses: Poses) -> None:
    """Scores above any confidence, such as remains of index codes, become unknown (nan)."""
    impossible = poses.points[..., 2] > MAX_SCORE
    # Where one score of a body is a code, all are; the codes of its first joints look like confidences.
    spoilt = np.logical_or.reduce(impossible[:, BODY.slice], axis=1)
    impossible[:, BODY.slice] = spoilt[:, None] & np.greater(poses.points[:, BODY.slice, 2], 0)
    if impossible.any():
        poses.points[..., 2][impossible] = np.nan
        poses.repairs.append(f"impossible_scores:{np.count_nonzero(impossible)}")


def _permuted_hands(poses: Poses) -> None:
    """Hands of several people written in the order L0..Ln-1, R0..Rn-1 and read as L0, R0, L1, R1, ...

    Confirmed by distances over the whole video: unpermuted, hands lie nearer to their people's wrists. Only wrists
    that have a hand in both orders are compared.
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
        # Distances are capped, so that every frame weighs about the same.
        most = 0.25 * float(np.hypot(poses.width, poses.height))
        as_read, unpermuted = _wrist_distances(people), _wrist_distances(fixed)
        both = np.isfinite(as_read) & np.isfinite(unpermuted)
        before += float(np.minimum(as_read[both], most).sum())
        after += float(np.minimum(unpermuted[both], most).sum())
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
    """Points far outside of the frame, and points without a score, are absent: place nan, score 0."""
    if poses.dialect == "card":
        # Its points may lie outside of the frame, as the model placed them; only (0, 0, 0) is absent.
        zero = (poses.points[..., 0] == 0) & (poses.points[..., 1] == 0) & (poses.points[..., 2] == 0)
        poses.points[zero, :2] = np.nan
        return
    x, y, score = (poses.points[..., i] for i in range(3))
    # Column by column: a reduction over pairs takes numpy ten times as long.
    outside = np.zeros(x.shape, bool)
    for values, size in ((x, poses.width), (y, poses.height)):
        # A nan is neither above nor below, and counts as outside.
        outside |= ~((values >= OUTSIDE[0] * size) & (values <= OUTSIDE[1] * size))
    # (-1, -1) is the dialects' mark of absence, whatever the score; only other marks are a defect.
    marked = (score <= 0) | ((x == -poses.width) & (y == -poses.height))
    found = np.count_nonzero(outside & ~marked & ~np.isnan(x))
    if found:
        poses.repairs.append(f"sentinels:{found}")
    outside |= marked
    never = np.isnan(x) & np.isnan(score)
    if never.any():
        outside &= ~never
    poses.points[outside] = (np.nan, np.nan, 0.0)


def _order(poses: Poses) -> None:
    """Sorts frames by number; of frames with the same number the first is kept."""
    numbers = np.unique(poses.numbers)
    doubled = len(poses.numbers) - len(numbers)
    if doubled:
        poses.repairs.append(f"frames_doubled:{doubled}")
        # A copy begins where the frame changes, or where its slots restart.
        copy = np.cumsum(np.r_[0, (np.diff(poses.frames) != 0) | (np.diff(poses.slots) <= 0)])[: len(poses.frames)]
        _, first, frame = np.unique(poses.frames, return_index=True, return_inverse=True)
        poses.keep(np.flatnonzero(copy == copy[first][frame]))
        poses.keep(np.lexsort((poses.slots, poses.frames)))
    elif (np.diff(poses.numbers) < 0).any():
        poses.repairs.append("frames_out_of_order")
        poses.keep(np.lexsort((poses.slots, poses.frames)))
    poses.numbers = numbers


def _empty_rows(poses: Poses) -> None:
    """Removes people without any point."""
    seen = ~np.isnan(_boxes(poses.points)[:, 0])
    if not seen.all():
        poses.keep(np.flatnonzero(seen))


def _identity(poses: Poses) -> None:
    """Numbers people as extraction does, 0 the primary signer: slots are in the detector's order in each frame."""
    found = number_people(poses.frames, _boxes(poses.points), poses.points)
    if not np.array_equal(found.person, poses.slots):
        poses.repairs.append("people_renumbered")
    poses.slots = found.person
    poses.keep(np.lexsort((found.person, poses.frames)))


def _boxes(points: Points) -> npt.NDArray[np.float32]:
    """The box around each person's points, float32 [N, 4]; nan where a person has no point."""
    # Joint by joint over all rows: along the rows' own axis numpy takes ten times as long.
    x, y = (np.ascontiguousarray(points[..., i].T) for i in range(2))
    bounds = (np.fmin.reduce(x), np.fmin.reduce(y), np.fmax.reduce(x), np.fmax.reduce(y))
    return np.stack(bounds, axis=1)
