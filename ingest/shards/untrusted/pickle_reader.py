"""Reads the pickles that numpy writes for arrays of dicts, without the pickle module.

The two pickled dialects hold an object array with one dict for each frame. A pickle is a program for a small stack
machine, and the standard library's machine calls whatever the program names. This one cannot call anything: it knows
the few opcodes that numpy's arrays, dicts, texts and numbers need, and the names of numpy's own constructors. Anything
else is refused with its name and position.

It is fast because frames repeat. After one frame has been run opcode by opcode, its bytes are a template: all of them
are constant except array data, numbers and memo indices. The frames after it are compared with the template and their
data copied, thousands at a time, by numpy. Where the template no longer matches (another number of people, a new
batch), one more frame is run by opcode.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.pickle_machine import (
    EMPTY_DICT,
    STOP,
    BadPickleError,
    Leaf,
    Number,
    Opcodes,
    UnknownMemoError,
)

_MAX_TEMPLATES: Final = 8

_MAX_EXPANSION: Final = 16
_MIN_LIMIT: Final = 256 * 1024**2
"""The arrays of a pickle may take 16 times its own length, or 256 MiB if that is more: a pickle of 30 kB can name one
array two million times, and each becomes a copy."""


@dataclass
class Block:
    """Consecutive frames of one layout.

    Attributes:
        count: how many.
        numbers: int64 [count] by key; keys of dicts in dicts are joined with "/".
        arrays: [count, ...] by key.
    """

    count: int
    numbers: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass
class _Template:
    """The bytes of a frame, and which of them may vary."""

    size: int
    memos: int
    constant: npt.NDArray[np.intp]
    stable: npt.NDArray[np.uint8]
    head: bytes
    numbers: list[tuple[str, int, int]]
    arrays: list[tuple[str, int, Leaf]]

    def repeats(self, buffer: npt.NDArray[np.uint8], start: int) -> int:
        """How many consecutive frames of this layout there are from `start` on."""
        count = (len(buffer) - start) // self.size
        matched = 0
        step = 4
        # In growing steps: a layout that ends after two frames must not cost comparing all that is left.
        while matched < count:
            step = min(step * 4, count - matched, 4096)
            position = start + matched * self.size
            frames = buffer[position : position + step * self.size].reshape(step, self.size)
            same = (frames[:, self.constant] == self.stable).all(axis=1)
            if not same.all():
                return matched + int(np.argmin(same))
            matched += step
        return matched

    def take(self, buffer: npt.NDArray[np.uint8], start: int, count: int) -> Block:
        """The data of `count` frames from `start` on."""
        frames = buffer[start : start + count * self.size].reshape(count, self.size)
        block = Block(count)
        for key, at, size in self.numbers:
            block.numbers[key] = _integers(frames[:, at : at + size])
        for key, at, leaf in self.arrays:
            assert leaf.span is not None and leaf.dtype is not None
            data = np.ascontiguousarray(frames[:, at : at + leaf.span.size]).view(leaf.dtype)
            if leaf.fortran and len(leaf.shape) > 1:
                data = data.reshape(count, *leaf.shape[::-1]).transpose(0, *range(len(leaf.shape), 0, -1))
            block.arrays[key] = data.reshape(count, *leaf.shape)
        return block


def _integers(column: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Little-endian integers [n] of bytes [n, size]: one and two bytes are unsigned in a pickle, four are signed."""
    width = column.shape[1]
    kind = {0: "", 1: "<u1", 2: "<u2", 4: "<i4", 8: "<i8"}[width]
    return np.ascontiguousarray(column).view(kind)[:, 0].astype(np.int64)


def read_frames(data: bytes | memoryview, name: str) -> list[Block]:
    """The frames of an object array of dicts, as numpy pickled it.

    Args:
        data: the pickle, without the .npy header.
        name: for messages.

    Raises:
        BadPickleError: it holds anything but dicts of numbers and arrays of numbers, or ends early.
    """
    plain = _unframed(data)
    try:
        return Machine(plain, name).run()
    except UnknownMemoError:
        return Machine(plain, name, templates=False).run()


def _unframed(data: bytes | memoryview) -> bytes:
    """The pickle without the frames of protocol 4, which would interrupt its repetition every 64 kB."""
    view = memoryview(data)
    if len(view) < 11 or view[0] != 0x80 or view[2] != 0x95:
        return bytes(view)
    pieces: list[bytes | memoryview] = [b"\x80\x03"]
    at = 2
    while at < len(view) and view[at] == 0x95 and at + 9 <= len(view):
        size = struct.unpack_from("<Q", view, at + 1)[0]
        if size > len(view) - at - 9:
            break
        pieces.append(view[at + 9 : at + 9 + size])
        at += 9 + size
    # What follows outside of a frame (an object above 64 kB) is unchanged: frames in it are skipped as opcodes.
    pieces.append(view[at:])
    return b"".join(pieces)


class Machine(Opcodes):
    """The stack machine: runs opcodes up to the end and collects frames."""

    def __init__(self, data: bytes, name: str, *, templates: bool = True) -> None:
        super().__init__(data)
        self._buffer = np.frombuffer(data, np.uint8)
        self._name = name
        self._use_templates = templates
        self._templates: list[_Template] = []
        self._visits = 1_000_000 + 16 * len(data)
        self._frame_start: int | None = None
        self._frame_memos = 0
        self._blocks: list[Block] = []
        self._bytes_left = max(_MAX_EXPANSION * len(data), _MIN_LIMIT)

    def run(self) -> list[Block]:
        """Runs the pickle and returns its frames."""
        try:
            self._run()
        except (IndexError, struct.error, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            # Handlers take what they need from stack and buffer; a malformed pickle lacks it, or has another type.
            raise self._refusal(f"it is damaged ({type(error).__name__})") from None
        except UnknownMemoError as error:
            if self._templates:
                raise
            raise self._refusal(str(error)) from None
        except BadPickleError as error:
            raise self._refusal(error.message) from None
        return self._blocks

    def _refusal(self, why: str) -> BadPickleError:
        return BadPickleError(f"{self._name} cannot be read: {why}, at byte {self._at} of its pickle")

    def _run(self) -> None:
        data = self._data
        while True:
            if self._at >= len(data):
                raise BadPickleError("it ends early")
            opcode = data[self._at]
            if opcode == EMPTY_DICT and len(self._marks) == self._list_depth:
                self.close_frame()
                if self._skip_known():
                    continue
                self._open_frame()
            elif opcode == STOP:
                self._finish()
                return
            self.step(opcode)

    # Frames

    def _skip_known(self) -> bool:
        """At the first byte of a frame: reads it and those after it that match a known template."""
        for template in self._templates:
            # Most templates are ruled out by their first bytes, which is faster than comparing all bytes.
            if not self._data.startswith(template.head, self._at):
                continue
            count = template.repeats(self._buffer, self._at)
            if count:
                self._reserve(count * sum(leaf.span.size for _, _, leaf in template.arrays if leaf.span is not None))
                self._blocks.append(template.take(self._buffer, self._at, count))
                self._at += count * template.size
                # What these frames put on the memo is not kept: data shared between frames is not read from templates.
                self._memos += count * template.memos
                return True
        return False

    def _reserve(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise BadPickleError("the same arrays again and again, more than any video has")

    def _open_frame(self) -> None:
        self._frame_start = self._at
        self._frame_memos = self._memos
        self._variable = []
        self._frame_puts = set()
        self._shares = False

    def close_frame(self) -> None:
        """Turns the dict on the stack into a block of one frame, and its bytes into a template."""
        if self._frame_start is None:
            return
        numbers, leaves = self._add(self._stack.pop())
        start, size = self._frame_start, self._at - self._frame_start
        self._frame_start = None
        inside = all(number.start >= start for _, number in numbers) and all(
            leaf.span is not None and leaf.span.start >= start for _, leaf in leaves
        )
        # A frame that shares data with an earlier one, or within itself, does not become a template: the same bytes
        # may mean other data. Nor does an empty frame: every frame begins with its two bytes.
        if inside and not self._shares and (numbers or leaves) and self._use_templates:
            self._learn(start, size, numbers, leaves)

    def emit(self, frame: Any) -> None:
        self._add(frame)

    def _add(self, frame: Any) -> tuple[list[tuple[str, Number]], list[tuple[str, Leaf]]]:
        """Adds a frame to the blocks; returns its numbers and arrays."""
        numbers: list[tuple[str, Number]] = []
        leaves: list[tuple[str, Leaf]] = []
        self._visits -= _walk(frame, "", numbers, leaves, 0, self._visits)
        block = Block(1)
        for key, number in numbers:
            block.numbers[key] = np.array([int(number)], np.int64)
        for key, leaf in leaves:
            block.arrays[key] = self._array(leaf)[None]
        self._reserve(sum(array.nbytes for array in block.arrays.values()))
        self._blocks.append(block)
        return numbers, leaves

    def _learn(self, start: int, size: int, numbers: list[tuple[str, Number]], leaves: list[tuple[str, Leaf]]) -> None:
        varies = np.zeros(size, bool)
        for at, width in self._variable:
            varies[at - start : at - start + width] = True
        for _, number in numbers:
            varies[number.start - start : number.start - start + number.size] = True
        for _, leaf in leaves:
            assert leaf.span is not None
            varies[leaf.span.start - start : leaf.span.start - start + leaf.span.size] = True
        constant = np.flatnonzero(~varies)
        self._templates.insert(
            0,
            _Template(
                size=size,
                memos=self._memos - self._frame_memos,
                constant=constant,
                stable=self._buffer[start : start + size][constant].copy(),
                head=self._data[start : start + int(np.argmax(varies))],
                numbers=[(key, number.start - start, number.size) for key, number in numbers],
                arrays=[(key, leaf.span.start - start, leaf) for key, leaf in leaves if leaf.span is not None],
            ),
        )
        del self._templates[_MAX_TEMPLATES:]

    def _array(self, leaf: Leaf) -> npt.NDArray[Any]:
        if leaf.span is None or leaf.dtype is None:
            raise BadPickleError("an array of numbers was expected")
        flat = np.frombuffer(self._data, leaf.dtype, math.prod(leaf.shape), leaf.span.start)
        return flat.reshape(leaf.shape, order="F" if leaf.fortran else "C")

    def _finish(self) -> None:
        self.close_frame()
        root = self._stack[-1]
        if not isinstance(root, Leaf) or root.items is None or len(root.shape) != 1:
            raise BadPickleError("an array of objects was expected")
        if len(root.items):
            raise BadPickleError("an array of dicts was expected")
        if sum(block.count for block in self._blocks) != root.shape[0]:
            raise BadPickleError(f"the array holds another number of frames than the {root.shape[0]} it states")


def _walk(
    value: Any, path: str, numbers: list[tuple[str, Number]], leaves: list[tuple[str, Leaf]], depth: int, most: int
) -> int:
    """Collects the integers and arrays of a frame by key; no dialect needs other plain values.

    Returns how many values it visited. More than `most` are refused: a few bytes can nest one dict a million times.
    """
    if not isinstance(value, dict) or depth > 1:
        raise BadPickleError("a frame is not a dict of numbers and arrays")
    seen = len(value)
    if seen > most:
        raise BadPickleError("the same values again and again")
    for key, item in value.items():
        name = f"{path}/{key}" if path else key
        if isinstance(item, Leaf):
            if item.span is None:
                raise BadPickleError(f"{name!s:.60} is an array of objects")
            leaves.append((name, item))
        elif isinstance(item, Number):
            numbers.append((name, item))
        elif isinstance(item, dict):
            seen += _walk(item, name, numbers, leaves, depth + 1, most - seen)
        elif not isinstance(item, str | float | int | None):
            raise BadPickleError(f"{name!s:.60} is neither number nor array")
    return seen
