"""Outcomes that a killed process did not record: `videos` is committed first, and the outcome `done` after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from signverse.lake.model.schema import OUTCOMES, VIDEOS
from signverse.lake.storage.integrity import writers
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.scan import scan

if TYPE_CHECKING:
    from signverse.lake.storage.snapshot import Snapshot

STAGES: Final = {"shard": "import", "video": "extract"}
"""The stage at which a video came in, by the column `source`."""


def videos_without_outcome(snapshot: Snapshot) -> pl.DataFrame:
    """The rows of `videos` whose ingestion no outcome calls done, those of writers that live left out."""
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
            ids = collect(scan([str(file)], VIDEOS, VIDEOS.schema).select("ingest_id"))
            without = without.join(ids, on="ingest_id", how="anti")
    return without


def lost_outcomes(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Rows of `outcomes` in the place of those that were not recorded."""
    why = "recorded later: the process that ingested the video ended before it did"
    return [done_outcome(video, why) for video in videos_without_outcome(snapshot).iter_rows(named=True)]


def done_outcome(video: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The row of `outcomes` that says that a video is done, from its row of `videos`."""
    # New captions of keypoints that an earlier ingestion wrote.
    of_captions = video["keypoints_ingest_id"] not in {None, video["ingest_id"]}
    return {
        "video_id": video["video_id"],
        "ingest_id": video["ingest_id"],
        "stage": "captions" if of_captions else STAGES.get(video["source"], "extract"),
        "outcome": "done",
        "reason": None,
        "message": message,
        "attempt": 1,
        "attempted_at": video["ingested_at"],
    }
