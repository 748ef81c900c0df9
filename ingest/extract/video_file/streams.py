"""Which stream of a container is the video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The video stream that is decoded.

    Raises:
        BadInputError: the container has none.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        # The cover picture of a sound file is a video stream of one frame.
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise BadInputError(f"{path}: holds no video stream that can be decoded", "A sound file has no signer")
