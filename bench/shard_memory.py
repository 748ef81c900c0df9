"""Peak memory of the import and export of shards, each in its own process, for growing sizes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from bench.memory import peak_mb
from bench.shard_work import export_card, import_here
from signverse.lake.lake import Lake
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.storage.committer import Committer, VideoRows


def report(folder: Path, tars: dict[str, Path]) -> None:
    """Print for each tar the peaks of its import, of its export to one tar, and of the export of one video as long."""
    print(f"  peak memory: {_peak('nothing'):,.0f} MB with the libraries loaded and nothing done")
    for size, tar in tars.items():
        lake, out = folder / "peak-lake", folder / "peak-out"
        imported = _peak("import", tar, lake)
        exported = _peak("export", lake, out)
        _join(lake, folder / "peak-long")
        long = _peak("export", folder / "peak-long", out)
        print(
            f"    {size} frames: import {imported:,.0f} MB, export of videos {exported:,.0f} MB, of one {long:,.0f} MB"
        )
        for path in (lake, out, folder / "peak-long"):
            shutil.rmtree(path)


def _join(lake: Path, out: Path) -> None:
    """Make a lake of one video: all videos of a lake, concatenated."""
    given = Lake.open(lake)
    columns = [name for name in KEYPOINTS.file_schema.names if name not in {"video_id", "ingest_id", "frame", "person"}]
    with Committer(Lake.create(out).folder) as committer:
        tables, start, video = [], 0, {}
        for video_id in given.snapshot.visible()["video_id"]:
            video = given.video(video_id)
            table = given.snapshot.keypoint_rows(video_id, columns)
            shifted = pa.array(table.column("frame").to_numpy() + start, pa.int32())
            tables.append(table.set_column(0, "frame", shifted))
            start += video["num_frames"]
        for name in ("ingest_id", "ingested_at", "keypoints_file", "first_row_group", "row_group_count"):
            del video[name]
        committer.add(VideoRows({**video, "num_frames": start}, pa.concat_tables(tables), [], [], "import"))


def _peak(what: str, *paths: Path) -> float:
    """Peak memory of a process in MB."""
    run = [sys.executable, "-m", "bench.shard_memory", what, *map(str, paths)]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def _in_process(what: str, *paths: str) -> None:
    if what == "import":
        import_here(Path(paths[1]), Path(paths[0]))
    elif what == "export":
        lake = Lake.open(paths[0])
        export_card(lake, lake.videos().collect(), Path(paths[1]), videos_per_shard=1_000_000)
    print(peak_mb())


if __name__ == "__main__":
    _in_process(*sys.argv[1:])
