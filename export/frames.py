"""Pickling frames as numpy would, without pickling: an object array of dicts of float32 arrays and numbers.

All frames of a layout have the same bytes but for their data. So one frame is written opcode by opcode, and numpy fills
in the data of thousands. numpy.load reads the result as any other. Arrays are named as numpy before 2 knows them
(numpy.core), which every numpy reads; nothing is put on the memo that is not fetched again.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Memo: what the frames fetch.
_RECONSTRUCT, _EMPTY_ARRAY, _DTYPE, _FLOAT, _INT = range(5)


@dataclass
class Run:
    """Frames of one layout that follow each other.

    Attributes:
        count: how many.
        values: by key, in the order of the dict: an int for all, int64 [count], an array [count, ...] of float32 or
            int32, or a dict of these.
    """

    count: int
    values: Mapping[str, Any] = field(default_factory=dict)


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _dtype(name: str, order: str, slot: int | None) -> bytes:
    """numpy.dtype(name) with its state, as numpy writes it."""
    flags = b"K\x3f" if name.startswith("O") else b"K\x00"
    built = b"h" + bytes([_DTYPE]) + _text(name) + b"\x89\x88\x87R"
    built += b"(K\x03" + _text(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff" + flags + b"tb"
    # Put on the memo and off the stack.
    return built + (b"q" + bytes([slot]) + b"0" if slot is not None else b"")


def _head(count: int) -> bytes:
    """Everything up to the first frame."""
    return b"".join(
        (
            b"\x80\x03",
            b"cnumpy\ndtype\nq" + bytes([_DTYPE]) + b"0",
            _dtype("f4", "<", _FLOAT),
            _dtype("i4", "<", _INT),
            b"cnumpy.core.multiarray\n_reconstruct\nq" + bytes([_RECONSTRUCT]),
            b"cnumpy\nndarray\nK\x00\x85C\x01b\x87q" + bytes([_EMPTY_ARRAY]) + b"R",
            b"(K\x01J" + struct.pack("<i", count) + b"\x85",
            _dtype("O8", "|", None),
            b"\x89](",
        )
    )


_TAIL: Final = b"etb."


class _Writer:
    """Writes one frame, and remembers where its data go."""

    def __init__(self) -> None:
        self.out = io.BytesIO()
        self.holes: list[tuple[int, npt.NDArray[np.uint8]]] = []

    def value(self, value: Any, count: int) -> None:
        if isinstance(value, dict):
            self.frame(value, count)
        elif isinstance(value, int):
            self.out.write(b"J" + struct.pack("<i", value))
        elif value.dtype == np.int64:
            self.out.write(b"J")
            self._hole(value.astype("<i4"), count)
        else:
            self._array(value, count)

    def frame(self, values: Mapping[str, Any], count: int) -> None:
        self.out.write(b"}(")
        for key, value in values.items():
            self.out.write(_text(key))
            self.value(value, count)
        self.out.write(b"u")

    def _array(self, values: npt.NDArray[Any], count: int) -> None:
        kind = _FLOAT if values.dtype == np.float32 else _INT
        shape = b"".join(b"J" + struct.pack("<i", size) for size in values.shape[1:])
        tuples = {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}
        size = values[0].nbytes
        self.out.write(
            b"h" + bytes([_RECONSTRUCT]) + b"h" + bytes([_EMPTY_ARRAY]) + b"R(K\x01" + shape + tuples[values.ndim - 1]
        )
        self.out.write(b"h" + bytes([kind]) + b"\x89B" + struct.pack("<I", size))
        self._hole(values, count)
        self.out.write(b"tb")

    def _hole(self, values: npt.NDArray[Any], count: int) -> None:
        data = np.ascontiguousarray(values).reshape(count, -1).view(np.uint8)
        self.holes.append((self.out.tell(), data))
        self.out.write(bytes(data.shape[1]))


def pickle_frames(runs: Sequence[Run]) -> Iterator[bytes | memoryview]:
    """The pickle of an object array of all frames of the runs, in pieces."""
    yield _head(sum(run.count for run in runs))
    for run in runs:
        writer = _Writer()
        writer.frame(run.values, run.count)
        template = np.frombuffer(writer.out.getvalue(), np.uint8)
        frames = np.empty((run.count, len(template)), np.uint8)
        frames[:] = template
        for start, data in writer.holes:
            frames[:, start : start + data.shape[1]] = data
        yield frames.data.cast("B")
    yield _TAIL


def runs_of(layout: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, int]]:
    """Where runs of equal values begin and end."""
    if len(layout):
        edges: list[int] = np.flatnonzero(np.r_[True, np.diff(layout) != 0, True]).tolist()
        yield from pairwise(edges)
