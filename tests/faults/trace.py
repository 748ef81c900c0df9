"""The records of interpose.c: what a command changed on the disk, in order."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.shim import KINDS

_HEAD: Final = struct.Struct("<5q")


@dataclass(frozen=True)
class Operation:
    """A change of the disk.

    Attributes:
        n: the how manieth of its kind.
        path: what was changed; of a rename or a link the old name.
        new: the new name, or "".
        offset: of a write; the size of a truncation.
    """

    kind: str
    n: int
    path: str
    new: str
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Operation]:
    """The operations that were recorded."""
    data, place, counts, found = path.read_bytes(), 0, Counter[str](), []
    while place < len(data):
        kind, offset, *sizes = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        parts = []
        for size in sizes:
            parts.append(data[place : place + size])
            place += size
        name = KINDS[kind]
        counts[name] += 1
        found.append(Operation(name, counts[name], parts[0].decode(), parts[1].decode(), offset, parts[2]))
    return found


def turning_points(operations: Sequence[Operation]) -> list[Operation]:
    """The operations without the inner ones of long sequences of writes to one file: the first, one amid, the last."""
    found: list[Operation] = []
    run: list[Operation] = []
    for operation in [*operations, None]:
        if operation is not None and operation.kind == "write" and (not run or run[0].path == operation.path):
            run.append(operation)
            continue
        found += {item.n: item for item in (run[:1] + run[len(run) // 2 :][:1] + run[-1:])}.values()
        run = []
        if operation is not None and operation.kind == "write":
            run = [operation]
        elif operation is not None:
            found.append(operation)
    return found
