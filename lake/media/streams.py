"""Which stream of a container is the video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# The ffmpeg program's own weights: being the default stream counts as much as five million pixels, and a stream
# without a packet loses against any that has one.
_DEFAULT_SCORE: Final = 5_000_000
_PACKETS_SCORE: Final = 100_000_000


def ranked_streams(container: InputContainer, path: Path) -> list[VideoStream]:
    """The streams that can be decoded, first the one that the ffmpeg program chooses by itself.

    Raises:
        BadInputError: the container has none.
    """
    found = video_streams(container)
    if not found:
        raise BadInputError(f"{path}: holds no video stream that can be decoded", "A sound file has no signer")
    # Of equals the first one comes first: sorting is stable.
    return sorted(found, key=_score, reverse=True)


def video_streams(container: InputContainer) -> list[VideoStream]:
    """The streams that are videos and can be decoded; the cover picture of a sound file is a stream of one frame."""
    from av.stream import Disposition

    return [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
    ]


def describe_choice(container: InputContainer, chosen: VideoStream) -> str:
    """ "", or a line that says which of several video streams is taken."""
    others = [stream for stream in video_streams(container) if stream.index != chosen.index]
    if not others:
        return ""
    rest = ", ".join(_describe(stream) for stream in others[:3]) + (", ..." if len(others) > 3 else "")
    return f"{len(others) + 1} video streams: {_describe(chosen)} is used, not {rest}"


def _describe(stream: VideoStream) -> str:
    context = stream.codec_context
    return f"stream {stream.index} ({context.name} {context.width}x{context.height})"


def _score(stream: VideoStream) -> int:
    from av.stream import Disposition

    context = stream.codec_context
    # FFmpeg has read the first seconds by now; a stream of which it saw a packet has a start.
    packets = stream.start_time is not None
    default = bool(stream.disposition & Disposition.default)
    return context.width * context.height + _PACKETS_SCORE * packets + _DEFAULT_SCORE * default
