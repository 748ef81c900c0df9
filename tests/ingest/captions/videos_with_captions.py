"""Small videos with caption streams inside, of every text format that FFmpeg knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,16

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""FFmpeg's writers of subtitles ask for it."""

Cues = Sequence[tuple[float, float, str]]


def write_video(path: Path, streams: Mapping[tuple[str, str, str], Cues], *, forced: int | None = None) -> Path:
    """Writes a video of two frames with subtitles by (FFmpeg's codec, language, title).

    Args:
        forced: which of the streams is marked as forced.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=24)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        added = []
        for number, (codec, language, title) in enumerate(streams):
            stream = container.add_stream(codec)
            stream.codec_context.subtitle_header = HEADER
            stream.metadata["language"] = language
            if title:
                stream.metadata["title"] = title
            if number == forced:
                stream.disposition = av.stream.Disposition.forced
            stream.time_base = Fraction(1, 1000)
            added.append(stream)
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for stream, ((codec, _, _), cues) in zip(added, streams.items(), strict=True):
            for number, (start, end, text) in enumerate(cues):
                packet = av.Packet(_payload(codec, number, text))
                packet.stream, packet.time_base = stream, Fraction(1, 1000)
                packet.pts = packet.dts = round(start * 1000)
                packet.duration = round((end - start) * 1000)
                container.mux(packet)
    return path


def _payload(codec: str, number: int, text: str) -> bytes:
    if codec == "mov_text":
        return len(text.encode()).to_bytes(2, "big") + text.encode()
    if codec == "ass":
        return f"{number},0,Default,,0,0,0,,{text}".encode()
    return text.encode()
