"""What would be read from a video file, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.ingest.extract.decode import Decoder
from signverse.ingest.extract.video_file.clock import is_discontinuous
from signverse.ingest.extract.video_file.encryption import is_encrypted
from signverse.ingest.extract.video_file.facts import VideoFacts
from signverse.ingest.extract.video_file.opening import open_video
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

_PICTURES_OF_TEXT: Final = ("dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "xsub")


@dataclass(frozen=True)
class StreamReport:
    """A stream of pictures, sound or anything else.

    Attributes:
        index: its number in the file, from 0.
        kind: video, audio, subtitle, data or attachment.
        codec: FFmpeg's name, such as h264; "" if FFmpeg does not know it.
        width: stored pixels across; 0 if it is not a video.
        height: stored pixels down; 0 if it is not a video.
        default: the file says that it is what a player plays.
        cover: a still picture, such as the cover of a sound file.
        language: as the file says, such as eng; "" if it does not.
        used: the stream that is extracted.
    """

    index: int
    kind: str
    codec: str
    width: int
    height: int
    default: bool
    cover: bool
    language: str
    used: bool


@dataclass(frozen=True)
class SubtitleReport:
    """A stream of subtitles inside the file.

    Attributes:
        index: its number in the file, from 0.
        codec: FFmpeg's name, such as mov_text, subrip, webvtt, ass or dvb_subtitle.
        language: as the file says, such as eng; "" if it does not.
        title: as the file says; "" without.
        default: the file says that it is shown by itself.
        forced: holds only what is not in the language of the sound.
        is_text: characters, not pictures of them.
    """

    index: int
    codec: str
    language: str
    title: str
    default: bool
    forced: bool
    is_text: bool


@dataclass(frozen=True)
class ClockReport:
    """The clock that a file's timestamps count on.

    Attributes:
        format: FFmpeg's name of the container, such as matroska,webm.
        discontinuous: in this format the clock may restart in the middle (FFmpeg's AVFMT_TS_DISCONT).
        start_s: the file's first timestamp, which is second 0 of the video.
        duration_s: from there to the end of the pictures, as the file claims; None without a claim.
        fps: pictures a second, on average; 0.0 if the file does not say.
    """

    format: str
    discontinuous: bool
    start_s: float
    duration_s: float | None
    fps: float


@dataclass(frozen=True)
class VideoReport:
    """What would be read from a video file.

    Attributes:
        streams: all of them, in the file's order.
        clock: of the file.
        width: pixels across as displayed: turned upright, and with square pixels.
        height: pixels down as displayed.
        rotation: clockwise degrees (0, 90, 180, 270) by which the stored picture is turned for display.
        sample_aspect: width of a stored pixel over its height; 1 where they are square.
        frames_expected: at 24 a second; None if only decoding tells.
        subtitles: streams of subtitles.
        encrypted: it cannot be extracted.
        remarks: what is unusual, a line each: several video streams, pixels that are not square, a clock that leaps.
    """

    streams: tuple[StreamReport, ...]
    clock: ClockReport
    width: int
    height: int
    rotation: int
    sample_aspect: Fraction
    frames_expected: int | None
    subtitles: tuple[SubtitleReport, ...]
    encrypted: bool
    remarks: tuple[str, ...]


def probe(path: str | Path) -> VideoReport:
    """What would be read from a video file. One picture is decoded, for what only pictures tell.

    Raises:
        BadInputError: the file is missing, empty, not a video, or no frame decodes. An encrypted one is reported.
    """
    path = Path(path)
    container = open_video(path)
    try:
        encrypted = is_encrypted(container, path)
    finally:
        container.close()
    if not encrypted:
        with Decoder(path) as video:
            return _report(video.container, video.stream, video.facts, tuple(video.repairs))
    container = open_video(path)
    with container:
        return _report(container, None, None, ("the video is encrypted",))


def _report(
    container: InputContainer, used: VideoStream | None, facts: VideoFacts | None, remarks: tuple[str, ...]
) -> VideoReport:
    duration = facts.duration_s if facts is not None else None
    return VideoReport(
        streams=tuple(_stream(stream, used) for stream in container.streams),
        clock=ClockReport(
            format=container.format.name,
            discontinuous=is_discontinuous(container),
            start_s=(container.start_time or 0) / 1e6,
            duration_s=duration,
            fps=facts.source_fps if facts is not None else 0.0,
        ),
        width=facts.width if facts is not None else 0,
        height=facts.height if facts is not None else 0,
        rotation=facts.rotation if facts is not None else 0,
        sample_aspect=facts.sample_aspect if facts is not None else Fraction(1),
        frames_expected=None if duration is None else round(duration * FPS),
        subtitles=tuple(_subtitle(stream) for stream in container.streams if stream.type == "subtitle"),
        encrypted=facts is None,
        remarks=remarks,
    )


def _stream(stream: Stream, used: VideoStream | None) -> StreamReport:
    from av.stream import Disposition

    context: Any = stream.codec_context
    picture = stream.type == "video" and context is not None
    return StreamReport(
        index=stream.index,
        kind=stream.type,
        codec=_codec(stream),
        width=context.width if picture else 0,
        height=context.height if picture else 0,
        default=bool(stream.disposition & Disposition.default),
        cover=bool(stream.disposition & Disposition.attached_pic),
        language=stream.metadata.get("language", ""),
        used=used is not None and stream.index == used.index,
    )


def _subtitle(stream: Stream) -> SubtitleReport:
    from av.stream import Disposition

    codec = _codec(stream)
    return SubtitleReport(
        index=stream.index,
        codec=codec,
        language=stream.metadata.get("language", ""),
        title=stream.metadata.get("title", ""),
        default=bool(stream.disposition & Disposition.default),
        forced=bool(stream.disposition & Disposition.forced),
        is_text=codec not in _PICTURES_OF_TEXT,
    )


def _codec(stream: Stream) -> str:
    context: Any = stream.codec_context
    return context.codec.canonical_name if context is not None else ""
