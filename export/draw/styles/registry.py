"""The styles by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signverse.export.draw.defaults import STYLES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import NUM_JOINTS

if TYPE_CHECKING:
    from signverse.export.draw.skeleton import Pixels, Points

Paint = Callable[[NDArray[np.uint8], NDArray[np.floating[Any]]], None]
"""Draws people [P, 128, 3] on a picture, RGB uint8 [H, W, 3], in place; x and y are pixels of the picture."""


def painter(style: str) -> Paint:
    """What draws in a style; it keeps canvases, so each thread takes one of its own.

    Raises:
        BadInputError: there is no such style.
    """
    # Each is imported here: they load OpenCV, which the command line's start would suffer from.
    if style == "lake":
        from signverse.export.draw.styles.readable import Readable

        return Readable()
    from signverse.export.draw.styles.reference import LOOKS, ReferencePainter

    if style not in LOOKS:
        raise BadInputError(f"there is no style '{style}'", f"Styles: {', '.join(STYLES)}.")
    return ReferencePainter(LOOKS[style])


def paint_people(
    people: Points, width: int, height: int, paint: Paint, *, scale: float = 1.0, ground: Pixels | None = None
) -> Pixels:
    """A picture of one frame's people, RGB uint8 [H, W, 3], of round(width * scale) x round(height * scale) pixels.

    Args:
        people: [P, 128, 3]: x and y in pixels of a width x height frame, score; nan where absent or unknown.
        paint: see `painter`.
        ground: the picture to draw on, of that size, which stays as it is; black if None.

    Raises:
        BadInputError: the points have another shape.
    """
    if people.ndim != 3 or people.shape[1:] != (NUM_JOINTS, 3):
        raise BadInputError(f"points of shape {people.shape} cannot be drawn", f"Give [people, {NUM_JOINTS}, 3].")
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = np.zeros((size[1], size[0], 3), np.uint8) if ground is None else ground.copy()
    if size != (width, height):
        people = people * np.array([size[0] / width, size[1] / height, 1.0])
    paint(picture, people)
    return picture
