"""Layouts of keypoints files that were weighed: bytes a frame, writing, scans, and what a clip reads.

The first is that of format 1, the second today's, of `lake.storage.parquet_layout`. Synthetic signers of 1,500 frames;
real ones are extracted from the sample videos by the stand-in models, where SIGNVERSE_TEST_DATA has them, and written
as one video. Milliseconds and frames/s are of CPU time, minima of rounds in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.ingest.sample.signer import make_signer
from signverse.lake.lake import Lake
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage import parquet_layout
from signverse.lake.storage.integrity.digests import digest
from signverse.lake.storage.keypoints import to_table
from signverse.lake.storage.pages.block import add_block

CLIP: Final = 103
"""Frames, as in `just bench clips`."""

ROUNDS: Final = 3
_XY: Final = [f"{part.xy}.list.element" for part in PARTS]
_SCORES: Final = [f"{part.score}.list.element" for part in PARTS]
_CONFIDENCES: Final = [part.confidence for part in PARTS]


@dataclass(frozen=True)
class Layout:
    """A layout: rows of a group and of a page; zstd levels of coordinates, scores and the rest (None: uncompressed)."""

    group: int
    page: int
    xy: int
    score: int
    rest: int | None = None
    index: bool = False

    def __str__(self) -> str:
        rest = "-" if self.rest is None else str(self.rest)
        return f"{self.group:,} / {self.page:,} | {self.xy}, {self.score}, {rest}{', index' if self.index else ''}"

    def write(self, path: Path, videos: Sequence[pa.Table]) -> None:
        """Writes a file, with the block of pages."""
        lists = {**dict.fromkeys(_XY, self.xy), **dict.fromkeys(_SCORES, self.score)}
        levels = lists
        if self.rest is not None:
            names = {field.name for field in KEYPOINTS.file_schema if not pa.types.is_list(field.type)}
            levels = {**lists, **dict.fromkeys([*names, "body_visible.list.element"], self.rest)}
        small = self.rest is None
        with pq.ParquetWriter(
            path,
            videos[0].schema,
            compression=dict.fromkeys(levels, "zstd"),
            compression_level=levels,
            max_rows_per_page=self.page,
            write_page_index=self.index,
            use_dictionary=["video_id", "ingest_id", *(["person", *_CONFIDENCES] if small else [])],
            column_encoding=dict.fromkeys(lists, "BYTE_STREAM_SPLIT")
            | ({"frame": "DELTA_BINARY_PACKED"} if small else {}),
            write_statistics=["video_id", "frame", "person", *([] if small else _CONFIDENCES)],
            write_page_checksum=True,
        ) as writer:
            for video in videos:
                writer.write_table(video, row_group_size=self.group)
        add_block(path, self.page)


LAYOUTS: Final = (
    Layout(1024, 1024, 1, 1, 1),
    Layout(parquet_layout.ROWS_PER_GROUP, parquet_layout.ROWS_PER_PAGE, 4, 1),
    Layout(1024, 64, 1, 1),
    Layout(1024, 64, 3, 1),
    Layout(1024, 64, 5, 5),
    Layout(1024, 64, 5, 5, 5, index=True),
    Layout(1024, 128, 3, 1),
    Layout(1024, 128, 4, 1),
    Layout(1024, 128, 5, 5),
    Layout(2048, 64, 4, 1),
    Layout(4096, 64, 4, 1),
    Layout(4096, 128, 4, 1),
)

_SCANS: Final[dict[str, Callable[[str], object]]] = {
    "duckdb wrist": lambda file: duckdb.sql(f"select avg(right_hand_xy[2]) from '{file}'").fetchall(),
    "column": lambda file: duckdb.sql(f"select avg(list_sum(face_xy)) from '{file}'").fetchall(),
    "polars wrist": lambda file: pl.scan_parquet(file).select(pl.col("right_hand_xy").list.get(1).mean()).collect(),
    "column ": lambda file: pl.scan_parquet(file).select(pl.col("face_xy").list.sum().mean()).collect(),
}


def report() -> None:
    """Prints the table of layouts, and what writing consists of."""
    videos = [_video(make_signer(seed, 1500, 1280, 720), seed) for seed in range(40)]
    real = _real_signers()
    count = sum(video.num_rows for video in videos)
    print(f"layouts: {count:,} frames of synthetic signers, {real[0].num_rows if real else 0:,} of real ones; CPU time")
    print("| rows of a group / page | zstd of xy, scores, rest | bytes a frame | real | written, frames/s |", end="")
    print(" | ".join(("", *_SCANS)), "ms | a clip: pages, kB | one read, kB |")
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as name:
        files = {layout: Path(name) / f"{number}.parquet" for number, layout in enumerate(LAYOUTS)}
        written: dict[Layout, float] = {}
        scans: dict[tuple[Layout, str], float] = {}
        for _ in range(ROUNDS):
            for layout, file in files.items():
                took = _took(lambda layout=layout, file=file: layout.write(file, videos))
                written[layout] = min(took, written.get(layout, took))
            for layout, file in files.items():
                for what, scan in _SCANS.items():
                    took = _took(lambda scan=scan, file=file: scan(str(file)))
                    scans[layout, what] = min(took, scans.get((layout, what), took))
        for layout, file in files.items():
            size = file.stat().st_size / count
            of_real = "-"
            if real:
                layout.write(Path(name) / "real.parquet", real)
                of_real = f"{(Path(name) / 'real.parquet').stat().st_size / sum(t.num_rows for t in real):,.0f}"
            times = " | ".join(f"{scans[layout, what] * 1e3:,.0f}" for what in _SCANS)
            pages, groups = _touched(layout.page), min(_touched(layout.group), 2)
            kilobytes = (
                f"{8 * pages:.0f}, {pages * layout.page * size / 1e3:.0f} | {groups * layout.group * size / 1e3:,.0f}"
            )
            print(f"| {layout} | {size:.0f} | {of_real} | {count / written[layout]:,.0f} | {times} | {kilobytes} |")
        _steps(Path(name), videos)


def _touched(rows: int) -> float:
    """Pages, or row groups, that a clip touches on average, each with `rows` rows."""
    return 1 + (CLIP - 1) / rows


def _steps(folder: Path, videos: Sequence[pa.Table]) -> None:
    """What a core does for a frame that is written, in microseconds."""
    points = make_signer(1, 4096, 1280, 720)
    frames, persons = np.arange(4096, dtype=np.int32), np.zeros(4096, np.int8)
    count = sum(video.num_rows for video in videos)
    file = folder / "steps.parquet"

    def write(**changes: object) -> None:
        sink = pa.MockOutputStream()
        with pq.ParquetWriter(sink, videos[0].schema, **changes) as writer:
            for video in videos:
                writer.write_table(video, row_group_size=parquet_layout.ROWS_PER_GROUP)

    def today() -> None:
        with parquet_layout.keypoints_writer(file) as writer:
            for video in videos:
                writer.write_table(video, row_group_size=parquet_layout.ROWS_PER_GROUP)

    split = {"use_dictionary": False, "column_encoding": dict.fromkeys([*_XY, *_SCORES], "BYTE_STREAM_SPLIT")}
    pages = {"max_rows_per_page": parquet_layout.ROWS_PER_PAGE}
    steps = {
        "numpy to Arrow": (lambda: to_table(frames, persons, points), 4096),
        "levels, plain floats": (lambda: write(compression="none", use_dictionary=False), count),
        "and byte streams": (lambda: write(compression="none", **split), count),
        "and checksums": (lambda: write(compression="none", **split, write_page_checksum=True), count),
        "and pages": (lambda: write(compression="none", **split, **pages, write_page_checksum=True), count),
        "and zstd, as written": (today, count),
        "the block of pages": (lambda: add_block(file, parquet_layout.ROWS_PER_PAGE), count),
        "the digest": (lambda: digest(file), count),
    }
    print("what a frame takes of a core, us: ", end="")
    parts = []
    for what, (step, frames_of_it) in steps.items():
        if what == "the block of pages":
            today()
            parts.append(f"{what} {_took(step) / frames_of_it * 1e6:.2f}")
        else:
            parts.append(f"{what} {min(_took(step) for _ in range(ROUNDS)) / frames_of_it * 1e6:.2f}")
    print("; ".join(parts))


def _took(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def _video(points: np.ndarray, number: int) -> pa.Table:
    rows = to_table(np.arange(len(points), dtype=np.int32), np.zeros(len(points), np.int8), points)
    for position, (name, value) in enumerate((("video_id", f"video{number:06d}"), ("ingest_id", "0" * 36))):
        rows = rows.add_column(position, name, pa.repeat(value, rows.num_rows))
    return parquet_layout.completed(rows, KEYPOINTS.file_schema)


def _real_signers() -> list[pa.Table]:
    """All keypoints that the stand-in models find in the sample videos, as one video; nothing where there are none."""
    data = Path(os.environ.get("SIGNVERSE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    models = data / "models"
    if not models.is_dir():
        return []
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as name:
        folder = Path(name) / "videos"
        folder.mkdir()
        for video in (data / "videos").iterdir():
            if video.suffix in {".mp4", ".webm"} and "no_person" not in video.name:
                (folder / video.name).symlink_to(video)
        command = [sys.executable, "-m", "signverse", "-q", "ingest", "videos", str(folder), "--lake", f"{name}/lake"]
        command += ["--detector", str(models / "yolox_nano.onnx"), "--pose", str(models / "wholebody133_384x288.onnx")]
        subprocess.run(command, check=True)
        snapshot = Lake.open(Path(name) / "lake").snapshot
        points = [rows.points for video in snapshot.visible()["video_id"] for rows in snapshot.people(video)]
    return [_video(np.concatenate(points), 0)]
