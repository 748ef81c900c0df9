"""People drawn as skeletons: one frame, or several frames of a clip on one sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from signverse.export.draw.colours import BODY_COLOURS, FINGER_COLOURS
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import (
    BODY,
    BODY_LIMBS,
    FACE,
    HAND_LIMBS,
    LEFT_HAND,
    NECK,
    NUM_JOINTS,
    RIGHT_HAND,
    Part,
    joint_index,
)
from signverse.lake.model.thresholds import SEEN

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Points = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Draw = Callable[..., "Image.Image"]
"""Draws the people of one frame, as `draw_people`."""

BLACK: Final[Colour] = (0, 0, 0)
"""OpenPose draws on black, and tools that take such pictures as input expect it."""

# The iBUG-68 layout; a contour that closes repeats its first point.
FACE_CONTOURS: Final[tuple[tuple[int, ...], ...]] = (
    tuple(range(0, 17)),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
    tuple(range(31, 36)),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)

# Line widths as shares of a person's size, which is about one shoulder width.
_LIMB: Final = 0.038
_JOINT: Final = 0.024
_HEAD_LIMB: Final = 0.016
_HEAD_JOINT: Final = 0.014
_FINGER: Final = 0.014
_KNUCKLE: Final = 0.010
_FACE_DOT: Final = 0.0065
_FACE_LINE: Final = 0.006

# Drawn thin: at full width they hide the eyes and the mouth, which are half of what a signer says.
_HEAD: Final = frozenset(joint_index(name) for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear"))

_MOST_PIXELS: Final = 40_000_000
"""Where the enlarged drawing would need more, it is enlarged less: a 4K frame must not take a gigabyte."""


def draw_people(
    points: Points,
    width: int,
    height: int,
    *,
    scale: float = 1.0,
    background: Colour | str | Pixels | None = None,
) -> Image.Image:
    """Draw the people of one frame with OpenPose's limbs and colours.

    A point is absent where x or y is NaN or its score is below SEEN. An unknown score (NaN) on a known place
    counts as seen: released shards lost their body scores, and a lake says so.

    Args:
        points: [P, 128, 3], or [128, 3] for one person: x and y in pixels of a width x height frame, score.
        width: width of the frame in pixels.
        height: height of the frame in pixels.
        scale: size of the picture relative to the frame.
        background: a colour (RGB or a CSS name), or the RGB frame itself, uint8 [H, W, 3] of any size;
            black if None.

    Returns:
        An RGB picture of round(width * scale) x round(height * scale) pixels, never less than 1 x 1.

    Raises:
        BadInputError: the points, the size or the background have a shape that cannot be drawn.
    """
    people = _people(points)
    size = _size(width, height, scale)
    picture = _canvas(size, background)
    for person in people:
        _draw_person(picture, person, (size[0] / width, size[1] / height))
    return picture


def contact_sheet(
    clip: Points,
    width: int,
    height: int,
    *,
    columns: int = 4,
    count: int = 8,
    frames: Sequence[int] | None = None,
    first_frame: int = 0,
    numbers: Sequence[int] | None = None,
    tile_width: int = 320,
    background: Colour | str | None = None,
    draw: Draw | None = None,
) -> Image.Image:
    """Draw several frames of one clip side by side, each labelled with its frame number and its time.

    Args:
        clip: [T, 128, 3], or [T, P, 128, 3] for several people.
        width: width of the frame in pixels.
        height: height of the frame in pixels.
        columns: tiles in a row.
        count: how many frames, spread evenly over the clip; all of them if the clip is shorter.
        frames: the frames to draw, counted from the start of the clip, instead of `count`.
        first_frame: number of the clip's first frame in its video, for the labels.
        numbers: those of all frames of the clip, where they do not follow each other.
        tile_width: width of one tile in pixels; its height follows.
        background: colour behind the people, as in draw_people.
        draw: what draws a tile; `draw_people` if None.

    Returns:
        An RGB picture.

    Raises:
        BadInputError: the clip holds no frame, a frame is outside it, or a size is below 1.
    """
    # Long because: its many arguments are explained.
    # Pillow is imported in functions, for speed of start: exports use this module's tables and draw nothing.
    from PIL import Image, ImageDraw, ImageFont

    if columns < 1 or count < 1 or tile_width < 1:
        raise BadInputError(
            f"a sheet of {count} tiles in {columns} columns, {tile_width} wide, cannot be drawn",
            "Each must be 1 or more",
        )
    clip = _clip(clip)
    frames = frames_to_draw(len(clip), count, frames)
    columns = min(columns, len(frames))
    rows = math.ceil(len(frames) / columns)
    scale = tile_width / width
    _, tile_height = _size(width, height, scale)
    gap = max(2, tile_width // 80)
    frame_colour, ink = shade_of_frame(rgb(background))
    size = (columns * tile_width + (columns + 1) * gap, rows * tile_height + (rows + 1) * gap)
    sheet = Image.new("RGB", size, frame_colour)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(9, tile_width // 24))
    for place, frame in enumerate(frames):
        row, column = divmod(place, columns)
        corner = (gap + column * (tile_width + gap), gap + row * (tile_height + gap))
        tile = (draw or draw_people)(clip[frame], width, height, scale=scale, background=background)
        sheet.paste(tile, corner)
        number = first_frame + frame if numbers is None else numbers[frame]
        pen.text(
            (corner[0] + 2 * gap, corner[1] + gap),
            f"{number}  {number / FPS:.2f} s",
            fill=ink,
            font=font,
        )
    return sheet


def _clip(clip: Points) -> Points:
    """A clip as [T, P, 128, 3]."""
    clip = np.asarray(clip)
    if clip.ndim == 3:
        clip = clip[:, None]
    if clip.ndim != 4 or clip.shape[0] == 0:
        raise BadInputError(
            f"a clip of shape {clip.shape} cannot be drawn", "Give [T, 128, 3] or [T, P, 128, 3], T above 0"
        )
    return clip


def frames_to_draw(total: int, count: int, frames: Sequence[int] | None) -> Sequence[int]:
    """The frames given, or `count` of them spread evenly over all."""
    if frames is None:
        return sorted({round(float(f)) for f in np.linspace(0, total - 1, min(count, total))})
    outside = [f for f in frames if not 0 <= f < total]
    if outside or not frames:
        raise BadInputError(f"frames {outside} are outside a clip of {total} frames", f"Use 0 to {total - 1}")
    return frames


def _people(points: Points) -> Points:
    people = np.asarray(points)
    if people.ndim == 2:
        people = people[None]
    if people.ndim != 3 or people.shape[1:] != (NUM_JOINTS, 3):
        raise BadInputError(
            f"points of shape {people.shape} cannot be drawn", f"Give [people, {NUM_JOINTS}, 3]: x, y, score"
        )
    return people.astype(np.float64)


def _size(width: int, height: int, scale: float) -> tuple[int, int]:
    if width < 1 or height < 1 or not (0 < scale < math.inf):
        raise BadInputError(f"a frame of {width} x {height} at scale {scale} cannot be drawn", "Each must be above 0")
    return max(1, round(width * scale)), max(1, round(height * scale))


def shade_of_frame(background: Colour) -> tuple[Colour, Colour]:
    """The colours of what lies between tiles with this background, and of labels."""
    return ((58, 62, 70), (190, 196, 206)) if _is_dark(background) else ((205, 208, 214), (80, 86, 96))


def rgb(background: Colour | str | None) -> Colour:
    """A colour by its CSS name or as #rrggbb; None is black.

    Raises:
        BadInputError: there is no such colour.
    """
    from PIL import ImageColor

    if background is None:
        return BLACK
    if isinstance(background, str):
        try:
            red, green, blue, *_ = ImageColor.getrgb(background)
        except ValueError as error:
            raise BadInputError(
                f"{background!r} is not a colour", "Use a CSS name such as white, or #rrggbb"
            ) from error
        return red, green, blue
    return background


def _canvas(size: tuple[int, int], background: Colour | str | Pixels | None) -> Image.Image:
    from PIL import Image

    if not isinstance(background, np.ndarray):
        return Image.new("RGB", size, rgb(background))
    if background.dtype != np.uint8 or background.ndim != 3 or background.shape[2] != 3 or not background.size:
        raise BadInputError(
            f"a {background.dtype} background of shape {background.shape} is not a picture",
            "Give uint8 [height, width, 3], RGB",
        )
    image = Image.fromarray(background)
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _is_dark(colour: Sequence[float]) -> bool:
    red, green, blue = colour[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


def seen_points(person: Points, width: float, height: float) -> NDArray[np.bool_]:
    """Which points of a person, [128, 3], are drawn on a picture of this size."""
    x, y, score = person[:, 0], person[:, 1], person[:, 2]
    # Released data mark absence with places far outside: a line to one of them would cross the picture.
    with np.errstate(invalid="ignore"):
        near = (x > -width) & (x < 2 * width) & (y > -height) & (y < 2 * height)
        seen: NDArray[np.bool_] = near & ~(score < SEEN)
    return seen


def shoulder_width(xy: Points, seen: NDArray[np.bool_]) -> float:
    """About one shoulder width, whichever way the person faces: the largest of what can be measured."""

    def apart(first: int, second: int) -> float:
        return float(np.hypot(*(xy[first] - xy[second]))) if seen[first] and seen[second] else 0.0

    def across(part: Part, times: float) -> float:
        visible = xy[part.slice][seen[part.slice]]
        # A few points of a part say nothing of its size.
        return times * float(np.hypot(*np.ptp(visible, axis=0))) if len(visible) > part.size // 2 else 0.0

    measured = max(
        apart(joint_index("right_shoulder"), joint_index("left_shoulder")),
        1.2 * apart(NECK, joint_index("nose")),
        across(FACE, 1.4),
        across(LEFT_HAND, 1.2),
        across(RIGHT_HAND, 1.2),
    )
    if measured:
        return measured
    return float(np.hypot(*np.ptp(xy[seen], axis=0))) or 100.0


def _draw_person(picture: Image.Image, person: Points, factors: tuple[float, float]) -> None:
    """Draw one person on the picture, enlarged and then reduced so that lines have soft edges."""
    from PIL import Image, ImageDraw

    width, height = picture.size
    xy = person[:, :2] * factors
    seen = seen_points(np.column_stack([xy, person[:, 2]]), width, height)
    if not seen.any():
        return
    unit = min(shoulder_width(xy, seen), 2.0 * max(width, height))

    # Only the region that holds the person is enlarged: a signer fills a fraction of most frames.
    margin = 3 + 0.05 * unit
    left, top = np.maximum(np.floor(xy[seen].min(0) - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(xy[seen].max(0) + margin), (width, height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return
    region = picture.crop((left, top, right, bottom))
    dark = _is_dark(np.asarray(region.resize((1, 1), Image.Resampling.BOX)).reshape(3).astype(float).tolist())
    times = next((t for t in (4, 3, 2) if region.width * region.height * t * t <= _MOST_PIXELS), 1)
    large = region.resize((region.width * times, region.height * times), Image.Resampling.NEAREST)
    # Pixel i covers i to i + 1, but a keypoint at i means the middle of that pixel.
    where = (xy - (left, top) + 0.5) * times - 0.5
    _Pen(ImageDraw.Draw(large), where, seen, unit * times, times, dark).person()
    picture.paste(large.reduce(times), (left, top))


class _Pen:
    """Draws one person's parts, the hands last: nothing may cover what signing is about."""

    def __init__(
        self,
        draw: ImageDraw.ImageDraw,
        xy: Points,
        seen: NDArray[np.bool_],
        unit: float,
        times: int,
        dark: bool,
    ) -> None:
        self.draw, self.xy, self.seen, self.unit, self.times = draw, xy, seen, unit, times
        self.edge: Colour = (0, 0, 0) if dark else (255, 255, 255)
        self.face: Colour = (255, 255, 255) if dark else (40, 44, 52)
        self.face_line: Colour = (120, 124, 132) if dark else (150, 154, 162)

    def person(self) -> None:
        for (start, end), colour in zip(BODY_LIMBS, BODY_COLOURS, strict=False):
            red, green, blue = colour
            # OpenPose's limbs are dimmer than their joints, which keeps the joints findable.
            share = _HEAD_LIMB if end in _HEAD else _LIMB
            self.line(start, end, (red * 7 // 10, green * 7 // 10, blue * 7 // 10), share)
        for joint in range(BODY.size):
            self.dot(joint, BODY_COLOURS[joint], _HEAD_JOINT if joint in _HEAD else _JOINT)
        for contour in FACE_CONTOURS:
            for start, end in pairwise(contour):
                self.line(FACE.start + start, FACE.start + end, self.face_line, _FACE_LINE)
        for joint in range(FACE.start, FACE.start + FACE.size):
            self.dot(joint, self.face, _FACE_DOT)
        for part in (LEFT_HAND, RIGHT_HAND):
            self.hand(part)

    def hand(self, part: Part) -> None:
        # The edge keeps fingers apart from the face and from the other hand behind them.
        for start, end in HAND_LIMBS:
            self.line(part.start + start, part.start + end, self.edge, _FINGER + 0.012)
        for limb, (start, end) in enumerate(HAND_LIMBS):
            self.line(part.start + start, part.start + end, FINGER_COLOURS[limb // 4], _FINGER)
        for joint in range(1, part.size):
            self.dot(part.start + joint, FINGER_COLOURS[(joint - 1) // 4], _KNUCKLE)
        self.dot(part.start, self.face, _FINGER)

    def line(self, start: int, end: int, colour: Colour, share: float) -> None:
        if not (self.seen[start] and self.seen[end]):
            return
        thick = max(self.unit * share, 0.8 * self.times)
        (x0, y0), (x1, y1) = self.xy[start].tolist(), self.xy[end].tolist()
        self.draw.line((x0, y0, x1, y1), fill=colour, width=max(1, round(thick)))
        for x, y in ((x0, y0), (x1, y1)):
            self.disc(x, y, thick / 2, colour)

    def dot(self, joint: int, colour: Colour, share: float) -> None:
        if self.seen[joint]:
            x, y = self.xy[joint].tolist()
            self.disc(x, y, max(self.unit * share, 0.55 * self.times), colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
