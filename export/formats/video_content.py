"""What is written of a video: its frames, people and captions, whatever the layout of the shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.lake.model.skeleton import BODY, NUM_JOINTS
from signverse.lake.storage.keypoints import Points, Rows

_ROWS: Final = 512
"""Rows of a part: 0.8 MB of points, which a core's cache holds."""

_NO_ROWS: Final = Rows(np.empty(0, np.int32), np.empty(0, np.int8), np.empty((0, NUM_JOINTS, 3), np.float32))


@dataclass(frozen=True)
class Outline:
    """A video, or the chosen frames of one, but for its keypoints.

    Attributes:
        video: its row of `videos`.
        frame_ids: int64 [F], the frames that are exported, from 0, rising.
        segments: rows of `segments`, in order.
        captions: rows of `captions`, by track and order.
    """

    video: dict[str, Any]
    frame_ids: npt.NDArray[np.int64]
    segments: Sequence[dict[str, Any]]
    captions: Sequence[dict[str, Any]]

    @property
    def video_id(self) -> str:
        return str(self.video["video_id"])


@dataclass(frozen=True)
class Content(Outline):
    """A video, the chosen frames of one, or a part of these: frames that follow each second.

    Attributes:
        frames, persons: int32 [N] and int8 [N]: the frame and the person of each row, sorted by both.
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: bool [N, 18], where body scores are unknown and visibility is known.
    """

    frames: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int8]
    points: Points
    visible: npt.NDArray[np.bool_] | None = None

    def people(self, points: Points) -> Iterator[tuple[npt.NDArray[np.intp], Points]]:
        """For each number of people that frames have: the places in `frame_ids`, float32 [frames, people, 128, 3].

        A person's number is its place; where a person is absent and one of a higher number is not, it is all zeros.

        Args:
            points: [N, 128, 3], `points` in the form of the layout.
        """
        place = np.searchsorted(self.frame_ids, self.frames)
        counts = np.zeros(len(self.frame_ids), np.int64)
        np.maximum.at(counts, place, self.persons.astype(np.int64) + 1)
        for count in np.unique(counts).tolist():
            places = np.flatnonzero(counts == count)
            of_count = counts[place] == count
            rows = points if of_count.all() else points[of_count]
            shape = (len(places), count, NUM_JOINTS, 3)
            if len(rows) == len(places) * count:
                # Every person is in every frame, as nearly always.
                people = rows.reshape(shape)
            else:
                people = np.zeros(shape, np.float32)
                people[np.searchsorted(places, place[of_count]), self.persons[of_count]] = rows
            yield places, people


def scored(points: Points, visible: npt.NDArray[np.bool_] | npt.NDArray[np.int8] | None) -> Points:
    """A copy of the points with every body score known: where the lake has none, 1.0 for a visible joint, else 0.0.

    Args:
        points: float32 [..., 128, 3].
        visible: [..., 18]; 0 is not visible. Without it a joint that has a place counts 1.0.
    """
    points = np.array(points, np.float32)
    scores = points[..., 2]
    unknown = np.isnan(scores)
    if unknown.any():
        known = np.ones(scores.shape, np.float32)
        if visible is not None:
            known[..., BODY.slice] = visible != 0
        # A part that the source never had has no place either, and no score.
        known[np.isnan(points[..., 0])] = 0.0
        np.copyto(scores, known, where=unknown)
    return points


def outline_of(
    video: dict[str, Any],
    segments: Sequence[dict[str, Any]],
    captions: Sequence[dict[str, Any]] = (),
    *,
    only_segments: bool = False,
) -> Outline:
    """What is known of a video before its keypoints are read.

    Args:
        only_segments: the frames of the segments and no others; they keep their numbers.
    """
    written = np.ones(video["num_frames"], bool)
    written[video["absent_frames"] or []] = False
    if only_segments:
        chosen = np.zeros(video["num_frames"], bool)
        for row in segments:
            chosen[row["start_frame"] : row["end_frame"]] = True
        written &= chosen
    return Outline(video=video, frame_ids=np.flatnonzero(written), segments=segments, captions=captions)


def fill(points: Points, where: npt.NDArray[np.bool_], value: tuple[float, float, float]) -> None:
    """Sets some of the points [..., 3] to a value, three times as fast as by an index."""
    for i, number in enumerate(value):
        np.copyto(points[..., i], number, where=where)


def parts_of(outline: Outline, batches: Iterable[Rows]) -> Iterator[Content]:
    """The content of a video in parts of some hundred rows; together they have all frames of the outline.

    Args:
        batches: what `Lake.people` reads of it.
    """
    first = 0
    for rows in _whole_frames(_chosen(outline, rows) for rows in batches):
        end = int(np.searchsorted(outline.frame_ids, rows.frames[-1], "right"))
        yield _part(outline, slice(first, end), rows)
        first = end
    if first < len(outline.frame_ids):
        yield _part(outline, slice(first, None), _NO_ROWS)


def _chosen(outline: Outline, rows: Rows) -> Rows:
    """The rows of the frames that are exported."""
    chosen = np.isin(rows.frames, outline.frame_ids)
    return rows if chosen.all() else rows.take(chosen)


def _whole_frames(batches: Iterable[Rows]) -> Iterator[Rows]:
    """Regroup rows into batches of at most `_ROWS` and a frame, with all people of a frame in one batch."""
    pending: Rows | None = None
    for batch in batches:
        rows = batch
        if pending is not None:
            # A row group may end among the people of a frame.
            rest = int(np.searchsorted(rows.frames, pending.frames[-1], "right"))
            if rest:
                pending, rows = _joined(pending, rows.take(slice(rest))), rows.take(slice(rest, None))
            if not len(rows):
                continue
            yield pending
            pending = None
        if len(rows):
            cuts = [*np.unique(np.searchsorted(rows.frames, rows.frames[::_ROWS])).tolist(), len(rows)]
            for start, end in pairwise(cuts):
                if pending is not None:
                    yield pending
                pending = rows.take(slice(start, end))
    if pending is not None:
        yield pending


def _joined(first: Rows, second: Rows) -> Rows:
    visible = None
    if first.visible is not None or second.visible is not None:
        visible = np.concatenate([_visible(first), _visible(second)])
    return Rows(
        np.concatenate([first.frames, second.frames]),
        np.concatenate([first.persons, second.persons]),
        np.concatenate([first.points, second.points]),
        visible,
    )


def _visible(rows: Rows) -> npt.NDArray[np.bool_]:
    return np.ones((len(rows), BODY.size), bool) if rows.visible is None else rows.visible


def _part(outline: Outline, where: slice, rows: Rows) -> Content:
    return Content(
        video=outline.video,
        frame_ids=outline.frame_ids[where],
        segments=outline.segments,
        captions=outline.captions,
        frames=rows.frames,
        persons=rows.persons,
        points=rows.points,
        visible=rows.visible,
    )
