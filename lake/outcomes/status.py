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
from signverse.lake.outcomes.folder import look_into
from signverse.lake.outcomes.next_steps import next_step
from signverse.lake.outcomes.runs import SeenRun, runs_of
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

_NEWEST: Final = 20
"""Failures that are shown one by one."""


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
        causes: a row for each cause of blocked, failed and unavailable videos: state, stage, reason, videos, the newest
            message, and the next step.
        newest: the newest videos that are blocked or failed, at most 20: video_id, state, stage, reason, message, at,
            next_step.
        downloaded_an_hour, extracted_an_hour: over the last hour; 0 where there was nothing.
        hours_left: until all that is not unavailable is in the lake, at that rate; None without a rate.
        hours: of video in the lake.
        captions: videos in the lake by the kind of the captions that became segments.
        last_attempt: when the newest attempt of any stage ended; None without one.
        runs: the runs that share the media folder; see runs.SeenRun. Empty without a folder.
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
    newest: list[dict[str, Any]] = field(default_factory=list)
    last_attempt: datetime | None = None
    runs: list[SeenRun] = field(default_factory=list)
    media_videos: int | None = None
    media_bytes: int | None = None
    unfinished_videos: int | None = None
    unfinished_bytes: int | None = None
    free_bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--format json`."""
        last = None if self.last_attempt is None else self.last_attempt.isoformat(timespec="seconds")
        return {**asdict(self), "at": self.at.isoformat(timespec="seconds"), "last_attempt": last}


def read_status(snapshot: Snapshot, media: Path | None = None, now: datetime | None = None) -> Status:
    """The status of a lake, and of a media folder where one is given.

    Raises:
        BadInputError: the media folder is not there, or cannot be read.
        DamagedLakeError: a file of the lake cannot be read.
    """
    now = now or datetime.now(UTC)
    seen = look_into(media) if media is not None else None
    sources = collect(
        snapshot.table(SOURCES.name)
        .sort("listed_at", maintain_order=True)
        .unique("video_id", keep="last", maintain_order=True)
        .select("video_id", "sign_language")
    )
    videos = collect(snapshot.table(VIDEOS.name).select("video_id", "sign_language", "duration_s"))
    listed = pl.concat([videos.select("video_id", "sign_language"), sources, _failed_only(snapshot)])
    listed = listed.unique("video_id", keep="first", maintain_order=True)
    rows = video_states(snapshot, listed["video_id"].to_list(), None if seen is None else seen.finished.keys())
    rows = rows.join(listed, on="video_id", how="left")
    states = {state: rows.filter(pl.col("state") == state).height for state in STATES}
    by_language = (
        rows.group_by("sign_language")
        .agg(pl.len().alias("videos"), *((pl.col("state") == state).sum().alias(state) for state in STATES))
        .sort(["videos", "sign_language"], descending=[True, False])
    )
    downloaded, extracted = (_an_hour(snapshot, stage, now) for stage in ("download", "extract"))
    left = states[WAITING] + states[DOWNLOADED] + states[BLOCKED] + states[FAILED]
    invalid, last_attempt = _of_outcomes(snapshot)
    return Status(
        at=now,
        listed=rows.height,
        states=states,
        languages=by_language.to_dicts(),
        invalid=invalid,
        came_back=int(rows["came_back"].sum()),
        causes=_causes(rows),
        downloaded_an_hour=downloaded,
        extracted_an_hour=extracted,
        hours_left=left / extracted if extracted and left else 0.0 if not left else None,
        hours=float(videos["duration_s"].sum()) / 3600,
        captions=_captions(snapshot),
        newest=_newest(rows),
        last_attempt=last_attempt,
        runs=[] if media is None else runs_of(media),
        media_videos=None if seen is None else len(seen.finished),
        media_bytes=None if seen is None else sum(seen.finished.values()),
        unfinished_videos=None if seen is None else len(seen.unfinished),
        unfinished_bytes=None if seen is None else sum(seen.unfinished.values()),
        free_bytes=None if seen is None else seen.free,
    )


def _causes(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """A row for each cause of blocked, failed and unavailable videos, the most frequent first."""
    causes = (
        rows.filter(pl.col("state").is_in([BLOCKED, FAILED, UNAVAILABLE]))
        .sort("at")
        .group_by("state", "stage", "reason")
        .agg(pl.len().alias("videos"), pl.col("message", "video_id").last(), last=pl.col("at").last())
        .sort(["videos", "last"], descending=True)
    )
    return [
        {
            **row,
            "last": row["last"].isoformat(timespec="seconds"),
            "next_step": next_step(row["state"], row["reason"]),
        }
        for row in causes.iter_rows(named=True)
    ]


def _newest(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The newest videos that are blocked or failed, each with its next step."""
    newest = rows.filter(pl.col("state").is_in([BLOCKED, FAILED])).sort("at", "video_id", descending=[True, False])
    names = ("video_id", "state", "stage", "reason", "message", "at")
    return [
        {**row, "at": row["at"].isoformat(timespec="seconds"), "next_step": next_step(row["state"], row["reason"])}
        for row in newest.head(_NEWEST).select(names).iter_rows(named=True)
    ]


def _of_outcomes(snapshot: Snapshot) -> tuple[int, datetime | None]:
    """How many invalid ids there are, and when the newest attempt ended."""
    # A video that a manifest relabelled is recorded under the stage `list`, too, as done.
    invalid = (pl.col("stage") == "list") & (pl.col("outcome") != "done")
    found = collect(
        snapshot.raw_table(OUTCOMES.name).select(
            pl.col("video_id").filter(invalid).n_unique().alias("invalid"), pl.col("attempted_at").max().alias("last")
        )
    ).row(0)
    return int(found[0]), found[1]


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
