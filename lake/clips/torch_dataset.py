"""Clips for PyTorch: a map-style and an iterable dataset, for workers, ranks and restarts."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy.typing as npt

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    # The classes can be named and read about without PyTorch; using one says that it is missing.
    torch, Dataset, IterableDataset, get_worker_info = None, object, object, None

from signverse.lake.clips.order import Share, Uneven
from signverse.lake.clips.preparation import Preparation, window_mask
from signverse.lake.clips.stream import ClipReader, Reading, read_points
from signverse.lake.clips.table import ClipTable, joint_names
from signverse.lake.clips.torch_batches import requested_batch
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import Part
from signverse.lake.model.wording import counted
from signverse.lake.storage.reader import KeypointsReader

Sample = dict[str, Any]
"""points, a tensor [T, K, 3], beside segment_id, video_id, start_frame, end_frame, text and sign_language.

Of windows also mask, a bool tensor [T], False in padding. With `valid=True` also valid, a bool tensor [T, K], False
where a point is absent."""

Transform = Callable[[Sample], Any]


class DatasetOptions(TypedDict, total=False):
    """The options of `Lake.torch_dataset` that do not decide what it returns."""

    parts: Iterable[str | Part]
    person: int
    shuffle: bool
    group_by_length: bool
    seed: int
    rank: int | None
    world_size: int | None
    uneven: Uneven
    transform: Transform | None
    fill: float | None
    valid: bool
    dtype: Any
    read_ahead: int
    threads: int | None
    prepare: Preparation | None


class ClipDataset(Dataset):  # type: ignore[misc]
    """Clips by index, in the order in which they were given. Each worker process opens its own reader.

    Of several indices at once, as a DataLoader requests for a batch, each page is read once.

    Attributes:
        joints: names of the K joints of the points.
        uncovered: how many frames are in no window, where windows were requested.
    """

    def __init__(self, table: ClipTable, reading: Reading, transform: Transform | None) -> None:
        _require_torch()
        self._table = table
        self._reading = reading
        self._transform = transform
        self._open: tuple[int, KeypointsReader] | None = None
        self.joints = joint_names(reading.joints)
        self.uncovered = table.uncovered

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several clips, in the order of the indices."""
        clips = [index + len(self) if index < 0 else index for index in indices]
        if not all(0 <= clip < len(self) for clip in clips):
            raise IndexError(f"there are {len(self)} clips, 0 to {len(self) - 1}")
        found = read_points(self._table, sorted(set(clips)), self._reading, self._reader())
        samples = []
        for clip in clips:
            # A clip that is there twice: changing one sample must not change the other.
            points, valid = found[clip].copy() if clips.count(clip) > 1 else found[clip]
            mask = window_mask(self._reading.prepare, self._table, clip)
            about = {**self._table.about(clip), "mask": mask, "valid": valid}
            samples.append(_sample(about, points, self._reading, self._transform))
        return samples

    def _reader(self) -> KeypointsReader:
        # A forked worker must not use the locks of its parent.
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), KeypointsReader(self._table.folder)
        return self._open[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}


class ClipStream(IterableDataset):  # type: ignore[misc]
    """Clips to iterate over; ranks and their DataLoaders' workers divide them.

    Every rank gets the same number of clips and of batches, in any number of workers, and `len(loader)` is the number
    of batches that come: ranks that train together end an epoch together. Where the clips cannot be divided evenly,
    `uneven` says what happens: `repeat` (the default) takes up to one clip a rank twice; `drop` leaves up to one clip a
    rank out, other ones in each epoch if shuffled; `keep` takes each clip once, so that ranks may differ by a batch, as
    evaluation without gradients may want it. Give all ranks the same batch size and number of workers.

    With `shuffle`, row groups come in random order and the clips within a window of `read_ahead` are shuffled: far
    fewer bytes are read than for clips in random order, but clips of one row group come within one window. A larger
    window shuffles better and takes more memory.

    Attributes:
        joints: names of the K joints of the points.
        uncovered: how many frames are in no window, where windows were requested.
        rank, world_size: of this process among those that divide the clips.
        repeated, dropped: how many clips come twice, or not at all, in an epoch of all ranks.
    """

    def __init__(
        self,
        table: ClipTable,
        reading: Reading,
        transform: Transform | None,
        rank: int | None,
        world_size: int | None,
        uneven: Uneven = "repeat",
    ) -> None:
        _require_torch()
        self._table = table
        self._transform = transform
        # Determined here, as spawned workers have no process group.
        self.rank, self.world_size = _rank(rank, world_size)
        self._reading = replace(reading, share=Share(self.rank, self.world_size, uneven=uneven))
        surplus = len(self) * self.world_size - len(table)
        self.repeated, self.dropped = (0, 0) if uneven == "keep" else (max(0, surplus), max(0, -surplus))
        self.joints = joint_names(reading.joints)
        self.uncovered = table.uncovered
        # In shared memory: persistent workers see the next epoch, too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __repr__(self) -> str:
        uneven = f", {self.repeated} repeated" if self.repeated else f", {self.dropped} dropped" if self.dropped else ""
        return f"ClipStream({len(self)} of {len(self._table)} clips, rank {self.rank} of {self.world_size}{uneven})"

    def __len__(self) -> int:
        """The number of clips of this rank."""
        first, last = self._reading.share.of_rank(len(self._table))
        return last - first

    def set_epoch(self, epoch: int) -> None:
        """Shuffles differently from the next iteration on; give every rank the same epoch."""
        if epoch < 0:
            raise BadInputError(f"epoch is {epoch}", "It takes 0 or more.")
        self._epoch.fill_(epoch)

    def __iter__(self) -> ClipSamples:
        reading = replace(self._reading, epoch=int(self._epoch))
        worker = get_worker_info()
        if worker is not None:
            # Workers are parallel already.
            share = replace(reading.share, worker=worker.id, workers=worker.num_workers)
            reading = replace(reading, share=share, threads=reading.threads or 1)
        return ClipSamples(self._table, reading, self._transform)


class ClipSamples(Iterator[Any]):
    """One pass over a `ClipStream`. torchdata's StatefulDataLoader keeps the state of each worker's."""

    def __init__(self, table: ClipTable, reading: Reading, transform: Transform | None) -> None:
        self._table = table
        self._reading = reading
        self._transform = transform
        self._clips: ClipReader | None = None
        self._state: Mapping[str, Any] | None = None

    def __next__(self) -> Any:
        if self._clips is None:
            # Not before: what a batch is shows when the first one is asked for.
            self._clips = self._open()
        clip = next(self._clips)
        about = {name: value for name, value in vars(clip).items() if name != "points"}
        return _sample(about, clip.points, self._reading, self._transform)

    def _open(self) -> ClipReader:
        share, request = self._reading.share, requested_batch()
        if share.workers > 1 and request is None and share.worker == 0:
            warnings.warn(
                "the batch size of the DataLoader cannot be seen: more batches than len(loader) may come, and ranks "
                "may differ; use one worker or map_style=True",
                stacklevel=3,
            )
        if request is not None and (share.workers > 1 or self._reading.group_by_length):
            share = replace(share, batch_size=request.batch_size)
        first, last = share.of_rank(len(self._table))
        if request is not None and request.drop_last and last - first < request.batch_size and share.worker == 0:
            warnings.warn(
                f"no batch comes: rank {share.rank} of {share.ranks} has {counted(last - first, 'clip')}, fewer than "
                f"a batch of {request.batch_size}, and drop_last leaves them out",
                stacklevel=3,
            )
        clips = ClipReader(self._table, replace(self._reading, share=share))
        if self._state is not None:
            unknown = {"batch_size": share.batch_size} if self._state.get("batch_size") is None else {}
            clips.load_state_dict({**self._state, **unknown})
        return clips

    def state_dict(self) -> dict[str, Any]:
        """See `signverse.ClipReader.state_dict`."""
        if self._clips is not None:
            return self._clips.state_dict()
        if self._state is not None:
            return dict(self._state)
        # The batch size is part of what decides the order.
        return {**ClipReader(self._table, self._reading).state_dict(), "batch_size": None, "order_digest": None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `signverse.ClipReader.load_state_dict`; the number of ranks and workers must be the same.

        So must the batch size, if there are several workers.
        """
        if self._clips is None:
            # Refused here and not at the first clip, if it is of others.
            known = state.get("batch_size") or 1
            share = replace(self._reading.share, batch_size=known if isinstance(known, int) else 1)
            reader = ClipReader(self._table, replace(self._reading, share=share))
            reader.load_state_dict({**state, "batch_size": known})
            self._state = dict(state)
        else:
            self._clips.load_state_dict(state)


def collate(samples: Sequence[Sample], *, fill: float = 0.0) -> dict[str, Any]:
    """A batch of clips of any lengths: points [B, T, K, 3] padded at the end, lengths [B], the rest as lists.

    mask is a bool tensor [B, T], False in padding, also in that of windows. valid, where the samples have it, is a bool
    tensor [B, T, K], False in padding and where a point is absent.

    Args:
        fill: the points in padding.

    Raises:
        BadInputError: torch is missing.
    """
    _require_torch()
    points = [sample["points"] for sample in samples]
    lengths = torch.tensor([len(clip) for clip in points])
    batch = {"points": _padded(points, fill), "lengths": lengths}
    batch.update({name: [sample[name] for sample in samples] for name in samples[0] if name not in batch})
    if "valid" in batch:
        batch["valid"] = _padded(batch["valid"], False)
    if "mask" in batch:
        batch["mask"] = torch.stack(batch["mask"])
    else:
        batch["mask"] = torch.arange(batch["points"].shape[1]) < lengths[:, None]
    return batch


def _padded(clips: Sequence[Any], fill: float) -> Any:
    """Tensors [T, ...] of several lengths as one [B, longest T, ...]."""
    first = clips[0]
    shape = (len(clips), max(map(len, clips)), *first.shape[1:])
    shared = get_worker_info() is not None
    if shared:
        # In a worker in shared memory from the start, as PyTorch's own collate does: sending it copies nothing.
        storage = first._typed_storage()._new_shared(math.prod(shape), device=first.device)
        batch = first.new(storage).resize_(shape)
    else:
        batch = first.new_empty(shape)
    for target, clip in zip(batch, clips, strict=True):
        target[: len(clip)] = clip
        # New shared memory is 0 already, and padding is often the larger part of a batch.
        if fill or not shared:
            target[len(clip) :] = fill
    return batch


def _require_torch() -> None:
    if torch is None:
        raise BadInputError("PyTorch is not installed", "Run: pip install torch.")


def _sample(about: dict[str, Any], points: npt.NDArray[Any], reading: Reading, transform: Transform | None) -> Any:
    masks = {name: about.pop(name) for name in ("mask", "valid")}
    tensor = torch.from_numpy(points)
    if reading.output.dtype == "bfloat16":
        tensor = tensor.bfloat16()
    sample = {"points": tensor, **about}
    sample.update({name: torch.from_numpy(mask) for name, mask in masks.items() if mask is not None})
    return sample if transform is None else transform(sample)


def _rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if (rank is None) != (world_size is None):
        raise BadInputError("only one of rank and world_size was given", "Give both or neither.")
    if rank is None or world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        # torchrun says it here before init_process_group is called.
        try:
            return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        except (KeyError, ValueError):
            return 0, 1
    return rank, world_size
