"""The order in which clips are read, and how several readers share them.

An order depends on the clips alone and not on where their keypoints lie, so that it stays the same when maintenance
moves them: the state of a reader stays valid.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from signverse.lake.clips.table import ClipTable
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted

Order = npt.NDArray[np.int64]
"""Indices of clips in the table."""

_FRAMES_TOGETHER: Final = 1024
"""Frames whose clips a shuffled order keeps together: a row group. A number of its own: with another one orders
change and saved states are refused, whereas from row groups of another size clips are only read a little slower."""


def stored_order(table: ClipTable) -> Order:
    """By sign language, video and frame: the order of the files of a lake that was maintained."""
    folders = [(place.file or "").rpartition("/")[0] for place in table.places]
    # The videos of a table are sorted by id already.
    rank = np.empty(len(folders), np.int64)
    rank[sorted(range(len(folders)), key=lambda video: (folders[video], video))] = np.arange(len(folders))
    return np.lexsort((table.frames[:, 0], rank[table.video]))


def row_group_starts(table: ClipTable, order: Order) -> Order:
    """Positions in the stored order at which a new row group begins (give or take a frame)."""
    group = table.video[order].astype(np.int64) << 32 | table.frames[order, 0] // _FRAMES_TOGETHER
    return np.flatnonzero(np.r_[True, group[1:] != group[:-1]])


def shuffled_order(table: ClipTable, seed: int, epoch: int) -> Order:
    """Row groups in random order, the clips of each together. `shuffle_windows` mixes them further."""
    order = stored_order(table)
    starts = row_group_starts(table, order)
    groups = np.random.default_rng([seed, epoch]).permutation(len(starts))
    sizes = np.diff(np.r_[starts, len(order)])[groups]
    before = np.cumsum(sizes) - sizes
    return np.asarray(order[np.repeat(starts[groups] - before, sizes) + np.arange(len(order))])


def order_digest(order: Order) -> str:
    """The same for the same order only: one of another version of numpy, or of this package, may be another."""
    return hashlib.blake2b(np.ascontiguousarray(order, "<i8").tobytes(), digest_size=8).hexdigest()


Uneven = Literal["repeat", "drop", "keep"]
"""What becomes of clips that cannot be divided evenly among ranks; see `Share`."""


@dataclass(frozen=True)
class Share:
    """The clips of one reader of several: ranks divide the clips, and the workers of a rank divide those of the rank.

    Ranks that train together must have the same number of batches, or they wait for each other forever. So all get the
    same number of clips: with `repeat` as many as the largest part, where a rank short of one also takes the clip after
    its last; with `drop` as few as the smallest. With `keep` each clip comes once, and ranks differ by one at most.

    Workers divide whole batches: only the last batch of a rank may be smaller, whatever the number of workers.

    Attributes:
        rank, ranks: this rank, of how many.
        worker, workers: this worker process of the rank, of how many.
        uneven: repeat, drop or keep.
        batch_size: clips in a batch.
    """

    rank: int = 0
    ranks: int = 1
    worker: int = 0
    workers: int = 1
    uneven: Uneven = "repeat"
    batch_size: int = 1

    def __post_init__(self) -> None:
        if self.uneven not in get_args(Uneven):
            raise BadInputError(f"unknown value '{self.uneven}' of uneven", f"Values: {', '.join(get_args(Uneven))}.")
        if not 0 <= self.rank < self.ranks:
            raise BadInputError(f"rank is {self.rank} of {self.ranks}", f"It takes 0 to {self.ranks - 1}.")

    @property
    def number(self) -> int:
        """Of this reader among all readers of all ranks."""
        return self.rank * self.workers + self.worker

    def of_rank(self, clips: int) -> tuple[int, int]:
        """First and last, half-open, of the rank's among so many clips.

        Raises:
            BadInputError: there are fewer clips than ranks, and `uneven` is not `repeat`.
        """
        if clips < self.ranks and self.uneven != "repeat":
            nothing = "no rank gets any" if self.uneven == "drop" else "some ranks get none"
            raise BadInputError(
                f"{counted(clips, 'clip')} for {counted(self.ranks, 'rank')}: with uneven='{self.uneven}' {nothing}",
                "Use fewer ranks, or uneven='repeat'.",
            )
        first = clips * self.rank // self.ranks
        if self.uneven == "keep":
            return first, clips * (self.rank + 1) // self.ranks
        return first, first + (clips // self.ranks if self.uneven == "drop" else -(-clips // self.ranks))

    def of(self, order: Order) -> Order:
        """The part of this reader of all clips in their order."""
        first, last = self.of_rank(len(order))
        batches = -(-(last - first) // self.batch_size)
        begin, end = (batches * worker // self.workers for worker in (self.worker, self.worker + 1))
        return order[first + begin * self.batch_size : min(last, first + end * self.batch_size)]


def shuffle_windows(order: Order, window: int, seed: int, epoch: int, number: int) -> Order:
    """The order with the clips of each window of `window` clips shuffled."""
    random = np.random.default_rng([seed, epoch, number])
    windows = [random.permutation(order[first : first + window]) for first in range(0, len(order), window)]
    return np.concatenate(windows) if windows else order


def group_by_length(table: ClipTable, order: Order, window: int, batch_size: int, seed: int, epoch: int) -> Order:
    """The order with the clips of each window so that batches hold clips of similar length.

    Clips of a window are sorted by length and divided into batches, which come in random order; only the last batch of
    all may be smaller. A window is made as large as the next multiple of `batch_size`, so that no batch crosses one.
    """
    random = np.random.default_rng([seed, epoch])
    length = table.frames[:, 1] - table.frames[:, 0]
    window = -(-window // batch_size) * batch_size
    grouped = []
    for first in range(0, len(order), window):
        clips = order[first : first + window]
        clips = clips[np.argsort(length[clips], kind="stable")]
        whole = len(clips) // batch_size
        # The clips of the smaller batch are any of the window, not always its longest.
        rest = np.zeros(len(clips), bool)
        rest[random.choice(len(clips), len(clips) - whole * batch_size, replace=False)] = True
        batches = clips[~rest].reshape(whole, batch_size)
        grouped += [random.permutation(batches).reshape(-1), clips[rest]]
    return np.concatenate(grouped) if grouped else order
