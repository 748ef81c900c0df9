"""Videos that a stranger may send: large pictures in small files, times far apart, indexes that claim millions."""

from __future__ import annotations

import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

ENCODERS = {
    "ffv1": ("mkv", "yuv420p"),
    "mjpeg": ("avi", "yuvj420p"),
    "png": ("mov", "rgb24"),
    "libx264": ("ts", "yuv420p"),
    "libvpx-vp9": ("webm", "yuv420p"),
    "tiff": ("mov", "gray"),
    "rawvideo": ("nut", "gray"),
    "mpeg4": ("mkv", "yuv420p"),
}
"""Codecs with a container and a pixel format for each."""


def gif(path: Path, width: int, height: int) -> Path:
    """66 bytes: two pictures of one pixel each on a canvas of any size."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    path.write_bytes(head + 2 * frame + b";")
    return path


def blank(path: Path, codec: str, width: int, height: int, *, frames: int = 1, aspect: Fraction = Fraction(1)) -> Path:
    """Pictures of one colour."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, ENCODERS[codec][1]
        stream.codec_context.sample_aspect_ratio = aspect
        if codec == "libvpx-vp9":
            stream.codec_context.options = {"deadline": "realtime", "cpu-used": "8"}
        if codec == "libx264":
            stream.codec_context.options = {"preset": "ultrafast"}
        for number in range(frames):
            frame = av.VideoFrame(width, height, ENCODERS[codec][1])
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def endless_index(path: Path, small_mp4: Path, samples: int) -> Path:
    """An MP4 whose table of samples claims so many of one byte each: FFmpeg keeps 24 bytes and more for each."""
    return _with_tables(
        path,
        small_mp4,
        stsz=struct.pack(">III", 0, 1, samples),
        stsc=struct.pack(">IIIII", 0, 1, 1, samples, 1),
        stts=struct.pack(">IIII", 0, 1, samples, 512),
    )


def repeated(path: Path, small_mp4: Path, times: int) -> Path:
    """An MP4 whose list of edits shows its one second so many times: 12 bytes for each."""
    return _with_tables(
        path, small_mp4, elst=struct.pack(">II", 0, times) + struct.pack(">IiI", 1000, 0, 0x10000) * times
    )


def _with_tables(path: Path, small_mp4: Path, **tables: bytes) -> Path:
    """An MP4 with some of its tables replaced."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + kind + content

    def rewritten(content: bytes) -> bytes:
        at, made = 0, b""
        while at < len(content):
            size, kind = struct.unpack(">I4s", content[at : at + 8])
            inside = content[at + 8 : at + size]
            at += size
            if kind in {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}:
                inside = rewritten(inside)
            made += box(kind, tables.get(kind.decode("latin-1"), inside))
        return made

    path.write_bytes(rewritten(small_mp4.read_bytes()))
    return path


def ffmpeg(*arguments: object) -> None:
    """Runs the ffmpeg program; skips the test where there is none."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the ffmpeg program is not installed: it makes the videos of this test")
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)
