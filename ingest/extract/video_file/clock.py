"""Timestamps of decoded frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

# AVFMT_TS_DISCONT of FFmpeg.
_TS_DISCONT: Final = 0x0200


def is_discontinuous(container: InputContainer) -> bool:
    """Whether the clock may restart in the middle in this format, as in MPEG transport streams."""
    return bool(container.format.flags & _TS_DISCONT)


class TrustedClock:
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
