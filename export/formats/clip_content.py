"""Clips as arrays with all that is known of them, read a video at a time, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from signverse.export.formats.index_rows import ClipRow
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.schema import DOUBLE, INT, SEGMENTS, STRING, VIDEOS
from signverse.lake.model.skeleton import BODY, NUM_JOINTS
from signverse.lake.model.wording import printable, some
from signverse.lake.storage.integrity.foreign_errors import VERIFY
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP

_SEGMENT: Final = [item for item in SEGMENTS.schema if item.name != "ordinal"]

LANGUAGE_FOLDER: Final = r"data/[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"
"""Pattern of the folder of a language's files, in an export by language: ISO 639-3 codes and BCP 47 tags."""

MOST_ENTRIES: Final = 10_000
"""Of a folder on the hub (its docs on storage limits)."""

ABOUT: Final = pa.schema(
    [
        *_SEGMENT,
        ("fps", DOUBLE),
        ("width", INT),
        ("height", INT),
        ("title", STRING),
        ("channel", STRING),
        ("url", STRING),
        VIDEOS.schema.field("absent_frames"),
        ("num_people", INT),
    ]
)
"""The metadata of each clip: its row of `segments`, more of its video, `absent_frames` (those of the clip that the
source never had, counted as in the video) and `num_people` (P of the arrays)."""

_LONG_READ: Final = 32 * ROWS_PER_GROUP
"""Frames of a person that are in memory at once, of one clip or of several that follow each other: 50 MB of points."""


_PIECE: Final = 4096
"""Frames of a person that are handed out at a time."""


@dataclass(frozen=True)
class Clip:
    """A clip of T frames and P people.

    Attributes:
        about: what is known of it, see `ABOUT`.
        frames, people: T and P.
        read: float32 [t, P, 128, 3] of the frames [first, last), counted from the clip's first: x and y in pixels and
            score. Absent points are (nan, nan, 0); where a person is not in a frame, or a score is unknown, it is nan.
        visible: int8 [T, P, 18], 1 or 0 where the lake has visibility in place of body scores, else -1; None where it
            is -1 throughout.
    """

    about: dict[str, Any]
    frames: int
    people: int
    read: Callable[[int, int], Points] = field(repr=False)
    visible: npt.NDArray[np.int8] | None = field(repr=False)

    @property
    def points(self) -> Points:
        """The points of all frames at once."""
        return self.read(0, self.frames)

    def pieces(self) -> Iterator[tuple[slice, Points]]:
        """The points, some thousand frames at a time, and which frames these are."""
        step = max(1, _PIECE // self.people)
        for first in range(0, self.frames, step):
            last = min(first + step, self.frames)
            yield slice(first, last), self.read(first, last)

    def row(self, file: str, sha256: str) -> ClipRow:
        """Its row of the index."""
        about = self.about
        return ClipRow(
            segment_id=about["segment_id"],
            video_id=about["video_id"],
            file=file,
            language=about["sign_language"],
            start_frame=about["start_frame"],
            end_frame=about["end_frame"],
            frames=self.frames,
            people=self.people,
            sha256=sha256,
        )


@dataclass(frozen=True)
class Chunk:
    """Clips that are written together.

    Attributes:
        clips: rows of `Lake.unfiltered_clips` with absent_frames.
        size: about how many bytes they take.
        folder: the folder in that of the export that their file goes to; "" for that of the format.
    """

    name: str
    clips: pl.DataFrame = field(repr=False)
    size: int
    folder: str = ""


def plan_chunks(
    clips: pl.DataFrame,
    name: str,
    count: int,
    *,
    all_people: bool,
    frame_bytes: int,
    clip_bytes: int,
    by_language: bool = False,
) -> list[Chunk]:
    """Divide clips into chunks, in their order.

    Args:
        name: of a chunk, a template with the number from 0.
        count: clips of each chunk but the last.
        frame_bytes: about what a person in a frame takes.
        clip_bytes: about what a clip takes besides.
        by_language: a chunk has clips of one language, and goes to the folder data/CODE.

    Raises:
        DamagedLakeError: a name in the lake cannot name a file.
        BadInputError: a language would have more files than a folder may have on the hub.
    """
    for video_id in clips["video_id"].unique():
        check_video_id(video_id)
    number = pl.col("segment_id").str.strip_prefix(pl.col("video_id"))
    odd = clips.filter(~number.str.contains(r"^-[0-9]{5,}$") | pl.col("segment_id").is_duplicated())
    if odd.height:
        raise DamagedLakeError(
            f"segments are not called by their video and a number of their own: {some(odd['segment_id'].to_list())}",
            VERIFY,
        )
    people = pl.max_horizontal(pl.lit(1), "people_max") if all_people else pl.lit(1)
    expected = pl.col("num_frames").cast(pl.Int64) * people * frame_bytes + clip_bytes
    groups = {"": clips}
    if by_language:
        parts = clips.partition_by("sign_language", as_dict=True, maintain_order=True)
        groups = {_language_folder(code): parts[code,] for code in sorted(code for (code,) in parts)}
        _check_number(groups, count)
    slices = ((folder, part) for folder, group in groups.items() for part in group.iter_slices(count))
    return [
        Chunk(name.format(number), part, part.select(expected.sum()).item(), folder)
        for number, (folder, part) in enumerate(slices)
    ]


def _language_folder(code: str) -> str:
    """The folder of a language's files.

    Raises:
        DamagedLakeError: the code cannot name a folder.
    """
    if not re.fullmatch(LANGUAGE_FOLDER, f"data/{code}"):
        raise DamagedLakeError(f"'{printable(str(code))}' is not the code of a language", VERIFY)
    return f"data/{code}"


def _check_number(groups: Mapping[str, pl.DataFrame], count: int) -> None:
    """Raises BadInputError where a folder would have more files than the hub takes."""
    for folder, group in groups.items():
        files = -(-group.height // count)
        if files > MOST_ENTRIES:
            least = -(-group.height // MOST_ENTRIES)
            raise BadInputError(
                f"{folder} would have {files:,} files, and the hub takes {MOST_ENTRIES:,} in a folder",
                f"Give --clips-per-shard {least} or more.",
            )


def read_clips(lake: Lake, clips: pl.DataFrame, *, all_people: bool) -> Iterator[Clip]:
    """The clips, in their order.

    Args:
        clips: those of a chunk, by video_id and start.
        all_people: all people, not the primary signer only.
    """
    for video_id, rows in groupby(clips.iter_rows(named=True), key=lambda row: str(row["video_id"])):
        for together in _reads(rows, all_people):
            yield from _read(lake, video_id, together, all_people)


def _people_in(row: dict[str, Any], all_people: bool) -> int:
    """About how many people a clip has in each frame."""
    return max(1, row["people_max"] or 1) if all_people else 1


def _reads(rows: Iterable[dict[str, Any]], all_people: bool) -> Iterator[list[dict[str, Any]]]:
    """Group clips of a video, by start, to be read at once: not far apart, and not too long together."""
    together: list[dict[str, Any]] = []
    end = 0
    for row in rows:
        far = row["start_frame"] - end > ROWS_PER_GROUP
        most = _LONG_READ // _people_in(row, all_people)
        if together and (far or row["end_frame"] - together[0]["start_frame"] > most):
            yield together
            together = []
        together.append(row)
        end = max(end, row["end_frame"])
    yield together


def _read(lake: Lake, video_id: str, rows: Sequence[dict[str, Any]], all_people: bool) -> Iterator[Clip]:
    """Clips as views of one block of points; one that is too long for memory reads its points when asked for them."""
    start, end = rows[0]["start_frame"], max(row["end_frame"] for row in rows)
    table = lake.snapshot.keypoint_rows(video_id, ["body_visible"], start_frame=start, end_frame=end)
    if not all_people:
        table = table.filter(pa.array(table.column("person").to_numpy() == 0))
    frames, persons = table.column("frame").to_numpy() - start, table.column("person").to_numpy()
    # At least one, so that every clip has a person 0.
    people = int(persons.max(initial=0)) + 1
    visible: npt.NDArray[np.int8] | None = None
    rows_visible = _visible(table)
    if rows_visible is not None:
        visible = np.full((end - start, people, BODY.size), -1, np.int8)
        visible[frames, persons] = rows_visible
    del table, rows_visible
    whole = None
    if (end - start) * people <= _LONG_READ or len(rows) > 1:
        whole = _points(lake, video_id, start, end, people)
    for row in rows:
        span = slice(row["start_frame"] - start, row["end_frame"] - start)
        first, last = np.searchsorted(frames, [span.start, span.stop])
        count = int(persons[first:last].max(initial=0)) + 1
        clip_visible = None if visible is None else visible[span, :count]
        if clip_visible is not None and (clip_visible < 0).all():
            clip_visible = None
        read = _reader(lake, video_id, row["start_frame"], count, None if whole is None else whole[span, :count])
        yield Clip(_about(row, count), span.stop - span.start, count, read, clip_visible)


def _reader(lake: Lake, video_id: str, start: int, people: int, points: Points | None) -> Callable[[int, int], Points]:
    """Reads frames of a clip, counted from its first: from its points, or from the lake."""

    def read(first: int, last: int) -> Points:
        if points is not None:
            return points[first:last]
        return _points(lake, video_id, start + first, start + last, people)

    return read


def _points(lake: Lake, video_id: str, start: int, end: int, people: int) -> Points:
    """Frames [start, end) of the first so many people, float32 [end - start, people, 128, 3]."""
    points = np.full((end - start, people, NUM_JOINTS, 3), np.nan, np.float32)
    for batch in lake.people(video_id, start_frame=start, end_frame=end):
        inside = (batch.frames >= start) & (batch.frames < end) & (batch.persons < people)
        points[batch.frames[inside] - start, batch.persons[inside]] = batch.points[inside]
    return points


def _visible(table: Any) -> npt.NDArray[np.int8] | None:
    """body_visible as int8 [N, 18], -1 where it is null; None where it is null throughout."""
    column = table.column("body_visible").combine_chunks()
    if column.null_count == len(column):
        return None
    visible = np.full((len(column), BODY.size), -1, np.int8)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    visible[known] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, BODY.size)
    return visible


def _about(row: dict[str, Any], num_people: int) -> dict[str, Any]:
    inside = range(row["start_frame"], row["end_frame"])
    absent = [frame for frame in row["absent_frames"] or [] if frame in inside]
    found = {**row, "fps": FPS, "absent_frames": absent, "num_people": num_people}
    return {name: found[name] for name in ABOUT.names}


_DIGEST_FRAMES: Final = 1024


def update_digest(digest: Any, points: Points) -> None:
    """Adds points [T, ...] to a digest, whichever way nan is spelled."""
    # Piece by piece: of 22 minutes the three arrays that this makes take 110 MB.
    for start in range(0, len(points), _DIGEST_FRAMES):
        piece = points[start : start + _DIGEST_FRAMES]
        digest.update(np.where(np.isnan(piece), np.float32(np.nan), piece).tobytes())
