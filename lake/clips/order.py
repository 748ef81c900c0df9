"""In which order clips are read, and which of several readers reads which.

An order depends on the clips alone and not on where their keypoints lie, so that it stays the same when upkeep moves
them: the state of a reader holds over it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signverse.lake.clips.table import ClipTable
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP

Order = npt.NDArray[np.int64]
"""Places of clips in the table."""


def stored(table: ClipTable) -> Order:
    """By sign language, video and frame: as a lake that upkeep sorted has them."""
    folders = [(place.file or "").rpartition("/")[0] for place in table.places]
    # The videos of a table are sorted by id already.
    rank = np.empty(len(folders), np.int64)
    rank[sorted(range(len(folders)), key=lambda at: (folders[at], at))] = np.arange(len(folders))
    return np.lexsort((table.frames[:, 0], rank[table.video]))


def units(table: ClipTable, order: Order) -> Order:
    """Where a new row group begins, in clips of the order `stored`: those between lie in one (give or take a frame)."""
    group = table.video[order].astype(np.int64) << 32 | table.frames[order, 0] // ROWS_PER_GROUP
    return np.flatnonzero(np.r_[True, group[1:] != group[:-1]])


def shuffled(table: ClipTable, seed: int, epoch: int) -> Order:
    """The clips of a row group together, the row groups at random. `mix` completes it."""
    order = stored(table)
    starts = units(table, order)
    chosen = np.random.default_rng([seed, epoch]).permutation(len(starts))
    sizes = np.diff(np.r_[starts, len(order)])[chosen]
    before = np.cumsum(sizes) - sizes
    return np.asarray(order[np.repeat(starts[chosen] - before, sizes) + np.arange(len(order))])


def share(order: Order, number: int, count: int) -> Order:
    """The part of reader `number` of `count`: all parts together are the order, and differ by a clip at most."""
    return order[len(order) * number // count : len(order) * (number + 1) // count]


def mix(order: Order, window: int, seed: int, epoch: int, number: int) -> Order:
    """The order with the clips of each window at random."""
    random = np.random.default_rng([seed, epoch, number])
    windows = [random.permutation(order[at : at + window]) for at in range(0, len(order), window)]
    return np.concatenate(windows) if windows else order
