"""A scene to pictures, one a frame: in a style, on black, a colour or the video itself; alone or beside another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from signverse.export.draw.footage import footage
from signverse.export.draw.scene import Scene
from signverse.export.draw.skeleton import BLACK, Colour, rgb
from signverse.export.draw.styles.registry import Paint, painter
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from signverse.export.draw.captions import CaptionWriter
    from signverse.export.draw.skeleton import Pixels, Points

_LARGEST_SIDE: Final = 8192


@dataclass(frozen=True)
class Film:
    """How a scene is drawn.

    Attributes:
        style: a name of `STYLES`.
        background: a colour, by a CSS name or as #rrggbb.
        width: of the pictures of a scene, in pixels; None for that of the frames, or of the video drawn on.
        swap_channels: red and blue change places in what is drawn, not in a video below.
    """

    style: str = "lake"
    background: Colour | str = BLACK
    width: int | None = None
    swap_channels: bool = False

    def pictures(
        self,
        scene: Scene,
        *,
        other: Scene | None = None,
        media: Path | None = None,
        captions: CaptionWriter | None = None,
        remark: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Pixels]:
        """Pictures, RGB uint8 [H, W, 3], one for each frame of the scene.

        Args:
            other: drawn to the right, the same frames; see `scene.same_scene`.
            media: the video file to draw on.
            captions: writes the scene's captions.
            remark: takes what a person should know.

        Raises:
            BadInputError: see `footage`.
        """
        if captions is not None and not scene.has_captions:
            remark(f"'{scene.name}' has no captions")
        if media is None or self.width is not None:
            # Of a video that is drawn on as it is, decoding bounds the size.
            self._size(scene)
        scenes = [scene] if other is None else [scene, other]
        paint = _swapped(painter(self.style)) if self.swap_channels else painter(self.style)
        grounds = footage(media, scene, remark) if media is not None else self._plain(scene)
        streams = [one.frames() for one in scenes]
        for number, ground in enumerate(grounds, scene.start):
            if self.width is not None and ground.shape[1] != self.width:
                ground = _resized(ground, self.width)
            tiles = []
            for one, stream in zip(scenes, streams, strict=True):
                tile = ground.copy() if other is not None else ground
                _draw(paint, tile, next(stream), one)
                tiles.append(tile)
            picture = tiles[0] if other is None else np.concatenate(tiles, axis=1)
            yield picture if captions is None else captions.write(picture, scene.at(number))

    def _size(self, scene: Scene) -> tuple[int, int]:
        width = self.width or scene.width
        height = max(1, round(scene.height * width / scene.width))
        if max(width, height) > _LARGEST_SIDE:
            raise BadInputError(
                f"pictures of {width}x{height} are too large, at most {_LARGEST_SIDE:,} a side", "Name a --width."
            )
        return width, height

    def _plain(self, scene: Scene) -> Iterator[Pixels]:
        width, height = self._size(scene)
        ground = np.full((height, width, 3), rgb(self.background), np.uint8)
        for _ in range(len(scene)):
            yield ground.copy()


def _draw(paint: Paint, picture: Pixels, people: Points, scene: Scene) -> None:
    height, width = picture.shape[:2]
    paint(picture, people * np.array([width / scene.width, height / scene.height, 1.0]))


def _swapped(paint: Paint) -> Paint:
    def swapped(picture: Pixels, people: Points) -> None:
        # Drawn on the swapped picture and swapped back: what is below keeps its colours.
        view = np.ascontiguousarray(picture[..., ::-1])
        paint(view, people)
        picture[:] = view[..., ::-1]

    return swapped


def _resized(picture: Pixels, width: int) -> Pixels:
    import cv2

    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    smaller = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
