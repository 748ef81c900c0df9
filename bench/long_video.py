"""Peak memory of worker and committer over a synthetic video of ten hours with one person in every frame.

    python -m bench long_video
    python -m bench.long_video FRAMES   # for one length, as JSON: MB of worker and committer, and seconds

Decoding and the models are replaced; everything after them is what an ingestion runs, in a worker process of the same
pool.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from bench.memory import peak_mb
from signverse.ingest.extract import extractor
from signverse.ingest.manifest import Entry
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos import workers
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.workers import extract_video
from signverse.lake.jobs.executor import Job, Report
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.media.facts import VideoFacts
from signverse.lake.storage.committer import Committer, VideoRows

HOUR: Final = 24 * 3600


def main() -> None:
    for hours in (1, 10):
        measured = measure(hours * HOUR)
        rate = hours * HOUR / measured["seconds"]
        print(
            f"long_video: {hours} h of one person, the worker takes {measured['worker']:,.0f} MB and the committer "
            f"{measured['committer']:,.0f} MB; {rate:,.0f} frames/s"
        )


def measure(frames: int) -> dict[str, float]:
    """Measure in processes of its own."""
    run = [sys.executable, "-m", "bench.long_video", str(frames)]
    ran = subprocess.run(run, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured


def make_job(frames: int) -> Job:
    """The worker's side: as in `ingest.videos.workers`, with synthetic points in place of decoding and models."""
    random = np.random.default_rng(0)
    person = np.append(random.uniform(0, 600, (133, 2)), np.full((133, 1), 0.6), axis=1)
    motion = person + random.normal(0, 2, (97, 1, 133, 3)) * (1, 1, 0)
    points, box = motion.astype(np.float32), np.array([[0, 0, 600, 600]], np.float32)

    def found(*_: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return ((box, points[frame % len(points)]) for frame in range(frames))

    class Decoder:
        facts = VideoFacts(640, 480, "h264", 24.0, 0, frames / 24)
        num_frames, damaged_frames, remark, repairs, joins = frames, 0, "", (), ()

        def __init__(self, path: Path) -> None:
            pass

        def __enter__(self) -> Decoder:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    extractor.Decoder, extractor.find_people = Decoder, found  # type: ignore[assignment, misc]
    workers._tracks = lambda *_: ([], [])
    pair = ModelPair(Path("detector"), Path("pose"))
    made = {"_detector": None, "_pose": None, "_threads": 1, "_every": 1, "_models": pair}
    made |= {"_detector_sha256": "", "_pose_sha256": "", "provider": "none"}
    fake = SimpleNamespace(**made)
    fake.extract = lambda *a, **k: extractor.Extractor.extract(fake, *a, **k)  # type: ignore[arg-type]

    def job(task: VideoTask, report: Report) -> VideoRows:
        rows = extract_video(fake, task, report)
        report(peak_mb())
        return rows

    return job


def _run_here(frames: int) -> None:
    worker = 0.0
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as folder:
        began = time.perf_counter()
        with Committer(Lake.create(folder).folder) as committer, LOCAL.executor(1, make_job, frames) as pool:
            for event in pool.run([VideoTask(Path("long.mp4"), Entry("long"), ())]):
                if event.kind == "result":
                    committer.add(event.value)
                elif event.kind != "progress":
                    raise RuntimeError(event.value)
                elif isinstance(event.value, float):
                    worker = event.value
        seconds = time.perf_counter() - began
    print(json.dumps({"worker": worker, "committer": peak_mb(), "seconds": seconds}))


if __name__ == "__main__":
    _run_here(int(sys.argv[1]))
