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

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.pickle_limits import FRAME_STEPS
from signverse.ingest.shards.untrusted.pickle_machine import EMPTY_DICT, STOP, Opcodes, UnknownMemoError
from signverse.ingest.shards.untrusted.pickle_values import BadPickleError, Leaf, Number

_MAX_TEMPLATES: Final = 16

_MAX_TEMPLATE: Final = 512 * 1024
"""Bytes of a frame that may become a template; one of 127 people has 290 kB."""

_AT_ONCE: Final = 8 * 1024**2
"""Bytes of frames that are compared, and that a block holds."""

_BYTES_A_TRY: Final = 64
"""Bytes of a template whose comparison takes as long as an opcode."""

_EXPANSION: Final = 2
_FREE_BYTES: Final = 64 * 1024**2
"""The blocks of a pickle may take twice its own length and 64 MiB: one of 30 kB can name one array two million
times."""

_LEAST_FRAME: Final = 1024
_FREE_FRAMES: Final = 1000

_PIECE: Final = 1024**2
"""Bytes that are copied at once."""

_BLOCK_BYTES: Final = 400
_ARRAY_BYTES: Final = 200
"""What Python takes for a block and for an array of it, beside the data."""


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
        """How many consecutive frames of this layout there are from `start` on, as many as a block may hold."""
        count = min((len(buffer) - start) // self.size, max(1, _AT_ONCE // self.size))
        matched, step = 0, 1
        # In growing steps: a layout that ends after two frames must not cost comparing all that is left.
        while matched < count:
            step = min(step, count - matched)
            position = start + matched * self.size
            frames = buffer[position : position + step * self.size].reshape(step, self.size)
            same = (frames[:, self.constant] == self.stable).all(axis=1)
            if not same.all():
                return matched + int(np.argmin(same))
            matched += step
            step *= 4
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


def frames_in(data: bytes, name: str, packed: int = 0, *, single: bool = False) -> Iterator[Block]:
    """The frames of an object array of dicts as numpy pickled it, in blocks of some megabytes.

    Args:
        data: the pickle, as `unframed` gives it; bytes, or a mapped file.
        name: for messages.
        packed: bytes that it is compressed to in its file; 0 where it is not.
        single: of an array without dimensions, which holds one dict.

    Raises:
        BadPickleError: it holds anything but dicts of numbers and arrays of numbers, ends early, or asks for more time
            or memory than numpy's own pickles of its size.
    """
    given = 0
    try:
        for block in Machine(data, name, packed=packed, single=single).blocks():
            given += block.count
            yield block
    except UnknownMemoError:
        # All that was skipped may be referred to: each frame is run by opcode, and those that were given are left out.
        for block in Machine(data, name, packed=packed, templates=False, single=single).blocks():
            if given:
                given -= block.count
            else:
                yield block


def unframed(file: IO[bytes], size: int) -> Iterator[bytes]:
    """A pickle without the frames of protocol 4, which would interrupt its repetition every 64 kB; in pieces.

    Args:
        file: at the start of the pickle.
        size: bytes of the pickle.
    """
    head = file.read(min(size, 2))
    at = len(head)
    frame = file.read(min(size - at, 9))
    at += len(frame)
    if head[:1] != b"\x80" or frame[:1] != b"\x95":
        yield head
    else:
        yield b"\x80\x03"
        # Python's frames have 64 kB; what consists of tiny ones is left to the opcodes' bound.
        frames_left = _FREE_FRAMES + size // _LEAST_FRAME
        while (
            (frames_left := frames_left - 1)
            and len(frame) == 9
            and frame[0] == 0x95
            and (length := int.from_bytes(frame[1:], "little")) <= size - at
        ):
            yield from _pieces(file, length)
            at += length
            frame = file.read(min(size - at, 9))
            at += len(frame)
    # What follows outside of a frame (an object above 64 kB) is unchanged: frames in it are skipped as opcodes.
    yield frame
    yield from _pieces(file, size - at)


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size and (piece := file.read(min(size, _PIECE))):
        size -= len(piece)
        yield piece


class Machine(Opcodes):
    """The stack machine: runs opcodes up to the end and collects frames.

    Args: see `frames_in`.
        templates: whether frames that repeat are read together. They are not remembered then, and a frame that refers
            to what they hold raises UnknownMemoError.
    """

    def __init__(
        self, data: bytes, name: str, *, packed: int = 0, templates: bool = True, single: bool = False
    ) -> None:
        super().__init__(data, packed=packed, remember_all=not templates)
        self._buffer = np.frombuffer(data, np.uint8)
        self._name = name
        self._use_templates = templates
        self._single = single
        self._templates: list[_Template] = []
        self._frame_start: int | None = None
        self._frame_memos = 0
        self._count = 0
        self._blocks: list[Block] = []
        self._bytes_left = _EXPANSION * len(data) + _FREE_BYTES

    def blocks(self) -> Iterator[Block]:
        """Runs the pickle and yields its frames."""
        try:
            yield from self._run()
        except (IndexError, struct.error, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            # Handlers take what they need from stack and buffer; a malformed pickle lacks it, or has another type.
            raise self._refusal(f"it is damaged ({type(error).__name__})") from None
        except UnknownMemoError as error:
            if self._use_templates:
                raise
            raise self._refusal(str(error)) from None
        except BadPickleError as error:
            raise self._refusal(error.message) from None

    def _refusal(self, why: str) -> BadPickleError:
        return BadPickleError(f"{self._name} cannot be read: {why}, at byte {self._at} of its pickle")

    def _run(self) -> Iterator[Block]:
        data = self._data
        while True:
            if self._blocks:
                blocks, self._blocks = self._blocks, []
                yield from blocks
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
                yield from self._blocks
                return
            self.step(opcode)

    # Frames

    def _skip_known(self) -> bool:
        """At the first byte of a frame: reads it and those after it that match a known template."""
        for place, template in enumerate(self._templates):
            # Most templates are ruled out by their first bytes, which is faster than comparing all bytes.
            if self._data[self._at : self._at + len(template.head)] != template.head:
                continue
            count = template.repeats(self._buffer, self._at)
            if count:
                block = template.take(self._buffer, self._at, count)
                self._add_block(block)
                self._at += count * template.size
                # What these frames put on the memo is not kept: data shared between frames is not read from templates.
                self._memos += count * template.memos
                self._templates.insert(0, self._templates.pop(place))
                return True
            self._charge(template.size // _BYTES_A_TRY)
        return False

    def _add_block(self, block: Block) -> None:
        size = sum(array.nbytes for array in block.arrays.values())
        self._bytes_left -= size + _BLOCK_BYTES + _ARRAY_BYTES * (len(block.arrays) + len(block.numbers))
        if self._bytes_left < 0:
            raise BadPickleError("the same arrays again and again, more than any video has")
        self._count += block.count
        self._blocks.append(block)
        self._count_frames(block.count, size)

    def _open_frame(self) -> None:
        self._frame_start = self._at
        self._frame_memos = self._memos
        self._variable = []
        self._shares = False
        self._begin_frame()

    def close_frame(self) -> None:
        """Turns the dict on the stack into a block of one frame, and its bytes into a template."""
        if self._frame_start is None:
            return
        self._end_frame()
        numbers, leaves = self._add(self._stack.pop())
        start, size = self._frame_start, self._at - self._frame_start
        self._frame_start = None
        inside = all(number.start >= start for _, number in numbers) and all(
            leaf.span is not None and leaf.span.start >= start for _, leaf in leaves
        )
        # A frame that shares data with an earlier one, or within itself, does not become a template: the same bytes
        # may mean other data. Nor does an empty frame: every frame begins with its two bytes.
        if inside and not self._shares and (numbers or leaves) and self._use_templates and size <= _MAX_TEMPLATE:
            self._learn(start, size, numbers, leaves)

    def emit(self, frame: Any) -> None:
        self._add(frame)

    def _add(self, frame: Any) -> tuple[list[tuple[str, Number]], list[tuple[str, Leaf]]]:
        """Adds a frame to the blocks; returns its numbers and arrays."""
        numbers: list[tuple[str, Number]] = []
        leaves: list[tuple[str, Leaf]] = []
        self._charge(_walk(frame, "", numbers, leaves, 0, FRAME_STEPS))
        block = Block(1)
        for key, number in numbers:
            block.numbers[key] = np.array([int(number)], np.int64)
        for key, leaf in leaves:
            block.arrays[key] = leaf.read(self._data)[None]
        self._add_block(block)
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

    def _finish(self) -> None:
        self.close_frame()
        root = self._stack[-1]
        if not isinstance(root, Leaf) or root.items is None or len(root.shape) != (0 if self._single else 1):
            raise BadPickleError("an array of objects was expected")
        if len(root.items):
            raise BadPickleError("an array of dicts was expected")
        stated = 1 if self._single else root.shape[0]
        if self._count != stated:
            raise BadPickleError(f"the array holds another number of frames than the {stated} it states")


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
