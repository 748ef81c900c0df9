"""What of a video goes into an export: its frames, people and captions, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.frames import runs_of
from lake.keypoints import Points, from_table, list_columns
from lake.lake import Lake
from lake.skeleton import BODY, NUM_JOINTS


@dataclass(frozen=True)
class Content:
    """A video, or the chosen frames of one.

    Attributes:
        video: its row of `videos`.
        frame_ids: int64 [F], the frames that are exported, from 0, rising.
        frames, persons: int32 [N] and int8 [N]: the frame and the person of each row, sorted by both.
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: bool [N, 18], where body scores are unknown and visibility is told.
        segments: rows of `segments`, in order.
        captions: rows of `captions`, by track and order.
    """

    video: dict[str, Any]
    frame_ids: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int8]
    points: Points
    visible: npt.NDArray[np.bool_] | None
    segments: Sequence[dict[str, Any]]
    captions: Sequence[dict[str, Any]]

    @property
    def video_id(self) -> str:
        return str(self.video["video_id"])

    def scored(self) -> Points:
        """The points with every body score known: where the lake has none, 1.0 for a joint that is visible, else 0.0.

        Without visibility either, a joint that has a place counts 1.0.
        """
        points = np.array(self.points, np.float32)
        scores = points[..., 2]
        unknown = np.isnan(scores)
        if unknown.any():
            told = np.ones(scores.shape, np.float32)
            if self.visible is not None:
                told[:, BODY.slice] = self.visible
            # A part that the source never had has no place either, and no score.
            told[np.isnan(points[..., 0])] = 0.0
            scores[unknown] = told[unknown]
        return points

    def people(self, points: Points) -> Iterator[tuple[slice, Points]]:
        """Runs of frames with one number of people: the slice of `frame_ids`, and float32 [frames, people, 128, 3].

        A person's number is its place; where a person is absent and one of a higher number is not, it is all zeros.

        Args:
            points: [N, 128, 3], `points` in the form of the dialect.
        """
        place = np.searchsorted(self.frame_ids, self.frames)
        counts = np.zeros(len(self.frame_ids), np.int64)
        np.maximum.at(counts, place, self.persons.astype(np.int64) + 1)
        for start, end in runs_of(counts):
            people = np.zeros((end - start, int(counts[start]), NUM_JOINTS, 3), np.float32)
            first, last = np.searchsorted(place, [start, end])
            people[place[first:last] - start, self.persons[first:last]] = points[first:last]
            yield slice(start, end), people


def load_content(
    lake: Lake,
    video: dict[str, Any],
    segments: Sequence[dict[str, Any]],
    captions: Sequence[dict[str, Any]] = (),
    *,
    only_segments: bool = False,
) -> Content:
    """Reads what is exported of a video.

    Args:
        only_segments: the frames of the segments and no others; they keep their numbers.
    """
    frame_ids = np.setdiff1d(np.arange(video["num_frames"]), np.array(video["absent_frames"] or [], np.int64))
    table = lake.keypoint_rows(video["video_id"], [*list_columns(), "body_visible"])
    if only_segments:
        chosen = np.zeros(video["num_frames"], bool)
        for row in segments:
            chosen[row["start_frame"] : row["end_frame"]] = True
        frame_ids = frame_ids[chosen[frame_ids]]
        table = table.filter(chosen[table.column("frame").to_numpy()])
    visible = None
    if table.column("body_visible").null_count < table.num_rows:
        rows = table.column("body_visible").to_pylist()
        visible = np.array([row if row is not None else [True] * BODY.size for row in rows], bool)
    return Content(
        video=video,
        frame_ids=frame_ids,
        frames=table.column("frame").to_numpy(),
        persons=table.column("person").to_numpy(),
        points=from_table(table),
        visible=visible,
        segments=segments,
        captions=captions,
    )
