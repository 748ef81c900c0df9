"""Small videos whose frames show their numbers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from signverse.lake.media.decode import Decoder

CELL = 16


def picture(number: int, width: int = 128, height: int = 64) -> np.ndarray:
    """A frame that shows its own number: eight squares, black or white, on grey."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(8):
        image[:CELL, bit * CELL : (bit + 1) * CELL] = 255 * (number >> bit & 1)
    return image


def number_of(image: np.ndarray) -> int:
    return sum(int(image[CELL // 2, bit * CELL + CELL // 2].mean() > 128) << bit for bit in range(8))


def write(
    path: Path,
    times: Sequence[int],
    *,
    clock: Fraction = Fraction(1, 1000),
    rate: int = 24,
    codec: str = "libx264",
    rotation: float = 0,
    sound: float = 0,
    first: int = 0,
    size: tuple[int, int] = (128, 64),
    options: dict[str, str] | None = None,
) -> Path:
    """A video of numbered frames at the given times, counted on `clock`; `sound` seconds of silence from 0."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = clock
        stream.codec_context.gop_size = 12
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, int(sound * 8000)), np.int16), format="s16", layout="mono"
            )
            silence.rate, silence.pts = 8000, 0
            container.mux(audio.encode(silence))
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number + first, *size), format="rgb24")
            frame.pts, frame.time_base = time, clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return path


def steady(count: int, rate: int) -> list[int]:
    return [round(i * 1000 / rate) for i in range(count)]


def seen(path: Path) -> list[int]:
    with Decoder(path) as video:
        return [number_of(image) for image in video]


def shown(times: Sequence[float], count: int) -> list[int]:
    """What a 24-a-second clock shows: the newest frame whose time, rounded to the clock, has come."""
    ticks = [int(np.floor(time * 24 + 0.5)) for time in times]
    return [max([k for k, tick in enumerate(ticks) if tick <= n], default=0) for n in range(count)]


def ffmpeg(*arguments: str | Path) -> bytes:
    """What the ffmpeg program writes to its standard output; the test is skipped where there is none."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the ffmpeg program is not installed: nothing to compare with")
    return subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], capture_output=True, check=True).stdout


def frames_of_ffmpeg(path: Path) -> int:
    """How many frames `ffmpeg -vf fps=24` gives."""
    with Decoder(path) as video:
        size = video.facts.width * video.facts.height
    return len(ffmpeg("-i", path, "-vf", "fps=24", "-f", "rawvideo", "-pix_fmt", "gray", "-")) // size
