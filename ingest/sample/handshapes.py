"""What hands do in signing: handshapes, places of the wrist, and ways to point and face, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]

_STRAIGHT: Final[Vector] = (4.0, 6.0, 4.0)
_CURLED: Final[Vector] = (78.0, 95.0, 60.0)
_CLAW: Final[Vector] = (22.0, 55.0, 35.0)
_ROUND: Final[Vector] = (42.0, 52.0, 30.0)
_LOOSE: Final[Vector] = (22.0, 30.0, 18.0)

# Directions of the thumb's three bones: along the palm, towards the thumb's side, out of the palm.
_THUMB_OUT: Final[tuple[Vector, ...]] = ((0.55, 0.80, 0.20), (0.62, 0.76, 0.15), (0.72, 0.66, 0.10))
_THUMB_BESIDE: Final[tuple[Vector, ...]] = ((0.78, 0.45, 0.35), (0.95, 0.15, 0.25), (0.97, 0.00, 0.20))
_THUMB_ACROSS: Final[tuple[Vector, ...]] = ((0.60, 0.45, 0.65), (0.60, -0.35, 0.70), (0.35, -0.80, 0.45))
_THUMB_MEETS: Final[tuple[Vector, ...]] = ((0.50, 0.45, 0.75), (0.78, 0.10, 0.62), (0.88, -0.10, 0.35))


@dataclass(frozen=True)
class Shape:
    """A handshape: bends of the four fingers' joints in degrees, how far fingers spread, where the thumb goes."""

    fingers: tuple[Vector, Vector, Vector, Vector]
    spread: float
    thumb: tuple[Vector, ...]

    def numbers(self) -> Array:
        return np.concatenate([np.ravel(self.fingers), [self.spread], np.ravel(self.thumb)])


SHAPES: Final[dict[str, Shape]] = {
    "flat": Shape((_STRAIGHT,) * 4, 0.2, _THUMB_BESIDE),
    "spread": Shape((_STRAIGHT,) * 4, 1.4, _THUMB_OUT),
    "fist": Shape((_CURLED,) * 4, 0.0, _THUMB_ACROSS),
    "index": Shape((_STRAIGHT, _CURLED, _CURLED, _CURLED), 0.0, _THUMB_ACROSS),
    "two": Shape((_STRAIGHT, _STRAIGHT, _CURLED, _CURLED), 1.2, _THUMB_ACROSS),
    "claw": Shape((_CLAW,) * 4, 1.2, _THUMB_OUT),
    "round": Shape((_ROUND,) * 4, 0.0, _THUMB_MEETS),
    "angle": Shape((_STRAIGHT, _CURLED, _CURLED, _CURLED), 0.0, _THUMB_OUT),
    "horns": Shape((_CURLED, _CURLED, _CURLED, _STRAIGHT), 0.6, _THUMB_OUT),
    "loose": Shape((_LOOSE,) * 4, 0.5, _THUMB_BESIDE),
}
SIGNING_SHAPES: Final = tuple(name for name in SHAPES if name != "loose")

# Places of the right wrist, and the ways a hand can point (fingers) and face (palm) there.
PLACES: Final[dict[str, Vector]] = {
    "chest": (-0.22, 0.55, 0.45),
    "front": (-0.40, 0.45, 0.75),
    "chin": (-0.22, 0.10, 0.50),
    "temple": (-0.50, -0.25, 0.35),
    "side": (-0.85, 0.25, 0.50),
    "centre": (-0.15, 0.35, 0.65),
    "low": (-0.35, 0.80, 0.65),
    "shoulder": (-0.55, 0.15, 0.50),
}
REST_PLACE: Final[Vector] = (-0.17, 1.16, 0.38)
POINTING: Final[dict[str, Vector]] = {
    "up": (0.05, -1.0, 0.15),
    "up and in": (0.55, -0.80, 0.10),
    "in": (0.95, -0.20, 0.20),
    "up and forward": (0.10, -0.75, 0.60),
}
FACING: Final[dict[str, Vector]] = {
    "camera": (0.15, 0.10, 1.0),
    "signer": (0.15, 0.10, -1.0),
    "in": (1.0, 0.0, 0.35),
    "down": (0.1, 0.9, 0.45),
}


def key_position(place: Vector | Array, pointing: str, facing: str, shape: str) -> Array:
    return np.concatenate([place, POINTING[pointing], FACING[facing], SHAPES[shape].numbers()])


REST: Final = np.concatenate([REST_PLACE, (0.92, 0.30, 0.15), (0.1, 0.35, -0.9), SHAPES["loose"].numbers()])
