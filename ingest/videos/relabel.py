"""Correct the language of videos in a lake: an ingestion that copies their rows, without extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from signverse.lake.model.languages import UNDETERMINED
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, SEGMENTS
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_files import videos_to_take_again

_FILLED_IN = ("video_id", "ingest_id", "sign_language")
"""Columns that the committer fills in."""


def relabel(lake: Lake, entries: Mapping[str, Entry]) -> list[str]:
    """Change the language of videos to the one that a manifest gives them.

    A video for which the manifest has no language keeps its own, and so does one whose keypoints are lost, until it is
    ingested again.

    Returns:
        A line for each change, such as "ID from und to pso".
    """
    current = collect(lake.videos().select("video_id", "sign_language"))
    lost = videos_to_take_again(lake.snapshot)
    wrong = {
        video_id: entry
        for video_id, language in current.iter_rows()
        if video_id not in lost
        and (entry := entries.get(video_id))
        and entry.sign_language not in {UNDETERMINED, language}
    }
    changed = []
    with Committer(lake.folder) as committer:
        for video_id, entry in wrong.items():
            before = lake.video(video_id)
            change = f"from {before['sign_language']} to {entry.sign_language}"
            committer.add(_copy(lake, before, entry, change))
            changed.append(f"{video_id} {change}")
    lake.refresh()
    return changed


def _copy(lake: Lake, video: dict[str, Any], entry: Entry, change: str) -> VideoRows:
    columns = [name for name in KEYPOINTS.file_schema.names if name not in {*_FILLED_IN, "frame", "person"}]
    keypoints = lake.snapshot.keypoint_rows(video["video_id"], columns)
    return VideoRows(
        video={**video, "sign_language": entry.sign_language, "language_label": entry.language_label},
        keypoints=keypoints,
        segments=_rows(lake, SEGMENTS.name, video["video_id"]),
        captions=_rows(lake, CAPTIONS.name, video["video_id"]),
        stage="list",
        reason="relabelled",
        message=change,
    )


def _rows(lake: Lake, table: str, video_id: str) -> list[dict[str, Any]]:
    return collect(lake.table(table).filter(pl.col("video_id") == video_id).drop(_FILLED_IN)).to_dicts()
