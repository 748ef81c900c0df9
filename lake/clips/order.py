"""The order in which clips are read, and how several readers share them.

An order depends on the clips alone and not on where their keypoints lie, so that it stays the same when maintenance
moves them: the state of a reader stays valid.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signverse.lake.clips.table import ClipTable
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP

Order = npt.NDArray[np.int64]
"""Indices of clips in the table."""


def stored_order(table: ClipTable) -> Order:
    """By sign language, video and frame: the order of the files of a lake that was maintained."""
    folders = [(place.file or "").rpartition("/")[0] for place in table.places]
    # The videos of a table are sorted by id already.
    rank = np.empty(len(folders), np.int64)
    rank[sorted(range(len(folders)), key=lambda video: (folders[video], video))] = np.arange(len(folders))
    return np.lexsort((table.frames[:, 0], rank[table.video]))


def row_group_starts(table: ClipTable, order: Order) -> Order:
    """Positions in the stored order at which a new row group begins (give or take a frame)."""
    group = table.video[order].astype(np.int64) << 32 | table.frames[order, 0] // ROWS_PER_GROUP
    return np.flatnonzero(np.r_[True, group[1:] != group[:-1]])


def shuffled_order(table: ClipTable, seed: int, epoch: int) -> Order:
    """Row groups in random order, the clips of each together. `shuffle_windows` mixes them further."""
    order = stored_order(table)
    starts = row_group_starts(table, order)
    groups = np.random.default_rng([seed, epoch]).permutation(len(starts))
    sizes = np.diff(np.r_[starts, len(order)])[groups]
    before = np.cumsum(sizes) - sizes
    return np.asarray(order[np.repeat(starts[groups] - before, sizes) + np.arange(len(order))])


def share(order: Order, number: int, count: int) -> Order:
    """The part of reader `number` of `count`. All parts together are the order; their lengths differ by at most one."""
    return order[len(order) * number // count : len(order) * (number + 1) // count]


def shuffle_windows(order: Order, window: int, seed: int, epoch: int, number: int) -> Order:
    """The order with the clips of each window of `window` clips shuffled."""
    random = np.random.default_rng([seed, epoch, number])
    windows = [random.permutation(order[first : first + window]) for first in range(0, len(order), window)]
    return np.concatenate(windows) if windows else order
