"""Pickles that ask for far more time or memory than their bytes suggest: members of several kinds, made by functions.

Each kind takes a size in MB of pickle. All of them deflate to a thousandth.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Final

import numpy as np

from tests.ingest.shards.untrusted.npz_files import header, objects

MB: Final = 2**20

BEGIN: Final = pickle.dumps(objects({"a": 1}, {"a": 1}), 3).partition(b"}")[0]
"""A pickle of an array of dicts up to its first frame."""


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def array(size: int) -> bytes:
    """The opcodes of an array of so many zeros in a frame, all written out."""
    return pickle.dumps(np.zeros(size, np.uint8), 3)[2:-1]


def times(piece: bytes, megabytes: int) -> bytes:
    return piece * (megabytes * MB // len(piece))


def frames(piece: bytes, size: int, megabytes: int) -> bytes:
    """Frames that hold opcodes, each with an array of `size` bytes, until the pickle has its size."""
    one = b"}" + piece + text("a") + array(size) + b"s"
    return BEGIN + times(one, megabytes) + b"e."


KINDS: Final[dict[str, Callable[[int], bytes]]] = {
    "numbers pushed": lambda n: b"\x80\x03" + times(b"K\0", n),
    "nothing pushed": lambda n: b"\x80\x03" + times(b"N", n),
    "dicts pushed": lambda n: b"\x80\x03" + times(b"}", n),
    "lists pushed": lambda n: b"\x80\x03" + times(b"]", n),
    "texts pushed": lambda n: b"\x80\x03" + times(b"\x8c\x01a", n),
    "bytes pushed": lambda n: b"\x80\x03" + times(b"C\0", n),
    "reals pushed": lambda n: b"\x80\x03" + times(b"G" + bytes(8), n),
    "remembered": lambda n: b"\x80\x03N" + times(b"\x94", n),
    "remembered under numbers": lambda n: (
        b"\x80\x03N" + b"".join(b"r" + struct.pack("<I", i) for i in range(n * MB // 5))
    ),
    "pushed and taken away": lambda n: b"\x80\x03" + times(b"N0", n),
    "tuples in tuples": lambda n: b"\x80\x03)" + times(b"\x85", n),
    "marks in marks": lambda n: b"\x80\x03" + times(b"(" * 60 + b"K\0" * 5000 + b"t" * 60, n),
    "numbers in the first frame": lambda n: BEGIN + b"}" + times(b"K\0", n),
    "a dict that grows in the first frame": lambda n: (
        BEGIN + b"}" + b"".join(b"\x8c\x04%04xK\1s" % (i % 65536) for i in range(n * MB // 9))
    ),
    "numbers in a list": lambda n: b"\x80\x03]" + times(b"(" + b"K\0" * 4000 + b"e", n),
    "numbers in the list of frames": lambda n: BEGIN + times(b"K\0" * 999 + b"e(", n),
    "frames of nothing but opcodes": lambda n: frames(b"N0" * 50_000, 1, n),
    "frames of numbers that are remembered": lambda n: frames(b"K\0q\x050" * 20_000, 1, n),
    "frames of tuples that are remembered": lambda n: frames((b"(" + b"K\0" * 1000 + b"t\x940") * 30, 4096, n),
    "frames of many layouts, all opcodes": lambda n: (
        BEGIN
        + b"".join(b"}" + b"N0" * (50_000 + i % 97) + text("a") + array(1) + b"s" for i in range(n * MB // 100_300))
        + b"e."
    ),
    "frames of many layouts that are remembered": lambda n: (
        BEGIN
        + b"".join(
            b"}" + (b"(" + b"K\0" * (1000 + i % 97) + b"t\x940") * 30 + text("a") + array(4096) + b"s"
            for i in range(n * MB // 64_000)
        )
        + b"e."
    ),
    "frames of opcodes and of zeros in an array": lambda n: frames(b"N0" * 50_000, 100_000, n),
    "frames that differ in their last bytes": lambda n: (
        BEGIN
        + b"".join(
            b"}" + text("z" * 3000 + f"{i:05}") + b"0" + text("a") + array(8) + b"s" for i in range(n * MB // 3100)
        )
        + b"e."
    ),
    "frames of nobody, a dict each": lambda n: BEGIN + times(b"}", n) + b"e.",
    "one dict that is fetched as a frame": lambda n: (
        BEGIN + b"}q\x05" + text("a") + array(63) + b"s" + times(b"h\5", n)
    ),
    "one dict of many keys that is fetched as a frame": lambda n: (
        BEGIN + b"}q\x05(" + b"".join(text(f"{i}") + b"K\1" for i in range(3000)) + b"u" + times(b"h\5", n)
    ),
    "one array under many keys of each frame": lambda n: (
        BEGIN
        + b"}"
        + text("a")
        + array(63)
        + b"q\x05s"
        + times(b"}(" + b"".join(text(f"p{i:03}") + b"h\5" for i in range(900)) + b"u", n)
        + b"e."
    ),
    "texts of wide characters that are remembered": lambda n: frames(
        (text("a" * 4000 + "\U0001f600") + b"\x940") * 20, 8, n
    ),
    "names without end": lambda n: b"\x80\x03c" + times(b"a", n),
    "whole numbers of 255 bytes": lambda n: b"\x80\x03" + times(b"\x8a\xff" + b"\1" * 255, n),
    "frames of the protocol without end": lambda n: b"\x80\x04" + times(b"\x95" + bytes(8), n),
    "frames of the protocol that lie": lambda n: b"\x80\x04" + times(b"\x95" + b"\xff" * 8 + b"K\0" * 100, n),
}


def npz(program: bytes, count: int = 3) -> bytes:
    """An .npz, deflated, whose frames are a pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", header((count,)) + program)
    return buffer.getvalue()
