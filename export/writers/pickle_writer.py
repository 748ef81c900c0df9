"""Pickling frames as numpy would, without pickling: an object array of dicts of float32 arrays and numbers.

All frames of a layout have the same bytes but for their data. So one frame is written opcode by opcode, and numpy fills
in the data of thousands. numpy.load reads the result as any other. Arrays are named as numpy before 2 knows them
(numpy.core), which every numpy reads; nothing is put on the memo that is not fetched again.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Memo: what the frames fetch.
_RECONSTRUCT, _EMPTY_ARRAY, _DTYPE, _FLOAT, _INT = range(5)


_STEP: Final = 256
"""Frames that are made at a time: half a megabyte, which stays in a core's cache until it is written."""


@dataclass
class Layer:
    """Frames of one layout, among others.

    Attributes:
        places: int [n], rising: where they stand among all frames of the layers.
        values: by key, in the order of the dict: an int for all, int64 [n], an array [n, ...] of float32 or int32, or
            a dict of these.
    """

    places: npt.NDArray[np.integer[Any]]
    values: Mapping[str, Any]


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


class _Template:
    """The bytes of one frame of a layout, and where in them its data go."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.out = io.BytesIO()
        self.holes: list[int] = []
        self._frame(values)
        self._bytes = np.frombuffer(self.out.getvalue(), np.uint8)

    def fill(self, values: Mapping[str, Any], start: int, end: int) -> npt.NDArray[np.uint8]:
        """The frames [start, end) of a layer of this layout, uint8 [end - start, bytes of a frame]."""
        frames = np.empty((end - start, len(self._bytes)), np.uint8)
        frames[:] = self._bytes
        for hole, array in zip(self.holes, _arrays(values), strict=True):
            data = array[start:end].reshape(end - start, -1)
            if data.dtype == np.int64:
                data = data.astype("<i4")
            elif data.strides[1] != data.itemsize:
                data = np.ascontiguousarray(data)
            frames[:, hole : hole + data.shape[1] * data.itemsize] = data.view(np.uint8)
        return frames

    def _value(self, value: Any) -> None:
        if isinstance(value, dict):
            self._frame(value)
        elif isinstance(value, int):
            self.out.write(b"J" + struct.pack("<i", value))
        elif value.dtype == np.int64:
            self.out.write(b"J")
            self._hole(4)
        else:
            self._array(value)

    def _frame(self, values: Mapping[str, Any]) -> None:
        self.out.write(b"}(")
        for key, value in values.items():
            self.out.write(_text(key))
            self._value(value)
        self.out.write(b"u")

    def _array(self, values: npt.NDArray[Any]) -> None:
        kind = _FLOAT if values.dtype == np.float32 else _INT
        shape = b"".join(b"J" + struct.pack("<i", size) for size in values.shape[1:])
        tuples = {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}
        size = values[0].nbytes
        self.out.write(
            b"h" + bytes([_RECONSTRUCT]) + b"h" + bytes([_EMPTY_ARRAY]) + b"R(K\x01" + shape + tuples[values.ndim - 1]
        )
        self.out.write(b"h" + bytes([kind]) + b"\x89B" + struct.pack("<I", size))
        self._hole(size)
        self.out.write(b"tb")

    def _hole(self, size: int) -> None:
        self.holes.append(self.out.tell())
        self.out.write(bytes(size))


def _arrays(values: Mapping[str, Any]) -> Iterator[npt.NDArray[Any]]:
    """What goes into the holes, in their order."""
    for value in values.values():
        if isinstance(value, dict):
            yield from _arrays(value)
        elif not isinstance(value, int):
            yield value


def _layout(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two layers have in common whose frames differ in their data only."""
    return tuple(
        (key, _layout(value) if isinstance(value, dict) else value if isinstance(value, int) else _kind(value))
        for key, value in values.items()
    )


def _kind(value: npt.NDArray[Any]) -> tuple[Any, ...]:
    return value.dtype, value.shape[1:]


def pickle_frames(count: int, batches: Iterable[Sequence[Layer]]) -> Iterator[bytes | memoryview]:
    """The pickle of an object array of all frames of some batches, in pieces.

    Args:
        count: of frames in all batches.
        batches: each the layers whose frames, put in order, follow those of the batch before.
    """
    yield _head(count)
    templates: dict[tuple[Any, ...], _Template] = {}
    for layers in batches:
        known = []
        for layer in layers:
            layout = _layout(layer.values)
            if layout not in templates:
                templates[layout] = _Template(layer.values)
            known.append(templates[layout])
        if len(layers) == 1:
            size = len(layers[0].places)
            for start in range(0, size, _STEP):
                yield known[0].fill(layers[0].values, start, min(start + _STEP, size)).data.cast("B")
        else:
            yield _shuffled(layers, known)
    yield _TAIL


def _shuffled(layers: Sequence[Layer], templates: Sequence[_Template]) -> bytes:
    """The frames of several layers, each in its place."""
    filled = [
        template.fill(layer.values, 0, len(layer.places)) for layer, template in zip(layers, templates, strict=True)
    ]
    of = np.empty(sum(map(len, filled)), np.int64)
    for number, layer in enumerate(layers):
        of[layer.places] = number
    used = [0] * len(layers)
    pieces = []
    for start, end in runs_of(of):
        number = int(of[start])
        pieces.append(filled[number][used[number] : used[number] + end - start].data)
        used[number] += end - start
    return b"".join(pieces)


def runs_of(layout: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, int]]:
    """Where runs of equal values begin and end."""
    if len(layout):
        edges: list[int] = np.flatnonzero(np.r_[True, np.diff(layout) != 0, True]).tolist()
        yield from pairwise(edges)
