"""What is drawn: a range of frames with the people in them, their size, and the captions that run meanwhile."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from signverse.export.draw.skeleton import Points
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, UnknownVideoError
from signverse.lake.model.frame_ranges import FPS, frames_in_video
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.keypoints import hide_unseen
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP

_SEGMENT_ID: Final = re.compile(r"(?P<video_id>.+)-[0-9]{5,}", re.DOTALL)


@dataclass(frozen=True)
class Caption:
    """A text and the seconds of the video at which it is shown."""

    start_s: float
    end_s: float
    text: str


class ClipRange(NamedTuple):
    """A clip: its segment's id, and frames [start, end) of its video."""

    name: str
    video_id: str
    start: int
    end: int


@dataclass(frozen=True)
class Scene:
    """Frames [start, end) of a video.

    Attributes:
        name: for labels and errors: the id that was asked for.
        video_id: of the video.
        width, height: of a frame in pixels.
        read: of frames [first, last) of the video the people, float32 [last - first, P, 128, 3]; hidden joints absent,
            absent people nan.
        captions: by start.
        people: the numbers of those who are drawn.
        num_frames: of the whole video; None where that is not known.
    """

    name: str
    video_id: str
    width: int
    height: int
    start: int
    end: int
    read: Callable[[int, int], Points] = field(repr=False)
    captions: Sequence[Caption] = ()
    people: Sequence[int] = ()
    num_frames: int | None = None

    def __len__(self) -> int:
        return self.end - self.start

    def frames(self) -> Iterator[Points]:
        """The people of each frame, [P, 128, 3]; of a video of hours a thousand frames are in memory."""
        # Cut where row groups of one person may end: none is read twice.
        edges = [
            *range(self.start - self.start % ROWS_PER_GROUP, self.end, ROWS_PER_GROUP),
            self.end,
        ]
        for first, last in itertools.pairwise(edges):
            yield from self.read(max(first, self.start), last)

    @property
    def has_captions(self) -> bool:
        """Whether a caption runs during these frames."""
        start_s, end_s = self.start / FPS, self.end / FPS
        return any(text.start_s < end_s and text.end_s > start_s for text in self.captions)

    def at(self, frame: int) -> str:
        """The text that is shown at a frame of the video; "" for none."""
        seconds = frame / FPS
        return "\n".join(text.text for text in self.captions if text.start_s <= seconds < text.end_s)


def scene_of(
    lake: Lake,
    name: str,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    person: int | None = None,
    captions: bool = False,
) -> Scene:
    """A video of a lake, or a clip of it.

    Args:
        name: id of a video, or of a segment.
        start_s, end_s: range of a video; a segment is shown whole.
        person: only this one; None is all people.
        captions: whether its captions are shown: the texts of its segments.

    Raises:
        UnknownVideoError: the lake has neither such a video nor such a segment.
        BadInputError: the range lies outside the video, or is of a segment; the person is not in it.
    """
    try:
        num_frames = lake.num_frames(name)
    except UnknownVideoError as error:
        clip = _segment(lake, name, error)
        if start_s or end_s is not None:
            raise BadInputError(f"{name} is a segment, which has its own range", "Name the video.") from None
    else:
        clip = ClipRange(name, name, *frames_in_video(name, start_s, end_s, num_frames))
    return ClipScenes(lake, person=person, captions=captions).scene(clip)


class ClipScenes:
    """Scenes of many clips of a lake: what is known of its videos is read once.

    Args:
        person, captions: see `scene_of`.
    """

    def __init__(self, lake: Lake, *, person: int | None = None, captions: bool = False) -> None:
        self.lake = lake
        self._person = person
        self._has_captions = captions
        self._captions: dict[str, list[Caption]] = {}

    @cached_property
    def _videos(self) -> dict[str, dict[str, Any]]:
        columns = ["video_id", "sign_language", "width", "height", "num_frames"]
        rows = collect(self.lake.table("videos").select(columns))
        return {row["video_id"]: row for row in rows.iter_rows(named=True)}

    def scene(self, clip: ClipRange) -> Scene:
        """The scene of a clip.

        Raises:
            UnknownVideoError: the lake has no such video.
            BadInputError: the person is not in it.
        """
        row = self._videos.get(clip.video_id) or self.lake.video(clip.video_id)
        if self._has_captions and clip.video_id not in self._captions:
            # Clips come video by video.
            self._captions = {clip.video_id: _captions(self.lake, row)}
        shown = self._captions.get(clip.video_id, ())
        scene = Scene(clip.name, clip.video_id, row["width"], row["height"], clip.start, clip.end, _nobody, shown)
        return _with_people(self.lake, replace(scene, num_frames=row["num_frames"]), self._person)


def _nobody(first: int, last: int) -> Points:
    return np.full((last - first, 0, NUM_JOINTS, 3), np.nan, np.float32)


def same_scene(lake: Lake, scene: Scene, person: int | None) -> Scene:
    """The same frames of the same video, from another lake.

    Raises:
        UnknownVideoError: it has no such video.
        BadInputError: it has fewer frames; the person is not in it.
    """
    row = lake.video(scene.video_id)
    if row["num_frames"] < scene.end:
        raise BadInputError(
            f"'{scene.video_id}' has {row['num_frames']} frames in {lake.folder}, and {scene.end} are needed",
            "Name a range that both have: --start, --end.",
        )
    return _with_people(lake, replace(scene, width=row["width"], height=row["height"], captions=()), person)


def _with_people(lake: Lake, scene: Scene, person: int | None) -> Scene:
    rows = lake.snapshot.keypoint_rows(scene.video_id, [], start_frame=scene.start, end_frame=scene.end)
    present: list[int] = np.unique(rows.column("person").to_numpy()).tolist()
    if person is not None and person not in present:
        raise BadInputError(
            f"'{scene.video_id}' has no person {person} in frames {scene.start} to {scene.end}",
            f"These are there: {', '.join(map(str, present))}." if present else "Nobody is there.",
        )
    drawn = present if person is None else [person]
    return replace(scene, people=drawn, read=lambda first, last: read_people(lake, scene.video_id, first, last, drawn))


def _segment(lake: Lake, name: str, unknown: UnknownVideoError) -> ClipRange:
    """The segment that has this id."""
    if (found := _SEGMENT_ID.fullmatch(name)) is None:
        raise unknown
    try:
        row = lake.video(found["video_id"])
    except UnknownVideoError:
        raise unknown from None
    segments = lake.table("segments", languages=[row["sign_language"]])
    rows = collect(segments.filter(pl.col("segment_id") == name).select("start_frame", "end_frame"))
    if rows.is_empty():
        raise BadInputError(f"'{row['video_id']}' has no segment '{name}'", "List them: signverse select.") from None
    return ClipRange(name, row["video_id"], *rows.row(0))


def _captions(lake: Lake, video: dict[str, Any]) -> list[Caption]:
    segments = lake.table("segments", languages=[video["sign_language"]])
    mine = (pl.col("video_id") == video["video_id"]) & pl.col("text").is_not_null()
    rows = collect(segments.filter(mine).select("start_s", "end_s", "text").sort("start_s"))
    return [Caption(*row) for row in rows.iter_rows()]


def read_people(lake: Lake, video_id: str, start: int, end: int, drawn: Sequence[int]) -> Points:
    """These people in frames [start, end), float32 [T, P, 128, 3]; hidden joints absent, absent people nan."""
    people = np.full((end - start, len(drawn), NUM_JOINTS, 3), np.nan, np.float32)
    for rows in lake.people(video_id, start_frame=start, end_frame=end):
        inside = rows.take((rows.frames >= start) & (rows.frames < end))
        hide_unseen(inside.points, inside.visible)
        for place, number in enumerate(drawn):
            mine = inside.persons == number
            people[inside.frames[mine] - start, place] = inside.points[mine]
    return people
