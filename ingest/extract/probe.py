"""What would be read from a video file, without decoding all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.lake.media.clock import is_discontinuous, make_clock
from signverse.lake.media.decode import Decoder
from signverse.lake.media.encryption import is_encrypted
from signverse.lake.media.facts import VideoFacts
from signverse.lake.media.opening import open_video
from signverse.lake.media.packets import READ_AGAIN, Packets
from signverse.lake.media.remainder import OTHER_STREAMS, unread_recording
from signverse.lake.media.streams import video_streams
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

_TAG: Final = 200
"""Characters of a tag that are shown."""

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
        frames_expected: at 24 a second, give or take one; None if it is encrypted.
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
    """What would be read from a video file.

    All timestamps are read, and one picture is decoded, for what only pictures tell.

    Raises:
        BadInputError: the file is missing, empty, not a video, or no frame decodes. An encrypted one is
            reported, unless FFmpeg cannot open it.
    """
    path = Path(path)
    with open_video(path) as container:
        if is_encrypted(container, path):
            return _report(container, None, None, None, ("the video is encrypted",))
    with Decoder(path) as video:
        facts, remarks, index = video.facts, video.repairs, video.stream.index
    with open_video(path) as container:
        stream = next(stream for stream in video_streams(container) if stream.index == index)
        expected, leaps = _expected(container, stream, facts, path)
        return _report(container, stream, facts, expected, (*remarks, *leaps))


def _expected(container: InputContainer, stream: VideoStream, facts: VideoFacts, path: Path) -> tuple[int, list[str]]:
    """Frames at 24 a second, from the times of all packets, and what is unusual about those times."""
    import av

    time_base = stream.time_base or Fraction(1, 90_000)
    clock = make_clock(container, stream, time_base, facts.duration_s, dts_only=True)
    start = Fraction(container.start_time or 0, 1_000_000)
    shown, decoded = _Span(), _Span()
    reader = Packets(container, path)

    def packets() -> Iterator[Packet[Any]]:
        for packet in reader:
            if packet.stream.index != stream.index:
                continue
            if packet.size and not packet.is_discard:
                if packet.pts is not None:
                    shown.add(packet)
                yield packet

    remarks: list[str] = []
    try:
        for packet in clock.stamp(packets()):
            decoded.add(packet)
    except av.FFmpegError:
        remarks.append("the file cannot be read to its end")
    except IndexError:
        # PyAV knows the streams that were there when it opened the file.
        remarks.append(OTHER_STREAMS)
    remarks += clock.repairs
    remarks += [READ_AGAIN] if reader.read_again else []
    if unread := unread_recording(container, path, reader.last_position):
        remarks.append(unread)
    # Display times are better, as long as they are on one clock.
    span = decoded if clock.repairs or shown.first is None else shown
    if span.first is None:
        return 0, remarks
    lead = max(Fraction(0), (stream.start_time or 0) * time_base - start)
    return round((lead + (span.end - span.first) * time_base) * round(FPS)), remarks


class _Span:
    """From the first to the last tick that packets are shown; a file of megabytes may have as many packets."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.end = self._last = 0

    def add(self, packet: Packet[Any]) -> None:
        pts = packet.pts or 0
        if self.first is None or pts >= self._last:
            # Only the last one's duration counts: the others end where the next one begins.
            self._last, self.end = pts, pts + (packet.duration or 0)
        self.first = pts if self.first is None else min(self.first, pts)


def _report(
    container: InputContainer,
    used: VideoStream | None,
    facts: VideoFacts | None,
    expected: int | None,
    remarks: tuple[str, ...],
) -> VideoReport:
    return VideoReport(
        streams=tuple(_stream(stream, used) for stream in container.streams),
        clock=ClockReport(
            format=container.format.name,
            discontinuous=is_discontinuous(container),
            start_s=(container.start_time or 0) / 1e6,
            duration_s=facts.duration_s if facts is not None else None,
            fps=facts.source_fps if facts is not None else 0.0,
        ),
        width=facts.width if facts is not None else 0,
        height=facts.height if facts is not None else 0,
        rotation=facts.rotation if facts is not None else 0,
        sample_aspect=facts.sample_aspect if facts is not None else Fraction(1),
        frames_expected=expected,
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
        language=_tag(stream, "language"),
        used=used is not None and stream.index == used.index,
    )


def _subtitle(stream: Stream) -> SubtitleReport:
    from av.stream import Disposition

    codec = _codec(stream)
    return SubtitleReport(
        index=stream.index,
        codec=codec,
        language=_tag(stream, "language"),
        title=_tag(stream, "title"),
        default=bool(stream.disposition & Disposition.default),
        forced=bool(stream.disposition & Disposition.forced),
        is_text=codec not in _PICTURES_OF_TEXT,
    )


def _tag(stream: Stream, name: str) -> str:
    """What a file says of a stream: a few words, whatever its length."""
    text = stream.metadata.get(name, "")
    return text if len(text) <= _TAG else f"{text[:_TAG]} ... ({len(text):,} characters)"


def _codec(stream: Stream) -> str:
    context: Any = stream.codec_context
    return context.codec.canonical_name if context is not None else ""
