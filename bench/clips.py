"""Clips to numpy: one, and 256 at random, beside Lance and the released tars, on the same clips in one run.

    python -m bench clips                      # makes a lake: in arrival order, then maintained
    python -m bench.clips LAKE [LAKE...]       # existing lakes
    uv run --with pylance python -m bench clips   # with Lance beside it

Lance holds float32, uncompressed, a row a frame, as one column [384] and as a column a part, in formats 2.0 to 2.2;
each is read by a take a clip and by one take of all clips, and the fastest counts. (A row a clip would be faster for
these clips and useless for others; a row for 240 frames reads three times what a clip needs.) The tars are `card`
shards, of which np.load unpickles a whole video for each clip, as their users do; it is timed on some of the clips.

Rounds alternate, and beside the time that passes stands the time of the processor, which other work on the machine
changes less. Then what the steps of `lake.storage.clip_reader` take, of one batch of 32 clips.

What makes a clip cheap: pages of 64 rows, so that it unpacks little more than itself; a batch of clips at a time, so
that a step of Python or numpy is paid once for many clips; one call of zstd for all pages of a batch; OpenCV's merge to
put floats together. Lakes of format 1, whose row groups of 1,024 rows are one page a column, take three times as long.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from bench.corpus import make_corpus
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.lake.clips.table import clip_table
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage.clip_reader import batch
from signverse.lake.storage.integrity import chunk_checksums
from signverse.lake.storage.reader import Joints
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan

CLIPS: Final = 256
FRAMES: Final = 400_000
"""Of the videos that Lance and the tars hold too: 0.6 and 0.75 GB."""

ROUNDS: Final = 9
TAR_CLIPS: Final = 24
HANDS: Final = ("left_hand", "right_hand")

Taken = tuple[float, float]
"""Seconds that passed, and seconds of a core."""


def main(lakes: list[Path] | None = None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        if lakes:
            for path in lakes:
                _run(Lake.open(path), str(path), folder)
            return
        lake = make_corpus(folder / "lake", videos=3000, segments=150_000, keypoints_bytes=400_000_000, commits=20)
        _run(lake, "in arrival order", folder)
        maintain(lake.snapshot, make_plan(lake.snapshot, full=True))
        lake.refresh()
        _run(lake, "maintained", folder)
    finally:
        shutil.rmtree(folder)


def _run(lake: Lake, name: str, folder: Path) -> None:
    clips, videos = _choose(lake)
    rows = list(clips.iter_rows(named=True))
    files = sorted({row["keypoints_file"] for row in lake.videos().collect().to_dicts() if row["keypoints_file"]})
    frames = sum(row["end_frame"] - row["start_frame"] for row in rows)
    stored = sum((lake.folder / "keypoints" / file).stat().st_size for file in files)
    a_frame = stored / lake.table("keypoints").select(pl.len()).collect().item()
    print(
        f"clips: {name}: {len(rows)} random clips of {frames / len(rows):.0f} frames, {len(files)} files of keypoints"
    )
    print(f"{os.cpu_count()} cores, {datetime.now(UTC):%d %B %Y}; {a_frame:.0f} bytes a frame\n")
    print("|  | ms | ms of a core |\n|---|---|---|")
    cold, warm = _one_clip(lake, rows, files)
    print(_row("one clip, warm", warm))
    print(_row("one clip, cold: the file's bytes too", cold))
    ours = {
        "all parts": lambda: [clip.points for clip in lake.read_clips(clips, order="given")],
        "hands": lambda: [clip.points for clip in lake.read_clips(clips, order="given", parts=HANDS)],
    }
    theirs = dict(_lance(lake, rows, videos, folder / "lance"))
    times = _alternating({**ours, **theirs})
    for label, taken in times.items():
        print(_row(f"{len(rows)} clips, {label}", taken))
    # The clips are the same ones.
    for label, read in theirs.items():
        for mine, other in zip(ours["hands" if "hands" in label else "all parts"](), read(), strict=True):
            np.testing.assert_array_equal(mine, other)
    tars = _tars(lake, videos, folder / "tars")
    took = [_timed(lambda row=row: tars(row)) for row in rows[:TAR_CLIPS]]
    print(_row("one clip, tars", took))
    print()
    for what, own in (("Lance", "all parts"), ("hands, Lance", "hands")):
        labels = [label for label in theirs if label.startswith(what)]
        for unit, kind in (("time", 0), ("time of a core", 1)) if labels else ():
            best, label = min((_median(times[label], kind), label) for label in labels)
            print(f"{own}: {_median(times[own], kind) / best:.2f} of the {unit} of {label.removeprefix('hands, ')}")
    print(f"tars: {_median(took, 0) * len(rows) / _median(times['all parts'], 0):.0f} times ours")
    print("\none batch of 32 clips, ms of a core: " + ", ".join(f"{k} {v:.2f}" for k, v in _steps(lake, clips).items()))
    for made in ("lance", "tars"):
        shutil.rmtree(folder / made, ignore_errors=True)


def _one_clip(lake: Lake, rows: list[dict[str, Any]], files: list[str]) -> tuple[list[Taken], list[Taken]]:
    """One clip with nothing known of its file and nothing of it in memory, and one of a file that is known."""

    def one(row: dict[str, Any], lake: Lake = lake) -> np.ndarray:
        return lake.keypoints(row["video_id"], start_frame=row["start_frame"], end_frame=row["end_frame"])

    cold = []
    for row in rows[:40]:
        fresh = Lake.open(lake.folder)
        fresh.num_frames(row["video_id"])
        chunk_checksums._kept.clear()
        _drop_file_cache(lake.folder / "keypoints", files)
        cold.append(_timed(lambda fresh=fresh, row=row: one(row, fresh)))
    warm = [_timed(lambda row=row: one(row)) for row in rows * 2][len(rows) :]
    return cold, warm


def _alternating(readers: dict[str, Callable[[], object]]) -> dict[str, list[Taken]]:
    times: dict[str, list[Taken]] = {label: [] for label in readers}
    for _ in range(ROUNDS):
        for label, read in readers.items():
            times[label].append(_timed(read))
    return times


def _steps(lake: Lake, clips: pl.DataFrame) -> dict[str, float]:
    """What the steps take of a batch of clips, in milliseconds of a core: the median over batches and rounds."""
    table, reader = clip_table(lake.snapshot, clips), lake.snapshot.reader
    wanted = [(table.places[table.video[i]], *table.frames[i].tolist()) for i in range(len(table))]
    taken: dict[str, float] = {}

    def timing(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            began = time.thread_time()
            try:
                return step(*given)
            finally:
                taken[name] = taken.get(name, 0) + time.thread_time() - began

        return timed

    steps = ("plan", "fetch", "check", "unpack", "pages_of_columns", "column_floats", "scatter")
    batches: dict[str, list[float]] = {}
    with contextlib.ExitStack() as undo:
        for name in steps:
            undo.callback(setattr, batch, name, getattr(batch, name))
            setattr(batch, name, timing(name, getattr(batch, name)))
        for first in [*range(0, len(wanted), 32)] * ROUNDS:
            taken.clear()
            timing("all", reader.clips)(wanted[first : first + 32], 0, Joints.only(PARTS))
            for name, seconds in taken.items():
                batches.setdefault(name, []).append(seconds)
    return {name: statistics.median(seconds) * 1e3 for name, seconds in batches.items()}


def _choose(lake: Lake) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Random clips, and the videos that they are of: as many as have FRAMES frames together."""
    videos = lake.videos().filter(pl.col("keypoints_file").is_not_null()).collect()
    videos = videos.sample(fraction=1, shuffle=True, seed=1).filter(pl.col("num_frames").cum_sum() <= FRAMES)
    clips = lake.clips(videos=videos["video_id"].to_list()).collect()
    return clips.sample(min(CLIPS, clips.height), shuffle=True, seed=1), videos


def _lance(
    lake: Lake, rows: list[dict[str, Any]], videos: pl.DataFrame, folder: Path
) -> Iterator[tuple[str, Callable[[], list[np.ndarray]]]]:
    try:
        import lance
        import pyarrow as pa
    except ModuleNotFoundError:
        print("  Lance is left out: uv run --with pylance python -m bench clips")
        return
    counts = videos["num_frames"].to_numpy()
    first = dict(zip(videos["video_id"], (np.cumsum(counts) - counts).tolist(), strict=True))
    spans = [(first[r["video_id"]] + r["start_frame"], first[r["video_id"]] + r["end_frame"]) for r in rows]

    def batches(columns: dict[str, slice]) -> Iterator[pa.RecordBatch]:
        for video_id in videos["video_id"]:
            points = lake.keypoints(video_id)
            yield pa.record_batch(
                {
                    name: pa.FixedSizeListArray.from_arrays(
                        pa.array(np.ascontiguousarray(points[:, joints]).reshape(-1)), points[0, joints].size
                    )
                    for name, joints in columns.items()
                }
            )

    def points(table: pa.Table) -> np.ndarray:
        columns = [column.combine_chunks().flatten().to_numpy() for column in table.columns]
        shaped = [column.reshape(table.num_rows, -1, 3) for column in columns]
        return shaped[0] if len(shaped) == 1 else np.concatenate(shaped, axis=1)

    layouts = {"one column": {"points": slice(0, 128)}, "a column a part": {part.name: part.slice for part in PARTS}}
    for layout, columns in layouts.items():
        schema = next(batches(columns)).schema
        for version in ("2.0", "2.1", "2.2"):
            path = str(folder / f"{layout}-{version}")
            reader = pa.RecordBatchReader.from_batches(schema, batches(columns))
            data = lance.write_dataset(reader, path, data_storage_version=version)

            def each(data: Any = data, names: list[str] | None = None) -> list[np.ndarray]:
                return [points(data.take(range(*span), columns=names)) for span in spans]

            def at_once(data: Any = data, names: list[str] | None = None) -> list[np.ndarray]:
                whole = points(data.take(np.concatenate([np.arange(*span) for span in spans]), columns=names))
                return np.split(whole, np.cumsum([end - start for start, end in spans])[:-1])

            yield f"Lance {version}, {layout}, a take a clip", each
            yield f"Lance {version}, {layout}, one take", at_once
            if len(columns) > 1:
                yield f"hands, Lance {version}, {layout}, a take a clip", lambda each=each: each(names=list(HANDS))
                yield f"hands, Lance {version}, {layout}, one take", lambda take=at_once: take(names=list(HANDS))


def _tars(lake: Lake, videos: pl.DataFrame, folder: Path) -> Callable[[dict[str, Any]], np.ndarray]:
    chosen = chosen_videos(lake, videos.select("video_id", "ingest_id"))[0]
    shards = plan_shards(chosen)
    done = prepare_folder(folder, lake, shards, Spec(), overwrite=False)
    export_shards(lake, shards, folder, Spec(), done=done, workers=1)
    where = {video["video_id"]: folder / shard.name for shard in shards for video in shard.videos}

    def read(row: dict[str, Any]) -> np.ndarray:
        with tarfile.open(where[row["video_id"]]) as tar:
            member = tar.extractfile(f"{row['video_id']}/poses.npz")
            assert member is not None
            frames = np.load(io.BytesIO(member.read()), allow_pickle=True)["frames"]
        wanted = frames[row["start_frame"] : row["end_frame"]]
        return np.stack([np.concatenate([frame["person_0"][part.name] for part in PARTS]) for frame in wanted])

    return read


def _drop_file_cache(folder: Path, files: list[str]) -> None:
    """Drop the files from the system's file cache."""
    for name in files:
        handle = os.open(folder / name, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def _timed(run: Callable[[], object]) -> Taken:
    began, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - busy


def _median(taken: list[Taken], kind: int) -> float:
    return statistics.median(one[kind] for one in taken)


def _row(label: str, taken: list[Taken]) -> str:
    return f"| {label} | {_median(taken, 0) * 1e3:.2f} | {_median(taken, 1) * 1e3:.2f} |"


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
