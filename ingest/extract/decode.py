"""Decode a video file to BGR frames at 24 a second, the same ones that `ffmpeg -vf fps=24` gives.

The resampling is FFmpeg's own `fps` filter, run inside PyAV. A frame's number is its time on the container's clock, so
that captions line up with frames whatever offset, rate or rotation the file has.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.filter import Graph
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES: Final = (
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov",
    ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip
"""Suffixes of video files."""

# A claimed duration is rounded to the container's clock and may count the time of the last frame twice or not at all:
# half a second, the length of a short sign, is beyond that rounding in every container, and within it nothing is lost.
TOLERANCE_S: Final = 0.5

# A damaged timestamp far in the future would be filled with hours of copies of one frame.
_MAX_JUMP_S: Final = 60.0

# AVFMT_TS_DISCONT: formats whose clock may restart in the middle (such as MPEG transport streams).
_TS_DISCONT: Final = 0x0200
_RESTART_S: Final = 0.1

# FFmpeg also "plays" pictures, and renders text files as a terminal would: neither is a video.
_NOT_VIDEO: Final = ("tty", "image2", "_pipe", "concat", "hls", "lavfi")

_FORMATS_THAT_GUESS_DURATION: Final = ("h264", "hevc", "vvc", "m4v", "mpegvideo", "obu", "mjpeg", "mpeg")


@dataclass(frozen=True)
class VideoFacts:
    """What a file says about its video stream.

    Attributes:
        width: pixels across as displayed, after rotation.
        height: pixels down as displayed, after rotation.
        codec: FFmpeg's name, such as h264 or vp9.
        source_fps: average frames a second in the file; 0.0 if it does not say.
        rotation: clockwise degrees (0, 90, 180, 270) by which the stored picture is turned for display.
        duration_s: seconds from the container's start to the video's end, as the file claims; None without a claim.
    """

    width: int
    height: int
    codec: str
    source_fps: float
    rotation: int
    duration_s: float | None


class Decoder:
    """A video opened for one pass over its frames. A context manager.

    Iterating yields uint8 [height, width, 3] arrays, BGR, 24 a second from the container's start. Memory does not grow
    with the length of the video. The counts are complete once the iteration has ended.

    Attributes:
        facts: what the file says.
        num_frames: frames yielded so far.
        damaged_frames: packets that are corrupt or do not decode, plus frames that the file promised and lacks.
        remark: "", or one line such as "ends at 3.1 s of 6.0 s".
        repairs: what was changed to make all frames alike, a line each.

    Raises:
        BadInputError: the file is missing, empty, not a video, truncated before its index, or no frame decodes.

    Source of the rules (start offset, rotation, no threads): measured against the ffmpeg program, see tests.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.num_frames = 0
        self.damaged_frames = 0
        self.remark = ""
        self.repairs: list[str] = []
        self._container = _open(self.path)
        try:
            self._stream = _video_stream(self._container, self.path)
            # With frame threads the result on damaged files differs from run to run; files are processed in parallel.
            self._stream.thread_type = "NONE"
            self._source = self._decode()
            first = next(self._source, None)
            if first is None:
                raise BadInputError(f"{self.path}: no frame of this video decodes", "Download it again")
            self._first = first
            self._rotation_filters, rotation = _rotation_filters(first)
            self.facts = _facts(self._container, self._stream, first, rotation)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the counts stay readable."""
        self._source.close()
        self._container.close()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        graph = _filter_graph(self._first, self._stream, self._rotation_filters)
        for frame in self._with_timestamps():
            graph.vpush(frame)
            yield from self._drain(graph)
        graph.vpush(None)
        yield from self._drain(graph)
        self._count_missing()

    def _drain(self, graph: Graph) -> Iterator[NDArray[np.uint8]]:
        """The images that the filter graph has ready."""
        # Imported in functions, not at the top: it would slow the start of the command line.
        import av

        while True:
            try:
                frame = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            self.num_frames += 1
            image: NDArray[np.uint8] = frame.to_ndarray()  # type: ignore[assignment]
            yield image

    def _decode(self) -> Generator[VideoFrame, None, None]:
        """Frames in display order, as stored in the file; damage is counted, never raised."""
        import av

        packets = self._container.demux(self._stream)
        flushed = False
        while not flushed:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                # The rest of the container is unreadable; the decoder still holds the last frames.
                self.damaged_frames += 1
                packet, flushed = None, True
            try:
                frames = packet.decode() if packet else self._stream.codec_context.decode(None)
            except av.FFmpegError:
                self.damaged_frames += 1
                continue
            corrupt = packet is not None and packet.is_corrupt
            self.damaged_frames += corrupt
            for frame in frames:
                self.damaged_frames += frame.is_corrupt and not corrupt
                yield frame

    def _with_timestamps(self) -> Iterator[VideoFrame]:
        """Frames with timestamps from the container's start, all of the first one's size and pixel format."""
        time_base = self._first.time_base or self._stream.time_base or Fraction(1, 90_000)
        offset = -round(Fraction(self._container.start_time or 0, 1_000_000) / time_base)
        step = round(1 / (self._stream.average_rate or Fraction(25)) / time_base)
        duration = self.facts.duration_s
        end = None if duration is None else round(Fraction(duration) / time_base)
        shape = (self._first.width, self._first.height, self._first.format.name)
        may_restart = bool(self._container.format.flags & _TS_DISCONT)
        clock = _TrustedClock()
        next_pts = 0
        for frame in self._with_first():
            timestamp = clock.timestamp(frame)
            pts = next_pts if timestamp is None else timestamp + offset
            if may_restart and (pts - next_pts) * time_base < -_RESTART_S:
                # The clock of concatenated recordings restarts; ffmpeg joins them in the same way.
                self.repairs.append(f"timestamps restart at {float(next_pts * time_base):.1f} s: joined")
                offset += next_pts - pts
                pts, end = next_pts, None
            if end is not None and (pts - end) * time_base > _MAX_JUMP_S:
                self.damaged_frames += 1
                continue
            if (frame.width, frame.height, frame.format.name) != shape:
                frame = self._conform(frame, pts * time_base)
            # The last frame lasts as long as it says, but not past the end of the video: with B-frames at a variable
            # rate its duration is that of another frame.
            duration_pts = frame.duration or step
            frame.duration = duration_pts if end is None or end <= pts else min(duration_pts, end - pts)
            frame.pts = pts
            next_pts = pts + duration_pts
            yield frame

    def _with_first(self) -> Iterator[VideoFrame]:
        yield self._first
        yield from self._source

    def _conform(self, frame: VideoFrame, seconds: Fraction) -> VideoFrame:
        """The frame in the first one's size and pixel format."""
        first = self._first
        if (frame.width, frame.height) != (first.width, first.height):
            note = f"{frame.width}x{frame.height} scaled to {first.width}x{first.height}"
            if not any(repair.startswith(note) for repair in self.repairs):
                self.repairs.append(f"{note} from {float(seconds):.1f} s")
        conformed = frame.reformat(width=first.width, height=first.height, format=first.format.name)
        conformed.duration, conformed.time_base = frame.duration, frame.time_base
        return conformed

    def _count_missing(self) -> None:
        promised = self.facts.duration_s
        decoded = self.num_frames / FPS
        if promised is not None and promised - decoded > TOLERANCE_S:
            self.damaged_frames += round(promised * FPS) - self.num_frames
            self.remark = f"ends at {decoded:.1f} s of {promised:.1f} s"


class _TrustedClock:
    """Chooses between a frame's two timestamps the one that went backwards less often (libavcodec's own rule).

    Frames come in display order, so that both should grow; AVI files with B-frames have wrong ones.
    """

    def __init__(self) -> None:
        self._last: list[int | None] = [None, None]
        self._times_backwards = [0, 0]

    def timestamp(self, frame: VideoFrame) -> int | None:
        timestamps = (frame.pts, frame.dts)
        for i, current in enumerate(timestamps):
            last = self._last[i]
            if current is not None:
                self._times_backwards[i] += last is not None and current <= last
                self._last[i] = current
        pts, dts = timestamps
        if pts is not None and (dts is None or self._times_backwards[0] <= self._times_backwards[1]):
            return pts
        return dts


def _open(path: Path) -> InputContainer:
    import av

    if not path.is_file():
        raise BadInputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise BadInputError(f"{path}: the file is empty", "Download it again")
    try:
        # The prefix keeps a name such as "a:b.mp4" from being read as a protocol.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{path}: cannot be opened as a video ({reason})", "It is not a video, or is truncated: download it again"
        ) from error
    if any(name in container.format.name for name in _NOT_VIDEO):
        kind = container.format.long_name
        container.close()
        raise BadInputError(f"{path}: this is not a video file ({kind})")
    return container


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    from av.stream import Disposition

    for stream in container.streams.video:
        # The cover picture of a sound file is a video stream of one frame.
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise BadInputError(f"{path}: holds no video stream that can be decoded", "A sound file has no signer")


def _rotation_filters(frame: VideoFrame) -> tuple[list[tuple[str, str]], int]:
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


def _facts(container: InputContainer, stream: VideoStream, first: VideoFrame, rotation: int) -> VideoFacts:
    sideways = rotation in (90, 270)
    rate = stream.average_rate or stream.guessed_rate
    return VideoFacts(
        width=first.height if sideways else first.width,
        height=first.width if sideways else first.height,
        codec=stream.codec_context.name,
        source_fps=float(rate) if rate else 0.0,
        rotation=rotation,
        duration_s=_claimed_duration(container, stream),
    )


def _claimed_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds from the container's start to the end of the video stream, as the file claims.

    The container's own claim is the last resort, because sound may go on after the picture has ended.
    """
    if container.format.name in _FORMATS_THAT_GUESS_DURATION:
        return None
    start = (container.start_time or 0) / 1e6
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - start
    duration_tag = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = duration_tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start
    except ValueError:
        return container.duration / 1e6 if container.duration else None


def _filter_graph(first: VideoFrame, stream: VideoStream, rotation: list[tuple[str, str]]) -> Graph:
    """Rotation, resampling to 24 frames a second, and conversion to BGR."""
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=first.time_base or stream.time_base,
        ),
        *(graph.add(name, arguments or None) for name, arguments in rotation),
        # The time before the first frame is filled with copies of it, so that frame 0 is at the container's start.
        graph.add("fps", f"fps={FPS:g}:start_time=0"),
        # Inside the graph the conversion is the ffmpeg program's; PyAV's own interpolates differently.
        graph.add("format", "bgr24"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph
