"""Peak memory of commands over a video of ten hours without captions: each process stays below 600 MB.

    python -m bench memory
    python -m bench.memory HOURS PEOPLE [NAME...]   # another length, more people, some of the commands only

The most that the command or one of its worker processes held, as the system counts it (`ru_maxrss`); files that a
process maps count as long as it has them in memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

HOUR: Final = 24 * 3600

_PATTERN: Final = 97
"""Frames after which the motion repeats; no power of two, so that chunks differ."""


def main() -> None:
    report(10, 1)


def peak_mb() -> float:
    """The most memory that this process has held, in MB (Linux only)."""
    # Not getrusage: its peak includes the memory of the parent, from which the process was forked.
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def report(hours: float, people: int, names: tuple[str, ...] = ()) -> None:
    """Make the lake and its tars, then print the peak of each command."""
    with tempfile.TemporaryDirectory(prefix="signverse-bench-", dir=_place()) as name:
        folder = Path(name)
        made = [sys.executable, "-m", "bench.memory", "make", name, str(int(hours * HOUR)), str(people)]
        subprocess.run(made, check=True)
        print(f"memory: {hours:g} h of {people}, MB of the largest process")
        for what, command in _commands(folder):
            wanted = not names or any(word in what for word in names)
            # What others need is made all the same.
            if wanted or what.startswith("export shards"):
                peak, seconds = _measure(command, folder)
                print(f"  {what:32} {peak:7,.0f} MB  {seconds:6,.0f} s", flush=True)


def _place() -> str | None:
    """Not /tmp, which is memory on many systems."""
    return None if "TMPDIR" in os.environ or not Path("/var/tmp").is_dir() else "/var/tmp"


def _commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    lake = ["--lake", str(folder / "lake")]
    for layout in ("card", "consolidated"):
        out = str(folder / layout)
        tar = f"{out}/Sign_DWPose_NPZ_000001.tar"
        yield f"export shards {layout}", ["export", "shards", *lake, "--out", out, "--layout", layout]
        yield f"inspect {layout}", ["inspect", tar]
        yield f"ingest shards {layout}", ["ingest", "shards", tar, "--lake", str(folder / f"lake-{layout}")]
        yield f"verify of export {layout}", ["verify", out]
    for name in ("parquet", "webdataset", "pose"):
        out = str(folder / name)
        yield f"export {name}", ["export", name, *lake, "--out", out]
        yield f"export {name} --all-people", ["export", name, *lake, "--out", f"{out}-all", "--all-people"]
        yield f"verify of export {name}", ["verify", out]
    yield "keypoints -o", ["keypoints", "long", *lake, "-o", str(folder / "long.npy")]
    yield "keypoints --mask-hidden -o", ["keypoints", "long", *lake, "--mask-hidden", "-o", str(folder / "long.npy")]
    for ending in ("png", "pdf"):
        yield f"picture -o FILE.{ending}", ["picture", "long", *lake, "-o", str(folder / f"sheet.{ending}")]
    yield "picture --crop", ["picture", "long", *lake, "--crop", "-o", str(folder / "crop.png")]
    yield "verify of the lake", ["verify", str(folder / "lake")]
    yield "maintain", ["maintain", *lake]


def _measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Peak memory in MB of a command and its workers, and seconds. The caller is small: a child's peak begins there."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("signverse")), "--quiet", *command],
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"  {' '.join(command)} ended with {process.returncode}", file=sys.stderr)
    return used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def _make(folder: Path, frames: int, people: int) -> None:
    """A lake of one long video without captions: people who move, each in every frame."""
    from signverse.ingest.manifest import Entry
    from signverse.ingest.tracking.detections import CHUNK
    from signverse.ingest.videos.rows import build_rows
    from signverse.lake.lake import Lake
    from signverse.lake.storage.committer import Committer

    random = np.random.default_rng(0)
    points = np.empty((_PATTERN, people, 128, 3), np.float32)
    for person in range(people):
        still = random.uniform((400 * person, 0), (400 * person + 300, 600), (128, 2))
        points[:, person, :, :2] = still + random.normal(0, 2, (_PATTERN, 128, 2))
    points[..., 2] = random.uniform(0.3, 1.0, points.shape[:3])

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, frames * people, CHUNK):
            rows = np.arange(start, min(start + CHUNK, frames * people))
            yield points[rows // people % _PATTERN, rows % people]

    with Committer(Lake.create(folder / "lake").folder) as committer:
        rows = build_rows(
            Entry("long"),
            stage="extract",
            width=400 * people,
            height=600,
            num_frames=frames,
            frames=np.repeat(np.arange(frames, dtype=np.int32), people),
            persons=np.tile(np.arange(people, dtype=np.int8), frames),
            points=chunks(),
            tracks=(),
            about={"source": "video"},
        )
        committer.add(rows)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        report(float(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]))
