"""Multi-object tracking: detections of consecutive frames are linked to tracks, and cuts are detected.

Most links of a video are unambiguous: between two consecutive frames every person is far more similar to itself than to
anyone else. These links are made for all frames at once. The rest - a person appears, is lost, is occluded, or two are
so near that either could be either - is decided frame by frame, in order, with an affinity matrix that takes motion
into account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.assignment import best_assignment
from signverse.ingest.tracking.detections import Detections, iou, scales
from signverse.lake.model.frame_ranges import FPS

MAX_LOST_FRAMES: Final = int(FPS)
"""A track that was lost for up to a second (the person turned away, or was occluded) can be recovered."""

# The head and the shoulders of real signers move by 0.03 of the box's size from frame to frame at most (measured on
# seven): three times that is still likely the same person, ten times that is another person.
_SPREAD: Final = 0.1
# The longer a track was lost, the less certain its position: twice the spread after six frames.
_SPREAD_FRAMES: Final = 6.0

# An unambiguous link: similarity at least, lead over every other link of both ends, and frames between the two.
_CLEAR, _MARGIN, _CLEAR_FRAMES = 0.5, 0.25, 4
# Gate: below this similarity two detections are not linked; boxes alone that overlap by three tenths are above it.
_GATE: Final = 0.15
# A velocity is measured over this many frames, and over no fewer than three: below that it is jitter.
_VELOCITY_FRAMES, _VELOCITY_MIN_FRAMES = 8, 3
# The last position itself counts for less than the position that the velocity predicts.
_STATIC_WEIGHT: Final = 0.7
# Penalty for each lost frame: of two tracks that were lost in the same place the later one is preferred.
_AGE_PENALTY: Final = 0.005
# Cut detection: joints whose similarity from one frame to the next is below this have jumped.
_JUMP: Final = 0.3

# Two poses of one frame with a similarity above this are the same pose, found twice.
_DUPLICATE: Final = 0.5

_PAIRS_AT_ONCE: Final = 1 << 16
_RELEASED_AFTER: Final = 64
"""Frames in which tracklets begin, after which the memory of the rows that were looked at is given back."""


@dataclass(frozen=True)
class Tracks:
    """The tracks of a video, and its cuts.

    Attributes:
        track_ids: int64 [N], each row's track, numbered from 0 by first frame.
        cuts: the first frames of new shots: the frames in which every person jumped.
        resumptions: frames in which a person is seen elsewhere after a while with nobody; a cut may lie before them.
        recoveries: the rows at both ends of each loss that was bridged, (last before, first after).
    """

    track_ids: NDArray[np.int64]
    cuts: list[int]
    resumptions: list[int]
    recoveries: list[tuple[int, int]]


def track(detections: Detections) -> Tracks:
    """Link the detections of a video to tracks; no track has two rows of one frame."""
    frames = detections.frames
    frame_starts = np.flatnonzero(np.r_[True, np.diff(frames) > 0]) if len(frames) else np.empty(0, np.int64)
    detections = _without_duplicate_poses(detections, frame_starts)
    previous = _unambiguous_links(detections, frame_starts)
    association = _Association(detections, frame_starts, previous)
    association.run()
    return Tracks(_chain_ids(previous), association.cuts, association.resumptions, association.recoveries)


def similarity(
    boxes: NDArray[np.float32],
    joints: NDArray[np.float32],
    other_boxes: NDArray[np.float32],
    other_joints: NDArray[np.float32],
    spread: float | NDArray[np.floating] = _SPREAD,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How similar people are in position and posture, from 0 to 1, broadcast.

    Args:
        boxes, other_boxes: float32 [..., 4].
        joints, other_joints: float32 [..., 12, 2].
        spread: the distance, in sizes of the box, at which a joint's similarity is 0.6.

    Returns:
        The mean of the boxes' IoU and the joints' similarity, and the latter alone: COCO's object keypoint similarity
        with one spread for all joints. With fewer than four joints in common both are the IoU.
    """
    box_iou = iou(boxes, other_boxes)
    area = scales(boxes) * scales(other_boxes)
    offset = joints - other_joints
    squared_distance = (offset[..., 0] ** 2 + offset[..., 1] ** 2) / area[..., None]
    per_joint = np.exp(squared_distance / (-2 * np.square(np.asarray(spread, np.float32)))[..., None])
    known = ~np.isnan(per_joint)
    count = known.sum(axis=-1)
    keypoint_similarity = np.where(known, per_joint, 0).sum(axis=-1) / np.maximum(count, 1)
    keypoint_similarity = np.where(count >= 4, keypoint_similarity, box_iou).astype(np.float32)
    return (box_iou + keypoint_similarity) / 2, keypoint_similarity


def _without_duplicate_poses(detections: Detections, frame_starts: NDArray[np.int64]) -> Detections:
    """The detections with the joints nan of poses that belong to the person in front.

    In the box of an occluded person the pose model finds the one in front: of two poses in one place the one with
    fewer joints, or with the smaller box, is not that person's own.
    """
    counts = np.diff(np.r_[frame_starts, len(detections.frames)])
    changed = detections
    # Frames with the same number of people are compared together.
    for people in np.unique(counts[counts > 1]).tolist():
        left_index, right_index = np.triu_indices(people, 1)
        starts = frame_starts[counts == people]
        step = max(1, _PAIRS_AT_ONCE // len(left_index))
        for batch_start in range(0, len(starts), step):
            batch = starts[batch_start : batch_start + step, None]
            left, right = batch + left_index, batch + right_index
            _, pose_similarity = similarity(
                detections.boxes[left], detections.joints[left], detections.boxes[right], detections.joints[right]
            )
            # With fewer than four joints in common this is the IoU, and boxes may overlap without a duplicate.
            both_known = ~np.isnan(detections.joints[left] + detections.joints[right])[..., 0]
            duplicate = (np.count_nonzero(both_known, axis=-1) >= 4) & (pose_similarity > _DUPLICATE)
            left, right = left[duplicate], right[duplicate]
            if len(left):
                changed = detections.with_copied_joints() if changed is detections else changed
                surplus = _num_known(detections, left) - _num_known(detections, right)
                smaller = detections.scales[left] < detections.scales[right]
                left_loses = (surplus < 0) | ((surplus == 0) & smaller)
                changed.joints[np.where(left_loses, left, right)] = np.nan
            changed.release()
    return changed


def _num_known(detections: Detections, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the tracked joints are known in each of some rows."""
    known: NDArray[np.int64] = (~np.isnan(detections.joints[rows, :, 0])).sum(axis=1)
    return known


def _unambiguous_links(detections: Detections, frame_starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row the row of the same person in the frame before, where it is beyond doubt; else -1."""
    previous = np.full(len(detections.frames), -1, np.int64)
    counts = np.diff(np.r_[frame_starts, len(detections.frames)])
    near = np.flatnonzero(np.diff(detections.frames[frame_starts]) <= _CLEAR_FRAMES)
    # Pairs of frames with the same numbers of people are compared together.
    pair_kinds = counts[near] * 1000 + counts[near + 1]
    for kind in np.unique(pair_kinds).tolist():
        people, next_people = divmod(kind, 1000)
        alike = near[pair_kinds == kind]
        step = max(1, _PAIRS_AT_ONCE // (people * next_people))
        for batch_start in range(0, len(alike), step):
            batch = alike[batch_start : batch_start + step]
            rows = frame_starts[batch][:, None] + np.arange(people)
            next_rows = frame_starts[batch + 1][:, None] + np.arange(next_people)
            affinity, _ = similarity(
                detections.boxes[rows][:, :, None], detections.joints[rows][:, :, None],
                detections.boxes[next_rows][:, None], detections.joints[next_rows][:, None],
            )  # fmt: skip
            pair, row, next_row = np.nonzero(_is_unambiguous(affinity))
            previous[next_rows[pair, next_row]] = rows[pair, row]
            detections.release()
    return previous


def _is_unambiguous(affinity: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which links of affinity matrices [..., P, Q] are high, and lead their row and their column by a margin."""
    unambiguous: NDArray[np.bool_] = affinity >= _CLEAR
    for axis in (-2, -1):
        if affinity.shape[axis] > 1:
            top_two = np.moveaxis(np.partition(affinity, (-2, -1), axis=axis), axis, -1)[..., -2:]
            second, best = top_two.transpose(2, 0, 1)
            unambiguous &= affinity == np.expand_dims(best, axis)
            unambiguous &= np.expand_dims(best - second >= _MARGIN, axis)
    return unambiguous


def _chain_ids(previous: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each row's chain of links, int64 [N], counted from 0 by first row."""
    root = np.where(previous < 0, np.arange(len(previous)), previous)
    while True:
        # Each step reaches twice as far back.
        doubled = root[root]
        if (doubled == root).all():
            break
        root = doubled
    number = np.cumsum(previous < 0) - 1
    ids: NDArray[np.int64] = number[root]
    return ids


class _Association:
    """Decides about the frames in which a tracklet (a chain of unambiguous links) begins.

    Args:
        previous: int64 [N], the unambiguous links; completed in place.
    """

    def __init__(self, detections: Detections, frame_starts: NDArray[np.int64], previous: NDArray[np.int64]) -> None:
        self._detections, self._frame_starts, self._previous = detections, frame_starts, previous
        self._next = np.full(len(previous), -1, np.int64)
        linked = np.flatnonzero(previous >= 0)
        self._next[previous[linked]] = linked
        self.cuts: list[int] = []
        self.resumptions: list[int] = []
        self.recoveries: list[tuple[int, int]] = []

    def run(self) -> None:
        """Go through the frames in order; in each, associate new tracklets with lost tracks, or find a cut."""
        frames = self._detections.frames
        first_rows = np.flatnonzero(self._previous < 0)
        last_rows = np.flatnonzero(self._next < 0)
        num_ended, lost = 0, np.empty(0, np.int64)
        for count, new in enumerate(np.split(first_rows, np.flatnonzero(np.diff(frames[first_rows])) + 1)):
            if not len(new):
                return
            if count % _RELEASED_AFTER == 0:
                self._detections.release()
            frame = frames[new[0]]
            ended_before = int(np.searchsorted(frames[last_rows], frame))
            lost = np.concatenate([lost, last_rows[num_ended:ended_before]])
            num_ended = ended_before
            lost = lost[frames[lost] >= frame - MAX_LOST_FRAMES - 1]
            if not len(lost):
                index = self._frame_index(new[0])
                if index and frame - frames[self._frame_starts[index - 1]] > MAX_LOST_FRAMES:
                    self.resumptions.append(int(frame))
                continue
            pairs, all_jumped = self._associate(lost, new)
            gap = self._gap_before(new) if all_jumped else 0
            if gap:
                (self.cuts if gap <= _CLEAR_FRAMES else self.resumptions).append(int(frame))
                continue
            for lost_index, new_index in pairs:
                self._link(int(lost[lost_index]), int(new[new_index]))
            lost = np.delete(lost, [lost_index for lost_index, _ in pairs])

    def _frame_index(self, row: np.int64) -> int:
        return int(np.searchsorted(self._frame_starts, row, side="right")) - 1

    def _link(self, last: int, first: int) -> None:
        """Continue the lost track that ends in one row with the tracklet that begins in another."""
        self._previous[first], self._next[last] = last, first
        frames = self._detections.frames
        # A track that is recovered across a cut disproves it: one person was lost and another found at that moment.
        while self.cuts and self.cuts[-1] > frames[last]:
            self.cuts.pop()
        if frames[first] - frames[last] > 1:
            self.recoveries.append((last, first))

    def _gap_before(self, new: NDArray[np.int64]) -> int:
        """Frames since the frame with people before, if all people of this frame are new; else 0."""
        frames = self._detections.frames
        index = self._frame_index(new[0])
        end = self._frame_starts[index + 1] if index + 1 < len(self._frame_starts) else len(frames)
        all_new = end - self._frame_starts[index] == len(new)
        return int(frames[new[0]] - frames[self._frame_starts[index - 1]]) if all_new else 0

    def _velocity(self, row: int, links: NDArray[np.int64]) -> NDArray[np.float32]:
        """Pixels a frame, float32 [2], of a row's person, measured along its links from there.

        Args:
            links: int64 [N], `_previous` or `_next`.

        Returns:
            nan where the rows are too few for a measurement.
        """
        detections = self._detections
        end = row
        for _ in range(_VELOCITY_FRAMES):
            if links[end] < 0:
                break
            end = int(links[end])
        num_frames = int(detections.frames[row] - detections.frames[end])
        if not _VELOCITY_MIN_FRAMES <= abs(num_frames) <= 2 * _VELOCITY_FRAMES:
            return np.full(2, np.nan, np.float32)
        displacement = detections.joints[row] - detections.joints[end]
        displacement = displacement[~np.isnan(displacement[:, 0])]
        if len(displacement) < 4:
            displacement = (detections.boxes[row] - detections.boxes[end]).reshape(2, 2)
        velocity: NDArray[np.float32] = np.median(displacement, axis=0) / np.float32(num_frames)
        return velocity

    def _affinity(
        self, lost: NDArray[np.int64], new: NDArray[np.int64], lost_frames: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Similarity of lost tracks [A] and new tracklets [B], float32 [A, B], motion taken into account.

        Two predictions are averaged: where the motion before the loss leads to, and where the motion after it comes
        from. Two people who meet and turn back stand where two who pass each other would, but neither motion predicts
        that.

        Args:
            lost_frames: float32 [A, 1], frames since each track was lost.
        """
        detections = self._detections
        velocity_before = np.stack([self._velocity(row, self._previous) for row in lost.tolist()])
        velocity_after = np.stack([self._velocity(row, self._next) for row in new.tolist()])
        boxes, joints = detections.boxes[lost][:, None], detections.joints[lost][:, None]
        new_boxes, new_joints = detections.boxes[new][None], detections.joints[new][None]
        spread = _SPREAD * (1 + (lost_frames - 1) / _SPREAD_FRAMES)

        def moved_by(velocity: NDArray[np.float32]) -> NDArray[np.float32]:
            way = np.where(np.isnan(velocity), 0, velocity) * lost_frames[..., None]
            return similarity(boxes + np.tile(way, 2), joints + way[:, :, None], new_boxes, new_joints, spread)[0]

        static, _ = similarity(boxes, joints, new_boxes, new_joints, spread)
        forward, backward = moved_by(velocity_before[:, None]), moved_by(velocity_after[None])
        before_unknown, after_unknown = np.isnan(velocity_before[:, :1]), np.isnan(velocity_after[:, 0])[None]
        predicted = np.where(before_unknown, backward, np.where(after_unknown, forward, (forward + backward) / 2))
        affinity: NDArray[np.float32] = np.maximum(predicted, _STATIC_WEIGHT * static)
        return affinity

    def _associate(self, lost: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[list[tuple[int, int]], bool]:
        """Assign new tracklets to lost tracks.

        Returns:
            Pairs of indices into `lost` and `new`, and whether every pair of consecutive frames among them has jumped
            (as at a cut).
        """
        detections = self._detections
        lost_frames = (detections.frames[new[0]] - detections.frames[lost]).astype(np.float32)[:, None]
        affinity = self._affinity(lost, new, lost_frames)
        # A track that was lost before the last cut is recovered only where that is beyond doubt.
        last_cut = self.cuts[-1] if self.cuts else 0
        gate = np.where(detections.frames[lost] < last_cut, _CLEAR, _GATE)[:, None]
        pairs = best_assignment(np.where(affinity >= gate, affinity - _AGE_PENALTY * (lost_frames - 1), 0))
        lost_index, new_index = np.array(pairs, np.int64).reshape(-1, 2).T
        last, first = lost[lost_index], new[new_index]
        _, keypoint_similarity = similarity(
            detections.boxes[last], detections.joints[last], detections.boxes[first], detections.joints[first]
        )
        consecutive = lost_frames[lost_index, 0] <= 1
        return pairs, bool((consecutive & (keypoint_similarity < _JUMP)).all())
