"""Maximum-weight assignment: pair rows with columns so that the sum of the pairs' values is greatest."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_EXACT_SIZE: Final = 16
"""Groups up to this size are solved exactly (a millisecond for 16), larger ones greedily, best pair first."""


def best_assignment(affinity: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Pairs (row, column) of the greatest total affinity; each row and each column is in one pair at most.

    Args:
        affinity: [A, B]; 0 or less for a pair that is not allowed.

    Returns:
        The pairs, sorted by row. Connected groups of more than 16 rows or columns are assigned greedily.
    """
    if affinity.shape == (1, 1):
        return [(0, 0)] if affinity[0, 0] > 0 else []
    pairs: list[tuple[int, int]] = []
    for rows, columns in _connected_groups(affinity > 0):
        block = affinity[np.ix_(rows, columns)]
        block_pairs = _hungarian(block) if max(block.shape) <= _EXACT_SIZE else _greedy(block)
        pairs += [(rows[row], columns[column]) for row, column in block_pairs]
    return sorted(pairs)


def _connected_groups(allowed: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """The connected components of the bipartite graph of allowed pairs, as (rows, columns)."""
    groups = []
    unvisited: NDArray[np.bool_] = np.logical_or.reduce(allowed, axis=1)
    for start in np.flatnonzero(unvisited).tolist():
        if not unvisited[start]:
            continue
        rows: NDArray[np.bool_] = np.zeros(len(allowed), np.bool_)
        rows[start] = True
        while True:
            columns: NDArray[np.bool_] = np.logical_or.reduce(allowed[rows], axis=0)
            reached: NDArray[np.bool_] = np.logical_or.reduce(allowed[:, columns], axis=1)
            if (reached == rows).all():
                break
            rows = reached
        unvisited &= ~rows
        groups.append((np.flatnonzero(rows).tolist(), np.flatnonzero(columns).tolist()))
    return groups


def _greedy(affinity: NDArray[np.floating]) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(affinity > 0)
    pairs: list[tuple[int, int]] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for i in np.argsort(-affinity[rows, columns], kind="stable").tolist():
        row, column = int(rows[i]), int(columns[i])
        if row not in used_rows and column not in used_columns:
            pairs.append((row, column))
            used_rows.add(row)
            used_columns.add(column)
    return pairs


def _hungarian(affinity: NDArray[np.floating]) -> list[tuple[int, int]]:
    """The Hungarian algorithm with potentials (Kuhn 1955, Munkres 1957), on a square cost matrix padded with zeros.

    Rows are added one at a time, each along a shortest augmenting path.
    """
    size = max(affinity.shape)
    cost = [[0.0] * size for _ in range(size)]
    for row, row_values in enumerate(affinity.tolist()):
        for column, value in enumerate(row_values):
            cost[row][column] = -max(value, 0.0)
    row_potential, column_potential = [0.0] * size, [0.0] * (size + 1)
    # The row that each column is assigned to; the extra last column stands for the row that is being added.
    assigned_row = [-1] * (size + 1)
    for new_row in range(size):
        assigned_row[size] = new_row
        column = size
        slack, previous_column = [float("inf")] * size, [size] * size
        visited = [False] * (size + 1)
        while assigned_row[column] >= 0:
            visited[column] = True
            row = assigned_row[column]
            delta, next_column = float("inf"), size
            for candidate in range(size):
                if visited[candidate]:
                    continue
                reduced_cost = cost[row][candidate] - row_potential[row] - column_potential[candidate]
                if reduced_cost < slack[candidate]:
                    slack[candidate], previous_column[candidate] = reduced_cost, column
                if slack[candidate] < delta:
                    delta, next_column = slack[candidate], candidate
            for candidate in range(size + 1):
                if visited[candidate]:
                    row_potential[assigned_row[candidate]] += delta
                    column_potential[candidate] -= delta
                elif candidate < size:
                    slack[candidate] -= delta
            column = next_column
        while column != size:
            assigned_row[column], column = assigned_row[previous_column[column]], previous_column[column]
    rows, columns = affinity.shape
    return [
        (assigned_row[column], column)
        for column in range(columns)
        if 0 <= assigned_row[column] < rows and affinity[assigned_row[column], column] > 0
    ]
