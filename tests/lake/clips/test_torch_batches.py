"""Ranks that train together end an epoch together: the batches that come are as many as `len(loader)` says."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.clips.stream import Reading
from signverse.lake.clips.table import ClipTable, joints_of
from signverse.lake.lake import Lake
from signverse.lake.storage.reader import Placement
from tests.lake.clips.resuming import read_and_resumed

torch = pytest.importorskip("torch", reason="PyTorch is not installed: uv run --with torch pytest")

from torch.utils.data import DataLoader, DistributedSampler, IterableDataset  # noqa: E402
from torch.utils.data._utils import worker as torch_worker  # noqa: E402
from torch.utils.data.dataloader import _DatasetKind  # noqa: E402

from signverse.lake.clips.torch_dataset import ClipDataset, ClipStream, collate  # noqa: E402


def clips_of_nobody(count: int) -> ClipTable:
    """Clips of a frame each of a video that shows nobody: nothing is read from a file."""
    return ClipTable(
        folder=Path("keypoints"),
        rows=pa.table({"segment_id": [str(i) for i in range(count)]}),
        places=[Placement("video", None, 0, 0)],
        video=np.zeros(count, np.int32),
        frames=np.stack([np.arange(count), np.arange(count) + 1], axis=1).astype(np.int64),
        fingerprint=str(count),
    )


def just_the_id(sample):
    return sample["segment_id"]


def as_it_is(batch):
    return batch


def stream(count: int, rank: int = 0, ranks: int = 1, uneven: str = "repeat", *, shuffle: bool = True) -> ClipStream:
    reading = Reading(joints_of(["body"]), order="shuffled" if shuffle else "stored", read_ahead=20, threads=1)
    return ClipStream(clips_of_nobody(count), reading, just_the_id, rank, ranks, uneven)


def batches_of_workers(loader: DataLoader) -> list[list[str]]:
    """The batches of a DataLoader's workers, made one after another in this process by PyTorch's own parts."""
    if loader.num_workers == 0:
        return list(loader)
    made = []
    for number in range(loader.num_workers):
        torch_worker._worker_info = torch_worker.WorkerInfo(
            id=number, num_workers=loader.num_workers, seed=0, dataset=loader.dataset
        )
        try:
            fetcher = _DatasetKind.create_fetcher(
                loader._dataset_kind, loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
            )
            with contextlib.suppress(StopIteration):
                while True:
                    made.append(fetcher.fetch(next(iter(loader._index_sampler))))
        finally:
            torch_worker._worker_info = None
    return made


@settings(max_examples=150, deadline=None)
@given(
    clips=st.integers(1, 300),
    ranks=st.integers(1, 4),
    workers=st.integers(0, 3),
    batch_size=st.integers(1, 100),
    drop_last=st.booleans(),
    uneven=st.sampled_from(["repeat", "drop"]),
    shuffle=st.booleans(),
)
def test_every_rank_has_as_many_batches_as_len_says(clips, ranks, workers, batch_size, drop_last, uneven, shuffle):
    if clips < ranks:
        uneven = "repeat"
    counts, seen = set(), Counter()
    for rank in range(ranks):
        dataset = stream(clips, rank, ranks, uneven, shuffle=shuffle)
        loader = DataLoader(
            dataset, batch_size=batch_size, num_workers=workers, drop_last=drop_last, collate_fn=as_it_is
        )
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            batches = batches_of_workers(loader)
        counts.add(len(batches))
        assert len(loader) == len(batches)
        assert ["no batch comes" in str(warning.message) for warning in said] == [True] * (not batches)
        seen.update(name for batch in batches for name in batch)
    assert len(counts) == 1
    if not drop_last:
        assert sum(seen.values()) == clips + dataset.repeated - dataset.dropped
        assert len(seen) == clips - dataset.dropped
        assert max(dataset.repeated, dataset.dropped) < ranks


@settings(max_examples=60, deadline=None)
@given(clips=st.integers(1, 300), ranks=st.integers(1, 4), batch_size=st.integers(1, 100), drop_last=st.booleans())
def test_by_index_a_distributed_sampler_does_the_same(clips, ranks, batch_size, drop_last):
    dataset = ClipDataset(clips_of_nobody(clips), Reading(joints_of(["body"])), just_the_id)
    counts, seen = set(), Counter()
    for rank in range(ranks):
        sampler = DistributedSampler(dataset, ranks, rank, shuffle=True)
        loader = DataLoader(dataset, batch_size, sampler=sampler, drop_last=drop_last, collate_fn=as_it_is)
        batches = list(loader)
        counts.add(len(batches))
        assert len(loader) == len(batches)
        seen.update(name for batch in batches for name in batch)
    assert len(counts) == 1
    if not drop_last:
        assert len(seen) == clips


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clips", "ranks", "workers", "batch_size", "drop_last"),
    [(99, 2, 2, 8, False), (66, 1, 2, 32, False), (199, 1, 2, 100, True), (7, 3, 3, 4, False), (101, 2, 3, 10, True)],
)
def test_real_workers_yield_as_many_batches_as_len_says(clips, ranks, workers, batch_size, drop_last):
    counts, seen = set(), Counter()
    for rank in range(ranks):
        dataset = stream(clips, rank, ranks)
        loader = DataLoader(
            dataset, batch_size, num_workers=workers, drop_last=drop_last, collate_fn=as_it_is, timeout=60
        )
        for epoch in range(2):
            dataset.set_epoch(epoch)
            batches = list(loader)
            assert len(batches) == len(loader)
            counts.add(len(batches))
        seen.update(name for batch in batches for name in batch)
    assert len(counts) == 1
    if not drop_last:
        assert len(seen) == clips


class Twice(IterableDataset):
    """A dataset of a user's, around ours."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        for sample in self.inner:
            yield sample * 2

    def __len__(self):
        return len(self.inner)


def test_len_is_true_of_a_dataset_around_ours():
    loader = DataLoader(Twice(stream(66)), batch_size=32, num_workers=2, collate_fn=as_it_is)
    assert [len(batch) for batch in batches_of_workers(loader)] == [32, 32, 2]
    assert len(loader) == 3


def test_clips_without_batches_are_divided_among_workers():
    loader = DataLoader(stream(7), batch_size=None, num_workers=3)
    assert sorted(map(int, batches_of_workers(loader))) == list(range(7))
    assert len(loader) == 7


def test_what_cannot_be_known_is_said(recwarn):
    dataset = stream(9)
    torch_worker._worker_info = torch_worker.WorkerInfo(id=0, num_workers=2, seed=0, dataset=dataset)
    try:
        assert len(list(dataset)) == 4
    finally:
        torch_worker._worker_info = None
    assert "the batch size of the DataLoader cannot be seen" in str(recwarn.pop().message)


class LaterFetcher:
    """As PyTorch's may be called one day, with other attributes."""

    def __init__(self, dataset):
        self.clips = iter(dataset)

    def fetch(self, indices):
        return [clip for _, clip in zip(indices, self.clips, strict=False)]


@pytest.mark.parametrize("is_there", [True, False])
def test_with_a_pytorch_of_other_parts_the_clips_come_all_the_same(monkeypatch, recwarn, is_there):
    fetch = torch.utils.data._utils.fetch
    if is_there:
        monkeypatch.setattr(fetch, "_IterableDatasetFetcher", LaterFetcher)
    else:
        monkeypatch.delattr(fetch, "_IterableDatasetFetcher")
    dataset = stream(9)
    batches = []
    for number in range(2):
        worker = torch_worker.WorkerInfo(id=number, num_workers=2, seed=0, dataset=dataset)
        monkeypatch.setattr(torch_worker, "_worker_info", worker)
        fetcher = LaterFetcher(dataset)
        batches += [fetcher.fetch(range(3)), fetcher.fetch(range(3))]
    assert sorted(int(clip) for batch in batches for clip in batch) == list(range(9))
    assert "the batch size of the DataLoader cannot be seen" in str(recwarn.pop().message)


def test_a_dataset_says_what_is_repeated_or_dropped(monkeypatch):
    assert repr(stream(99, 1, 2)) == "ClipStream(50 of 99 clips, rank 1 of 2, 1 repeated)"
    assert repr(stream(99, 0, 4, "drop")) == "ClipStream(24 of 99 clips, rank 0 of 4, 3 dropped)"
    assert repr(stream(99, 0, 4, "keep")) == "ClipStream(24 of 99 clips, rank 0 of 4)"
    # torchrun sets these before a process group is there.
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    dataset = stream(8, None, None)
    assert (dataset.rank, dataset.world_size, len(dataset)) == (1, 2, 4)


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "batch_size"), [(66, 32), (57, 3), (10, 4)])
def test_a_stateful_loader_of_workers_goes_on_with_exactly_the_next_batch(clips, batch_size):
    data = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")

    def loader():
        return data.StatefulDataLoader(stream(clips), batch_size=batch_size, num_workers=2, collate_fn=as_it_is)

    whole = list(loader())
    assert len(whole) == len(loader())
    for stop in range(len(whole)):
        read, rest = read_and_resumed(loader, stop)
        assert read + rest == whole


def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


TRAINING = """
import sys
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
import signverse

torch.distributed.init_process_group("gloo")
lake = signverse.open(sys.argv[1])
dataset = lake.torch_dataset(lake.clips(), shuffle=True, fill=0.0, parts=["right_hand"])
loader = DataLoader(dataset, batch_size=2, num_workers=2, collate_fn=signverse.collate)
model = DistributedDataParallel(torch.nn.Linear(3, 1))
for epoch in range(2):
    dataset.set_epoch(epoch)
    steps = 0
    for batch in loader:
        model(batch["points"]).mean().backward()
        steps += 1
    assert steps == len(loader)
    torch.distributed.barrier()
    print("epoch", epoch, "of", steps, "steps", dataset)
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_that_average_gradients_end_their_epochs_together(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a", frames=300, texts=tuple(f"Sentence {i}" for i in range(27))))
    (tmp_path / "training.py").write_text(textwrap.dedent(TRAINING))
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(unused_port()), "WORLD_SIZE": "2"}
    ranks = [
        subprocess.Popen(
            [sys.executable, tmp_path / "training.py", folder],
            env={**environment, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        told = [rank.communicate(timeout=240) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0], told
    for number, (out, _) in enumerate(told):
        share = f"ClipStream(14 of 27 clips, rank {number} of 2, 1 repeated)"
        assert out.splitlines() == [f"epoch {epoch} of 7 steps {share}" for epoch in range(2)]


def test_a_lake_of_real_clips_gives_the_same_to_each_rank(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a", frames=300, texts=tuple(f"Sentence {i}" for i in range(27))))
    with Lake.open(folder) as lake:
        rows = lake.clips().collect()
        datasets = [lake.torch_dataset(rows, rank=rank, world_size=2) for rank in range(2)]
        loaders = [DataLoader(dataset, batch_size=4, collate_fn=collate) for dataset in datasets]
        names = [name for loader in loaders for batch in loader for name in batch["segment_id"]]
    assert len(names) == 28
    assert set(names) == set(rows.get_column("segment_id")) == set(pl.Series(names))
