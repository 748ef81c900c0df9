"""The style `lake`, for people's eyes: what the model was unsure of is faint, and each hand has its colours.

The left side is drawn in warm colours and the right side in cool ones, arms as well as hands, so that one hand is not
taken for the other wherever they are. Lines are as wide as the person is large, with soft edges. A point that is
absent, or has a score below SEEN, is not there; between SEEN and 1 a line grows from faint to full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from signverse.export.draw.skeleton import FACE_CONTOURS, seen_points, shoulder_width
from signverse.export.draw.styles.layers import lay_over
from signverse.lake.model.skeleton import BODY_LIMBS, FACE, HAND_LIMBS, JOINTS, LEFT_HAND, RIGHT_HAND, Part
from signverse.lake.model.thresholds import SEEN

if TYPE_CHECKING:
    from signverse.export.draw.skeleton import Colour, Pixels, Points

_FAINTEST: Final = 0.25
"""Opacity of a point that is only just seen; full from a score of 1 on."""

# Widths as shares of a shoulder width.
_LIMB: Final = 0.030
_FINGER: Final = 0.013
_FINGER_EDGE: Final = 0.010
_KNUCKLE: Final = 0.008
_FACE_LINE: Final = 0.007
_HEAD_LIMB: Final = 0.012

_HEAD: Final = frozenset(range(14, 18)) | {0}

# Places are handed to OpenCV in sixteenths of a pixel.
_SHIFT: Final = 4
_STEPS: Final = 1 << _SHIFT


@dataclass(frozen=True)
class _Palette:
    """Colours that are seen on one kind of ground: trunk and face, the edge around fingers, and the two sides.

    Attributes:
        left, right: of the thumb and then of each finger.
        left_arm, right_arm: of the limbs of a side.
    """

    trunk: Colour
    face: Colour
    edge: Colour
    left: tuple[Colour, ...]
    right: tuple[Colour, ...]
    left_arm: Colour
    right_arm: Colour


_ON_DARK: Final = _Palette(
    trunk=(150, 156, 166),
    face=(214, 218, 224),
    edge=(0, 0, 0),
    left=((255, 92, 74), (255, 138, 46), (255, 178, 40), (255, 212, 66), (255, 238, 140)),
    right=((72, 132, 255), (52, 174, 255), (44, 210, 240), (64, 232, 196), (150, 246, 176)),
    left_arm=(204, 112, 56),
    right_arm=(56, 122, 204),
)

_ON_LIGHT: Final = _Palette(
    trunk=(120, 126, 136),
    face=(70, 74, 82),
    edge=(255, 255, 255),
    left=((190, 30, 20), (206, 78, 0), (204, 112, 0), (186, 134, 0), (150, 120, 20)),
    right=((20, 64, 196), (0, 104, 200), (0, 128, 176), (0, 136, 120), (30, 128, 70)),
    left_arm=(214, 138, 96),
    right_arm=(96, 146, 214),
)


class Readable:
    """Draws in the style `lake`, see `registry.Paint`.

    Whether the ground is dark is seen once, where the first person stands: colours do not change within a video.
    """

    def __init__(self) -> None:
        self._palette: _Palette | None = None

    def __call__(self, picture: Pixels, people: Points) -> None:
        height, width = picture.shape[:2]
        for person in people:
            seen = seen_points(person, width, height)
            if not seen.any():
                continue
            unit = min(shoulder_width(person[:, :2], seen), 2.0 * max(width, height))
            xy = person[:, :2]
            margin = 3 + 0.05 * unit
            left, top = np.maximum(np.floor(xy[seen].min(axis=0) - margin), 0).astype(int).tolist()
            right, bottom = np.minimum(np.ceil(xy[seen].max(axis=0) + margin), (width, height)).astype(int).tolist()
            if right <= left or bottom <= top:
                continue
            region = picture[top:bottom, left:right]
            layer = np.zeros((bottom - top, right - left, 4), np.uint8)
            if self._palette is None:
                # Every eighth pixel says it.
                self._palette = _ON_LIGHT if region[::8, ::8].mean() > 128 else _ON_DARK
            _Pen(layer, xy - (left, top), seen, opacity(person[:, 2]), unit, self._palette).person()
            lay_over(region, layer)


def opacity(scores: Points) -> NDArray[np.float64]:
    """How opaque points are, by their scores: faint at SEEN, 1 from a score of 1 on and where the score is unknown."""
    share = (np.where(np.isnan(scores), 1.0, scores) - SEEN) / (1 - SEEN)
    opaque: NDArray[np.float64] = _FAINTEST + (1 - _FAINTEST) * np.clip(share, 0.0, 1.0)
    return opaque


class _Pen:
    """Draws one person, the hands last: nothing may cover what signing is about."""

    def __init__(
        self,
        layer: Pixels,
        xy: Points,
        seen: NDArray[np.bool_],
        opaque: NDArray[np.float64],
        unit: float,
        palette: _Palette,
    ) -> None:
        self.layer, self.unit, self.palette = layer, unit, palette
        places: NDArray[Any] = np.where(seen[:, None], xy, 0.0) * _STEPS
        self.at: list[list[int]] = np.rint(places).astype(int).tolist()
        self.seen: list[bool] = seen.tolist()
        # In steps of 1/64, so that there are few inks.
        self.opaque: list[float] = (np.rint(opaque * 64) / 64).tolist()

    def person(self) -> None:
        self._body()
        self._face()
        # An edge under all fingers of a hand keeps them apart from the face and the other hand behind them.
        for part, colours in ((LEFT_HAND, self.palette.left), (RIGHT_HAND, self.palette.right)):
            self._hand(part, colours)

    def _body(self) -> None:
        for first, second in BODY_LIMBS:
            name = JOINTS[second]
            side = {"left": self.palette.left_arm, "right": self.palette.right_arm}.get(name.partition("_")[0])
            in_head = second in _HEAD
            colour = self.palette.trunk if in_head or side is None or first == 1 else side
            self._line(first, second, colour, _HEAD_LIMB if in_head else _LIMB)

    def _face(self) -> None:
        for contour in FACE_CONTOURS:
            for first, second in pairwise(contour):
                self._line(FACE.start + first, FACE.start + second, self.palette.face, _FACE_LINE)

    def _hand(self, part: Part, colours: tuple[Colour, ...]) -> None:
        for first, second in HAND_LIMBS:
            self._line(part.start + first, part.start + second, self.palette.edge, _FINGER + _FINGER_EDGE, cv2.LINE_8)
        for limb, (first, second) in enumerate(HAND_LIMBS):
            self._line(part.start + first, part.start + second, colours[limb // 4], _FINGER)
        for point in range(part.size):
            self._dot(part.start + point, colours[max(0, point - 1) // 4], _KNUCKLE)

    def _line(self, first: int, second: int, colour: Colour, share: float, kind: int = cv2.LINE_AA) -> None:
        if self.seen[first] and self.seen[second]:
            thick = max(1, round(self.unit * share))
            ink = _ink(colour, min(self.opaque[first], self.opaque[second]))
            cv2.line(self.layer, self.at[first], self.at[second], ink, thick, kind, _SHIFT)

    def _dot(self, point: int, colour: Colour, share: float) -> None:
        if self.seen[point]:
            radius = max(1.0, self.unit * share)
            ink = _ink(colour, self.opaque[point])
            cv2.circle(self.layer, self.at[point], round(radius * _STEPS), ink, -1, cv2.LINE_AA, _SHIFT)


@lru_cache(4096)
def _ink(colour: Colour, opaque: float) -> tuple[float, ...]:
    """A colour for a layer: multiplied by its opacity, which follows."""
    return (*(value * opaque for value in colour), 255 * opaque)
