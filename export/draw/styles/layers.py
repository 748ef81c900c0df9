"""A drawing laid over a picture, where it may be seen through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from signverse.export.draw.skeleton import Pixels


def lay_over(picture: Pixels, layer: Pixels) -> None:
    """Lays a layer over a picture of the same size, in place.

    Args:
        picture: uint8 [H, W, 3].
        layer: uint8 [H, W, 4]: colours that are already multiplied by the fourth number, which is opacity.
    """
    if not layer.size:
        return
    if not np.any(picture):
        # On black, the usual ground, nothing shines through: a sixth of the time.
        cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB, dst=picture)
        return
    clear = cv2.bitwise_not(layer[..., 3])
    behind = cv2.multiply(picture, cv2.merge((clear, clear, clear)), scale=1 / 255)
    np.copyto(picture, cv2.add(behind, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)))
