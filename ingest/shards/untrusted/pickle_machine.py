"""The stack machine of pickles with only the opcodes that numpy's arrays need: it can call nothing.

How many of them it runs, and how much it remembers, is bounded: pickle_limits.py says by what.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from signverse.ingest.shards.untrusted.pickle_limits import MAX_STACK, Bounded
from signverse.ingest.shards.untrusted.pickle_values import BadPickleError, Dtype, Leaf, Number, Span, real_dtype

MAX_DEPTH: Final = 64
"""Marks inside marks; numpy's own nest four deep."""

_MAX_TEXT: Final = 4096
_MAX_TYPE: Final = 16


class UnknownMemoError(BadPickleError):
    """A reference to an object that was skipped together with frames matching a template."""


_RECONSTRUCT, _NDARRAY, _DTYPE, _SCALAR, _FROMBUFFER = (object() for _ in range(5))

_ADMITTED: Final[dict[tuple[str, str], object]] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _SCALAR for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FROMBUFFER for core in ("core", "_core")},
}


class Opcodes(Bounded):
    """What the opcodes do to the stack, the marks and the memo.

    A subclass decides what happens to a dict that is an element of the outermost list: a frame.

    Args:
        data: the pickle.
        packed, remember_all: see `Bounded`.
    """

    def __init__(self, data: bytes, *, packed: int = 0, remember_all: bool = False) -> None:
        super().__init__(packed or len(data), remember_all=remember_all)
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memos = 0
        # Of the current frame: memo indices in its bytes, and whether it fetched what it put on the memo itself.
        self._variable: list[tuple[int, int]] = []
        self._shares = False
        # How many marks there are inside the list of frames.
        self._list_depth: int | None = None

    def close_frame(self) -> None:
        """Called when the frame on the stack, if there is one, is complete."""
        raise NotImplementedError

    def emit(self, frame: Any) -> None:
        """Called with a dict that is a frame."""
        raise NotImplementedError

    def step(self, opcode: int) -> None:
        """Runs the opcode at the current position.

        Raises:
            BadPickleError: numpy's arrays never need this opcode.
        """
        handler = HANDLERS.get(opcode)
        if handler is None:
            raise BadPickleError(f"opcode {_opcode_name(opcode)}, which arrays never need")
        self._at += 1
        self._steps += 1
        if self._steps > self._most_steps:
            raise BadPickleError("more opcodes than its frames can need")
        handler(self)
        if len(self._stack) > MAX_STACK:
            raise BadPickleError("more values than a frame can need")

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
        if size > _MAX_TEXT:
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
            raise UnknownMemoError(f"it refers to memo {index}, which is not there")
        value = self._memo[index]
        self._shares = self._shares or index in self._frame_puts
        if isinstance(value, dict) and len(self._marks) == self._list_depth:
            # One dict that stands for many frames, such as those without people.
            self.close_frame()
            self.emit(value)
        else:
            self._stack.append(value)

    def line_global(self) -> None:
        words = []
        for _ in range(2):
            end = self._data.find(b"\n", self._at, self._at + 256)
            if end < 0:
                raise BadPickleError("a name does not end")
            words.append(self._data[self._at : end].decode("utf-8"))
            self._at = end + 1
        self._admit(words[0], words[1])

    def stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._admit(module, name)

    def _admit(self, module: Any, name: Any) -> None:
        found = _ADMITTED.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if found is None:
            # Only texts are shown: anything else may be nested too deep to print.
            words = [word if isinstance(word, str) else "something" for word in (module, name)]
            raise BadPickleError(f"it names {words[0]:.60}.{words[1]:.60}, which arrays never need")
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
            if not isinstance(arguments[0], str) or len(arguments[0]) > _MAX_TYPE:
                raise BadPickleError("a type without name")
            self._stack.append(Dtype(arguments[0]))
        elif function is _SCALAR:
            dtype, data = arguments
            real = real_dtype(dtype)
            if not isinstance(data, Span) or data.size != real.itemsize:
                raise BadPickleError("a number of the wrong size")
            self._stack.append(Leaf((), real, data))
        elif function is _FROMBUFFER:
            data, dtype, shape, order = arguments
            leaf = Leaf()
            leaf.fill((1, shape, dtype, order == "F", data))
            self._stack.append(leaf)
        else:
            raise BadPickleError("a call of something that is not a constructor")

    def build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, Dtype):
            if state[1] not in ("<", ">", "|", "="):
                raise BadPickleError("a type of unknown byte order")
            target.order = state[1] if state[1] in "<>" else "<"
        elif isinstance(target, Leaf) and not target.filled:
            target.fill(state)
        else:
            raise BadPickleError("a state for an object that takes none")

    def set_items(self) -> None:
        items = self._pop_mark()
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise BadPickleError("items for something that is not a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise BadPickleError("a key that is not text")
            target[key] = value

    def set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        if not isinstance(self._stack[-1], dict) or not isinstance(key, str):
            raise BadPickleError("an item for something that is not a dict")
        self._stack[-1][key] = value

    def appends(self) -> None:
        # Frames are collected as they pass, and no frame holds a list.
        self.close_frame()
        items = self._pop_mark()
        if not isinstance(self._stack[-1], list):
            raise BadPickleError("items for something that is not a list")
        if items:
            raise BadPickleError("an array of dicts was expected")

    def append(self) -> None:
        # The last of 1, 1001, 2001, ... frames: Python's pickles batch by a thousand.
        value = self._stack.pop()
        if not isinstance(self._stack[-1], list):
            raise BadPickleError("an item for something that is not a list")
        if not isinstance(value, dict):
            raise BadPickleError("an array of dicts was expected")
        self.emit(value)

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


def _opcode_name(opcode: int) -> str:
    # Imported here: only the message of an error needs it.
    import pickletools

    return next((op.name for op in pickletools.opcodes if ord(op.code) == opcode), hex(opcode))


EMPTY_DICT: Final = ord("}")
STOP: Final = ord(".")

HANDLERS: Final[dict[int, Any]] = {
    0x80: lambda m: m.skip(1),
    0x95: lambda m: m.skip(8),
    ord("("): Opcodes.mark,
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
    ord("G"): Opcodes.real,
    0x8A: Opcodes.long,
    0x8C: lambda m: m.text("<B"),
    ord("X"): lambda m: m.text("<I"),
    ord("C"): lambda m: m.span("<B"),
    ord("B"): lambda m: m.span("<I"),
    0x8E: lambda m: m.span("<Q"),
    0x96: lambda m: m.span("<Q"),
    ord("q"): lambda m: m.put(1),
    ord("r"): lambda m: m.put(4),
    0x94: Opcodes.memoize,
    ord("h"): lambda m: m.get(1),
    ord("j"): lambda m: m.get(4),
    ord("c"): Opcodes.line_global,
    0x93: Opcodes.stack_global,
    ord("R"): Opcodes.reduce,
    ord("b"): Opcodes.build,
    ord("u"): Opcodes.set_items,
    ord("s"): Opcodes.set_item,
    ord("e"): Opcodes.appends,
    ord("a"): Opcodes.append,
    ord("t"): Opcodes.mark_tuple,
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
}
"""What each opcode does. An opcode that is not here is refused."""
