"""Reading the pickles that numpy writes for arrays of dicts, without pickle.

The two pickled dialects of the release hold an object array of one dict a frame. A pickle is a program for a small
stack machine, and the standard library's machine calls whatever the program names. This one cannot call anything: it
knows the few opcodes that numpy's arrays, dicts, texts and numbers are written with, four names that stand for numpy's
own constructors, and nothing else. Whatever is not among them is refused with its name and place.

It is fast because frames repeat. After one frame has been run opcode by opcode, its bytes are a template: all of them
are constant but array data, numbers and memo indices. The frames after it are compared with the template and their
data taken out, thousands at a time, by numpy. Where the template ends to fit (another number of people, a new batch)
one more frame is run by opcode.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from lake.errors import BadInputError

MAX_DEPTH: Final = 64
"""Marks inside marks; numpy's own nest four deep."""

_MAX_TEMPLATES: Final = 8
_MAX_DIMENSIONS: Final = 4

_SHARED: Final = 16, 256 * 1024**2
"""How many times a pickle's own length its arrays may take, and what they may take in any case: a pickle of 30 kB can
name one array two million times, and here each becomes a copy."""


class BadPickleError(BadInputError):
    """A pickle holds what no array of numbers needs, or ends early."""


@dataclass(eq=False)
class Dtype:
    """What a pickle says of a numpy type."""

    name: str
    order: str = "<"


@dataclass(frozen=True)
class Span:
    """Bytes of the buffer, not yet looked at."""

    start: int
    size: int


class Number(int):
    """An int that knows where its bytes are."""

    start: int
    size: int


@dataclass(eq=False)
class Leaf:
    """An array inside a frame: where its bytes are and how they are to be read; or a list, of an object array."""

    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    span: Span | None = None
    fortran: bool = False
    items: list[Any] | None = None


@dataclass
class Block:
    """Frames of one layout that follow each other.

    Attributes:
        count: how many.
        numbers: int64 [count] by key; keys of dicts in dicts are joined with "/".
        arrays: [count, ...] by key.
    """

    count: int
    numbers: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


_RECONSTRUCT, _NDARRAY, _DTYPE, _SCALAR, _FROMBUFFER = (object() for _ in range(5))

_ADMITTED: Final[dict[tuple[str, str], object]] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _SCALAR for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FROMBUFFER for core in ("core", "_core")},
}

_PLAIN_KINDS: Final = frozenset("biuf")


def _real_dtype(dtype: Any) -> np.dtype[Any]:
    if not isinstance(dtype, Dtype) or not 2 <= len(dtype.name) <= 3 or dtype.name[0] not in _PLAIN_KINDS:
        raise BadPickleError(f"an array is of {getattr(dtype, 'name', 'no')!s:.20} type, numbers were expected")
    try:
        return np.dtype(dtype.name).newbyteorder(cast(Any, dtype.order))
    except TypeError:
        raise BadPickleError(f"an array is of type {dtype.name}, which numpy does not know") from None


@dataclass
class _Template:
    """The bytes of a frame, and which of them vary."""

    size: int
    memos: int
    constant: npt.NDArray[np.intp]
    stable: npt.NDArray[np.uint8]
    head: bytes
    numbers: list[tuple[str, int, int]]
    arrays: list[tuple[str, int, Leaf]]

    def repeats(self, buffer: npt.NDArray[np.uint8], start: int) -> int:
        """How many frames of this layout follow each other from `start` on."""
        count = (len(buffer) - start) // self.size
        matched = 0
        step = 4
        # In growing steps: a layout that ends after two frames must not cost a comparison of all that is left.
        while matched < count:
            step = min(step * 4, count - matched, 4096)
            here = start + matched * self.size
            frames = buffer[here : here + step * self.size].reshape(step, self.size)
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
    except _UnknownMemoError:
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
    # What follows outside of a frame (an object above 64 kB) is left as it is: frames in it are skipped as opcodes.
    pieces.append(view[at:])
    return b"".join(pieces)


class Machine:
    """The stack machine: runs opcodes up to the end and gathers frames."""

    def __init__(self, data: bytes, name: str, *, templates: bool = True) -> None:
        self._data = data
        self._buffer = np.frombuffer(data, np.uint8)
        self._name = name
        self._use_templates = templates
        self._templates: list[_Template] = []
        self._at = 0
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._memos = 0
        self._variable: list[tuple[int, int]] = []
        self._frame_puts: set[int] = set()
        self._shares = False
        self._visits = 1_000_000 + 16 * len(data)
        self._frame_start: int | None = None
        self._frame_memos = 0
        self._list_depth: int | None = None
        self._blocks: list[Block] = []
        times, always = _SHARED
        self._room = max(times * len(data), always)

    def run(self) -> list[Block]:
        """Runs the pickle and returns its frames."""
        try:
            self._run()
        except (IndexError, struct.error, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            # Every handler takes what it needs from the stack and the buffer; made-up bytes leave too little there.
            raise self._refusal(f"it is damaged ({type(error).__name__})") from None
        except _UnknownMemoError as error:
            if self._templates:
                raise
            raise self._refusal(str(error)) from None
        except BadPickleError as error:
            raise self._refusal(error.message) from None
        return self._blocks

    def _refusal(self, why: str) -> BadPickleError:
        return BadPickleError(f"{self._name} cannot be read: {why}, at byte {self._at} of its pickle")

    def _run(self) -> None:
        data, handlers = self._data, _HANDLERS
        while True:
            if self._at >= len(data):
                raise BadPickleError("it ends early")
            opcode = data[self._at]
            if opcode == _EMPTY_DICT and len(self._marks) == self._list_depth:
                self._close_frame()
                if self._skip_known():
                    continue
                self._open_frame()
            elif opcode == _STOP:
                self._finish()
                return
            handler = handlers.get(opcode)
            if handler is None:
                raise BadPickleError(f"opcode {_opcode_name(opcode)}, which no array needs")
            self._at += 1
            handler(self)

    # Frames

    def _skip_known(self) -> bool:
        """At the first byte of a frame: takes it and all after it that repeat a known one."""
        for template in self._templates:
            # Most templates are ruled out by their first bytes; comparing all of them at each frame would take long.
            if not self._data.startswith(template.head, self._at):
                continue
            count = template.repeats(self._buffer, self._at)
            if count:
                self._make_room(count * sum(leaf.span.size for _, _, leaf in template.arrays if leaf.span is not None))
                self._blocks.append(template.take(self._buffer, self._at, count))
                self._at += count * template.size
                # What these frames put on the memo is not kept: data shared between frames is not read this way.
                self._memos += count * template.memos
                return True
        return False

    def _make_room(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise BadPickleError("the same arrays again and again, more than any video has")

    def _open_frame(self) -> None:
        self._frame_start = self._at
        self._frame_memos = self._memos
        self._variable = []
        self._frame_puts = set()
        self._shares = False

    def _close_frame(self) -> None:
        """Turns the dict on the stack into a block of one frame, and its bytes into a template."""
        if self._frame_start is None:
            return
        numbers, leaves = self._emit(self._stack.pop())
        start, size = self._frame_start, self._at - self._frame_start
        self._frame_start = None
        inside = all(number.start >= start for _, number in numbers) and all(
            leaf.span is not None and leaf.span.start >= start for _, leaf in leaves
        )
        # A frame that shares data with an earlier one, or with itself, is rightly read by opcode and is no template:
        # the same bytes may mean other data. Nor is a frame of nothing: its two bytes begin every other.
        if inside and not self._shares and (numbers or leaves) and self._use_templates:
            self._learn(start, size, numbers, leaves)

    def _emit(self, frame: Any) -> tuple[list[tuple[str, Number]], list[tuple[str, Leaf]]]:
        """Adds a frame to the blocks; returns its numbers and arrays."""
        numbers: list[tuple[str, Number]] = []
        leaves: list[tuple[str, Leaf]] = []
        self._visits -= _walk(frame, "", numbers, leaves, 0, self._visits)
        block = Block(1)
        for key, number in numbers:
            block.numbers[key] = np.array([int(number)], np.int64)
        for key, leaf in leaves:
            block.arrays[key] = self._array(leaf)[None]
        self._make_room(sum(array.nbytes for array in block.arrays.values()))
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
        self._close_frame()
        root = self._stack[-1]
        if not isinstance(root, Leaf) or root.items is None or len(root.shape) != 1:
            raise BadPickleError("an array of objects was expected")
        if len(root.items):
            raise BadPickleError("an array of dicts was expected")
        if sum(block.count for block in self._blocks) != root.shape[0]:
            raise BadPickleError(f"the array holds another number of frames than the {root.shape[0]} it states")

    # Opcodes

    def _take(self, size: int) -> int:
        """Steps over an argument; returns where it starts."""
        start = self._at
        if size < 0 or size > len(self._data) - start:
            raise BadPickleError("it ends early")
        self._at += size
        return start

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def mark(self) -> None:
        if len(self._marks) >= MAX_DEPTH:
            raise BadPickleError("it nests too deep")
        if self._list_depth is None and self._stack and isinstance(self._stack[-1], list):
            # The first list is that of the frames: dicts right inside it are frames.
            self._list_depth = len(self._marks) + 1
        self._marks.append(self._stack)
        self._stack = []

    def number(self, code: str) -> None:
        size = struct.calcsize(code)
        start = self._take(size)
        value = Number(struct.unpack_from(code, self._data, start)[0])
        value.start, value.size = start, size
        self._stack.append(value)

    def text(self, code: str) -> None:
        size = struct.unpack_from(code, self._data, self._take(struct.calcsize(code)))[0]
        if size > 4096:
            raise BadPickleError("a text is too long")
        start = self._take(size)
        self._stack.append(self._data[start : start + size].decode("utf-8"))

    def span(self, code: str) -> None:
        size = struct.unpack_from(code, self._data, self._take(struct.calcsize(code)))[0]
        self._stack.append(Span(self._take(size), size))

    def put(self, width: int) -> None:
        start = self._take(width)
        self._variable.append((start, width))
        index = int.from_bytes(self._data[start : start + width], "little")
        self._memo[index] = self._stack[-1]
        self._frame_puts.add(index)

    def memoize(self) -> None:
        self._memo[self._memos] = self._stack[-1]
        self._frame_puts.add(self._memos)
        self._memos += 1

    def get(self, width: int) -> None:
        start = self._take(width)
        index = int.from_bytes(self._data[start : start + width], "little")
        if index not in self._memo:
            raise _UnknownMemoError(f"it refers to memo {index}, which is not there")
        value = self._memo[index]
        self._shares = self._shares or index in self._frame_puts
        if isinstance(value, dict) and len(self._marks) == self._list_depth:
            # One dict that stands for many frames, such as those without people.
            self._close_frame()
            self._emit(value)
        else:
            self._stack.append(value)

    def line_global(self) -> None:
        words = []
        for _ in range(2):
            end = self._data.find(b"\n", self._at, self._at + 256)
            if end < 0:
                raise BadPickleError("a name without end")
            words.append(self._data[self._at : end].decode("utf-8"))
            self._at = end + 1
        self._admit(words[0], words[1])

    def stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._admit(module, name)

    def _admit(self, module: Any, name: Any) -> None:
        found = _ADMITTED.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if found is None:
            # Only texts are shown: anything else may be nested beyond all printing.
            words = [word if isinstance(word, str) else "something" for word in (module, name)]
            raise BadPickleError(f"it names {words[0]:.60}.{words[1]:.60}, which no array needs")
        self._stack.append(found)

    def reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(arguments, tuple):
            raise BadPickleError("a call without arguments")
        if function is _RECONSTRUCT:
            if arguments[0] is not _NDARRAY:
                raise BadPickleError("an array of another class")
            self._stack.append(Leaf())
        elif function is _DTYPE:
            if not isinstance(arguments[0], str):
                raise BadPickleError("a type without name")
            self._stack.append(Dtype(arguments[0]))
        elif function is _SCALAR:
            dtype, data = arguments
            real = _real_dtype(dtype)
            if not isinstance(data, Span) or data.size != real.itemsize:
                raise BadPickleError("a number of the wrong size")
            self._stack.append(Leaf((), real, data))
        elif function is _FROMBUFFER:
            data, dtype, shape, order = arguments
            leaf = Leaf()
            self._fill(leaf, (1, shape, dtype, order == "F", data))
            self._stack.append(leaf)
        else:
            raise BadPickleError("a call of what is no constructor")

    def build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, Dtype):
            if state[1] not in ("<", ">", "|", "="):
                raise BadPickleError("a type of strange byte order")
            target.order = state[1] if state[1] in "<>" else "<"
        elif isinstance(target, Leaf) and target.dtype is None and target.items is None:
            self._fill(target, state)
        else:
            raise BadPickleError("a state for what has none")

    @staticmethod
    def _fill(leaf: Leaf, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
            raise BadPickleError("an array of strange shape")
        if not all(isinstance(n, int) and 0 <= n < 2**31 for n in shape):
            raise BadPickleError("an array of strange shape")
        leaf.shape = tuple(int(n) for n in shape)
        leaf.fortran = bool(fortran)
        if isinstance(data, list):
            if not isinstance(dtype, Dtype) or dtype.name[:1] != "O":
                raise BadPickleError("a list for an array of numbers")
            leaf.items = data
            return
        leaf.dtype = _real_dtype(dtype)
        if not isinstance(data, Span) or data.size != math.prod(leaf.shape) * leaf.dtype.itemsize:
            raise BadPickleError("an array that is not as long as its shape")
        leaf.span = data

    def set_items(self) -> None:
        items = self._pop_mark()
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise BadPickleError("items for what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise BadPickleError("a key that is no text")
            target[key] = value

    def set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        if not isinstance(self._stack[-1], dict) or not isinstance(key, str):
            raise BadPickleError("an item for what is no dict")
        self._stack[-1][key] = value

    def appends(self) -> None:
        # Frames are gathered as they pass; whatever else is in the list is found by _finish.
        self._close_frame()
        items = self._pop_mark()
        if not isinstance(self._stack[-1], list):
            raise BadPickleError("items for what is no list")
        self._stack[-1].extend(items)

    def append(self) -> None:
        # The last of 1, 1001, 2001, ... frames: Python's pickles batch by a thousand.
        value = self._stack.pop()
        if not isinstance(self._stack[-1], list):
            raise BadPickleError("an item for what is no list")
        if isinstance(value, dict):
            self._emit(value)
        else:
            self._stack[-1].append(value)

    def tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise BadPickleError("it ends early")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._stack.append(items)

    def mark_tuple(self) -> None:
        items = self._pop_mark()
        self._stack.append(tuple(items))

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> None:
        self._stack.pop()

    def real(self) -> None:
        self._stack.append(float(struct.unpack_from(">d", self._data, self._take(8))[0]))

    def long(self) -> None:
        size = self._data[self._take(1)]
        start = self._take(size)
        self._stack.append(int.from_bytes(self._data[start : start + size], "little", signed=True))

    def skip(self, size: int) -> None:
        self._take(size)


class _UnknownMemoError(BadPickleError):
    """A reference to what a template passed over."""


def _walk(
    value: Any, path: str, numbers: list[tuple[str, Number]], leaves: list[tuple[str, Leaf]], depth: int, most: int
) -> int:
    """Gathers the whole numbers and arrays of a frame by key; no dialect has a use for other plain values.

    Returns how many values it looked at. More than `most` are refused: a few bytes can nest one dict a million times.
    """
    if not isinstance(value, dict) or depth > 1:
        raise BadPickleError("a frame that is no dict of numbers and arrays")
    seen = len(value)
    if seen > most:
        raise BadPickleError("the same values again and again")
    for key, item in value.items():
        here = f"{path}/{key}" if path else key
        if isinstance(item, Leaf):
            if item.span is None:
                raise BadPickleError(f"{here!s:.60} is an array of objects")
            leaves.append((here, item))
        elif isinstance(item, Number):
            numbers.append((here, item))
        elif isinstance(item, dict):
            seen += _walk(item, here, numbers, leaves, depth + 1, most - seen)
        elif not isinstance(item, str | float | int | None):
            raise BadPickleError(f"{here!s:.60} is neither number nor array")
    return seen


def _opcode_name(opcode: int) -> str:
    import pickletools

    return next((op.name for op in pickletools.opcodes if ord(op.code) == opcode), hex(opcode))


_EMPTY_DICT: Final = ord("}")
_STOP: Final = ord(".")

_HANDLERS: Final[dict[int, Any]] = {
    0x80: lambda m: m.skip(1),
    0x95: lambda m: m.skip(8),
    ord("("): Machine.mark,
    ord("}"): lambda m: m.push({}),
    ord("]"): lambda m: m.push([]),
    ord(")"): lambda m: m.push(()),
    ord("N"): lambda m: m.push(None),
    ord("0"): lambda m: m.pop(),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("K"): lambda m: m.number("<B"),
    ord("M"): lambda m: m.number("<H"),
    ord("J"): lambda m: m.number("<i"),
    ord("G"): Machine.real,
    0x8A: Machine.long,
    0x8C: lambda m: m.text("<B"),
    ord("X"): lambda m: m.text("<I"),
    ord("C"): lambda m: m.span("<B"),
    ord("B"): lambda m: m.span("<I"),
    0x8E: lambda m: m.span("<Q"),
    0x96: lambda m: m.span("<Q"),
    ord("q"): lambda m: m.put(1),
    ord("r"): lambda m: m.put(4),
    0x94: Machine.memoize,
    ord("h"): lambda m: m.get(1),
    ord("j"): lambda m: m.get(4),
    ord("c"): Machine.line_global,
    0x93: Machine.stack_global,
    ord("R"): Machine.reduce,
    ord("b"): Machine.build,
    ord("u"): Machine.set_items,
    ord("s"): Machine.set_item,
    ord("e"): Machine.appends,
    ord("a"): Machine.append,
    ord("t"): Machine.mark_tuple,
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
}
"""What each opcode does. An opcode that is not here is refused."""
