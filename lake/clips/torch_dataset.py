"""Clips for PyTorch: a map-style and an iterable dataset, for workers, ranks and restarts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    # The classes can be named and read about without PyTorch; using one says that it is missing.
    torch, Dataset, IterableDataset, get_worker_info = None, object, object, None

from signverse.lake.clips.stream import ClipReader, Reading, RowGroups, read_points
from signverse.lake.clips.table import ClipTable, joint_names
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.reader import KeypointsReader

Sample = dict[str, Any]
"""points, a float32 tensor [T, K, 3], beside segment_id, video_id, start_frame, end_frame, text and sign_language."""

Transform = Callable[[Sample], Any]


class ClipDataset(Dataset):  # type: ignore[misc]
    """Clips by index, in the order in which they were given. Each worker process opens its own reader.

    Of several indices at once, as a DataLoader requests for a batch, each row group is read once.

    Attributes:
        joints: names of the K joints of the points.
    """

    def __init__(self, table: ClipTable, reading: Reading, transform: Transform | None, fill: float | None) -> None:
        _require_torch()
        self._table = table
        self._reading = reading
        self._transform = transform
        self._fill = fill
        self._open: tuple[int, KeypointsReader] | None = None
        self.joints = joint_names(reading.joints)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several clips, in the order of the indices."""
        clips = [index + len(self) if index < 0 else index for index in indices]
        if not all(0 <= clip < len(self) for clip in clips):
            raise IndexError(f"there are {len(self)} clips, 0 to {len(self) - 1}")
        row_groups = RowGroups(self._reader(), 2)
        frames, video = self._table.frames, self._table.video
        found = {
            clip: read_points(self._table, clip, self._reading, row_groups)
            for clip in sorted(set(clips), key=lambda clip: (video[clip], frames[clip, 0]))
        }
        return [
            _sample(self._table.about(clip), found[clip], self._transform, self._fill, copy=clips.count(clip) > 1)
            for clip in clips
        ]

    def _reader(self) -> KeypointsReader:
        # A forked worker must not use the locks of its parent.
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), KeypointsReader(self._table.folder)
        return self._open[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}


class ClipStream(IterableDataset):  # type: ignore[misc]
    """Clips to iterate over. Ranks and their DataLoaders' workers share them: each clip comes once.

    With `shuffle`, row groups come in random order and the clips within a window of `read_ahead` are shuffled: far
    fewer bytes are read than for clips in random order, but clips of one row group come within one window. A larger
    window shuffles better and takes more memory.

    Attributes:
        joints: names of the K joints of the points.
    """

    def __init__(
        self,
        table: ClipTable,
        reading: Reading,
        transform: Transform | None,
        fill: float | None,
        rank: int | None,
        world_size: int | None,
    ) -> None:
        _require_torch()
        self._table = table
        self._reading = reading
        self._transform = transform
        self._fill = fill
        # Determined here, as spawned workers have no process group.
        self.rank, self.world_size = _rank(rank, world_size)
        self.joints = joint_names(reading.joints)
        # In shared memory: persistent workers see the next epoch, too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        """The number of clips of this rank. Ranks differ by at most one."""
        clips = len(self._table)
        return clips * (self.rank + 1) // self.world_size - clips * self.rank // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Shuffles differently from the next iteration on; give every rank the same epoch."""
        if epoch < 0:
            raise BadInputError(f"epoch is {epoch}", "It takes 0 or more.")
        self._epoch.fill_(epoch)

    def __iter__(self) -> ClipSamples:
        worker = get_worker_info()
        number, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        reading = replace(
            self._reading,
            epoch=int(self._epoch),
            share=(self.rank * count + number, self.world_size * count),
            # Workers are parallel already.
            threads=self._reading.threads or (1 if worker else None),
        )
        return ClipSamples(ClipReader(self._table, reading), self._transform, self._fill)


class ClipSamples(Iterator[Any]):
    """One pass over a `ClipStream`. torchdata's StatefulDataLoader keeps the state of each worker's."""

    def __init__(self, clips: ClipReader, transform: Transform | None, fill: float | None) -> None:
        self._clips = clips
        self._transform = transform
        self._fill = fill

    def __next__(self) -> Any:
        clip = next(self._clips)
        about = {name: value for name, value in vars(clip).items() if name != "points"}
        return _sample(about, clip.points, self._transform, self._fill)

    def state_dict(self) -> dict[str, Any]:
        """See `signverse.ClipReader.state_dict`."""
        return self._clips.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `signverse.ClipReader.load_state_dict`; the number of ranks and workers must be the same."""
        self._clips.load_state_dict(state)


def collate(samples: Sequence[Sample], *, fill: float = 0.0) -> dict[str, Any]:
    """A batch of clips of any lengths: points [B, T, K, 3] padded at the end, lengths [B], the rest as lists.

    Raises:
        BadInputError: torch is missing.
    """
    _require_torch()
    points = [sample["points"] for sample in samples]
    padded = torch.nn.utils.rnn.pad_sequence(points, batch_first=True, padding_value=fill)
    metadata = {name: [sample[name] for sample in samples] for name in samples[0] if name != "points"}
    return {"points": padded, "lengths": torch.tensor([len(clip) for clip in points]), **metadata}


def _require_torch() -> None:
    if torch is None:
        raise BadInputError("PyTorch is not installed", "Run: pip install torch.")


def _sample(
    about: dict[str, Any], points: Points, transform: Transform | None, fill: float | None, *, copy: bool = False
) -> Any:
    if copy:
        points = points.copy()
    if fill is not None:
        points[np.isnan(points)] = fill
    sample = {"points": torch.from_numpy(points), **about}
    return sample if transform is None else transform(sample)


def _rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if (rank is None) != (world_size is None):
        raise BadInputError("only one of rank and world_size was given", "Give both or neither.")
    if rank is None or world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if not 0 <= rank < world_size:
        raise BadInputError(f"rank is {rank} of {world_size}", f"It takes 0 to {world_size - 1}.")
    return rank, world_size
