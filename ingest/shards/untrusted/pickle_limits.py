"""What a pickle may take of time and memory: what numpy's own pickles need, with room.

Measured on the released tars and on pickles of 0 to 100 people, in both pickled dialects and protocols 3 to 5. Opcodes
are bounded by the bytes of arrays that come with them, the stack and the opcodes of a frame by people, and what is
remembered by what a later frame can have a use for. So a pickle of some million bytes takes seconds and some ten
megabytes, whatever is in it.
"""

from __future__ import annotations

from typing import Any, Final

from signverse.ingest.shards.untrusted.pickle_values import Leaf

MAX_STACK: Final = 8192
"""Values on the stack since a mark: a frame has 16 for each person."""

FRAME_STEPS: Final = 200_000
"""Opcodes of a frame: one has 364 for its first person, 197 for each other one, 25,000 for 127 people."""

_OUTER_STEPS: Final = 10_000
"""Opcodes outside of frames: there are 61, and four for each thousand frames."""

_OUTER_STEPS_A_FRAME: Final = 4
"""Beside those: a dict that stands for many frames is fetched for each."""

_FREE_STEPS: Final = 1_000_000
_FREE_STEPS_A_FRAME: Final = 10
_BYTES_A_STEP: Final = 4
"""Opcodes in all: a million, ten for each frame, and one for each four bytes of arrays, where frames have 5.3 to 23."""

_UNPACKED: Final = 20
"""Bytes of arrays that count for each byte that they are compressed to: keypoints compress to a tenth at best."""

_ROOM: Final = 100_000
"""Values that are remembered of frames that are done."""

_WHOLE_ROOM: Final = 3_000_000
"""The same of a pickle whose frames share more than keys: hours of a person who is nobody, the same in each frame."""

_LONGEST_KEPT: Final = 100
"""Characters of a text that is remembered: keys have 30."""

_DEPTH_KEPT: Final = 4
"""Dicts and tuples inside of one another that are remembered."""


class Bounded:
    """Counts opcodes, and remembers values for later frames.

    Args:
        packed: bytes that the pickle is compressed to.
        remember_all: remember also tuples, which only frames that share what they hold need.
    """

    def __init__(self, packed: int, *, remember_all: bool) -> None:
        self._memo: dict[int, Any] = {}
        self._frame_puts: set[int] = set()
        self._packed, self._remember_all = packed, remember_all
        self._room = _WHOLE_ROOM if remember_all else _ROOM
        self._steps = 0
        self._most_steps = self._outer_steps = _OUTER_STEPS
        self._free_steps, self._array_bytes = _FREE_STEPS, 0
        self._closed_at = 0

    def _charge(self, steps: int) -> None:
        """Counts work beside opcodes that takes as long as so many of them."""
        self._steps += steps
        self._closed_at += steps

    def _begin_frame(self) -> None:
        """Called before the first opcode of a frame."""
        self._outer_steps -= self._steps - self._closed_at
        self._most_steps = min(self._steps + FRAME_STEPS, self._all_steps)
        self._frame_puts = set()

    def _end_frame(self) -> None:
        """Called after the last opcode of a frame: forgets what later frames have no use for."""
        self._closed_at = self._steps
        for index in self._frame_puts:
            weight = self._weight(self._memo[index])
            if 0 < weight <= self._room:
                self._room -= weight
            else:
                # Where a frame refers to it all the same, the pickle is read once more, and all remembered.
                del self._memo[index]

    def _count_frames(self, count: int, array_bytes: int) -> None:
        """Called after frames: they bring opcodes for the bytes of their arrays."""
        self._array_bytes += array_bytes
        self._free_steps += _FREE_STEPS_A_FRAME * count
        self._outer_steps += _OUTER_STEPS_A_FRAME * count
        self._most_steps = min(self._closed_at + self._outer_steps, self._all_steps)

    @property
    def _all_steps(self) -> int:
        return self._free_steps + min(self._array_bytes, _UNPACKED * self._packed) // _BYTES_A_STEP

    def _weight(self, value: Any, depth: int = 0) -> int:
        """How many values are kept with one that is remembered; 0 for one that is not."""
        if isinstance(value, str):
            return int(len(value) <= _LONGEST_KEPT)
        if isinstance(value, dict):
            inner = list(value.values())
        elif isinstance(value, tuple) and self._remember_all:
            inner = list(value)
        else:
            holds_objects = isinstance(value, tuple | list) or (isinstance(value, Leaf) and value.items is not None)
            return int(not holds_objects)
        weights = [self._weight(item, depth + 1) for item in inner] if depth < _DEPTH_KEPT else [0]
        return 1 + sum(weights) if all(weights) else 0
