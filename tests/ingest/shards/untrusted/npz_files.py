"""Files of arrays in bytes, written by numpy or by hand."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from signverse.ingest.shards.untrusted.pickle_reader import Block


def saved(compressed: bool = False, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def header(shape: tuple[int, ...] = (1,), descr: str = "|O", version: int = 1) -> bytes:
    buffer = io.BytesIO()
    write = np.lib.format.write_array_header_1_0 if version == 1 else np.lib.format.write_array_header_2_0
    write(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def frames_of(blocks: list[Block]) -> list[dict[str, Any]]:
    """Blocks as the dicts that they came from, without what is neither whole number nor array."""
    frames: list[dict[str, Any]] = []
    for block in blocks:
        for i in range(block.count):
            frame: dict[str, Any] = {}
            for key, values in (*block.numbers.items(), *block.arrays.items()):
                *path, last = key.split("/")
                inner = frame
                for part in path:
                    inner = inner.setdefault(part, {})
                inner[last] = values[i]
            frames.append(frame)
    return frames
