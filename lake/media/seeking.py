"""The pictures of a video from a frame in its middle on, the same ones that reading from its start gives.

What a picture's number is follows from all timestamps before it. So they are all read once, without decoding, and kept;
where they are of one clock that never leaps, the file is entered at the key frame before. What comes then must be what
was read: an index that leads elsewhere, or a key frame that is none, costs a reading from the start.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.media.clock import Picture, make_clock
from signverse.lake.media.decode import Decoder
from signverse.lake.media.encryption import is_encrypted_packet
from signverse.lake.media.opening import open_video
from signverse.lake.media.packets import Packets
from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

_NEAR: Final = 10 * round(FPS)
"""Frames from the start that are decoded sooner than all timestamps are read."""

_MOST: Final = 1 << 20
"""Pictures of a file whose timestamps are looked at: nine hours of 30 a second."""


@dataclass(frozen=True)
class KeyFrame:
    """A picture that needs none before it.

    Attributes:
        pts, dts: ticks, as the file has them; dts where it has none is pts.
        size: bytes of its packet.
    """

    pts: int
    dts: int
    size: int


@dataclass(frozen=True)
class Timestamps:
    """Where a file can be entered; all of its pictures are on one clock.

    Attributes:
        keys: the pictures that need none before them, by pts.
        start: ticks at which frame 0 is.
        time_base: seconds of a tick.
    """

    keys: list[KeyFrame]
    start: int
    time_base: Fraction

    def key_before(self, frame: int) -> KeyFrame | None:
        """The last key frame that is shown at this frame of 24 a second, or before; None if that is the first one."""
        # A picture is shown from the frame on whose time is nearest to its own.
        latest = self.start + floor(Fraction(2 * frame - 1, 2 * round(FPS)) / self.time_base)
        number = bisect_right(self.keys, latest, key=lambda key: key.pts) - 1
        return self.keys[number] if number > 0 else None


class _DisagreementError(Exception):
    """What is decoded after a seek is not what the timestamps say."""


def frames_from(decoder: Decoder, start: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The frames of a video from `start` on with their numbers, as iterating over all of them gives them.

    Args:
        decoder: opened, and not iterated over. Its counts and `repairs` are of what was read.

    Raises:
        BadInputError: see `Decoder`.
    """
    number = start
    key = key_frame_before(decoder, start)
    if key is not None:
        try:
            for image in _entered(decoder, key):
                if decoder.num_frames > number:
                    yield number, image
                    number += 1
            return
        except _DisagreementError:
            decoder.restart()
    yield from _counted(decoder, number)


def key_frame_before(decoder: Decoder, frame: int) -> KeyFrame | None:
    """The key frame at which the file can be entered to see this frame of 24 a second; None for its start."""
    if frame < _NEAR:
        return None
    about = decoder.path.stat()
    timestamps = _timestamps(decoder.path.resolve(), (about.st_mtime_ns, about.st_size), decoder.stream.index)
    return None if timestamps is None else timestamps.key_before(frame)


def _counted(decoder: Decoder, start: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for number, image in enumerate(decoder):
        if number >= start:
            yield number, image


def _entered(decoder: Decoder, key: KeyFrame) -> Iterator[NDArray[np.uint8]]:
    """The frames of a decoder from a key frame on; `num_frames` counts from the video's start.

    Raises:
        _DisagreementError: it is not there, or needs others before it, or pictures come in another order.
    """
    import av

    def is_key(packet: Packet[Any]) -> bool:
        if packet.dts is not None and packet.dts > key.dts:
            raise _DisagreementError
        return packet.pts == key.pts and packet.size == key.size

    try:
        decoder.container.seek(key.dts, stream=decoder.stream, backward=True)
    except (av.FFmpegError, OSError, ValueError):
        raise _DisagreementError from None
    return decoder.entered(is_key, lambda frames: _in_order(frames, key))


def _in_order(frames: Iterator[VideoFrame], key: KeyFrame) -> Iterator[VideoFrame]:
    """The pictures from a key frame on, while they are what was expected."""
    last: int | None = None
    for frame in frames:
        if frame.pts is None:
            raise _DisagreementError
        if frame.pts < key.pts:
            # Coded after the key frame and shown before it: it may need what comes before.
            continue
        is_right = frame.key_frame and frame.pts == key.pts if last is None else frame.pts > last
        if not is_right or frame.is_corrupt:
            raise _DisagreementError
        last = frame.pts
        yield frame
    if last is None:
        raise _DisagreementError


@lru_cache(8)
def _timestamps(path: Path, version: tuple[int, int], stream: int) -> Timestamps | None:
    """When the pictures of a file are shown; None where that is not certain without decoding them all.

    Args:
        version: time and size of the file: another file is read for itself.
    """
    with Decoder(path) as decoder:
        claimed_s, first = decoder.facts.duration_s, decoder.first
        time_base, form = first.time_base or decoder.stream.time_base, decoder.container.format.name
    if time_base is None or form == "avi":
        # Its clock is of decoding: what is shown when is known once it is decoded.
        return None
    with open_video(path) as container:
        found = next(one for one in container.streams.video if one.index == stream)
        clock = make_clock(container, found, time_base, claimed_s)
        listed = _listed(Packets(container, path), stream)
    if listed is None or first.pts != listed[0][0]:
        return None
    pts, durations, keys = listed
    start = -clock.offset
    # The decoder's own clock is asked whether it takes these timestamps as they are.
    pictures = (Picture(one, None, lasts) for one, lasts in zip(pts.tolist(), durations.tolist(), strict=True))
    stamped = np.fromiter((picture.pts for picture in clock.stamp(pictures)), np.int64)
    if clock.repairs or clock.damaged_frames or not np.array_equal(stamped + start, pts):
        return None
    return Timestamps(keys, start, time_base)


def _listed(packets: Packets, stream: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[KeyFrame]] | None:
    """Times and durations of the pictures of a stream in ticks, as they are shown, and its key frames.

    None where something is wrong with them, or there are too many.
    """
    import av

    pts, durations, keys = array("q"), array("q"), []
    try:
        for packet in packets:
            if packet.stream_index != stream or not packet.size:
                continue
            if packet.pts is None or packet.is_corrupt or is_encrypted_packet(packet) or len(pts) == _MOST:
                return None
            if packet.is_discard:
                # Needed by others, and not shown.
                continue
            pts.append(packet.pts)
            durations.append(packet.duration or 0)
            if packet.is_keyframe:
                keys.append(KeyFrame(packet.pts, packet.pts if packet.dts is None else packet.dts, packet.size))
    except (av.FFmpegError, IndexError):
        return None
    if packets.read_again or not pts:
        return None
    order = np.argsort(np.asarray(pts), kind="stable")
    times = np.asarray(pts)[order]
    keys.sort(key=lambda key: key.pts)
    return (times, np.asarray(durations)[order], keys) if (np.diff(times) > 0).all() else None
