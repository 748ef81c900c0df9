"""Clips to numpy: one, and 256 at random, beside Lance and the released tars, on the same clips in one run.

    python -m bench clips                      # makes a lake: in arrival order, then maintained
    python -m bench.clips LAKE [LAKE...]       # existing lakes
    uv run --with pylance python -m bench clips   # with Lance beside it

Lance holds float32, uncompressed, a row a frame, as one column [384] and as a column a part, in formats 2.0 to 2.2;
each is read by a take a clip and by one take of all clips, and the fastest counts. (A row a clip would be faster for
these clips and useless for others; a row for 240 frames reads three times what a clip needs.) The tars are `card`
shards, of which np.load unpickles a whole video for each clip, as their users do; it is timed on some of the clips.

Lance is faster while everything is in memory: it copies 1,536 bytes a frame, whereas a clip of a lake costs the
decompression of a whole row group of 1,024 frames of 460 bytes: half a millisecond of a core, which alone is more than
all of Lance's work. What was tried to get closer:

- pyarrow with threads, a memory map, pre_buffer or larger buffers: no difference; without checksums 4 %.
- our own walk over list levels instead of pyarrow's: 1.3 ms a clip against 2.9.
- floats put together by shifts instead of byte by byte: 22 microseconds for the face of 100 frames against 180.
- pages of 512, 256 or 128 rows, of which a clip could skip most: 4, 11 and 12 % more bytes, and every scan of whole row
  groups slower by 9, 23 and 46 % in our own reader. Not taken. Not tried yet: pages of 256 rows at zstd level 3, which
  on synthetic signers take 459 bytes a frame against 461 today (on 641 frames of real ones 400 against 409), are
  written 10 to 25 % slower, and are scanned by DuckDB and Polars in the same time; a clip would decompress a third.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from bench.corpus import make_corpus
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan

CLIPS: Final = 256
FRAMES: Final = 400_000
"""Of the videos that Lance and the tars hold too: 0.6 and 0.75 GB."""

ROUNDS: Final = 5
TAR_CLIPS: Final = 24
HANDS: Final = ("left_hand", "right_hand")


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
    print(
        f"clips: {name}: {len(rows)} random clips of {frames / len(rows):.0f} frames, {len(files)} files of keypoints"
    )

    def one(row: dict[str, Any], lake: Lake = lake) -> np.ndarray:
        return lake.keypoints(row["video_id"], start_frame=row["start_frame"], end_frame=row["end_frame"])

    cold = []
    for row in rows[:40]:
        fresh = Lake.open(lake.folder)
        fresh.num_frames(row["video_id"])
        _drop_file_cache(lake.folder / "keypoints", files)
        cold.append(_timed(lambda fresh=fresh, row=row: one(row, fresh)))
    warm = [_timed(lambda row=row: one(row)) for row in rows * 2][len(rows) :]
    print(f"  one clip, footers warm {_ms(warm)}; cold, the file's pages and its footer too {_ms(cold)}")

    ours = {
        "all parts": lambda: [clip.points for clip in lake.read_clips(clips, order="given")],
        "hands": lambda: [clip.points for clip in lake.read_clips(clips, order="given", parts=HANDS)],
    }
    theirs = dict(_lance(lake, rows, videos, folder / "lance"))
    times: dict[str, list[float]] = {}
    work: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for label, read in (*ours.items(), *theirs.items()):
            busy = time.process_time()
            times.setdefault(label, []).append(_timed(read))
            work.setdefault(label, []).append(time.process_time() - busy)
    for label in times:
        print(f"  {len(rows)} clips, {label:44} {_ms(times[label])}, of a core {_ms(work[label])}")
    # The clips are the same ones.
    for label, read in theirs.items():
        for mine, other in zip(ours["hands" if "hands" in label else "all parts"](), read(), strict=True):
            np.testing.assert_array_equal(mine, other)
    mine, hands = statistics.median(times["all parts"]), statistics.median(times["hands"])
    print(f"  hands only take {hands / mine:.2f} of all parts")
    if theirs:
        for what, own in (("Lance", mine), ("hands, Lance", hands)):
            best = min((statistics.median(times[label]), label) for label in theirs if label.startswith(what))
            print(f"  {what} at its best takes {best[0] / own:.2f} of our time ({best[1]})")
    tars = _tars(lake, videos, folder / "tars")
    took = statistics.median(_timed(lambda row=row: tars(row)) for row in rows[:TAR_CLIPS])
    print(f"  tars: {took * 1e3:.0f} ms a clip, {took * len(rows) / mine:.0f} times ours")
    for made in ("lance", "tars"):
        shutil.rmtree(folder / made, ignore_errors=True)


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


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _ms(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e3:6.2f} ms"


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
