"""Fills lakes with known rows: attempts, listed videos, and videos with a segment each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from signverse.lake.lake import Lake
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import OUTCOMES, SEGMENTS, SOURCES, VIDEOS
from signverse.lake.storage import delta

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A time, in minutes from noon."""
    return NOON + timedelta(minutes=minutes)


def attempt(
    video_id: str, stage: str, outcome: str, minutes: float, reason: str | None = None, message: str | None = None
) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "stage": stage,
        "outcome": outcome,
        "reason": reason,
        "message": message,
        "attempt": 1,
        "attempted_at": at(minutes),
    }


def record(lake: Lake, *attempts: dict[str, Any]) -> None:
    delta.append(lake.folder / OUTCOMES.name, OUTCOMES, list(attempts))
    lake.refresh()


def list_videos(lake: Lake, language: str, *video_ids: str, minutes: float = 0.0) -> None:
    """Lists ids in `sources`, as a manifest does."""
    rows = [
        {"video_id": video_id, "ingest_id": new_ingest_id(), "sign_language": language, "listed_at": at(minutes)}
        for video_id in video_ids
    ]
    delta.append(lake.folder / SOURCES.name, SOURCES, rows)
    lake.refresh()


def add_videos(lake: Lake, language: str, *video_ids: str, hours: float | None = 1.0, captions: str = "manual") -> None:
    """Adds videos, each with two segments."""
    videos: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    for video_id in video_ids:
        ids = {"video_id": video_id, "ingest_id": new_ingest_id(), "sign_language": language}
        videos.append({**ids, "ingested_at": at(0), "duration_s": hours and hours * 3600})
        segments += ({**ids, "ordinal": ordinal, "caption_kind": captions} for ordinal in (0, 1))
    delta.append(lake.folder / SEGMENTS.name, SEGMENTS, segments)
    delta.append(lake.folder / VIDEOS.name, VIDEOS, videos)
    lake.refresh()
