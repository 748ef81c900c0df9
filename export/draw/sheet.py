"""Skeletons of videos, on one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from signverse.export.draw.scene import Scene
from signverse.export.draw.skeleton import (
    BLACK,
    Colour,
    Draw,
    Pixels,
    Points,
    contact_sheet,
    draw_people,
    frames_to_draw,
    rgb,
    shade_of_frame,
)
from signverse.export.draw.styles.registry import paint_people, painter
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.thresholds import SEEN
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP
from signverse.lake.storage.temporary.whole_file import whole_file

if TYPE_CHECKING:
    from PIL import Image

FORMATS: Final = ("png", "pdf")

_COLUMNS: Final = 4
_MARGIN: Final = 0.06
"""Around a person to whom a picture is cropped, as a share of the larger side."""

_LARGEST_SIDE: Final = 4096
"""Of a frame that is drawn at its own size; of a larger one, less."""

_MOST_PIXELS: Final = 1 << 28
"""Of a sheet: 800 MB."""

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
        style: a name of `STYLES`; None for the drawing of `draw_people`.
        frames: these, by their numbers in the video, instead of `count`.
    """

    count: int = 8
    person: int | None = None
    crop: bool = False
    background: Colour | str = BLACK
    tile_width: int = 320
    style: str | None = None
    frames: Sequence[int] | None = None


def draw_sheet(scenes: Sequence[Scene], look: Look) -> Image.Image:
    """Frames of scenes with the people in them; each of several scenes has its name above it.

    What is known to be hidden is not drawn: see `hide_unseen`.

    Raises:
        BadInputError: nobody is in a scene, or a frame is outside it.
    """
    sheets = [_draw_scene(scene, look) for scene in scenes]
    return sheets[0] if len(sheets) == 1 else _stack([scene.name for scene in scenes], sheets, look)


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


def _draw_scene(scene: Scene, look: Look) -> Image.Image:
    if not scene.people:
        raise BadInputError(
            f"no person is in frames {scene.start} to {scene.end} of '{scene.name}'",
            "Name another range: --start, --end.",
        )
    # Of a video of hours only these frames are in memory.
    if look.frames is None:
        numbers = [scene.start + frame for frame in frames_to_draw(len(scene), look.count, None)]
    else:
        numbers = list(look.frames)
        if outside := [number for number in numbers if not scene.start <= number < scene.end]:
            raise BadInputError(
                f"'{scene.name}' has no frame {outside[0]}", f"It has those from {scene.start} to {scene.end - 1}."
            )
    people = np.concatenate([scene.read(number, number + 1) for number in numbers])
    width, height = scene.width, scene.height
    if look.crop:
        pieces = (
            scene.read(first, min(first + ROWS_PER_GROUP, scene.end))
            for first in range(scene.start, scene.end, ROWS_PER_GROUP)
        )
        left, top, right, bottom = _bounds(pieces, width, height)
        people[..., :2] -= (left, top)
        width, height = right - left, bottom - top
    _check_size(width, height, len(numbers), look.tile_width)
    return contact_sheet(
        people,
        width,
        height,
        columns=min(_COLUMNS, len(numbers)),
        frames=range(len(numbers)),
        numbers=numbers,
        tile_width=look.tile_width,
        background=look.background,
        draw=draw_people if look.style is None else _drawing_in(look.style),
    )


def _check_size(width: int, height: int, count: int, tile_width: int) -> None:
    """Refuses a sheet that would not fit into memory: frames may be a pixel wide and thousands high."""
    columns = min(_COLUMNS, count)
    sheet = columns * tile_width, -(-count // columns) * max(1, round(height * tile_width / width))
    if sheet[0] * sheet[1] > _MOST_PIXELS:
        raise BadInputError(
            f"a sheet of {sheet[0]:,}x{sheet[1]:,} is too large, at most {_MOST_PIXELS:,} pixels",
            "Name a smaller --tile-width, or fewer frames.",
        )


def _drawing_in(style: str) -> Draw:
    """What draws a tile in a style: as large as the frame, for that is how the style looks, and then made smaller."""
    paint = painter(style)

    def draw(
        points: Points, width: int, height: int, *, scale: float, background: Colour | str | Pixels | None
    ) -> Image.Image:
        from PIL import Image

        size = max(1, round(width * scale)), max(1, round(height * scale))
        drawn_at = min(1.0, _LARGEST_SIDE / max(width, height))
        large = Image.new("RGB", (max(1, round(width * drawn_at)), max(1, round(height * drawn_at))))
        large.paste(rgb(None if isinstance(background, np.ndarray) else background), (0, 0, *large.size))
        drawn = paint_people(points, width, height, paint, scale=drawn_at, ground=np.array(large))
        image = Image.fromarray(drawn)
        return image if image.size == size else image.resize(size, Image.Resampling.BOX)

    return draw


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
