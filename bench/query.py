"""Queries to a lake of the released size (bench/corpus.py), in arrival order and maintained.

Each query runs in its own process: first "cold", with nothing in the system's file cache and no footer parsed, then
eight times more "warm" (the median). Printed beside the target of this project and the peak memory of the process.

    python -m bench query                              makes the lakes (about five minutes, 8 GB of disk)
    SIGNVERSE_BENCH_LAKES=FOLDER python -m bench query  keeps them there for the next time
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.memory import peak_mb
from signverse.lake.lake import Lake
from signverse.lake.query.read_only import run
from signverse.lake.query.reports import find_report
from signverse.lake.storage.integrity.foreign_errors import collect

WARM: Final = 8


def _opening(path: Path) -> Callable[[], Any]:
    return lambda: Lake.open(path).version


def _rare(path: Path) -> Callable[[], Any]:
    """Three languages of the tail, those at places 9, 19 and 29 from the rarest."""
    lake = Lake.open(path)
    counts = collect(lake.raw_table("segments").group_by("sign_language").len().sort("len", "sign_language"))
    names = counts["sign_language"].to_list()
    rare = [names[min(at, len(names) - 1)] for at in (8, 18, 28)]
    lake.refresh()
    return lambda: collect(lake.clips(languages=rare, min_confidence={"right_hand": 0.7}, min_duration=3)).height


def _ase(path: Path) -> Callable[[], Any]:
    lake = Lake.open(path)
    return lambda: collect(lake.clips(languages="ase", min_confidence={"right_hand": 0.8}, min_duration=4)).height


def _session(path: Path) -> Callable[[], Any]:
    def open_session() -> int:
        with Lake.open(path).duckdb() as con:
            return len(con.sql("select 1").fetchall())

    return open_session


def _balance(path: Path) -> Callable[[], Any]:
    con = Lake.open(path).duckdb()
    query = find_report("balance").sql
    return lambda: run(con, query).height


def _text(path: Path) -> Callable[[], Any]:
    return _captions_where(path, "has_text(text, 'abc')")


def _lower_text(path: Path) -> Callable[[], Any]:
    """As who does not know `has_text` writes it; it misses letters in other forms."""
    return _captions_where(path, "contains(lower(text), 'abc')")


def _captions_where(path: Path, condition: str) -> Callable[[], Any]:
    con = Lake.open(path).duckdb()
    query = f"select count(*) from captions where {condition}"
    return lambda: con.sql(query).fetchall()[0][0]


def _clip(path: Path) -> Callable[[], Any]:
    """One of 64 clips of 96 frames, another each time: files and footers are warm after the first round."""
    lake = Lake.open(path)
    lake.snapshot.visible()
    clips = _clips(lake, 64)
    turn = iter(range(10**9))

    def read() -> int:
        video_id, start = clips[next(turn) % len(clips)]
        return int(lake.keypoints(video_id, start_frame=start, end_frame=start + 96).shape[0])

    return read


def _wrist(path: Path) -> Callable[[], Any]:
    con = Lake.open(path).duckdb()
    return lambda: run(con, "select avg(joint_y('right_wrist')) from keypoints").item()


def _wrist_of_one(path: Path) -> Callable[[], Any]:
    lake = Lake.open(path)
    (video_id, _), con = _clips(lake, 1)[0], lake.duckdb()
    query = f"select avg(joint_y('right_wrist')) from keypoints where video_id = '{video_id}'"
    return lambda: run(con, query).item()


def _clips(lake: Lake, count: int) -> list[tuple[str, int]]:
    videos = collect(lake.videos().select("video_id", "num_frames", "keypoints_file"))
    videos = videos.drop_nulls("keypoints_file")
    random = np.random.default_rng(3)
    found = []
    for at in random.integers(0, videos.height, count):
        video_id, frames, _ = videos.row(int(at))
        found.append((video_id, int(random.integers(0, max(1, frames - 96)))))
    return found


QUERIES: Final[dict[str, tuple[Callable[[Path], Callable[[], Any]], float | None, int]]] = {
    "open the lake": (_opening, 20, WARM),
    "3 rare languages, confidence and duration": (_rare, 30, WARM),
    "the same of ASL": (_ase, 120, WARM),
    "a DuckDB session": (_session, 60, WARM),
    "language balance": (_balance, 150, WARM),
    "text search over all captions, has_text": (_text, 200, WARM),
    "the same by contains(lower(text))": (_lower_text, None, WARM),
    "one clip of 96 frames to numpy": (_clip, 3, 256),
    "a wrist's mean over all keypoints": (_wrist, None, WARM),
    "a wrist's mean over one video": (_wrist_of_one, None, WARM),
}
"""Each query by name: how to prepare it, the target in milliseconds, and how often it is run warm."""


def main() -> None:
    kept = os.environ.get("SIGNVERSE_BENCH_LAKES")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        lakes = make_lakes(folder)
        print("query: 39,197 videos, 2,000,000 segments; ms; cold, then the median of the warm ones")
        for query_name, (_, target, _) in QUERIES.items():
            words = f"  {query_name:42} " + (f"target {target:4.0f}" if target is not None else "           ")
            for name, path in lakes.items():
                measured = _measure_in_process(path, query_name)
                words += f"   {name} {measured['cold']:7.1f} {measured['warm']:6.1f} ({measured['peak']:5,.0f} MB)"
            print(words, flush=True)
        _wrists(lakes["maintained"], folder)
        _cost_of_checking(lakes["arrival"])
    finally:
        if not kept:
            shutil.rmtree(folder)


def make_lakes(folder: Path) -> dict[str, Path]:
    """The lake in arrival order and the maintained one, made if they do not exist."""
    from bench.corpus import make_corpus
    from signverse.lake.upkeep.maintain import maintain
    from signverse.lake.upkeep.plan import make_plan

    lakes = {"arrival": folder / "arrival", "maintained": folder / "maintained"}
    if not lakes["arrival"].exists():
        make_corpus(lakes["arrival"])
    if not lakes["maintained"].exists():
        shutil.copytree(lakes["arrival"], lakes["maintained"])
        lake = Lake.open(lakes["maintained"])
        maintain(lake.snapshot, make_plan(lake.snapshot))
    return lakes


def _cost_of_checking(path: Path, turns: int = 5) -> None:
    """Each query with checksums compared and without, in turn: medians in ms, and the medians of the ratios."""
    print("the cost of comparing checksums: cold (files in no cache) and warm, with / without = ratio")
    for query_name in QUERIES:
        pairs = [
            (_measure_in_process(path, query_name), _measure_in_process(path, query_name, checking=False))
            for _ in range(turns)
        ]
        words = f"  {query_name:42}"
        for state in ("cold", "warm"):
            checked, unchecked = (statistics.median(pair[i][state] for pair in pairs) for i in (0, 1))
            ratio = statistics.median(pair[0][state] / pair[1][state] for pair in pairs)
            words += f"   {state} {checked:7.1f} / {unchecked:7.1f} = {ratio:4.2f}"
        print(words, flush=True)


def _stop_checking() -> None:
    """Makes this process compare no checksum of a lake's files, as if all were known to be whole."""
    from signverse.lake.storage.integrity import chunk_checksums, digests, duckdb_files, lost_files, scan

    whole = {
        (digests, "_unknown"): [],
        (lost_files, "is_intact"): True,
        (chunk_checksums, "is_intact"): True,
        (chunk_checksums, "_read"): None,
        (chunk_checksums.Checksums, "compare"): None,
        (duckdb_files, "are_whole"): True,
        (scan, "are_whole"): True,
    }
    for (place, name), answer in whole.items():
        setattr(place, name, lambda *_, answer=answer, **__: answer)


def _measure_in_process(path: Path, query_name: str, *, checking: bool = True) -> dict[str, float]:
    _drop_file_cache(path)
    command = [sys.executable, "-m", "bench.query", str(path), query_name, *([] if checking else ["unchecked"])]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _drop_file_cache(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def _measure(path: Path, query_name: str) -> None:
    prepare, _, times = QUERIES[query_name]
    ask = prepare(path)
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    print(json.dumps({"cold": took[0], "warm": statistics.median(took[-times // 2 :]), "peak": peak_mb()}))


def _wrists(path: Path, folder: Path) -> None:
    """The mean height of the right wrist over all frames of a language: SQL, and numpy over `card` tars."""
    from signverse.export.release.choice import chosen_videos
    from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder

    lake = Lake.open(path)
    keypoints = collect(lake.table("keypoints").group_by("sign_language").len().sort("len", descending=True))
    # The largest language of at most 200,000 frames: its tars are written in seconds.
    language, frames = next((row for row in keypoints.rows() if row[1] <= 200_000), keypoints.rows()[-1])
    con = lake.duckdb()
    query = f"select avg(joint_y('right_wrist')) from keypoints where sign_language = '{language}'"
    ours = _median(lambda: con.sql(query).fetchall())
    videos = lake.videos().collect()
    chosen = videos.filter((videos["sign_language"] == language) & videos["keypoints_file"].is_not_null())
    out = folder / "wrists"
    shutil.rmtree(out, ignore_errors=True)
    shards = plan_shards(chosen_videos(lake, chosen.select("video_id", "ingest_id"))[0])
    done = prepare_folder(out, lake, shards, Spec(), overwrite=True)
    export_shards(lake, shards, out, Spec(), done=done)
    theirs = _median(lambda: _by_numpy(out), 1)
    shutil.rmtree(out)
    print(
        f"  mean right wrist of {language}, {frames:,} frames: SQL {frames / ours:,.0f} frames/s, "
        f"numpy over the tars {frames / theirs:,.0f} ({theirs / ours:,.0f}x)"
    )


def _by_numpy(folder: Path) -> float:
    import io
    import tarfile

    total, count = 0.0, 0
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".npz"):
                    file = tar.extractfile(member)
                    assert file is not None
                    for frame in np.load(io.BytesIO(file.read()), allow_pickle=True)["frames"].tolist():
                        if frame["num_people"] and frame["person_0"]["body"][4, 2] > 0:
                            total += float(frame["person_0"]["body"][4, 1])
                            count += 1
    return total / max(1, count)


def _median(ask: Callable[[], Any], times: int = 5) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


if __name__ == "__main__":
    if sys.argv[3:] == ["unchecked"]:
        _stop_checking()
    _measure(Path(sys.argv[1]), sys.argv[2])
