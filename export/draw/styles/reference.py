"""Drawings as pictures are drawn that models were trained with, to be fed to these: equal to the originals' pixels.

Each look is a row of numbers. Their sources: the published visualiser of SignVerse-2M (openpose, and controlnext, which
it also calls dwpose), and easy-dwpose 1.0.2, whose draw_openpose follows the annotator of ControlNet (dwpose) and whose
mimic_motion.py is the origin of controlnext. tests/export/draw/test_styles.py says how equal they are.

What they share: a body limb is an ellipse of whole pixels and degrees, without soft edges, at 0.6 of its colour; then
come the joints. All people's limbs come before all people's joints, all left hands before all right hands. What the
lake has no place for is not drawn, where the originals draw a dot in the corner; scores above 1 count as 1.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from signverse.export.draw.colours import BODY_COLOURS
from signverse.export.draw.styles.layers import lay_over
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import BODY, BODY_LIMBS, FACE, HAND_LIMBS, LEFT_HAND, RIGHT_HAND, Part

if TYPE_CHECKING:
    from signverse.export.draw.skeleton import Pixels, Points

Ints = NDArray[np.intp]

_DIMMED: Final = 0.6
"""Of a limb's colour, so that joints stand out."""

_MOST_PIXELS: Final = 64_000_000
"""Of the large canvas; 16:9 has 8 million."""

_HAND_COLOURS: Final = tuple(
    tuple(255 * value for value in colorsys.hsv_to_rgb(edge / len(HAND_LIMBS), 1.0, 1.0))
    for edge in range(len(HAND_LIMBS))
)


@dataclass(frozen=True)
class Look:
    """Numbers of a drawing.

    Attributes:
        body_least: a body joint below this score is left out, and its limbs.
        least: the same for hands and face.
        edge: a limb ends at no place closer to the left and upper edge than this share of the frame.
        order: the parts after the body.
        large_side: the shorter side of the canvas that is drawn on and then made smaller; None for the picture itself.
        swapped: red and blue change places.
        shaded: hands and face are darker where scores are lower.
        limb, joint: half the width of a body limb and radius of a joint, in pixels of the canvas.
        hand_line, hand_point, face_point: width and radii.
    """

    body_least: float
    least: float
    edge: float
    order: tuple[str, str]
    large_side: int | None = None
    swapped: bool = False
    shaded: bool = False
    limb: int = 4
    joint: int = 4
    hand_line: int = 2
    hand_point: int = 4
    face_point: int = 3


LOOKS: Final = {
    "openpose": Look(body_least=0.6, least=0.6, edge=0.01, order=("face", "hands")),
    "dwpose": Look(body_least=0.3, least=-math.inf, edge=-math.inf, order=("face", "hands")),
    "controlnext": Look(
        body_least=0.0,
        least=-math.inf,
        edge=-math.inf,
        order=("hands", "face"),
        large_side=2160,
        swapped=True,
        shaded=True,
    ),
}
"""The looks by name."""


class ReferencePainter:
    """Draws in one look, see `registry.Paint`."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._canvas = np.zeros((0, 0, 4), np.uint8)

    def __call__(self, picture: Pixels, people: Points) -> None:
        height, width = picture.shape[:2]
        if self.look.large_side is None:
            _Drawing(self.look, picture, people, (width, height)).draw()
            return
        larger = self.look.large_side / min(width, height)
        size = (int(height * larger), int(width * larger), 4)
        if size[0] * size[1] > _MOST_PIXELS:
            raise BadInputError(
                f"frames of {width}x{height} are too narrow for the canvas of this style, whose shorter side is "
                f"{self.look.large_side:,}",
                "Draw them in another style.",
            )
        if self._canvas.shape != size:
            self._canvas = np.zeros(size, np.uint8)
        drawing = _Drawing(self.look, self._canvas, people, (width, height))
        drawing.draw()
        self._shrink(picture, drawing.bounds())

    def _shrink(self, picture: Pixels, bounds: tuple[int, int, int, int] | None) -> None:
        """Lays the large canvas over the picture, made smaller as cv2.resize does; only where something is drawn."""
        if bounds is None:
            return
        height, width = picture.shape[:2]
        across, down = self._canvas.shape[1] / width, self._canvas.shape[0] / height
        left, top = max(0, int(bounds[0] / across) - 1), max(0, int(bounds[1] / down) - 1)
        right, bottom = min(width, int(bounds[2] / across) + 2), min(height, int(bounds[3] / down) + 2)
        x, y = max(0, int(left * across) - 1), max(0, int(top * down) - 1)
        region = self._canvas[y : int(bottom * down) + 2, x : int(right * across) + 2]
        # Pixel i of the picture is taken at (i + 0.5) * across - 0.5 of the canvas.
        first_x, first_y = (left + 0.5) * across - 0.5 - x, (top + 0.5) * down - 0.5 - y
        if across == down == round(across) and round(across) % 2:
            # Three of the canvas's pixels make one of 720p: exactly the middle one is taken.
            step = round(across)
            # As one number of four bytes a pixel copies three times as fast.
            whole = region.view(np.uint32)[round(first_y) :: step, round(first_x) :: step]
            layer = np.ascontiguousarray(whole[: bottom - top, : right - left]).view(np.uint8)
        else:
            where = np.array([[across, 0, first_x], [0, down, first_y]], np.float64)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            layer = np.empty((bottom - top, right - left, 4), np.uint8)
            cv2.warpAffine(region, where, layer.shape[1::-1], layer, flags, cv2.BORDER_REPLICATE)
        lay_over(picture[top:bottom, left:right], layer)
        region[:] = 0


class _Drawing:
    """People on one canvas, of three numbers a pixel, or four, of which the last says where something is drawn."""

    def __init__(self, look: Look, canvas: Pixels, people: Points, size: tuple[int, int]) -> None:
        self.look, self.canvas = look, canvas
        self.opaque = (255,) * (canvas.shape[2] - 3)
        height, width = canvas.shape[:2]
        # Shares of the frame first, as in the originals: what is rounded here moves a point by a whole pixel there.
        xy = people[..., :2].astype(np.float64) / size * (width, height)
        scores = np.clip(np.where(np.isnan(people[..., 2]), 1.0, people[..., 2]), 0.0, 1.0)
        # Far outside whole numbers overflow: released data mark absence with such places.
        with np.errstate(invalid="ignore"):
            placed = (np.abs(xy - (width / 2, height / 2)) < (2 * width, 2 * height)).all(axis=-1)
        least = np.full(people.shape[1], look.least)
        least[BODY.slice] = look.body_least
        self.there = placed & (scores >= least)
        self.at = np.where(self.there[..., None], xy, 0.0)
        self.pixel: Ints = self.at.astype(np.intp)
        self.scores = scores
        self.limb_end = self.there & (self.at > (look.edge * width, look.edge * height)).all(axis=-1)
        # Of a hand and a face, what is at 0 or before it counts as absent.
        self.inside = self.there & (self.pixel > 0).all(axis=-1)

    def draw(self) -> None:
        self._body()
        for part in self.look.order:
            if part == "face":
                self._face()
            else:
                self._hand(LEFT_HAND)
                self._hand(RIGHT_HAND)

    def bounds(self) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of all that is drawn; None where nothing is."""
        if not self.there.any():
            return None
        seen = self.pixel[self.there]
        reach = max(self.look.limb, self.look.joint, self.look.hand_point) + 2
        (left, top), (right, bottom) = (seen.min(axis=0) - reach).tolist(), (seen.max(axis=0) + reach).tolist()
        height, width = self.canvas.shape[:2]
        if right < 0 or bottom < 0 or left >= width or top >= height:
            return None
        return max(0, left), max(0, top), min(width, right), min(height, bottom)

    def _colour(self, rgb: tuple[float, ...], share: float = 1.0) -> tuple[float, ...]:
        red, green, blue = (value * share for value in rgb)
        return (*((blue, green, red) if self.look.swapped else (red, green, blue)), *self.opaque)

    def _body(self) -> None:
        at, pixel, ends, there = self.at.tolist(), self.pixel.tolist(), self.limb_end.tolist(), self.there.tolist()
        for (first, second), colour in zip(BODY_LIMBS, BODY_COLOURS, strict=False):
            ink = self._colour(tuple(int(value * _DIMMED) for value in colour))
            for n, person in enumerate(at):
                if ends[n][first] and ends[n][second]:
                    cv2.fillConvexPoly(self.canvas, limb_shape(person[first], person[second], self.look.limb), ink)
        for joint, colour in enumerate(BODY_COLOURS):
            ink = self._colour(colour)
            for n, places in enumerate(pixel):
                if there[n][joint]:
                    cv2.circle(self.canvas, places[joint], self.look.joint, ink, -1)

    def _hand(self, part: Part) -> None:
        for pixel, scores, inside in self._points(part):
            for (first, second), colour in zip(HAND_LIMBS, _HAND_COLOURS, strict=True):
                if inside[first] and inside[second]:
                    share = int(scores[first] * scores[second] * 255) / 255 if self.look.shaded else 1.0
                    cv2.line(self.canvas, pixel[first], pixel[second], self._colour(colour, share), self.look.hand_line)
            for place, score, seen in zip(pixel, scores, inside, strict=True):
                if seen:
                    blue = int(score * 255) if self.look.shaded else 255
                    cv2.circle(self.canvas, place, self.look.hand_point, self._colour((0, 0, blue)), -1)

    def _face(self) -> None:
        for pixel, scores, inside in self._points(FACE):
            for place, score, seen in zip(pixel, scores, inside, strict=True):
                if seen:
                    grey = int(score * 255) if self.look.shaded else 255
                    cv2.circle(self.canvas, place, self.look.face_point, self._colour((grey,) * 3), -1)

    def _points(self, part: Part) -> Iterator[tuple[list[list[int]], list[float], list[bool]]]:
        """Of each person a part's places, scores and which are there."""
        for pixel, scores, inside in zip(self.pixel, self.scores, self.inside, strict=True):
            yield pixel[part.slice].tolist(), scores[part.slice].tolist(), inside[part.slice].tolist()


def limb_shape(first: list[float], second: list[float], half_width: int) -> NDArray[Any]:
    """The outline of a limb: an ellipse, its middle, half length and angle in whole pixels and degrees, cut off."""
    across, down = first[0] - second[0], first[1] - second[1]
    middle = int((first[0] + second[0]) / 2), int((first[1] + second[1]) / 2)
    half_length = int(math.hypot(across, down) / 2)
    angle = int(math.degrees(math.atan2(down, across)))
    return np.asarray(cv2.ellipse2Poly(middle, (half_length, half_width), angle, 0, 360, 1))
