"""Peak memory of import and of export, each in a process of its own, over sizes that show whether it is flat."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from signverse.lake.lake import Lake
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.storage.committer import Committer, VideoRows


def report(folder: Path, tars: dict[str, Path]) -> None:
    """Prints the peaks of each tar: its import, its export to one tar, and the export of one video as long as all."""
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
    """A lake of one video, which is all videos of a lake one after the other."""
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
    run = [sys.executable, "-m", "bench.peaks", what, *map(str, paths)]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def _in_process(what: str, *paths: str) -> None:
    from bench import shards

    if what == "import":
        shards.import_here(Path(paths[1]), Path(paths[0]))
    elif what == "export":
        lake = Lake.open(paths[0])
        shards.export_card(lake, lake.videos().collect(), Path(paths[1]), videos_per_shard=1_000_000)
    # Not what getrusage tells: that begins with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text()
    (told,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(told.split()[1]) / 1024)


if __name__ == "__main__":
    _in_process(*sys.argv[1:])
