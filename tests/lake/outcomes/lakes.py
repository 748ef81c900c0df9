"""Fills lakes with known rows: attempts, listed videos, and videos with a segment each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
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


def awkward_corpus(lake: Lake, folder: Path) -> tuple[Lake, Path]:
    """Twelve ids in each state at least once, and a video that came without a manifest."""
    list_videos(lake, "ase", *(f"a{i}" for i in range(9)))
    list_videos(lake, "pso", "p0", "p1", "p2")
    # A label that was mended: the newest counts.
    list_videos(lake, "und", "u0", minutes=-9)
    list_videos(lake, "pso", "u0", minutes=-1)
    add_videos(lake, "ase", "a0", "a1", hours=1.5)
    add_videos(lake, "ase", "a2", hours=0.5, captions="automatic")
    add_videos(lake, "bfi", "stranger", hours=0.25, captions="none")
    record(
        lake,
        *(attempt(one, "download", "done", -120) for one in ("a0", "a1", "a2")),
        *(attempt(one, "extract", "done", minute) for one, minute in (("a0", -100), ("a1", -30), ("a2", -10))),
        attempt("a3", "download", "done", -30),
        attempt("a4", "download", "blocked", -3, "rate_limit", "Too many"),
        attempt("a5", "download", "blocked", -2, "rate_limit", "Too many requests"),
        attempt("a6", "download", "unavailable", -9, "deleted", "It is gone"),
        attempt("a7", "download", "failed", -8, "timeout", "It took long"),
        attempt("p0", "download", "unavailable", -50, "private", "Private"),
        attempt("p0", "download", "done", -15),
        attempt("p0", "extract", "failed", -5, "bad_video", "p0.mp4 cannot be read"),
        attempt("../x", "list", "failed", -1, "bad_id", "no id"),
        attempt("../x", "list", "failed", -1, "bad_id", "no id"),
    )
    media = folder / "media"
    media.mkdir()
    (media / "a3.mp4").write_bytes(b"x" * 700)
    (media / "p0.mp4").write_bytes(b"x" * 300)
    return lake, media
