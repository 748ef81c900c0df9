"""Outcomes that a killed process did not record: `videos` is committed first, and the outcome `done` after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from signverse.lake.model.schema import OUTCOMES, VIDEOS
from signverse.lake.storage.integrity import writers

if TYPE_CHECKING:
    from signverse.lake.storage.snapshot import Snapshot

_STAGES: Final = {"shard": "import", "video": "extract"}
"""The stage at which a video came in, by the column `source`."""


def videos_without_outcome(snapshot: Snapshot) -> pl.DataFrame:
    """The rows of `videos` whose ingestion no outcome calls done, those of writers that live left out."""
    from signverse.lake.storage.snapshot import collect

    done = pl.col("outcome") == "done"
    outcomes = collect(snapshot.raw_table(OUTCOMES.name).filter(done).select("video_id", "ingest_id"))
    # Rows of older versions name no ingestion.
    unnamed = outcomes.filter(pl.col("ingest_id").is_null())
    columns = ["video_id", "ingest_id", "keypoints_ingest_id", "source", "ingested_at"]
    videos = collect(snapshot.raw_table(VIDEOS.name).select(columns))
    without = videos.join(outcomes, on="ingest_id", how="anti").join(unnamed, on="video_id", how="anti")
    if without.is_empty():
        return without
    # A process that lives may be between the two commits.
    files = [Path(file) for file in snapshot.files(VIDEOS.name)]
    names = writers.in_use(snapshot.folder, [file.name for file in files])
    for file in files:
        if file.name in names:
            ids = collect(pl.scan_parquet(file, glob=False).select("ingest_id"))
            without = without.join(ids, on="ingest_id", how="anti")
    return without


def lost_outcomes(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Rows of `outcomes` in the place of those that were not recorded."""
    return [
        {
            "video_id": row["video_id"],
            "ingest_id": row["ingest_id"],
            "stage": "captions" if row["keypoints_ingest_id"] else _STAGES.get(row["source"], "import"),
            "outcome": "done",
            "reason": None,
            "message": "recorded later: the process that ingested the video ended before it did",
            "attempt": 1,
            "attempted_at": row["ingested_at"],
        }
        for row in videos_without_outcome(snapshot).iter_rows(named=True)
    ]
