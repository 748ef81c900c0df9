"""Small real videos, for populations of thousands."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np


@cache
def small_video(seconds: float = 2.0, size: tuple[int, int] = (64, 48), rate: int = 24) -> bytes:
    """An H.264 mp4 of a square that wanders over grey: about a kilobyte a second.

    Args:
        size: width and height, even.
    """
    import av

    width, height = size
    side = min(size) // 4
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.mp4"
        # Readable from its beginning, as sites have them: what is cut off at the end still plays.
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "35"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(max(1, round(seconds * rate))):
                picture = np.full((height, width, 3), 128, np.uint8)
                left = number % (width - side)
                picture[side : 2 * side, left : left + side] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()
