"""Which of some goes with which of others, such that all pairs together are worth most."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_EXACT: Final = 16
"""Groups up to this size are matched exactly (a millisecond for 16); a crowd in one knot is matched best pair first."""


def best_pairs(values: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Pairs (row, column), each row and each column once at most, of the greatest sum of values.

    Args:
        values: [A, B]; a pair that must not be made has 0 or less.

    Returns:
        The pairs, by row. Groups of more than 16 that hang together are matched greedily.
    """
    if values.shape == (1, 1):
        return [(0, 0)] if values[0, 0] > 0 else []
    pairs: list[tuple[int, int]] = []
    for rows, columns in _groups(values > 0):
        some = values[np.ix_(rows, columns)]
        found = _hungarian(some) if max(some.shape) <= _EXACT else _greedy(some)
        pairs += [(rows[row], columns[column]) for row, column in found]
    return sorted(pairs)


def _groups(allowed: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """The connected groups of rows and columns."""
    groups = []
    free: NDArray[np.bool_] = np.logical_or.reduce(allowed, axis=1)
    for first in np.flatnonzero(free).tolist():
        if not free[first]:
            continue
        rows: NDArray[np.bool_] = np.zeros(len(allowed), np.bool_)
        rows[first] = True
        while True:
            columns: NDArray[np.bool_] = np.logical_or.reduce(allowed[rows], axis=0)
            more: NDArray[np.bool_] = np.logical_or.reduce(allowed[:, columns], axis=1)
            if (more == rows).all():
                break
            rows = more
        free &= ~rows
        groups.append((np.flatnonzero(rows).tolist(), np.flatnonzero(columns).tolist()))
    return groups


def _greedy(values: NDArray[np.floating]) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(values > 0)
    pairs: list[tuple[int, int]] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for i in np.argsort(-values[rows, columns], kind="stable").tolist():
        row, column = int(rows[i]), int(columns[i])
        if row not in used_rows and column not in used_columns:
            pairs.append((row, column))
            used_rows.add(row)
            used_columns.add(column)
    return pairs


def _hungarian(values: NDArray[np.floating]) -> list[tuple[int, int]]:
    """The Hungarian method with potentials, row by row (Kuhn 1955, Munkres 1957), on a square filled up with zeros."""
    size = max(values.shape)
    cost = [[0.0] * size for _ in range(size)]
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            cost[row][column] = -max(value, 0.0)
    of_row, of_column = [0.0] * size, [0.0] * (size + 1)
    # The row that each column is given to; the last column stands for the row that is being placed.
    owner = [-1] * (size + 1)
    for row in range(size):
        owner[size] = row
        column = size
        slack, came = [float("inf")] * size, [size] * size
        done = [False] * (size + 1)
        while owner[column] >= 0:
            done[column] = True
            at = owner[column]
            step, following = float("inf"), size
            for other in range(size):
                if done[other]:
                    continue
                left = cost[at][other] - of_row[at] - of_column[other]
                if left < slack[other]:
                    slack[other], came[other] = left, column
                if slack[other] < step:
                    step, following = slack[other], other
            for other in range(size + 1):
                if done[other]:
                    of_row[owner[other]] += step
                    of_column[other] -= step
                elif other < size:
                    slack[other] -= step
            column = following
        while column != size:
            owner[column], column = owner[came[column]], came[column]
    rows, columns = values.shape
    return [
        (owner[column], column)
        for column in range(columns)
        if 0 <= owner[column] < rows and values[owner[column], column] > 0
    ]
