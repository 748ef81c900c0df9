"""The state of a corpus in numbers, from the lake and the media folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from signverse.lake.model.languages import UNDETERMINED
from signverse.lake.model.schema import OUTCOMES, SOURCES, VIDEOS
from signverse.lake.outcomes.folder import finished_files, free_bytes, size_of_file, unfinished_bytes
from signverse.lake.outcomes.states import (
    BLOCKED,
    DOWNLOADED,
    FAILED,
    STATES,
    TRIED,
    UNAVAILABLE,
    WAITING,
    video_states,
)
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot

WINDOW: Final = timedelta(hours=1)
"""Rates are those of the last hour."""


@dataclass(frozen=True)
class Status:
    """The state of a corpus.

    Attributes:
        at: the time of the status.
        listed: ids in the manifests that the lake knows, and videos that came without one or failed.
        states: how many of them are in each of states.STATES; their sum is `listed`.
        languages: a row a language: sign_language, videos and each state.
        invalid: distinct invalid ids in manifests and file names.
        came_back: videos that were unavailable once.
        causes: a row for each cause of blocked, failed and unavailable videos: state, stage, reason, videos, and the
            newest message.
        downloaded_an_hour, extracted_an_hour: over the last hour; 0 where there was nothing.
        hours_left: until all that is not unavailable is in the lake, at that rate; None without a rate.
        hours: of video in the lake.
        captions: videos in the lake by the kind of the captions that became segments.
        media_videos, media_bytes, unfinished_videos, unfinished_bytes, free_bytes: of the media folder; None without
            one.
    """

    at: datetime
    listed: int
    states: dict[str, int]
    languages: list[dict[str, Any]]
    invalid: int
    came_back: int
    causes: list[dict[str, Any]]
    downloaded_an_hour: float
    extracted_an_hour: float
    hours_left: float | None
    hours: float
    captions: dict[str, int] = field(default_factory=dict)
    media_videos: int | None = None
    media_bytes: int | None = None
    unfinished_videos: int | None = None
    unfinished_bytes: int | None = None
    free_bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--format json`."""
        return {**asdict(self), "at": self.at.isoformat(timespec="seconds")}


def read_status(snapshot: Snapshot, media: Path | None = None, now: datetime | None = None) -> Status:
    """The status of a lake, and of a media folder where one is given."""
    now = now or datetime.now(UTC)
    sources = collect(
        snapshot.table(SOURCES.name)
        .sort("listed_at", maintain_order=True)
        .unique("video_id", keep="last", maintain_order=True)
        .select("video_id", "sign_language")
    )
    videos = collect(snapshot.table(VIDEOS.name).select("video_id", "sign_language", "duration_s"))
    listed = pl.concat([videos.select("video_id", "sign_language"), sources, _failed_only(snapshot)])
    listed = listed.unique("video_id", keep="first", maintain_order=True)
    finished = finished_files(media) if media is not None else None
    unfinished = unfinished_bytes(media) if media is not None else None
    rows = video_states(snapshot, listed["video_id"].to_list(), None if finished is None else finished.keys())
    rows = rows.join(listed, on="video_id", how="left")
    states = {state: rows.filter(pl.col("state") == state).height for state in STATES}
    by_language = (
        rows.group_by("sign_language")
        .agg(pl.len().alias("videos"), *((pl.col("state") == state).sum().alias(state) for state in STATES))
        .sort(["videos", "sign_language"], descending=[True, False])
    )
    causes = (
        rows.filter(pl.col("state").is_in([BLOCKED, FAILED, UNAVAILABLE]))
        .sort("at")
        .group_by("state", "stage", "reason")
        .agg(pl.len().alias("videos"), pl.col("message", "video_id").last(), last=pl.col("at").last())
        .sort(["videos", "last"], descending=True)
    )
    downloaded, extracted = (_an_hour(snapshot, stage, now) for stage in ("download", "extract"))
    left = states[WAITING] + states[DOWNLOADED] + states[BLOCKED] + states[FAILED]
    invalid = collect(
        snapshot.raw_table(OUTCOMES.name)
        # A video that a manifest relabelled is recorded under this stage, too, as done.
        .filter(pl.col("stage") == "list", pl.col("outcome") != "done")
        .select(pl.col("video_id").n_unique())
    ).item()
    return Status(
        at=now,
        listed=rows.height,
        states=states,
        languages=by_language.to_dicts(),
        invalid=invalid,
        came_back=int(rows["came_back"].sum()),
        causes=[{**row, "last": row["last"].isoformat(timespec="seconds")} for row in causes.iter_rows(named=True)],
        downloaded_an_hour=downloaded,
        extracted_an_hour=extracted,
        hours_left=left / extracted if extracted and left else 0.0 if not left else None,
        hours=float(videos["duration_s"].sum()) / 3600,
        captions=_captions(snapshot),
        media_videos=None if finished is None else len(finished),
        media_bytes=None if finished is None else sum(map(size_of_file, finished.values())),
        unfinished_videos=None if unfinished is None else len(unfinished),
        unfinished_bytes=None if unfinished is None else sum(unfinished.values()),
        free_bytes=None if media is None else free_bytes(media),
    )


def _failed_only(snapshot: Snapshot) -> pl.DataFrame:
    """Videos with an attempt that did not end well: of a folder without a manifest, nothing else tells of them."""
    return collect(
        snapshot.raw_table(OUTCOMES.name)
        .filter(pl.col("stage").is_in(TRIED), pl.col("outcome") != "done")
        .select("video_id", sign_language=pl.lit(UNDETERMINED))
        .unique(maintain_order=True)
    )


def _an_hour(snapshot: Snapshot, stage: str, now: datetime) -> float:
    """Videos an hour that a stage finished, over the last hour or since its first one within it."""
    done = collect(
        snapshot.raw_table(OUTCOMES.name)
        .filter(
            pl.col("stage") == stage,
            pl.col("outcome") == "done",
            pl.col("attempted_at") > now - WINDOW,
        )
        .select(pl.len().alias("count"), first=pl.col("attempted_at").min())
    )
    count, first = done.row(0)
    if not count:
        return 0.0
    # Over at least a minute: two videos in the first second say nothing about an hour.
    hours: float = max(60.0, (now - first).total_seconds()) / 3600
    return int(count) / hours


def _captions(snapshot: Snapshot) -> dict[str, int]:
    kinds: Mapping[str, int] = dict(
        collect(
            snapshot.table("segments")
            .filter(pl.col("ordinal") == 0)
            .group_by("caption_kind")
            .agg(pl.col("video_id").n_unique())
            .sort("caption_kind")
        ).iter_rows()
    )
    return dict(kinds)
