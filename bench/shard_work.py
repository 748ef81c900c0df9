"""Import and export of shards in this process, which shards.py times and shard_memory.py watches."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.ingest.shards.reader import Options, read_shard
from signverse.ingest.shards.tar_files import ShardTask
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer, VideoRows


def export_card(lake: Lake, videos: pl.DataFrame, out: Path, workers: int = 1, videos_per_shard: int = 20) -> None:
    """Export videos as `card` tars, over what an earlier export left."""
    shards = plan_shards(videos, videos_per_shard=videos_per_shard)
    done = prepare_folder(out, lake, shards, Spec(), overwrite=True)
    export_shards(lake, shards, out, Spec(), done=done, workers=workers)


def import_here(folder: Path, path: Path) -> None:
    """Import a tar into a new lake."""
    shutil.rmtree(folder, ignore_errors=True)
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for item in read_shard(ShardTask(path), Options()):
            if isinstance(item, VideoRows):
                committer.add(item)
