"""Re-identification: tracks are joined to people across cuts and absences, where that is plausible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.assignment import best_assignment
from signverse.ingest.tracking.detections import Detections, log_body_lengths, scales
from signverse.ingest.tracking.tracker import Tracks

# One standard deviation of each difference. Body proportions of real signers differ by 0.05 to 0.15 between people and
# by up to 0.07 within one person over time. After a cut the camera may stand anywhere: position and size say half as
# much.
_PROPORTIONS_STD: Final = 0.07
_SIZE_STD, _SIZE_STD_AFTER_CUT = 0.35, 0.7
_POSITION_STD, _POSITION_STD_AFTER_CUT = 2.0, 4.0
# Gate: up to this distance (the sum of the squared deviations) two tracks may be the same person.
_MAX_DISTANCE, _MAX_DISTANCE_AFTER_CUT = 8.0, 14.0
# The person shown after a cut is more likely the one who has signed most so far: the bonus for that, in the same units.
# Where as many people are shown as before it cancels out.
_PRIMARY_BONUS: Final = 2.0
# Who did not move while others signed is less likely the one who moves now: a picture, and not a person.
_STILL_PENALTY: Final = 6.0
_SHOT_START_FRAMES: Final = 6
"""A person who is first seen within this many frames of a shot counts as there from its beginning."""

# Proportions from fewer rows, or of fewer lengths, are ignored.
_MIN_ROWS, _MIN_LENGTHS = 6, 3
# The proportions of a track are measured on this many of its rows, evenly spaced.
_SAMPLED_ROWS: Final = 64

_MAX_CANDIDATES: Final = 256
"""People who can be re-identified at a time; beyond that those who were seen least are dropped."""


@dataclass(frozen=True)
class _TrackSummaries:
    """What re-identification compares, for each of T tracks.

    Attributes:
        frames: of each track, int64, ascending.
        first_frame, last_frame: int64 [T].
        first_box, last_box: float32 [T, 4].
        num_rows: int64 [T].
        log_lengths: float32 [T, 6], the logarithms of body lengths; nan where unknown.
    """

    frames: list[NDArray[np.int64]]
    first_frame: NDArray[np.int64]
    last_frame: NDArray[np.int64]
    first_box: NDArray[np.float32]
    last_box: NDArray[np.float32]
    num_rows: NDArray[np.int64]
    log_lengths: NDArray[np.float32]


def reidentify(
    detections: Detections, tracks: Tracks, weights: NDArray[np.float64], still: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], int]:
    """Join tracks to people.

    Args:
        weights: float64 [N], what each row adds to its person's weight.
        still: bool [N], rows of long tracks that do not move, see `Stillness`.

    Returns:
        int64 [N], the person of each row, numbered from 0 by first frame; and how many times a person came back without
        a cut in between.
    """
    summaries = _summarise(detections, tracks)
    if len(summaries.num_rows) == 1:
        return np.zeros(len(detections.frames), np.int64), 0
    track_weights = np.bincount(tracks.track_ids, weights).astype(np.float64)
    still_tracks = np.bincount(tracks.track_ids, still) > 0
    reidentification = _Reidentification(summaries, tracks, track_weights, still_tracks)
    reidentification.run()
    return reidentification.person_of_track[tracks.track_ids], reidentification.num_returned


class _Reidentification:
    """Goes through the tracks in the order of their first frames; keeps the people found so far.

    Attributes:
        person_of_track: int64 [T].
        num_returned: how many times a person came back without a cut in between.
    """

    def __init__(
        self,
        summaries: _TrackSummaries,
        tracks: Tracks,
        track_weights: NDArray[np.float64],
        still_tracks: NDArray[np.bool_],
    ) -> None:
        self._summaries, self._track_weights, self._still_tracks = summaries, track_weights, still_tracks
        self._cuts = np.array(tracks.cuts, np.int64)
        # While nobody was seen (a title, a slide) the camera may have moved as well.
        self._shot_starts = np.sort(np.r_[self._cuts, np.array(tracks.resumptions, np.int64)])
        self.person_of_track = np.full(len(summaries.num_rows), -1, np.int64)
        self.num_returned = 0
        # Of each person: its tracks, the one that ends last, and the one with the most rows.
        self._tracks: list[list[int]] = []
        self._latest_track: list[int] = []
        self._longest_track: list[int] = []
        self._candidates: list[int] = []

    def run(self) -> None:
        """Assign every track to a person."""
        summaries = self._summaries
        # Tracks that begin with a shot are decided together, also if one is detected some frames late.
        shot_starts = np.r_[-_SHOT_START_FRAMES - 1, self._shot_starts]
        shot_start = shot_starts[np.searchsorted(self._shot_starts, summaries.first_frame, side="right")]
        late = summaries.first_frame - shot_start
        begins = np.where(late <= _SHOT_START_FRAMES, shot_start, summaries.first_frame)
        order = np.lexsort((summaries.first_frame, begins))
        for group in np.split(order, np.flatnonzero(np.diff(begins[order])) + 1):
            self._match(group)
            for track in group.tolist():
                if self.person_of_track[track] < 0:
                    # Another track of the group may be the same person, if the two are never seen at once.
                    if len(group) > 1:
                        self._match(np.array([track]))
                    if self.person_of_track[track] < 0:
                        self._assign(track, len(self._tracks))
            if len(self._candidates) > _MAX_CANDIDATES:
                self._candidates.sort(key=lambda person: (-summaries.num_rows[self._longest_track[person]], person))
                del self._candidates[_MAX_CANDIDATES:]

    def _match(self, group: NDArray[np.int64]) -> None:
        """Assign tracks to known people, as far as that is plausible."""
        if not self._candidates:
            return
        summaries, start = self._summaries, self._summaries.first_frame[group[0]]
        latest = np.array([self._latest_track[person] for person in self._candidates])
        longest = np.array([self._longest_track[person] for person in self._candidates])
        ended = summaries.last_frame[latest] < start
        # A person whose track goes on later and who is nevertheless this one was cut away from in between.
        camera_moved = _any_between(self._shot_starts, summaries.last_frame[latest], start) | ~ended
        affinity = _affinity(summaries, latest, longest, group, camera_moved[:, None])
        signed = np.array([self._track_weights[self._tracks[person]].sum() for person in self._candidates])
        bonus = _PRIMARY_BONUS * (signed / signed.max())[:, None]
        affinity += np.where((affinity > 0) & camera_moved[:, None], bonus, 0)
        differ = self._still_tracks[longest][:, None] != self._still_tracks[group]
        affinity = np.maximum(affinity - np.where(differ, _STILL_PENALTY, 0), 0)
        for row in np.flatnonzero(~ended).tolist():
            # Still there: the same person only if the two are never seen at once, as with boxes that flicker.
            own_tracks = self._tracks[self._candidates[row]]
            own_frames = [summaries.frames[own] for own in own_tracks if summaries.last_frame[own] >= start]
            affinity[row, [_share_a_frame(summaries.frames[track], own_frames) for track in group.tolist()]] = 0
        returned = ended & ~_any_between(self._cuts, summaries.last_frame[latest], start)
        for row, column in best_assignment(affinity):
            self._assign(int(group[column]), self._candidates[row])
            self.num_returned += bool(returned[row])

    def _assign(self, track: int, person: int) -> None:
        """Give a track to a person, who is new if the number is the next one."""
        num_rows, last_frame = self._summaries.num_rows, self._summaries.last_frame
        if person == len(self._tracks):
            self._tracks.append([])
            self._latest_track.append(track)
            self._longest_track.append(track)
            self._candidates.append(person)
        self.person_of_track[track] = person
        self._tracks[person].append(track)
        if last_frame[track] > last_frame[self._latest_track[person]]:
            self._latest_track[person] = track
        if num_rows[track] > num_rows[self._longest_track[person]]:
            self._longest_track[person] = track


def _share_a_frame(frames: NDArray[np.int64], other_tracks: list[NDArray[np.int64]]) -> bool:
    return any(len(np.intersect1d(frames, other, assume_unique=True)) > 0 for other in other_tracks)


def _any_between(frames: NDArray[np.int64], last: NDArray[np.int64], first: np.int64) -> NDArray[np.bool_]:
    """Whether one of `frames` lies after each of `last` and not after `first`."""
    passed: NDArray[np.bool_] = np.searchsorted(frames, last, side="right") < np.searchsorted(
        frames, first, side="right"
    )
    return passed


def _summarise(detections: Detections, tracks: Tracks) -> _TrackSummaries:
    by_track = np.argsort(tracks.track_ids, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(tracks.track_ids[by_track]) > 0])
    num_rows = np.diff(np.r_[starts, len(by_track)])
    log_lengths = np.full((len(num_rows), 6), np.nan, np.float32)
    for track in np.flatnonzero(num_rows >= _MIN_ROWS).tolist() if len(num_rows) > 1 else ():
        sample = np.linspace(0, num_rows[track] - 1, min(_SAMPLED_ROWS, num_rows[track])).astype(np.int64)
        log_lengths[track] = log_body_lengths(detections.read_rows(detections.joints, by_track[starts[track] + sample]))
    first, last = by_track[starts], by_track[starts + num_rows - 1]
    return _TrackSummaries(
        frames=np.split(detections.frames[by_track], starts[1:]),
        first_frame=detections.frames[first],
        last_frame=detections.frames[last],
        first_box=detections.boxes[first],
        last_box=detections.boxes[last],
        num_rows=num_rows,
        log_lengths=log_lengths,
    )


def _affinity(
    summaries: _TrackSummaries,
    latest: NDArray[np.int64],
    longest: NDArray[np.int64],
    tracks: NDArray[np.int64],
    camera_moved: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The affinity of people [A] and tracks [B]: float64 [A, B], 0 where they are not plausibly the same.

    Args:
        latest, longest: int64 [A], each person's latest track, and the one that shows its proportions best.
        tracks: int64 [B].
        camera_moved: [A, 1], whether the camera may have moved since the person was seen.
    """
    difference = summaries.log_lengths[longest][:, None] - summaries.log_lengths[tracks][None]
    known = ~np.isnan(difference)
    count = known.sum(axis=-1)
    difference = np.where(known, difference, 0)
    # The zoom is one factor for all lengths.
    zoom = (difference.sum(axis=-1) / np.maximum(count, 1))[..., None]
    difference = np.where(known, difference - zoom, 0)
    variance = (difference**2).sum(axis=-1) / np.maximum(count - 1, 1)
    proportions = np.where(count >= _MIN_LENGTHS, variance, 0) / _PROPORTIONS_STD**2

    boxes, track_boxes = summaries.last_box[latest][:, None], summaries.first_box[tracks][None]
    box_scales, track_scales = scales(boxes), scales(track_boxes)
    size = (np.log(box_scales / track_scales) / np.where(camera_moved, _SIZE_STD_AFTER_CUT, _SIZE_STD)) ** 2
    offset = (boxes[..., :2] + boxes[..., 2:] - track_boxes[..., :2] - track_boxes[..., 2:]) / 2
    relative = np.hypot(offset[..., 0], offset[..., 1]) / np.sqrt(box_scales * track_scales)
    position = (relative / np.where(camera_moved, _POSITION_STD_AFTER_CUT, _POSITION_STD)) ** 2

    distance = proportions + size + position
    # Any plausible pair is worth more than none, and the nearer of two more than the other.
    affinity: NDArray[np.float64] = np.where(
        distance <= np.where(camera_moved, _MAX_DISTANCE_AFTER_CUT, _MAX_DISTANCE),
        2 * _MAX_DISTANCE_AFTER_CUT - distance,
        0,
    )
    return affinity
