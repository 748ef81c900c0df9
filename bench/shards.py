"""Import and export of shards, beside what numpy alone takes for the same bytes.

A consolidated tar of 100,000 frames of synthetic signers and a per-frame tar of 20,000. Import is from the tar to
committed Delta; numpy merely loads. Export of `card` is from the lake to a finished tar; numpy's side is np.savez of
frames that lie in memory. Medians of three.
"""

from __future__ import annotations

import io
import resource
import shutil
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from export.choice import chosen_videos
from export.shards import Spec, export_shards, plan_shards, prepare_folder
from ingest.sample.synthetic import make_signer
from ingest.shards import Options, ShardTask, import_shards, read_shard
from lake.commit import Committer, VideoRows
from lake.lake import Lake
from lake.skeleton import PARTS


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
        ours = frames / _median(lambda path=path: _import_here(folder / "here", path))
        apart = frames / _median(lambda path=path: _import_apart(folder / "apart", path))
        print(
            f"  import {name:13} numpy loads {theirs:9,.0f}   one process {ours:9,.0f} ({ours / theirs:.2f}x)", end=""
        )
        print(f"   the command's two {apart:9,.0f} ({apart / theirs:.2f}x), start-up counted")
    _import_here(folder / "lake", consolidated)
    lake = Lake.open(folder / "lake")
    shards = plan_shards(chosen_videos(lake, None)[0], videos_per_shard=5)
    savez = 5000 / _median(_savez_card)
    for workers in (1, 2):

        def export(workers: int = workers) -> None:
            done = prepare_folder(folder / "out", lake, shards, Spec(), overwrite=True)
            export_shards(lake, shards, folder / "out", Spec(), done=done, workers=workers)

        rate = 100_000 / _median(export)
        print(
            f"  export card, --workers {workers}  np.savez {savez:9,.0f}   the lake {rate:9,.0f} ({rate / savez:.2f}x)"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of all this {peak:,.0f} MB, numpy's share included")


def _import_here(folder: Path, path: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for item in read_shard(ShardTask(path), Options()):
            if isinstance(item, VideoRows):
                committer.add(item)


def _import_apart(folder: Path, path: Path) -> None:
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
    times = []
    for _ in range(3):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
