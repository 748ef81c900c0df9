"""What a file says about its video stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_ASPECT: Final = 8
"""A pixel longer than this is a damaged header, not a picture. The most in use is 4 (anamorphic, one field of two)."""

_FORMATS_THAT_GUESS_DURATION: Final = (
    *("h264", "hevc", "vvc", "m4v", "mpegvideo", "obu", "mjpeg"),
    *("mpeg", "mpegts", "mpegtsraw", "ogg", "dhav", "ty", "live_flv"),
)


# In others, such as ASF, FFmpeg gives every stream the duration of the file.
_FORMATS_WITH_STREAM_DURATION: Final = ("mov", "matroska", "avi")


@dataclass(frozen=True)
class VideoFacts:
    """What a file says about its video stream.

    Attributes:
        width: pixels across as displayed: square pixels, after rotation.
        height: pixels down as displayed.
        codec: FFmpeg's name, such as h264 or vp9.
        source_fps: average frames a second in the file; 0.0 if it does not say.
        rotation: clockwise degrees (0, 90, 180, 270) by which the stored picture is turned for display.
        duration_s: seconds from the container's start to the video's end, as the file claims; None without a claim.
        duration_is_of_video: the claim is for the video stream, not for the longest stream of the file.
        sample_aspect: width of a stored pixel over its height. The stored width is multiplied by it, as players do.
    """

    width: int
    height: int
    codec: str
    source_fps: float
    rotation: int
    duration_s: float | None
    duration_is_of_video: bool = True
    sample_aspect: Fraction = Fraction(1)


def video_facts(container: InputContainer, stream: VideoStream, first: VideoFrame, rotation: int) -> VideoFacts:
    """The facts of a stream, whose first frame has been decoded."""
    aspect = stored_aspect(stream)
    if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        aspect = Fraction(1)
    width, height = display_width(first.width, aspect), first.height
    if rotation in (90, 270):
        width, height = height, width
    duration, of_video = _claimed_duration(container, stream)
    rate = stream.average_rate or stream.guessed_rate
    return VideoFacts(
        width=width,
        height=height,
        codec=stream.codec_context.name,
        source_fps=float(rate) if rate else 0.0,
        rotation=rotation,
        duration_s=duration,
        duration_is_of_video=of_video,
        sample_aspect=aspect,
    )


def stored_aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height, as the file has it; the container's word counts before the codec's.

    Call it after the first frame has been decoded: some codecs say it only there.
    """
    for aspect in (stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio):
        if aspect and aspect > 0:
            return Fraction(aspect)
    return Fraction(1)


def display_width(width: int, aspect: Fraction) -> int:
    """Square pixels across that show `width` stored pixels of an aspect."""
    return max(1, round(width * aspect))


def _claimed_duration(container: InputContainer, stream: VideoStream) -> tuple[float | None, bool]:
    """Seconds from the container's start to the end of the video, as the file claims; whether for the video itself.

    The container's own claim is the last resort, because sound may go on after the picture has ended. FFmpeg derives
    the duration of formats without a header from their last timestamps: which claims nothing.
    """
    if container.format.name in _FORMATS_THAT_GUESS_DURATION:
        return None, False
    start = (container.start_time or 0) / 1e6
    if stream.duration and stream.time_base:
        end = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        return end - start, any(name in container.format.name.split(",") for name in _FORMATS_WITH_STREAM_DURATION)
    duration_tag = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = duration_tag.split(":")
        tagged = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (ValueError, OverflowError):
        tagged = math.nan
    if math.isfinite(tagged):
        return tagged - start, True
    return (container.duration / 1e6 if container.duration else None), False


def rotation_filters(frame: VideoFrame) -> tuple[list[tuple[str, str]], int]:
    """The filters that turn a stored picture upright, and the clockwise degrees; the same as ffmpeg's autorotation."""
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return [], 0
    matrix = np.frombuffer(bytes(side_data), np.int32)
    rotation = -frame.rotation % 360
    if rotation == 90:
        return [("transpose", "cclock_flip" if matrix[3] > 0 else "clock")], rotation
    if rotation == 270:
        return [("transpose", "clock_flip" if matrix[3] < 0 else "cclock")], rotation
    flips = [("hflip", "")] if matrix[0] < 0 else []
    if matrix[4] < 0:
        flips.append(("vflip", ""))
    return flips, 180 if len(flips) == 2 else 0
