"""Skeletons of a lake's videos, on one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from signverse.export.draw.scene import read_people
from signverse.export.draw.skeleton import BLACK, Colour, Points, contact_sheet, frames_to_draw, rgb, shade_of_frame
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import frames_in_video
from signverse.lake.model.thresholds import SEEN
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP
from signverse.lake.storage.temporary.whole_file import whole_file

if TYPE_CHECKING:
    from PIL import Image

FORMATS: Final = ("png", "pdf")

_COLUMNS: Final = 4
_MARGIN: Final = 0.06
"""Around a person to whom a picture is cropped, as a share of the larger side."""

_DOTS_PER_INCH: Final = 200


@dataclass(frozen=True)
class Look:
    """How a sheet looks.

    Attributes:
        count: frames of each video, evenly from the range.
        person: only this one; None is all people.
        crop: to where the people are over the whole range.
        background: a colour, by a CSS name or as #rrggbb.
        tile_width: of a frame, in pixels.
    """

    count: int = 8
    person: int | None = None
    crop: bool = False
    background: Colour | str = BLACK
    tile_width: int = 320


def draw_sheet(lake: Lake, video_ids: Sequence[str], start_s: float, end_s: float | None, look: Look) -> Image.Image:
    """Frames of videos from a range of seconds, with the people in them; each of several videos has its id above it.

    What is known to be hidden is not drawn: see `hide_unseen`.

    Raises:
        UnknownVideoError: the lake has no such video.
        BadInputError: the range lies outside a video, or nobody, or not the person, is in it.
    """
    sheets = [_draw_video(lake, video_id, start_s, end_s, look) for video_id in video_ids]
    return sheets[0] if len(sheets) == 1 else _stack(video_ids, sheets, look)


def check_picture_name(out: Path) -> None:
    """Checks that a file's name ends in that of a format.

    Raises:
        BadInputError: it does not.
    """
    if out.suffix.lower().lstrip(".") not in FORMATS:
        raise BadInputError(f"{out}: unknown picture format '{out.suffix}'", "End the name in .png or .pdf.")


def save_sheet(sheet: Image.Image, out: Path) -> None:
    """Writes a sheet as PNG or PDF; the file appears whole or not at all.

    Raises:
        BadInputError: the name has another ending, or the file cannot be written.
    """
    check_picture_name(out)
    with whole_file(out) as file:
        if out.suffix.lower() == ".pdf":
            # Without the time and the name of the temporary file: the same sheet is the same file.
            about = {"creationDate": None, "modDate": None, "title": out.stem}
            sheet.save(file, format="PDF", resolution=_DOTS_PER_INCH, quality=95, subsampling=0, **about)
        else:
            sheet.save(file, format="PNG")


def _draw_video(lake: Lake, video_id: str, start_s: float, end_s: float | None, look: Look) -> Image.Image:
    video = lake.video(video_id)
    start, end = frames_in_video(video_id, start_s, end_s, video["num_frames"])
    drawn = _people_to_draw(lake, video_id, start, end, look.person)
    # Of a video of hours only these frames are in memory.
    numbers = [start + frame for frame in frames_to_draw(end - start, look.count, None)]
    people = np.concatenate([read_people(lake, video_id, number, number + 1, drawn) for number in numbers])
    width, height = video["width"], video["height"]
    if look.crop:
        pieces = (
            read_people(lake, video_id, first, min(first + ROWS_PER_GROUP, end), drawn)
            for first in range(start, end, ROWS_PER_GROUP)
        )
        left, top, right, bottom = _bounds(pieces, width, height)
        people[..., :2] -= (left, top)
        width, height = right - left, bottom - top
    return contact_sheet(
        people,
        width,
        height,
        columns=min(_COLUMNS, look.count),
        frames=range(len(numbers)),
        numbers=numbers,
        tile_width=look.tile_width,
        background=look.background,
    )


def _people_to_draw(lake: Lake, video_id: str, start: int, end: int, person: int | None) -> list[int]:
    """The numbers of the people of a range, or the one that was named.

    Raises:
        BadInputError: there are none.
    """
    rows = lake.snapshot.keypoint_rows(video_id, [], start_frame=start, end_frame=end)
    present: list[int] = np.unique(rows.column("person").to_numpy()).tolist()
    if person is not None and person not in present:
        raise BadInputError(
            f"'{video_id}' has no person {person} in frames {start} to {end}",
            f"These are there: {', '.join(map(str, present))}." if present else "Nobody is there.",
        )
    if not present:
        raise BadInputError(
            f"no person is in frames {start} to {end} of '{video_id}'", "Name another range: --start, --end."
        )
    return present if person is None else [person]


def _bounds(pieces: Iterable[Points], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of where people are seen in the picture, with a margin, in whole pixels of it."""
    found: list[tuple[float, float, float, float]] = []
    for people in pieces:
        x, y = people[..., 0], people[..., 1]
        with np.errstate(invalid="ignore"):
            seen = (x >= 0) & (x < width) & (y >= 0) & (y < height) & ~(people[..., 2] < SEEN)
        if seen.any():
            found.append((x[seen].min(), y[seen].min(), x[seen].max(), y[seen].max()))
    if not found:
        return 0, 0, width, height
    boxes = np.array(found)
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    margin = 2 + _MARGIN * max(right - left, bottom - top)
    return (
        max(0, int(left - margin)),
        max(0, int(top - margin)),
        min(width, int(right + margin) + 1),
        min(height, int(bottom + margin) + 1),
    )


def _stack(video_ids: Sequence[str], sheets: Sequence[Image.Image], look: Look) -> Image.Image:
    """Sheets below each other, with the id of the video above each."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=max(10, look.tile_width // 18))
    line = round(font.getbbox("Ag")[3] * 1.5)
    frame, ink = shade_of_frame(rgb(look.background))
    stacked = Image.new(
        "RGB", (max(sheet.width for sheet in sheets), sum(sheet.height + line for sheet in sheets)), frame
    )
    draw = ImageDraw.Draw(stacked)
    top = 0
    for video_id, sheet in zip(video_ids, sheets, strict=True):
        draw.text((line // 3, top + line // 4), video_id, fill=ink, font=font)
        stacked.paste(sheet, (0, top + line))
        top += line + sheet.height
    return stacked
