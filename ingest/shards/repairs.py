"""Known defects of the published bytes: recognised by their marks, undone exactly, and recorded in `videos.repairs`.

The functions are in the order in which `repair` applies them; each adds a word for what it found to `Poses.repairs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.poses import Poses
from signverse.ingest.tracking.detections import CHUNK
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
    boxes = _empty_rows(poses)
    if poses.dialect != "card":
        _identity(poses, boxes)


def as_published(poses: Poses) -> None:
    """Only what the tables need: absent points marked, frames in order. Defective values stay as published."""
    _absent(poses)
    _order(poses)
    _empty_rows(poses)
    # What was assumed is said all the same.
    poses.repairs[:] = [repair for repair in poses.repairs if repair == "frame_size_unknown"]


def _body_codes(poses: Poses) -> None:
    """Body scores that are index codes: 18 * person + joint where the joint was seen, else -1.

    Recognised where every score is -1 or its own code, and one is 2 or more, which a confidence never is.
    """
    coded = False
    for rows, points in _pieces(poses):
        scores, codes = points[:, BODY.slice, 2], _codes(poses.slots[rows])
        # A frame without a body has nan there, which fits codes and confidences alike.
        if not ((scores == -1) | (scores == codes) | np.isnan(scores)).all():
            return
        coded = coded or bool((scores >= 2).any())
    if not coded:
        return
    visible = np.empty((len(poses.rows), BODY.size), bool)

    def clear(rows: slice, points: Points) -> bool:
        visible[rows] = points[:, BODY.slice, 2] != -1
        # The confidence is lost: unknown (nan) where the joint was seen; unseen joints are found by _absent.
        points[:, BODY.slice, 2] = np.nan
        return True

    poses.rows.update(clear)
    poses.body_visible = visible
    poses.repairs.append("body_scores_unknown")


def _codes(slots: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    codes = 18 * slots[:, None].astype(np.float32) + np.arange(BODY.size, dtype=np.float32)
    return codes.astype(np.float32, copy=False)


def _pieces(poses: Poses) -> Iterator[tuple[slice, Points]]:
    """The points of some thousand rows, and where these are."""
    start = 0
    for points in poses.rows.chunks():
        yield slice(start, start + len(points)), points
        start += len(points)


def _body_flags(poses: Poses) -> None:
    """Body scores that are only 1 or 0: flags of visibility, not confidences.

    Bodies whose scores were lost to the defect above are written so. A detector never gives 1 throughout a video.
    """
    count = 0
    for _, points in _pieces(poses):
        scores = points[:, BODY.slice, 2]
        seen = scores == 1
        if not (seen | (scores == 0) | np.isnan(scores)).all():
            return
        seen[:, NECK] = False  # Its score is a flag in every dialect.
        count += int(np.count_nonzero(seen))
    if count < 2:
        return
    visible = np.empty((len(poses.rows), BODY.size), bool)

    def clear(rows: slice, points: Points) -> bool:
        visible[rows] = points[:, BODY.slice, 2] == 1
        # A hidden joint may have a place, which a score of 0 would cost it. In the card absent joints are (0, 0, 0).
        points[:, BODY.slice, 2][visible[rows] | (poses.dialect != "card")] = np.nan
        return True

    poses.rows.update(clear)
    poses.body_visible = visible
    poses.repairs.append("body_scores_unknown")


def _impossible_scores(poses: Poses) -> None:
    """Scores above any confidence, such as remains of index codes, become unknown (nan)."""
    count = 0

    def clear(_: slice, points: Points) -> bool:
        nonlocal count
        impossible = points[..., 2] > MAX_SCORE
        # Where one score of a body is a code, all are; the codes of its first joints look like confidences.
        spoilt = np.logical_or.reduce(impossible[:, BODY.slice], axis=1)
        impossible[:, BODY.slice] = spoilt[:, None] & np.greater(points[:, BODY.slice, 2], 0)
        found = int(np.count_nonzero(impossible))
        if found:
            points[..., 2][impossible] = np.nan
            count += found
        return bool(found)

    poses.rows.update(clear)
    if count:
        poses.repairs.append(f"impossible_scores:{count}")


def _permuted_hands(poses: Poses) -> None:
    """Hands of several people written in the order L0..Ln-1, R0..Rn-1 and read as L0, R0, L1, R1, ...

    Confirmed by distances over the whole video: unpermuted, hands lie nearer to their people's wrists. Only wrists
    that have a hand in both orders are compared.
    """
    starts = _frame_starts(poses)
    if len(starts) == len(poses.rows):
        return
    pieces = list(_whole_frames(starts, len(poses.rows)))
    frames = 0
    before, after = 0.0, 0.0
    # Distances are capped, so that every frame weighs about the same.
    most = 0.25 * float(np.hypot(poses.width, poses.height))
    for piece in pieces:
        points = poses.rows.read(piece)
        for rows in _frames_of_many(starts, piece):
            people = points[rows]
            as_read, unpermuted = _wrist_distances(people), _wrist_distances(_unpermuted(people))
            both = np.isfinite(as_read) & np.isfinite(unpermuted)
            before += float(np.minimum(as_read[both], most).sum(dtype=np.float64))
            after += float(np.minimum(unpermuted[both], most).sum(dtype=np.float64))
            frames += len(rows)
    if not after < 0.5 * before:
        return

    def unpermute(piece: slice, points: Points) -> bool:
        found = _frames_of_many(starts, piece)
        for rows in found:
            points[rows] = _unpermuted(points[rows])
        return bool(found)

    poses.rows.update(unpermute, pieces)
    poses.repairs.append(f"hands_unpermuted:{frames}")


def _unpermuted(people: Points) -> Points:
    """People [frames, P, 128, 3] with their own hands, which were written in the order L0..Ln-1, R0..Rn-1."""
    count = people.shape[1]
    flat = np.stack([people[:, :, LEFT_HAND.slice], people[:, :, RIGHT_HAND.slice]], axis=2)
    flat = flat.reshape(len(people), 2 * count, LEFT_HAND.size, 3)
    fixed = people.copy()
    fixed[:, :, LEFT_HAND.slice] = flat[:, :count]
    fixed[:, :, RIGHT_HAND.slice] = flat[:, count:]
    return fixed


def _frame_starts(poses: Poses) -> npt.NDArray[np.intp]:
    """The first row of each frame."""
    if not len(poses.frames):
        return np.empty(0, np.intp)
    return np.flatnonzero(np.r_[True, (np.diff(poses.frames) != 0) | (np.diff(poses.slots) <= 0)])


def _whole_frames(starts: npt.NDArray[np.intp], end: int) -> Iterator[slice]:
    """Pieces of about CHUNK rows that end between frames."""
    first = 0
    while first < end:
        at = int(np.searchsorted(starts, first + CHUNK))
        last = int(starts[at]) if at < len(starts) else end
        yield slice(first, last)
        first = last


def _frames_of_many(starts: npt.NDArray[np.intp], piece: slice) -> list[npt.NDArray[np.intp]]:
    """Rows, counted from the first of a piece, of frames with two or more people; [frames, people] for each number."""
    inside = starts[np.searchsorted(starts, piece.start) : np.searchsorted(starts, piece.stop)] - piece.start
    counts = np.diff(np.r_[inside, piece.stop - piece.start])
    return [inside[counts == count][:, None] + np.arange(count) for count in np.unique(counts) if count > 1]


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
        poses.rows.update(_absent_in_card)
        return
    found = 0

    def mark(_: slice, points: Points) -> bool:
        nonlocal found
        found += _mark_absent(points, poses.width, poses.height)
        return True

    poses.rows.update(mark)
    if found:
        poses.repairs.append(f"sentinels:{found}")


def _absent_in_card(_: slice, points: Points) -> bool:
    # Its points may lie outside of the frame, as the model placed them; only (0, 0, 0) is absent.
    zero = (points[..., 0] == 0) & (points[..., 1] == 0) & (points[..., 2] == 0)
    points[zero, :2] = np.nan
    return bool(zero.any())


def _mark_absent(points: Points, width: int, height: int) -> int:
    """Marks absent points in place; returns how many had no mark of absence that the dialects know."""
    x, y, score = (points[..., i] for i in range(3))
    # Column by column: a reduction over pairs takes numpy ten times as long.
    outside = np.zeros(x.shape, bool)
    for values, size in ((x, width), (y, height)):
        # A nan is neither above nor below, and counts as outside.
        outside |= ~((values >= OUTSIDE[0] * size) & (values <= OUTSIDE[1] * size))
    # (-1, -1) is the dialects' mark of absence, whatever the score; only other marks are a defect.
    marked = (score <= 0) | ((x == -width) & (y == -height))
    never = np.isnan(x) & np.isnan(score)
    found = int(np.count_nonzero(outside & ~marked & ~never))
    outside |= marked
    if never.any():
        outside &= ~never
    points[outside] = (np.nan, np.nan, 0.0)
    return found


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


def _empty_rows(poses: Poses) -> npt.NDArray[np.float32]:
    """Removes people without any point; returns the boxes around the others, float32 [N, 4]."""
    boxes = np.concatenate([_boxes(points) for points in poses.rows.chunks()])
    seen = ~np.isnan(boxes[:, 0])
    if not seen.all():
        poses.keep(np.flatnonzero(seen))
        boxes = boxes[seen]
    return boxes


def _identity(poses: Poses, boxes: npt.NDArray[np.float32]) -> None:
    """Numbers people as extraction does, 0 the primary signer: slots are in the detector's order in each frame."""
    found = number_people(poses.frames, boxes, poses.rows.chunks())
    if not np.array_equal(found.person, poses.slots):
        poses.repairs.append("people_renumbered")
    poses.slots = found.person
    order = np.lexsort((found.person, poses.frames))
    if (np.diff(order) != 1).any():
        poses.keep(order)


def _boxes(points: Points) -> npt.NDArray[np.float32]:
    """The box around each person's points, float32 [N, 4]; nan where a person has no point."""
    # Joint by joint over all rows: along the rows' own axis numpy takes ten times as long.
    x, y = (np.ascontiguousarray(points[..., i].T) for i in range(2))
    bounds = (np.fmin.reduce(x), np.fmin.reduce(y), np.fmax.reduce(x), np.fmax.reduce(y))
    return np.stack(bounds, axis=1)
