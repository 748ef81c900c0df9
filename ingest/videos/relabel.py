"""Correcting the language of videos that a lake has: an ingestion that copies their rows, without extracting again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from signverse.lake.model.languages import UNDETERMINED
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, SEGMENTS
from signverse.lake.storage.committer import Committer, VideoRows

_OURS = ("video_id", "ingest_id", "sign_language")
"""Columns that the committer fills in."""


def relabel(lake: Lake, entries: Mapping[str, Entry]) -> list[str]:
    """Gives videos of the lake the language that a manifest names for them, where it is another.

    A manifest that knows no language for a video leaves the lake's as it is.

    Returns:
        What was changed, a line a video: "ID from und to pso".
    """
    known = lake.videos().select("video_id", "sign_language").collect()
    wrong = {
        video_id: entry
        for video_id, language in known.iter_rows()
        if (entry := entries.get(video_id)) and entry.sign_language not in {UNDETERMINED, language}
    }
    changed = []
    with Committer(lake.folder) as committer:
        for video_id, entry in wrong.items():
            before = lake.video(video_id)
            words = f"from {before['sign_language']} to {entry.sign_language}"
            committer.add(_copy(lake, before, entry, words))
            changed.append(f"{video_id} {words}")
    lake.refresh()
    return changed


def _copy(lake: Lake, video: dict[str, Any], entry: Entry, words: str) -> VideoRows:
    columns = [name for name in KEYPOINTS.file_schema.names if name not in {*_OURS, "frame", "person"}]
    keypoints = lake.snapshot.keypoint_rows(video["video_id"], columns)
    return VideoRows(
        video={**video, "sign_language": entry.sign_language, "language_label": entry.language_label},
        keypoints=keypoints,
        segments=_rows(lake, SEGMENTS.name, video["video_id"]),
        captions=_rows(lake, CAPTIONS.name, video["video_id"]),
        stage="list",
        reason="relabelled",
        message=words,
    )


def _rows(lake: Lake, table: str, video_id: str) -> list[dict[str, Any]]:
    return lake.table(table).filter(pl.col("video_id") == video_id).drop(_OURS).collect().to_dicts()
