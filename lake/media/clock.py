"""Frames on one clock that counts from the container's start, where the file's own clock leaps or is damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


@dataclass
class Picture:
    """Of a picture that has not been decoded, what a clock needs to know."""

    pts: int | None
    dts: int | None
    duration: int | None


Timed = TypeVar("Timed", "VideoFrame", "Packet[VideoStream]", Picture)
"""A frame in display order, or a packet in the order of the file, of which only the decoding time counts."""

# AVFMT_TS_DISCONT of FFmpeg. Its FLV demuxer lacks the flag, though streams that were dumped restart there as well.
_TS_DISCONT: Final = 0x0200
_DISCONTINUOUS: Final = ("flv",)

# A step of so many seconds from one frame to the next is not a gap but another clock or damage. Where clocks may
# restart it is ffmpeg's -dts_delta_threshold. Where they may not, a frame may really be shown for long within the
# length that the file claims; without a claim a minute is more than any signer stands still.
_LEAP_S: Final = 10
_LEAP_UNCLAIMED_S: Final = 60
_LEAP_CLAIMED_S: Final = 3600

# Steps longer than _LEAP_S last no longer than this together: every second of them is 24 frames to extract, from a file
# of a few kilobytes.
_STANDING_STILL_S: Final = 12 * 3600

# A step that ends so far behind the claimed end. Pictures that go on behind it frame by frame are whole: live streams
# and cut files keep a claim that is too short.
_PAST_END_S: Final = 10

# A longer step is looked at twice: if the next frame lies before it, its timestamp is damaged.
_SUSPECT_S: Final = Fraction(1, 2)

# Steps backwards: ffmpeg's own limit where clocks may restart; elsewhere, more than frames in a wrong order make.
_BACK_S: Final = Fraction(1, 10)
_BACK_CONTINUOUS_S: Final = Fraction(1, 2)

# Where two clocks are joined, the frame before is shown for its duration, but a damaged duration may be hours.
_LONGEST_STEP_S: Final = 1

# MPEG streams count 33 bits of 90 kHz: after 26.5 hours they start again, and nothing has happened.
_WRAP: Final = 1 << 33
_WRAP_TIME_BASE: Final = Fraction(1, 90_000)

_MOST_LINES: Final = 5


def is_discontinuous(container: InputContainer) -> bool:
    """Whether the clock may restart in the middle in this format, as in MPEG transport streams."""
    return bool(container.format.flags & _TS_DISCONT) or container.format.name in _DISCONTINUOUS


@dataclass(frozen=True)
class Join:
    """A place where the file's clock leaps: from there on, `file_s` of its clock is `video_s` of the video.

    Both count seconds from the container's start. The first one of a file is (0, 0), or where its pictures begin.
    """

    file_s: float
    video_s: float


class Clock:
    """Gives each frame of a stream, in display order, its time from the container's start.

    A leap is a new clock: what follows is joined to the frame before. A single frame after which the old clock goes on
    is dropped: its timestamp is damaged, and where it belongs is not known.

    Args:
        time_base: seconds of a tick.
        start: ticks at the container's start.
        end: ticks from there to the claimed end; None without a claim.
        step: ticks of a frame that does not say how long it lasts.
        discontinuous: the format's clock may restart.
        dts_only: the format stores no display times (AVI).

    Attributes:
        joins: where the clock leaps, in order; empty where it does not.
        damaged_frames: frames dropped, and leaps in a format in which there should be none.
    """

    def __init__(
        self,
        time_base: Fraction,
        *,
        start: int,
        end: int | None,
        step: int,
        discontinuous: bool,
        dts_only: bool = False,
    ) -> None:
        self.joins: list[Join] = []
        self.damaged_frames = 0
        self.end = end
        self._time_base = time_base
        self._start = start
        self._step = step
        self._discontinuous = discontinuous
        self._timestamps = TrustedTimestamps(dts_only)
        # Added to a timestamp it gives ticks from the container's start; the one before the last join as well.
        self._offset = self._former_offset = -start
        self._last: int | None = None
        self._next = 0
        self._stood_still_s = Fraction(0)
        self._lines: list[str] = []
        self._more_lines = 0

    @property
    def offset(self) -> int:
        """What is added to a timestamp of the file; on its first clock it is less the container's start."""
        return self._offset

    @property
    def repairs(self) -> list[str]:
        """What was changed, a line each."""
        return [*self._lines, *([f"timestamps: {self._more_lines} more such places"] if self._more_lines else [])]

    def stamp(self, frames: Iterable[Timed], earlier: int = 0) -> Iterator[Timed]:
        """The frames with pts and duration in ticks from the container's start.

        Args:
            earlier: ticks from the container's start up to which other streams reach when the first frame comes.
        """
        self._next = max(0, earlier)
        suspect: tuple[Timed, int] | None = None
        for frame in frames:
            timestamp = self._unwrapped(self._timestamps.next(frame))
            if suspect is not None:
                yield from self._decide(*suspect, timestamp)
                suspect = None
                timestamp = self._unwrapped(timestamp)
            if timestamp is None:
                yield self._stamped(frame, self._next)
            elif self._step_s(timestamp) > _SUSPECT_S or not self._fits(timestamp):
                suspect = frame, timestamp
            else:
                yield self._stamped(frame, timestamp + self._offset)
        if suspect is not None:
            yield from self._decide(*suspect, None)

    def _decide(self, frame: Timed, timestamp: int, after: int | None) -> Iterator[Timed]:
        """What to do with a frame out of step, now that the timestamp after it is known."""
        fits = self._fits(timestamp)
        if after is not None and self._fits(after) and (after < timestamp or not fits):
            self._drop(timestamp)
        elif fits:
            yield self._stamped(frame, timestamp + self._offset)
        else:
            yield self._join(frame, timestamp)

    def _unwrapped(self, timestamp: int | None) -> int | None:
        """A timestamp of 33 bits in the turn that brings it nearest to the last one."""
        if timestamp is None or not self._discontinuous or self._time_base != _WRAP_TIME_BASE:
            return timestamp
        return timestamp - round((timestamp + self._offset - self._reference) / _WRAP) * _WRAP

    @property
    def _reference(self) -> int:
        return self._next if self._last is None else self._last

    def _step_s(self, timestamp: int) -> Fraction:
        """Seconds from the last frame."""
        return (timestamp + self._offset - self._reference) * self._time_base

    def _fits(self, timestamp: int) -> bool:
        """Whether a frame of this timestamp continues the clock so far."""
        back = _BACK_S if self._discontinuous else _BACK_CONTINUOUS_S
        if self._last is None:
            # Nothing precedes the first frame: it may come before the sound that was read so far.
            back += self._next * self._time_base
        step = self._step_s(timestamp)
        past_end = self.end is not None and (timestamp + self._offset - self.end) * self._time_base > _PAST_END_S
        return not (past_end and step > _SUSPECT_S) and -back <= step <= self._longest_s

    @property
    def _longest_s(self) -> Fraction:
        """Seconds that a frame may be shown."""
        longest = _LEAP_S if self._discontinuous else _LEAP_UNCLAIMED_S if self.end is None else _LEAP_CLAIMED_S
        return max(Fraction(_LEAP_S), min(Fraction(longest), _STANDING_STILL_S - self._stood_still_s))

    def _join(self, frame: Timed, timestamp: int) -> Timed:
        """A frame on another clock, placed behind the last one."""
        pts, returned = self._next, timestamp + self._former_offset
        # A clock that returns is joined where it has got to.
        if self._last is not None and 0 <= (returned - self._last) * self._time_base <= _LONGEST_STEP_S:
            pts = returned
        seconds = float(pts * self._time_base)
        leap = float((timestamp + self._offset - pts) * self._time_base)
        self._former_offset, self._offset = self._offset, pts - timestamp
        self.joins = self.joins or [Join(0.0, 0.0)]
        self.joins.append(Join(float((timestamp - self._start) * self._time_base), seconds))
        # A claimed length counts on a clock that is not to be trusted.
        self.end = None
        self.damaged_frames += not self._discontinuous
        what = "timestamps restart" if leap < 0 else f"timestamps leap ahead by {leap:,.1f} s"
        self._say(f"{what} at {seconds:.1f} s: joined")
        return self._stamped(frame, pts)

    def _drop(self, timestamp: int) -> None:
        off = float((timestamp + self._offset - self._next) * self._time_base)
        where = f"{abs(off):,.1f} s {'ahead' if off > 0 else 'back'}"
        self._say(f"a frame at {float(self._next * self._time_base):.1f} s is stamped {where}: dropped")
        self.damaged_frames += 1

    def _say(self, line: str) -> None:
        if len(self._lines) < _MOST_LINES:
            self._lines.append(line)
        else:
            self._more_lines += 1

    def _stamped(self, frame: Timed, pts: int) -> Timed:
        duration = frame.duration or self._step
        duration = min(duration, round(self._longest_s / self._time_base))
        # The last frame lasts as long as it says, but not past the end of the video: with B-frames at a variable
        # rate its duration is that of another frame.
        if self.end is not None and self.end > pts:
            duration = min(duration, self.end - pts)
        frame.pts, frame.duration = pts, duration
        if (still_s := (pts - (self._last or 0)) * self._time_base) > _LEAP_S:
            self._stood_still_s += still_s
        self._last = pts
        self._next = pts + min(frame.duration or self._step, round(_LONGEST_STEP_S / self._time_base))
        return frame


def make_clock(
    container: InputContainer,
    stream: VideoStream,
    time_base: Fraction,
    claimed_s: float | None,
    *,
    dts_only: bool = False,
) -> Clock:
    """The clock of a stream.

    Args:
        time_base: seconds of a tick of its timestamps.
        claimed_s: seconds from the container's start to the end that the file claims.
        dts_only: do not look at display times; AVI has none.
    """
    return Clock(
        time_base,
        start=round(Fraction(container.start_time or 0, 1_000_000) / time_base),
        end=None if claimed_s is None else round(Fraction(claimed_s) / time_base),
        step=round(1 / (stream.average_rate or Fraction(25)) / time_base),
        discontinuous=is_discontinuous(container),
        dts_only=dts_only or container.format.name == "avi",
    )


class TrustedTimestamps:
    """Chooses between a frame's two timestamps the one that went backwards less often (libavcodec's own rule).

    Frames come in display order, so that both should grow.

    Args:
        dts_only: never trust the display time: the format has none, and FFmpeg makes it up.
    """

    def __init__(self, dts_only: bool = False) -> None:
        self._last: list[int | None] = [None, None]
        self._times_backwards = [0, 0]
        self._dts_only = dts_only

    def next(self, frame: Timed) -> int | None:
        """The timestamp of the next frame in display order; None if it has none."""
        timestamps = (None if self._dts_only else frame.pts, frame.dts)
        for i, current in enumerate(timestamps):
            last = self._last[i]
            if current is not None:
                self._times_backwards[i] += last is not None and current <= last
                self._last[i] = current
        pts, dts = timestamps
        if pts is not None and (dts is None or self._times_backwards[0] <= self._times_backwards[1]):
            return pts
        return dts
