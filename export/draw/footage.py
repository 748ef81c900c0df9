"""The pictures of a video file that skeletons are drawn on, frame by frame as ingestion counted them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.export.draw.scene import Scene
from signverse.lake.media.decode import SUFFIXES, TOLERANCE_S, Decoder
from signverse.lake.media.seeking import frames_from
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from signverse.export.draw.skeleton import Pixels

_SHORT: Final = round(TOLERANCE_S * FPS)
"""Frames that a file may lack at its end: decoders differ in how long they take the last picture to be shown."""

_ASPECT: Final = 0.02
"""By which share the shape of the pictures may differ from that of the lake's frames: sizes are rounded."""


def media_of(media: Path, video_id: str) -> Path:
    """The file of a video: the one named, or the one in a folder that is called VIDEO_ID and ends as videos do.

    Raises:
        BadInputError: there is none, or several.
    """
    if not media.is_dir():
        return media
    found = [path for suffix in SUFFIXES if (path := media / f"{video_id}{suffix}").is_file()]
    if len(found) != 1:
        what = f"{len(found)} videos" if found else "no video"
        raise BadInputError(f"{media} holds {what} named '{video_id}'", "Name the file: --over FILE.")
    return found[0]


def footage(media: Path, scene: Scene, remark: Callable[[str], None]) -> Iterator[Pixels]:
    """The pictures of the frames of a scene, RGB uint8 [H, W, 3], by the rules of ingestion.

    Args:
        remark: takes what a person should know.

    Raises:
        BadInputError: it cannot be read as a video, is another one, or ends before the scene does.
    """
    with Decoder(media) as decoder:
        width, height = decoder.facts.width, decoder.facts.height
        if abs(width / height / (scene.width / scene.height) - 1) > _ASPECT:
            raise BadInputError(
                f"{media} has pictures of {width}x{height}, and '{scene.video_id}' frames of "
                f"{scene.width}x{scene.height}",
                "Is it another video?",
            )
        lasts = decoder.facts.duration_s
        if lasts is not None and scene.num_frames is not None and lasts * FPS > scene.num_frames + _SHORT:
            remark(
                f"{media} lasts {lasts:.1f} s, and '{scene.video_id}' {scene.num_frames / FPS:.1f} s: "
                "is it another video?"
            )
        picture = None
        for number, image in frames_from(decoder, scene.start):
            if number >= scene.end:
                return
            picture = image[..., ::-1].copy()
            yield picture
    missing = scene.end - decoder.num_frames
    if missing > _SHORT or picture is None:
        raise BadInputError(
            f"{media} ends after {decoder.num_frames} frames at 24 a second, and '{scene.name}' needs {scene.end}",
            "Is it another video, or was it cut? Or name a range that it has: --start, --end.",
        )
    if missing > 0:
        remark(f"{media} ends {missing} frames early: its last picture stays")
    for _ in range(missing):
        yield picture
