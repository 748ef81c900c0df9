"""Decode a video file to BGR frames at 24 a second, the same ones that `ffmpeg -vf fps=24` gives.

The resampling is FFmpeg's own `fps` filter, run inside PyAV. A frame's number is its time on the container's clock, so
that captions line up with frames whatever offset, rate or rotation the file has.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from math import floor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from signverse.lake.media.clock import Join, make_clock
from signverse.lake.media.encryption import is_encrypted, is_encrypted_packet, refuse_encrypted
from signverse.lake.media.facts import display_width, rotation_filters, stored_aspect, video_facts
from signverse.lake.media.filter_graph import filter_graph
from signverse.lake.media.opening import MAX_PIXELS, claimed_size, open_video
from signverse.lake.media.packets import READ_AGAIN, Packets
from signverse.lake.media.remainder import OTHER_STREAMS, unread_recording
from signverse.lake.media.streams import describe_choice, ranked_streams
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS, MAX_FRAMES, MAX_SIDE

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

SUFFIXES: Final = (
    ".264", ".265", ".3g2", ".3gp", ".amv", ".asf", ".avi", ".avs2", ".avs3", ".dav", ".divx", ".dv", ".dvr-ms", ".evc",
    ".f4v", ".flv", ".gif", ".gxf", ".h264", ".h265", ".hevc", ".insv", ".ismv", ".ivf", ".lrv", ".m1v", ".m2t",
    ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg", ".mjpg", ".mk3d", ".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg",
    ".mpg", ".mpv", ".mts", ".mxf", ".nsv", ".nut", ".obu", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".swf", ".tod",
    ".tp", ".trp", ".ts", ".vc1", ".vob", ".vvc", ".webm", ".wmv", ".wtv", ".y4m",
)  # fmt: skip
"""Endings of the video files that FFmpeg reads, whatever is in them: what decides is the content."""

# A claimed duration is rounded to the container's clock and may count the time of the last frame twice or not at all:
# half a second, the length of a short sign, is beyond that rounding in every container, and within it nothing is lost.
TOLERANCE_S: Final = 0.5


class Decoder:
    """A video opened for one pass over its frames. A context manager.

    Iterating yields uint8 [height, width, 3] arrays, BGR, 24 a second from the container's start. Memory does not grow
    with the length of the video. The counts are complete once the iteration has ended.

    Attributes:
        container: of FFmpeg, to look at until the decoder is closed.
        stream: of the container, the one that is decoded; until the decoder is closed.
        facts: what the file says.
        num_frames: frames yielded so far.
        damaged_frames: packets that are corrupt or do not decode, plus frames that the file promised and lacks.
        remark: "", or one line such as "ends at 3.1 s of 6.0 s".
        repairs: what was changed to make all frames alike, a line each.

    Raises:
        BadInputError: the file is missing, empty, not a video, encrypted, truncated before its index, or no
            frame decodes.

    Source of the rules (start offset, rotation, no threads): measured against the ffmpeg program, see tests.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._open()

    def _open(self) -> None:
        self.num_frames = 0
        self.damaged_frames = 0
        self.remark = ""
        self.repairs: list[str] = []
        self._lead: int | None = None
        self._sound_end = Fraction(0)
        self._packets: Packets | None = None
        self._aspect: Fraction | None = None
        self.container = open_video(self.path)
        try:
            self._start_s = Fraction(self.container.start_time or 0, 1_000_000)
            if is_encrypted(self.container, self.path):
                raise refuse_encrypted(self.path)
            first = self._first = self._open_stream()
            self._rotation_filters, rotation = rotation_filters(first)
            self.facts = video_facts(self.container, self.stream, first, rotation)
            # Pixels that are not square make them wider than they are stored.
            self._refuse_huge(self.facts.width, self.facts.height)
            self._doubt_length()
            choice = describe_choice(self.container, self.stream)
            self.repairs += [line for line in (choice, self._describe_shape()) if line]
            time_base = first.time_base or self.stream.time_base or Fraction(1, 90_000)
            self._clock = make_clock(self.container, self.stream, time_base, self.facts.duration_s)
        except BaseException:
            self.container.close()
            raise

    def _open_stream(self) -> VideoFrame:
        """Takes the best stream of which a frame decodes, and gives that frame."""
        for index in [stream.index for stream in ranked_streams(self.container, self.path)]:
            if self._packets is not None and self._packets.last_position:
                # The stream before has been read to its end.
                self.container.close()
                self.container = open_video(self.path)
            self.stream = next(stream for stream in self.container.streams.video if stream.index == index)
            # With frame threads the result on damaged files differs from run to run; files are processed in parallel.
            self.stream.thread_type = "NONE"
            self._refuse_huge(self.stream.codec_context.width, self.stream.codec_context.height)
            self.damaged_frames, self._sound_end = 0, Fraction(0)
            self._source = self._decode()
            if (first := next(self._source, None)) is not None:
                return first
            self._refuse_huge(*claimed_size(self.path, index))
        raise BadInputError(f"{self.path}: no frame of this video decodes", "Download it again")

    def _describe_shape(self) -> str:
        """ "", or a line about pixels that are not square."""
        stored, width, height = stored_aspect(self.stream), self._first.width, self._first.height
        if stored != self.facts.sample_aspect:
            return f"pixels of {stored.numerator}:{stored.denominator} are not believed: taken as square"
        shown = display_width(width, stored)
        if shown == width:
            return ""
        return f"pixels of {stored.numerator}:{stored.denominator}: {width}x{height} scaled to {shown}x{height}"

    def _refuse_huge(self, width: int, height: int) -> None:
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise BadInputError(
                f"{self.path}: pictures of {width}x{height} are too large, at most {MAX_PIXELS:,} pixels",
                "Scale them down first: ffmpeg -i VIDEO -vf scale=1280:-2 SMALLER.mp4",
            )

    def _doubt_length(self) -> None:
        """Takes a claim of more hours than a video may have for a damaged header, not for a promise."""
        if (claimed := self.facts.duration_s) is not None and not 0 <= claimed * FPS <= MAX_FRAMES:
            self.facts = replace(self.facts, duration_s=None)
            self.repairs.append(f"a claimed length of {claimed / 3600:,.1f} hours is not believed")

    @property
    def joins(self) -> list[Join]:
        """Where the file's clock leaps, as far as it has been read; empty where it does not."""
        return self._clock.joins

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

    def restart(self) -> None:
        """Begins again at the start of the file."""
        self.close()
        self._open()

    @property
    def first(self) -> VideoFrame:
        """The first picture that decodes: all others are given its size and format."""
        return self._first

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        time_base = self._first.time_base or Fraction(1, 90_000)
        return self._resampled(chain([self._first], self._source), round(self._sound_end / time_base))

    def entered(
        self, is_first: Callable[[Packet[Any]], bool], check: Callable[[Iterator[VideoFrame]], Iterator[VideoFrame]]
    ) -> Iterator[NDArray[np.uint8]]:
        """The frames from a picture in the middle on, to which `container` has been led; see `seeking.frames_from`.

        `num_frames` counts from the start of the video all the same.

        Args:
            is_first: of packets of the stream, which are not decoded until it says so.
            check: looks at the pictures as they are decoded.
        """
        self._source.close()
        self._source = self._decode(is_first)
        frames = check(self._source)
        if (first := next(frames, None)) is None:
            return iter(())
        seconds = ((first.pts or 0) + self._clock.offset) * (first.time_base or Fraction(1, 90_000))
        self._lead, self.num_frames = 0, floor(seconds * round(FPS) + Fraction(1, 2))
        return self._resampled(chain([first], frames), (first.pts or 0) + self._clock.offset)

    def _resampled(self, frames: Iterable[VideoFrame], earlier: int) -> Iterator[NDArray[np.uint8]]:
        # Imported in functions, not at the top: it would slow the start of the command line.
        import av

        first = self._first
        width = display_width(first.width, self.facts.sample_aspect)
        graph = filter_graph(first, self.stream, width, self._rotation_filters)
        for frame in chain(self._with_timestamps(frames, earlier), [None]):
            graph.vpush(frame)
            while True:
                try:
                    resampled = graph.vpull()
                except (av.BlockingIOError, av.EOFError):
                    break
                yield from self._in_place(resampled)
        self.repairs += self._clock.repairs
        if self._packets is not None:
            self.repairs += [READ_AGAIN] if self._packets.read_again else []
            if unread := unread_recording(self.container, self.path, self._packets.last_position):
                self.repairs.append(unread)
        self.damaged_frames += self._clock.damaged_frames
        self._count_missing()

    def _in_place(self, frame: VideoFrame) -> Iterator[NDArray[np.uint8]]:
        """The image of a frame at 24 a second. The time before the first one is filled with copies of it."""
        image: NDArray[np.uint8] = frame.to_ndarray()  # type: ignore[assignment]
        number = frame.pts or 0
        if self._lead is None:
            self._lead = number - self._first_number() if self.container.format.name == "avi" else 0
        for _ in range(self.num_frames, number - self._lead + 1):
            if self.num_frames == MAX_FRAMES:
                hours = MAX_FRAMES / FPS / 3600
                raise BadInputError(f"{self.path}: is longer than {hours:.0f} hours", "Cut it into parts")
            self.num_frames += 1
            yield image

    def _first_number(self) -> int:
        """Where the first picture of an AVI belongs: its time is late by the frames that the decoder holds back."""
        seconds = (self.stream.start_time or 0) * (self.stream.time_base or 0)
        return max(0, round((seconds - self._start_s) * round(FPS)))

    def _decode(self, is_first: Callable[[Packet[Any]], bool] | None = None) -> Generator[VideoFrame, None, None]:
        """Frames in display order, as stored in the file; damage is counted, never raised.

        Args:
            is_first: packets before the one of which it says so are not decoded.
        """
        import av

        reader = self._packets = Packets(self.container, self.path)
        packets = iter(reader)
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
            except IndexError:
                # PyAV knows the streams that were there when it opened the file; all of their packets have been read.
                self.repairs.append(OTHER_STREAMS)
                return
            if packet is not None and packet.stream.index != self.stream.index:
                self._note_other(packet)
                continue
            if packet is not None and packet.size == 0 and packet.buffer_ptr:
                # Nothing changes in the picture (Theora, AVI); to the decoder no data would be the end of the stream.
                continue
            if packet is not None and is_encrypted_packet(packet):
                raise refuse_encrypted(self.path)
            if is_first is not None:
                if packet is None or not is_first(packet):
                    continue
                is_first = None
            try:
                frames = self.stream.codec_context.decode(packet)
            except av.FFmpegError:
                self.damaged_frames += 1
                continue
            corrupt = packet is not None and packet.is_corrupt
            self.damaged_frames += corrupt
            for frame in frames:
                self.damaged_frames += frame.is_corrupt and not corrupt
                yield frame

    def _note_other(self, packet: Packet[Any]) -> None:
        """Remembers how far sound reaches: it tells a picture that ends early from a file that does."""
        timestamp = packet.dts if packet.pts is None else packet.pts
        if timestamp is not None and packet.time_base and packet.stream.type == "audio":
            end = (timestamp + (packet.duration or 0)) * packet.time_base - self._start_s
            self._sound_end = max(self._sound_end, end)

    def _with_timestamps(self, frames: Iterable[VideoFrame], earlier: int) -> Iterator[VideoFrame]:
        """Frames with timestamps from the container's start, all of the first one's size and pixel format."""
        shape = (self._first.width, self._first.height, self._first.format.name)
        time_base = self._first.time_base or Fraction(1, 90_000)
        for frame in self._clock.stamp(frames, earlier):
            aspect = self.stream.codec_context.sample_aspect_ratio
            if aspect and aspect != self._aspect:
                if self._aspect is not None:
                    seconds = float((frame.pts or 0) * time_base)
                    self.repairs.append(f"pixels become {aspect.numerator}:{aspect.denominator} from {seconds:.1f} s")
                self._aspect = aspect
            if (frame.width, frame.height, frame.format.name) != shape:
                frame = self._conform(frame)
            yield frame

    def _conform(self, frame: VideoFrame) -> VideoFrame:
        """The frame in the first one's size and pixel format."""
        first = self._first
        if (frame.width, frame.height) != (first.width, first.height):
            note = f"{frame.width}x{frame.height} scaled to {first.width}x{first.height}"
            if not any(repair.startswith(note) for repair in self.repairs):
                seconds = float((frame.pts or 0) * (first.time_base or 0))
                self.repairs.append(f"{note} from {seconds:.1f} s")
        conformed = frame.reformat(width=first.width, height=first.height, format=first.format.name)
        conformed.pts, conformed.duration, conformed.time_base = frame.pts, frame.duration, frame.time_base
        return conformed

    def _count_missing(self) -> None:
        promised = self.facts.duration_s
        decoded = self.num_frames / FPS
        if promised is None or self.joins:
            return
        if not self.facts.duration_is_of_video and promised - self._sound_end < TOLERANCE_S:
            # The file is whole: its sound goes on after the picture has ended.
            return
        if promised - decoded > TOLERANCE_S:
            self.damaged_frames += round(promised * FPS) - self.num_frames
            self.remark = f"ends at {decoded:.1f} s of {promised:.1f} s"
