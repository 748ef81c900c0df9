"""Which faults a scenario meets: every operation and every fault, or one fault for every operation that matters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Final

from tests.faults.shim import KINDS, Fault
from tests.faults.trace import Operation, turning_points

FAULTS: Final = {
    kind: ("fail", "kill", "gone", *(("full",) if kind in {"write", "create", "mkdir", "link"} else ()))
    for kind in KINDS
} | {"write": ("fail", "cut", "full", "kill", "cut_kill", "gone")}
"""By kind of operation, what it may meet."""


def dense(operations: Sequence[Operation], *, every_write: bool = False) -> list[Fault]:
    """All faults of all operations.

    Args:
        every_write: also those in the middle of long sequences of writes.
    """
    chosen = operations if every_write else turning_points(operations)
    return [Fault(item.kind, item.n, action) for item in chosen for action in FAULTS[item.kind]]


def short(operations: Sequence[Operation]) -> list[Fault]:
    """For each operation but the inner ones of long sequences of writes one fault, in turn."""
    turns = {kind: cycle(actions) for kind, actions in FAULTS.items()}
    return [Fault(item.kind, item.n, next(turns[item.kind])) for item in turning_points(operations)]


def sample(operations: Sequence[Operation], count: int) -> list[Fault]:
    """Some of `short`, of all parts of the command."""
    faults = short(operations)
    return [faults[i * len(faults) // count] for i in range(count)]
