"""Maintenance of a lake in arrival order: speed, and whether memory stays flat as the lake grows.

Each run has its own process, whose peak memory is measured.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer
from signverse.lake.upkeep.maintain import extent, maintain
from signverse.lake.upkeep.plan import make_plan

_FRAMES = 1000


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    print("maintain: a language in arrival order, sorted into files of 128 MB")
    try:
        for videos in (200, 800):
            _make(folder / "lake", videos)
            run = [sys.executable, "-m", "bench.upkeep", str(folder / "lake"), str(videos * _FRAMES)]
            subprocess.run(run, check=True)
            shutil.rmtree(folder / "lake")
    finally:
        shutil.rmtree(folder)


def _make(folder: Path, videos: int) -> None:
    Lake.create(folder)
    signers = [make_signer(seed, _FRAMES, 1280, 720) for seed in range(8)]
    ids = [f"bench{number:06d}" for number in range(videos)]
    random.Random(1).shuffle(ids)
    for first in range(0, videos, 20):
        with Committer(folder) as committer:
            for video_id in ids[first : first + 20]:
                cues = tuple(Cue(at, at + 2, f"What {video_id} says at {at} seconds.") for at in range(0, 40, 2))
                committer.add(
                    build_rows(
                        Entry(video_id, "ase", "ase"),
                        stage="import",
                        width=1280,
                        height=720,
                        num_frames=_FRAMES,
                        frames=np.arange(_FRAMES, dtype=np.int32),
                        persons=np.zeros(_FRAMES, np.int8),
                        points=signers[int(video_id[5:]) % 8],
                        tracks=[Track("en.manual", "manual", "en", cues)],
                        about={"source": "shard"},
                    )
                )


def _measure(folder: Path, frames: int) -> None:
    lake = Lake.open(folder)
    before = extent(lake.snapshot)
    began = time.perf_counter()
    maintain(lake.snapshot, make_plan(lake.snapshot))
    took = time.perf_counter() - began
    after = extent(lake.snapshot)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {frames:9,} frames, {before.files} files of {before.size / 1e6:,.0f} MB became {after.files}: "
        f"{frames / took:9,.0f} frames/s, {before.size / 1e6 / took:,.0f} MB/s, peak memory {peak:,.0f} MB"
    )


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), int(sys.argv[2]))
