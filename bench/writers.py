"""Many processes at one lake: eight write, two read, one maintains, and some of them are killed at any moment.

Each writer commits a video or a few at a time, among them videos that it has committed before, and notes what a commit
that came back held. In the end the lake must hold all of that, once each, and no reader may have failed: their answers
agree with each other, and no video that was seen is ever gone.

    python -m bench writers                 ten minutes
    python -m bench.writers --minutes 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

WRITERS: Final = 8
READERS: Final = 2
_FRAMES: Final = 30


@dataclass
class Found:
    """What came of a run.

    Attributes:
        commits, videos: that came back to a writer.
        lost: videos of such commits that the lake lacks.
        doubled: ids that the lake has more than once: of videos, and of segments.
        failed: what readers, writers and the maintainer said when they failed.
        reads: times that a reader asked.
        killed: processes that were killed.
        files: most files of a partition in the end, of any table but keypoints.
        problems: what `verify` says in the end.
    """

    commits: int = 0
    videos: int = 0
    reads: int = 0
    killed: int = 0
    files: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description="Eight writers, two readers and maintenance at one lake, with kills.")
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args(sys.argv[1:] if __name__ == "__main__" else []).minutes
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        found = run(folder, minutes * 60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"writers: {WRITERS} writers, {READERS} readers and maintenance for {minutes:g} minutes, with kills")
    print(f"  {found.commits:,} commits of {found.videos:,} videos, {found.commits / minutes / 60:.1f} a second")
    print(f"  {found.reads:,} reads; {found.killed:,} processes killed; {found.files} files of a partition at most")
    for what in ("lost", "doubled", "failed", "problems"):
        names = getattr(found, what)
        print(f"  {what}: {len(names)}" + "".join(f"\n    {name}" for name in names[:5]))
    if found.lost or found.doubled or found.failed or found.problems:
        sys.exit(1)


def run(folder: Path, seconds: float, *, writers: int = WRITERS, readers: int = READERS, seed: int = 1) -> Found:
    """Lets processes work at a new lake in a folder, and looks what came of it."""
    from signverse.lake.lake import Lake

    chance, until = random.Random(seed), time.monotonic() + seconds
    lake, notes = folder / "lake", folder / "notes"
    Lake.create(lake).close()
    notes.mkdir()
    roles = [*[("writer", n) for n in range(writers)], *[("reader", n) for n in range(readers)], ("maintainer", 0)]
    found, running = Found(), {}
    generation = 0
    while (left := until - time.monotonic()) > 0:
        for role in roles:
            if role not in running or running[role].poll() is not None:
                if role in running:
                    _look_at_end(found, role, running[role])
                generation += 1
                running[role] = _start(*role, generation, lake, notes, left)
        # It takes a process seconds to start.
        time.sleep(max(0, min(left, chance.uniform(3, 12))))
        victim = chance.choice(roles)
        # Readers are not killed: they are here to fail by themselves.
        if victim[0] != "reader" and running[victim].poll() is None and until - time.monotonic() > 3:
            os.kill(running[victim].pid, signal.SIGKILL)
            found.killed += 1
    for role, process in running.items():
        process.wait(120)
        _look_at_end(found, role, process)
    _look(lake, notes, found)
    return found


def _start(role: str, number: int, generation: int, lake: Path, notes: Path, left: float) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "bench.writers",
        role,
        str(number),
        str(generation),
        str(lake),
        str(notes),
        f"{left}",
    ]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)


def _look_at_end(found: Found, role: tuple[str, int], process: subprocess.Popen[str]) -> None:
    error = process.communicate()[1]
    if process.returncode not in (0, -signal.SIGKILL):
        found.failed.append(f"{role[0]}: {error.strip().splitlines()[-1] if error.strip() else process.returncode}")


def _look(lake: Path, notes: Path, found: Found) -> None:
    from collections import Counter

    from signverse.lake.lake import Lake
    from signverse.lake.model.schema import KEYPOINTS, TABLES
    from signverse.lake.storage.integrity.foreign_errors import collect
    from signverse.lake.upkeep.verify import verify_lake

    snapshot = Lake.open(lake).snapshot
    have = set(snapshot.visible()["video_id"])
    for note in notes.glob("writer-*"):
        # A line that is cut is of a writer that was killed after its commit: it is no promise.
        for line in note.read_text().splitlines():
            if line.endswith("]"):
                found.commits += 1
                found.videos += len(json.loads(line))
                found.lost += [name for name in json.loads(line) if name not in have]
    found.reads = sum(len(note.read_text().splitlines()) for note in notes.glob("reader-*"))
    raw = collect(snapshot.raw_table("videos").select("ingest_id"))["ingest_id"]
    found.doubled += raw.filter(raw.is_duplicated()).unique().to_list()
    segments = collect(snapshot.table("segments").select("segment_id"))["segment_id"]
    found.doubled += segments.filter(segments.is_duplicated()).unique().to_list()
    for table in TABLES:
        if table is not KEYPOINTS:
            counts = Counter(file.partition for file in snapshot.stored_files(table.name))
            found.files = max([found.files, *counts.values()])
    # What killed writers had not committed is in no version, as it should be.
    found.problems = [line for line in verify_lake(snapshot) if "to no version of the table" not in line]
    found.problems = [line for line in found.problems if "without the outcome" not in line]


def _write(number: int, generation: int, lake: Path, notes: Path, until: float) -> None:
    from signverse.lake.storage.committer import Committer

    chance = random.Random(generation)
    note = notes / f"writer-{number}-{generation}"
    with Committer(lake) as committer, note.open("w") as done:
        while time.monotonic() < until:
            # One in three is of another writer's range: a video is ingested twice, or by two at once.
            names = [f"v{chance.choice((number, number, generation % 9)):02}{chance.randrange(400):03}" for _ in "ab"]
            for name in set(names):
                committer.add(_video(name))
            committer.flush()
            done.write(json.dumps(names) + "\n")
            done.flush()
            time.sleep(chance.uniform(0, 0.5))


def _video(name: str) -> Any:
    from signverse.ingest.captions.tracks import Cue, Track
    from signverse.ingest.manifest import Entry
    from signverse.ingest.sample.signer import make_signer
    from signverse.ingest.videos.rows import build_rows

    language = ("ase", "bfi", "gsg")[int(name[1:]) % 3]
    return build_rows(
        Entry(name, language, language),
        stage="import",
        width=1280,
        height=720,
        num_frames=_FRAMES,
        frames=np.arange(_FRAMES, dtype=np.int32),
        persons=np.zeros(_FRAMES, np.int8),
        points=make_signer(int(name[1:]), _FRAMES, 1280, 720),
        tracks=[Track("en.manual", "manual", "en", (Cue(0, 1, f"What {name} says."),))],
        about={"source": "shard"},
    )


def _read(number: int, generation: int, lake: Path, notes: Path, until: float) -> None:
    from signverse.lake.lake import Lake
    from signverse.lake.storage.integrity.foreign_errors import collect

    seen: set[str] = set()
    with (notes / f"reader-{number}-{generation}").open("w") as done:
        while time.monotonic() < until:
            opened = Lake.open(lake)
            now = set(opened.snapshot.visible()["video_id"])
            if not seen <= now:
                raise SystemExit(f"videos are gone: {sorted(seen - now)[:5]}")
            seen = now
            clips = collect(opened.clips())
            repeated = clips["segment_id"].is_duplicated().sum()
            if repeated or not now <= set(clips["video_id"]):
                raise SystemExit(f"{repeated} segments twice, {len(now - set(clips['video_id']))} videos without")
            for name in sorted(now)[:: max(1, len(now) // 3)]:
                if len(opened.keypoints(name)) != _FRAMES:
                    raise SystemExit(f"{name} has other frames")
            with opened.duckdb() as con:
                con.sql("select count(*) from captions").fetchall()
            opened.close()
            done.write(f"{len(now)}\n")
            done.flush()


def _maintain(_: int, __: int, lake: Path, ___: Path, until: float) -> None:
    from signverse.lake.lake import Lake
    from signverse.lake.storage.merging.lease import only_upkeep
    from signverse.lake.upkeep.maintain import maintain
    from signverse.lake.upkeep.plan import make_plan

    while time.monotonic() < until:
        with only_upkeep(lake):
            snapshot = Lake.open(lake).snapshot
            maintain(snapshot, make_plan(snapshot))
        time.sleep(2)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("writer", "reader", "maintainer"):
        role, number, generation, lake, notes, left = sys.argv[1:]
        work = {"writer": _write, "reader": _read, "maintainer": _maintain}[role]
        work(int(number), int(generation), Path(lake), Path(notes), time.monotonic() + float(left))
    else:
        main()
