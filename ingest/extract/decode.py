"""Decode a video file to BGR frames at 24 a second, the same ones that `ffmpeg -vf fps=24` gives.

The resampling is FFmpeg's own `fps` filter, run inside PyAV. A frame's number is its time on the container's clock, so
that captions line up with frames whatever offset, rate or rotation the file has.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.extract.video_file.clock import TrustedClock, is_discontinuous
from signverse.ingest.extract.video_file.encryption import is_encrypted, is_encrypted_packet
from signverse.ingest.extract.video_file.facts import display_width, rotation_filters, video_facts
from signverse.ingest.extract.video_file.filter_graph import filter_graph
from signverse.ingest.extract.video_file.opening import open_video
from signverse.ingest.extract.video_file.streams import describe_choice, video_stream
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

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

_RESTART_S: Final = 0.1


class Decoder:
    """A video opened for one pass over its frames. A context manager.

    Iterating yields uint8 [height, width, 3] arrays, BGR, 24 a second from the container's start. Memory does not grow
    with the length of the video. The counts are complete once the iteration has ended.

    Attributes:
        container: of FFmpeg, to look at.
        stream: of the container, the one that is decoded.
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
        self.container = open_video(self.path)
        try:
            if is_encrypted(self.container, self.path):
                raise self._encrypted()
            self.stream = video_stream(self.container, self.path)
            # With frame threads the result on damaged files differs from run to run; files are processed in parallel.
            self.stream.thread_type = "NONE"
            self._source = self._decode()
            first = next(self._source, None)
            if first is None:
                raise BadInputError(f"{self.path}: no frame of this video decodes", "Download it again")
            self._first = first
            self._rotation_filters, rotation = rotation_filters(first)
            self.facts = video_facts(self.container, self.stream, first, rotation)
            choice = describe_choice(self.container, self.stream)
            self.repairs += [line for line in (choice, self._describe_shape()) if line]
        except BaseException:
            self.container.close()
            raise

    def _encrypted(self) -> BadInputError:
        return BadInputError(f"{self.path}: the video is encrypted", "It can be read only where it was decrypted")

    def _describe_shape(self) -> str:
        """ "", or a line about pixels that are not square."""
        aspect, width, height = self.facts.sample_aspect, self._first.width, self._first.height
        shown = display_width(width, aspect)
        if shown == width:
            return ""
        ratio = f"{aspect.numerator}:{aspect.denominator}"
        return f"pixels of {ratio}: {width}x{height} scaled to {shown}x{height}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the counts stay readable."""
        self._source.close()
        self.container.close()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        graph = filter_graph(
            self._first,
            self.stream,
            display_width(self._first.width, self.facts.sample_aspect),
            self._rotation_filters,
        )
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

        packets = self.container.demux(self.stream)
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
            if packet is not None and is_encrypted_packet(packet):
                raise self._encrypted()
            try:
                frames = packet.decode() if packet else self.stream.codec_context.decode(None)
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
        time_base = self._first.time_base or self.stream.time_base or Fraction(1, 90_000)
        offset = -round(Fraction(self.container.start_time or 0, 1_000_000) / time_base)
        step = round(1 / (self.stream.average_rate or Fraction(25)) / time_base)
        duration = self.facts.duration_s
        end = None if duration is None else round(Fraction(duration) / time_base)
        shape = (self._first.width, self._first.height, self._first.format.name)
        may_restart = is_discontinuous(self.container)
        clock = TrustedClock()
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
