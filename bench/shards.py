"""Import and export of shards, beside numpy alone on the same bytes.

A consolidated tar of 100,000 frames of synthetic signers and a per-frame tar of 20,000. Import is from the tar to
committed Delta, while numpy only loads. Export is of 400,000 frames as `card`, from the lake to finished tars, while
numpy only runs np.savez on frames in memory. Medians of three.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bench import shard_memory
from bench.shard_work import export_card, import_here
from signverse.export.release.choice import chosen_videos
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        _run(folder)
    finally:
        shutil.rmtree(folder)


def _run(folder: Path) -> None:
    consolidated, per_frame = folder / "consolidated.tar", folder / "per-frame.tar"
    _write_consolidated(consolidated, 20, 5000)
    _write_per_frame(per_frame, 10, 2000)
    print("shards: frames a second, and ratios to numpy")
    for name, path, frames, load in (
        ("consolidated", consolidated, 100_000, _load_consolidated),
        ("per-frame", per_frame, 20_000, _load_per_frame),
    ):
        theirs = frames / _median(lambda load=load, path=path: load(path))
        ours = frames / _median(lambda path=path: import_here(folder / "here", path))
        apart = frames / _median(lambda path=path: _import_in_process(folder / "apart", path))
        print(
            f"  import {name:13} numpy loads {theirs:9,.0f}   one process {ours:9,.0f} ({ours / theirs:.2f}x)", end=""
        )
        print(f"   the command's two {apart:9,.0f} ({apart / theirs:.2f}x), start-up counted")
    _copies(consolidated, folder / "four.tar", 4)
    import_here(folder / "lake", folder / "four.tar")
    _exports(folder)
    shard_memory.report(folder, {"100,000": consolidated, "400,000": folder / "four.tar"})


def _exports(folder: Path) -> None:
    """Export of 400,000 frames, in turns with numpy and with itself on fewer cores, as the machine may be busy."""
    lake = Lake.open(folder / "lake")
    videos = chosen_videos(lake, None)[0]
    cores = _cores()
    ways = {"one process": (1, cores), "two processes": (2, cores), "one process on one core": (1, cores[:1])}
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(3):
        times["np.savez"].append(_time(_savez_card))
        for name, (workers, allowed) in ways.items():
            _allow(allowed)
            times[name].append(_time(lambda workers=workers: export_card(lake, videos, folder / "out", workers)))
            _allow(cores)
        # Two videos of a second: what is left is starting two processes.
        few = videos.sort("num_frames").head(2).with_columns(num_frames=24)
        times["start"].append(_time(lambda few=few: export_card(lake, few, folder / "out", 2, videos_per_shard=1)))
        times["disk"].append(_time(lambda: _write_plainly(folder / "plain", 400_000 * 1795)))
    savez = 5000 / statistics.median(times["np.savez"])
    print(f"  export card    np.savez {savez:9,.0f}")
    for name in ways:
        rate = 400_000 / statistics.median(times[name])
        print(f"    {name:24} {rate:9,.0f} ({rate / savez:.2f}x)")
    plain = 400_000 / statistics.median(times["disk"])
    print(f"    the disk, written to     {plain:9,.0f} ({plain / savez:.2f}x)")
    print(f"    of which two processes take {statistics.median(times['start']):.1f} s to start")


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _allow(cores: list[int]) -> None:
    """Lets all threads of this process, and what it starts, run on these cores only."""
    if cores:
        for task in Path("/proc/self/task").iterdir():
            # One may end meanwhile.
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)


def _write_plainly(path: Path, size: int) -> None:
    piece = bytes(1024 * 1024)
    with path.open("wb") as file:
        for _ in range(size // len(piece)):
            file.write(piece)
    path.unlink()


def _import_in_process(folder: Path, path: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    import_shards(Lake.create(folder), [path], Options())


def _flat(points: np.ndarray) -> dict[str, Any]:
    frame: dict[str, Any] = {}
    for part in PARTS:
        values = np.nan_to_num(points[part.slice])
        frame[f"person_000_{part.name}_keypoints"] = values[:, :2] / np.array([1280, 720], np.float32)
        frame[f"person_000_{part.name}_scores"] = values[:, 2].copy()
    return frame


def _header() -> dict[str, Any]:
    return {
        "num_persons": np.array(1, np.int32),
        "frame_width": np.array(1280, np.int32),
        "frame_height": np.array(720, np.int32),
    }


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _savez(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _objects(frames: list[dict[str, Any]]) -> np.ndarray:
    array = np.empty(len(frames), object)
    array[:] = frames
    return array


def _write_consolidated(path: Path, videos: int, count: int) -> None:
    with tarfile.open(path, "w") as tar:
        for seed in range(videos):
            frames = [{**_header(), **_flat(points)} for points in make_signer(seed, count, 1280, 720)]
            data = _savez(
                fps=np.int32(24), frame_indices=np.arange(1, count + 1, dtype=np.int32), frame_payloads=_objects(frames)
            )
            _add(tar, f"bench{seed:06d}/npz/poses.npz", data)


def _copies(path: Path, out: Path, times: int) -> None:
    """The same videos again and again, under other names."""
    with tarfile.open(path) as tar, tarfile.open(out, "w") as copy:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            data = file.read()
            for number in range(times):
                _add(copy, f"{number}{member.name}", data)


def _write_per_frame(path: Path, videos: int, count: int) -> None:
    with tarfile.open(path, "w") as tar:
        for seed in range(videos):
            for number, points in enumerate(make_signer(seed, count, 1280, 720), 1):
                _add(tar, f"bench{seed:06d}/npz/{number:08d}.npz", _savez(**_header(), **_flat(points)))


def _load_consolidated(path: Path) -> None:
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            np.load(io.BytesIO(file.read()), allow_pickle=True)["frame_payloads"]


def _load_per_frame(path: Path) -> None:
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            with np.load(io.BytesIO(file.read())) as npz:
                for name in npz.files:
                    npz[name]


def _savez_card() -> None:
    points = make_signer_card()
    io.BytesIO(_savez(frames=points))


_CARD: list[np.ndarray] = []


def make_signer_card() -> np.ndarray:
    """5,000 frames of the card, made once."""
    if not _CARD:
        frames = [
            {
                "num_people": 1,
                "frame_id": i,
                "width": 1280,
                "height": 720,
                "person_0": {p.name: points[p.slice] for p in PARTS},
            }
            for i, points in enumerate(np.nan_to_num(make_signer(1, 5000, 1280, 720)))
        ]
        _CARD.append(_objects(frames))
    return _CARD[0]


def _median(run: Callable[[], object]) -> float:
    return statistics.median(_time(run) for _ in range(3))


def _time(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
