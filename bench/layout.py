"""The keypoints layout: bytes a frame, one clip to numpy, one part of a clip, and a mean in SQL.

Compared with the released form (npz in a tar, here our own `card` shards) and the default Delta writer with the
model's own float32. 40 synthetic signers of 1,500 frames; medians over clips chosen by a seed, all warm. The synthetic
motion is smoother than that of real keypoints and its noise is not: bytes a frame are of these data, the ratios count.
Beside the time that passes stands the time of the processor, which other work on the machine changes less.
Then the layouts that were weighed, of which page_layout.py tells.
"""

from __future__ import annotations

import io
import shutil
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import deltalake
import numpy as np
import polars as pl
import pyarrow as pa

from bench import page_layout
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.ingest.manifest import Entry
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import RIGHT_HAND
from signverse.lake.storage.committer import Committer
from signverse.lake.storage.keypoints import from_table, to_table
from signverse.lake.storage.reader import placement_of

VIDEOS, FRAMES, CLIP, ROUNDS = 40, 1500, 96, 3


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        _run(folder)
    finally:
        shutil.rmtree(folder)
    page_layout.report()


def _run(folder: Path) -> None:
    lake = Lake.create(folder / "lake")
    plain: list[pa.Table] = []
    with Committer(lake.folder) as committer:
        for seed in range(VIDEOS):
            points = make_signer(seed, FRAMES, 1280, 720)
            frames = np.arange(FRAMES, dtype=np.int32)
            persons = np.zeros(FRAMES, np.int8)
            name = f"video{seed:06d}"
            committer.add(
                build_rows(
                    Entry(name, "ase", "ase"),
                    stage="import",
                    width=1280,
                    height=720,
                    num_frames=FRAMES,
                    frames=frames,
                    persons=persons,
                    points=points,
                    tracks=[],
                    about={},
                )
            )
            table = to_table(frames, persons, points, exact=True)
            plain.append(table.add_column(0, "video_id", pa.repeat(name, FRAMES)))
    lake.refresh()
    deltalake.write_deltalake(folder / "plain", pa.concat_tables(plain))
    videos, _ = chosen_videos(lake, None)
    shards = plan_shards(videos)
    prepare_folder(folder / "shards", lake, shards, Spec(), overwrite=False)
    export_shards(lake, shards, folder / "shards", Spec())

    rng = np.random.default_rng(0)
    clips = [(f"video{rng.integers(VIDEOS):06d}", int(rng.integers(FRAMES - CLIP))) for _ in range(20)]
    placed = {row["video_id"]: placement_of(row) for row in videos.iter_rows(named=True)}
    plain_files = deltalake.DeltaTable(folder / "plain").file_uris()

    def from_lake(video_id: str, start: int) -> np.ndarray:
        return lake.keypoints(video_id, start_frame=start, end_frame=start + CLIP)

    def hand_from_lake(video_id: str, start: int) -> np.ndarray:
        return lake.snapshot.reader.clip(placed[video_id], start, start + CLIP, 0, (RIGHT_HAND,))

    def from_plain(video_id: str, start: int) -> np.ndarray:
        scan = pl.scan_parquet(plain_files).filter(
            (pl.col("video_id") == video_id) & pl.col("frame").is_between(start, start + CLIP - 1)
        )
        return from_table(scan.collect().to_arrow())

    def from_shard(video_id: str, start: int) -> np.ndarray:
        with tarfile.open(folder / "shards" / "Sign_DWPose_NPZ_000001.tar") as tar:
            member = tar.extractfile(f"{video_id}/poses.npz")
            assert member is not None
            frames = np.load(io.BytesIO(member.read()), allow_pickle=True)["frames"]
        parts = ("body", "face", "left_hand", "right_hand")
        return np.stack([np.concatenate([f["person_0"][part] for part in parts]) for f in frames[start : start + CLIP]])

    size = _bytes(lake.folder / "keypoints")
    print(f"layout: {VIDEOS} videos of {FRAMES:,} frames, clips of {CLIP} frames; medians, and ratios to the lake")
    print(f"  bytes a frame: lake {size:,.0f}", end="")
    for label, where in (("default Delta", folder / "plain"), ("card tar", folder / "shards")):
        print(f", {label} {_bytes(where):,.0f} ({_bytes(where) / size:.1f} times)", end="")
    readers = {
        "lake": from_lake,
        "lake, right hand only": hand_from_lake,
        "default Delta": from_plain,
        "card tar": from_shard,
    }
    taken = _medians(readers, clips)
    print()
    for label, (seconds, of_a_core) in taken.items():
        times = of_a_core / taken["lake"][1]
        print(f"  one clip, {label}: {seconds * 1e3:.2f} ms, {of_a_core * 1e3:.2f} of a core ({times:.2f} times)")
    with lake.duckdb() as con:
        query = "select avg(joint_y('right_wrist')) from keypoints"
        what = f"SQL mean of a wrist over {VIDEOS * FRAMES:,} frames"
        seconds, of_a_core = _medians({what: lambda *_: con.sql(query).fetchall()}, clips[:5])[what]
    print(f"  {what}: {seconds * 1e3:.0f} ms, {of_a_core * 1e3:.0f} of a core")


def _bytes(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file() and "_delta_log" not in path.parts]
    return sum(path.stat().st_size for path in files) / (VIDEOS * FRAMES)


def _medians(readers: dict[str, Callable[..., object]], clips: list[tuple[str, int]]) -> dict[str, tuple[float, float]]:
    """Seconds that pass, and seconds of a core, for a clip; the readers take turns, as the machine may be busy."""
    taken: dict[str, list[tuple[float, float]]] = {label: [] for label in readers}
    for _ in range(ROUNDS):
        for label, read in readers.items():
            read(*clips[0])
            for clip in clips:
                began, busy = time.perf_counter(), time.process_time()
                read(*clip)
                taken[label].append((time.perf_counter() - began, time.process_time() - busy))
    return {
        label: (statistics.median(one[0] for one in times), statistics.median(one[1] for one in times))
        for label, times in taken.items()
    }
