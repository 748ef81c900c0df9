"""Which faults a scenario meets: all, one for every operation that matters, or some of all kinds."""

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


def covering(operations: Sequence[Operation], count: int, first: int = 0) -> list[Fault]:
    """Some faults all over a command: kinds of operations and what they meet in turn.

    Args:
        first: where to begin among the pairs of a kind and a fault, so that several commands together meet all.
    """
    chosen = turning_points(operations)
    places = {kind: [item for item in chosen if item.kind == kind] for kind in KINDS}
    # Neighbours are of different kinds.
    pairs = [
        (kind, actions[turn])
        for turn in range(max(map(len, FAULTS.values())))
        for kind, actions in FAULTS.items()
        if turn < len(actions) and places[kind]
    ]
    found = []
    for i in range(count):
        kind, action = pairs[(first + i) % len(pairs)]
        at = places[kind][i * len(places[kind]) // count]
        found.append(Fault(kind, at.n, action))
    return list(dict.fromkeys(found))
