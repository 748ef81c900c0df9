"""A shuffled epoch for training, beside webdataset tars and Lance, of the same clips in one run: clips/s and frames/s.

    python -m bench epoch                         # makes a lake, and the same clips as tars and for Lance
    python -m bench.epoch LAKE                    # an existing lake
    uv run --with pylance --with webdataset --with torch python -m bench epoch

Through PyTorch: a DataLoader with 2 workers, batches of 32 clips, the same collate for all, which pads with nan; and in
one process as numpy. Readers take turns; every one has read an epoch before. Shuffling is not the same thing in each:

- ours: row groups (1,024 frames of a video) in random order, and the clips of each `read_ahead` (256) in random order
  among themselves; ours by index: any permutation;
- webdataset: tars in random order, and a buffer of 1,000 clips out of which each next one is drawn;
- Lance: any permutation. A row a frame and one column [384], format 2.2, a batch read by one take. (A column a part,
  the fastest of `bench clips`, took 1.7 microseconds of a core a frame here where one column took 1.1.)

The tars are what `signverse export webdataset` writes. What tars and Lance hold of a clip is copied as it is, 1,536
bytes a frame; a lake has 0.3 of the bytes, which have to be unpacked. All of it lies in the system's file cache here.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from bench.corpus import make_corpus
from signverse.export.release.clip_exports import export_clips
from signverse.lake.lake import Lake
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan

BYTES: Final = 200_000_000
"""Of keypoints: 430,000 frames, and with the tars and Lance 1.5 GB."""

ROUNDS: Final = 5
BATCH: Final = 32
WORKERS: Final = 2
BUFFER: Final = 1000
CLIPS_A_TAR: Final = 250
"""Eight and more tars, so that each of two workers has several to shuffle."""


# What Lance reads cannot be written to, and nobody does; each worker would say so.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


@dataclass(frozen=True)
class Reader:
    """Reads an epoch.

    Attributes:
        epoch: the clips' lengths in frames, as they come; takes the number of the epoch.
        workers: the ids of the worker processes, of which the time is counted.
    """

    name: str
    epoch: Callable[[int], Iterator[int]]
    workers: Callable[[], list[int]] = list


@dataclass(frozen=True)
class Epoch:
    """What an epoch took: seconds, and of all its processes seconds of a core."""

    clips: int
    frames: int
    seconds: float
    busy: float


def main(lakes: Sequence[Path] = ()) -> None:
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        if not lakes:
            lake = make_corpus(folder / "lake", videos=1500, segments=75_000, keypoints_bytes=BYTES, commits=8)
            maintain(lake.snapshot, make_plan(lake.snapshot, full=True))
            lakes = [lake.folder]
        for path in lakes:
            with Lake.open(path) as lake:
                _run(lake, folder / "others")
            shutil.rmtree(folder / "others", ignore_errors=True)
    finally:
        shutil.rmtree(folder)


def _run(lake: Lake, folder: Path) -> None:
    videos = lake.videos().filter(pl.col("keypoints_file").is_not_null()).collect()
    clips = lake.clips(videos=videos["video_id"].to_list()).collect()
    frames = int(clips.select((pl.col("end_frame") - pl.col("start_frame")).sum()).item())
    print(f"epoch: {clips.height:,} clips of {frames / clips.height:.0f} frames, medians of {ROUNDS} epochs")
    tars, rows = _tars(lake, clips, folder / "tars"), _lance(lake, clips, videos, folder / "lance")
    groups = {
        "one process, numpy": [*_ours(lake, clips), *(tars.alone() if tars else ()), *(rows.alone() if rows else ())],
        f"PyTorch, {WORKERS} workers": list(_loaders(lake, clips, tars, rows)),
    }
    for group, readers in groups.items():
        if not readers:
            continue
        print(f"  {group:38} {'clips/s':>8} {'frames/s':>9} {'core, us/frame':>15}")
        for name, epochs in _in_turn(readers).items():
            for epoch in epochs:
                assert (epoch.clips, epoch.frames) == (clips.height, frames), (name, epoch)
            took = statistics.median(epoch.seconds for epoch in epochs)
            busy = statistics.median(epoch.busy for epoch in epochs)
            print(f"  {name:38} {clips.height / took:8,.0f} {frames / took:9,.0f} {busy / frames * 1e6:15.2f}")


def _in_turn(readers: list[Reader]) -> dict[str, list[Epoch]]:
    """The epochs of each reader, the first one left out: it opens files and starts processes."""
    epochs: dict[str, list[Epoch]] = {reader.name: [] for reader in readers}
    for number in range(ROUNDS + 1):
        for reader in readers:
            epochs[reader.name].append(_timed(reader, number))
    return {name: found[1:] for name, found in epochs.items()}


def _timed(reader: Reader, number: int) -> Epoch:
    before = {pid: _seconds_of(pid) for pid in reader.workers()}
    began, busy = time.perf_counter(), time.process_time()
    lengths = list(reader.epoch(number))
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    busy += sum(_seconds_of(pid) - before.get(pid, 0) for pid in reader.workers())
    return Epoch(len(lengths), sum(lengths), seconds, busy)


def _seconds_of(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ours(lake: Lake, clips: pl.DataFrame) -> Iterator[Reader]:
    def reader(name: str, **options: Any) -> Reader:
        def epoch(number: int) -> Iterator[int]:
            with lake.read_clips(clips, order="shuffled", seed=number, **options) as read:
                yield from (len(clip.points) for clip in read)

        return Reader(name, epoch)

    yield reader("ours, read_clips")
    yield reader("  with fill", fill=0.0)
    yield reader("  with fill, valid, float16", fill=0.0, valid=True, dtype="float16")


def _loaders(lake: Lake, clips: pl.DataFrame, tars: Tars | None, rows: LanceRows | None) -> Iterator[Reader]:
    try:
        import torch
    except ModuleNotFoundError:
        print("  PyTorch is left out: uv run --with torch python -m bench epoch")
        return
    from torch.utils.data import DataLoader

    from signverse import collate

    def reader(name: str, dataset: Any, start: str = "fork", **options: Any) -> Reader:
        # Workers outlive an epoch, so that starting them is not measured.
        loader = DataLoader(
            dataset,
            batch_size=BATCH,
            num_workers=WORKERS,
            collate_fn=collate,
            multiprocessing_context=start,
            persistent_workers=True,
            **options,
        )

        def epoch(number: int) -> Iterator[int]:
            if hasattr(dataset, "set_epoch"):
                dataset.set_epoch(number)
            for batch in loader:
                yield from batch["lengths"].tolist()

        def workers() -> list[int]:
            return [worker.pid for worker in loader._iterator._workers] if loader._iterator is not None else []

        return Reader(name, epoch, workers)

    extras: dict[str, Any] = {"fill": 0.0, "valid": True, "dtype": torch.float16}
    yield reader("ours, torch_dataset", lake.torch_dataset(clips, shuffle=True))
    yield reader("  with fill, valid, float16", lake.torch_dataset(clips, shuffle=True, **extras))
    yield reader("  with group_by_length", lake.torch_dataset(clips, shuffle=True, group_by_length=True))
    yield reader("ours, by index", lake.torch_dataset(clips, map_style=True), shuffle=True)
    if tars:
        yield reader("webdataset, buffer of 1,000", tars.pipeline())
    if rows:
        # Lance's threads do not survive a fork.
        yield reader("Lance, by index, a take a batch", rows, "forkserver", shuffle=True)


@dataclass(frozen=True)
class Tars:
    urls: list[str]

    def pipeline(self) -> Any:
        import webdataset

        shuffled = webdataset.WebDataset(self.urls, shardshuffle=len(self.urls)).shuffle(BUFFER)
        return shuffled.decode().map(_sample_of_tar)

    def alone(self) -> Iterator[Reader]:
        import webdataset

        data = webdataset.WebDataset(self.urls, shardshuffle=len(self.urls)).shuffle(BUFFER).decode()
        yield Reader("webdataset, buffer of 1,000", lambda number: (len(x["keypoints.npy"]) for x in data))


def _sample_of_tar(sample: dict[str, Any]) -> dict[str, Any]:
    import torch

    names = ("segment_id", "video_id", "start_frame", "end_frame", "text", "sign_language")
    return {"points": torch.from_numpy(sample["keypoints.npy"]), **{name: sample["json"][name] for name in names}}


def _tars(lake: Lake, clips: pl.DataFrame, folder: Path) -> Tars | None:
    try:
        import webdataset  # noqa: F401
    except ModuleNotFoundError:
        print("  webdataset is left out: uv run --with webdataset python -m bench epoch")
        return None
    export_clips(lake, clips, folder, clips_per_file=CLIPS_A_TAR)
    return Tars([str(path) for path in sorted(folder.glob("*.tar"))])


class LanceRows:
    """Clips by index out of a Lance dataset that has a row a frame. Each process opens it for itself."""

    def __init__(self, path: str, starts: np.ndarray, lengths: np.ndarray, about: list[dict[str, Any]]) -> None:
        self.path = path
        self.starts, self.lengths, self.about = starts, lengths, about
        self.data: Any = None

    def __len__(self) -> int:
        return len(self.starts)

    def points(self, indices: Sequence[int]) -> list[np.ndarray]:
        import lance

        if self.data is None:
            self.data = lance.dataset(self.path)
        spans = [np.arange(self.starts[i], self.starts[i] + self.lengths[i]) for i in indices]
        whole = self.data.take(np.concatenate(spans)).column("points").combine_chunks().flatten().to_numpy()
        return np.split(whole.reshape(-1, 128, 3), np.cumsum([len(span) for span in spans])[:-1])

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        import torch

        return [
            {"points": torch.from_numpy(points), **self.about[i]}
            for i, points in zip(indices, self.points(indices), strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "data": None}

    def alone(self) -> Iterator[Reader]:
        def epoch(number: int) -> Iterator[int]:
            order = np.random.default_rng(number).permutation(len(self))
            for batch in np.array_split(order, math.ceil(len(order) / BATCH)):
                yield from (len(points) for points in self.points(batch.tolist()))

        yield Reader("Lance, a take a batch", epoch)


def _lance(lake: Lake, clips: pl.DataFrame, videos: pl.DataFrame, path: Path) -> LanceRows | None:
    try:
        import lance
    except ModuleNotFoundError:
        print("  Lance is left out: uv run --with pylance python -m bench epoch")
        return None
    schema = pa.schema([("points", pa.list_(pa.float32(), 384))])

    def batches() -> Iterable[pa.RecordBatch]:
        for video_id in videos["video_id"]:
            points = pa.array(lake.keypoints(video_id).reshape(-1))
            yield pa.record_batch([pa.FixedSizeListArray.from_arrays(points, 384)], schema=schema)

    lance.write_dataset(pa.RecordBatchReader.from_batches(schema, batches()), str(path), data_storage_version="2.2")
    counts = videos["num_frames"].to_numpy()
    first = dict(zip(videos["video_id"], (np.cumsum(counts) - counts).tolist(), strict=True))
    names = ("segment_id", "video_id", "start_frame", "end_frame", "text", "sign_language")
    return LanceRows(
        str(path),
        clips["start_frame"].to_numpy() + clips["video_id"].replace_strict(first).to_numpy(),
        (clips["end_frame"] - clips["start_frame"]).to_numpy(),
        clips.select(names).to_dicts(),
    )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
