"""A video's skeletons, from the lake to a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from signverse.export.draw.skeleton import contact_sheet
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import seconds_to_frames

if TYPE_CHECKING:
    from PIL.Image import Image


def draw_sheet(lake: Lake, video_id: str, start_s: float, end_s: float | None, count: int) -> Image:
    """Frames of a video, evenly from a range of seconds, side by side, with all people in them.

    Raises:
        UnknownVideoError: the lake has no such video.
        BadInputError: the range lies outside the video, or has no person in it.
    """
    video = lake.video(video_id)
    start, end = seconds_to_frames(start_s, end_s, video["num_frames"])
    if start == end:
        raise BadInputError(
            f"'{video_id}' has no frame from {start_s:g} s on",
            f"It lasts {video['duration_s']:g} s: name an earlier --start.",
        )
    rows = lake.snapshot.keypoint_rows(video_id, [])
    inside = (rows.column("frame").to_numpy() >= start) & (rows.column("frame").to_numpy() < end)
    persons = np.unique(rows.column("person").to_numpy()[inside]).tolist()
    if not persons:
        raise BadInputError(
            f"no person is in frames {start} to {end} of '{video_id}'", "Name another range: --start, --end."
        )
    people = [lake.keypoints(video_id, start_frame=start, end_frame=end, person=person) for person in persons]
    return contact_sheet(
        np.stack(people, axis=1),
        video["width"],
        video["height"],
        columns=min(4, count, end - start),
        count=min(count, end - start),
        first_frame=start,
    )
