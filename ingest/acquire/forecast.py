"""What a manifest will bring: videos by language, hours, gigabytes to download, and the size of the lake.

Every figure says where it comes from: what the lake holds, where that is enough, else what was measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.languages import languages
from signverse.lake.model.schema import KEYPOINTS, OUTCOMES, VIDEOS
from signverse.lake.model.wording import lasting, size_of
from signverse.lake.outcomes.states import DOWNLOADED, IN_LAKE, STATES, UNAVAILABLE, WAITING, video_states
from signverse.lake.storage.integrity.foreign_errors import collect

PUBLISHED_VIDEOS: Final = 13_377
PUBLISHED_HOURS: Final = 1_074.0
PUBLISHED_GB: Final = 525.0
"""What one IP address could download of the 39,197 ids of SignVerse-2M at 720p (published facts of that corpus)."""

MIN_MEASURED: Final = 20
"""From so many videos on, their mean length says more about a language than the published mean of all."""

MEASURED_BYTES: Final = 518.0
"""Bytes of a frame in a lake, measured on 423,330 frames of real keypoints (docs/how-it-works/layout.md)."""

MEASURED_RATE: Final = 24.2
"""Frames/s on two cores of a CPU, measured with the default settings (docs/benchmarks.md)."""

_MIN_FRAMES: Final = 20_000
"""From so many frames on, the size of the lake says what a frame takes."""

_PAUSE: Final = timedelta(minutes=30)
"""Between two videos that one run finished there is less, except where videos last for hours."""

_MIN_RUN: Final = timedelta(minutes=1)
"""A shorter run says little about the rate."""


@dataclass(frozen=True)
class ExtractionRate:
    """How fast the newest run of extraction that took a minute was.

    Attributes:
        frames_per_s: of all processes and machines together.
        videos: how many it is measured on.
        ended_at: when the run ended.
        provider: what ran the models, such as CPUExecutionProvider.
    """

    frames_per_s: float
    videos: int
    ended_at: datetime
    provider: str


def extraction_rate(lake: Lake | None) -> ExtractionRate | None:
    """The rate at which videos were extracted into the lake last; None where too little was."""
    if lake is None:
        return None
    ended = lake.raw_table(OUTCOMES.name).filter(pl.col("stage") == "extract", pl.col("outcome") == "done")
    frames = lake.raw_table(VIDEOS.name).select("ingest_id", "num_frames", "provider")
    runs = collect(
        ended.select("ingest_id", "attempted_at")
        .join(frames, on="ingest_id")
        .sort("attempted_at")
        .with_columns(run=(pl.col("attempted_at").diff() > _PAUSE).fill_null(value=False).cum_sum())
        .group_by("run")
        # The frames of the first video were extracted before its end, which is where the clock starts.
        .agg(
            frames=pl.col("num_frames").sum() - pl.col("num_frames").first(),
            videos=pl.len() - 1,
            took=pl.col("attempted_at").max() - pl.col("attempted_at").min(),
            ended_at=pl.col("attempted_at").max(),
            provider=pl.col("provider").last(),
        )
        .filter(pl.col("took") >= _MIN_RUN, pl.col("frames") > 0)
        .sort("ended_at")
        .tail(1)
    )
    for row in runs.iter_rows(named=True):
        rate = row["frames"] / row["took"].total_seconds()
        return ExtractionRate(rate, row["videos"], row["ended_at"], row["provider"] or "an unknown device")
    return None


def bytes_per_frame(lake: Lake | None) -> tuple[float, str]:
    """What a frame takes in a lake, and where the figure comes from."""
    if lake is not None:
        frames = collect(lake.table(VIDEOS.name).select(pl.col("num_frames").sum())).item()
        if frames >= _MIN_FRAMES:
            return sum(file.size for file in lake.snapshot.stored_files(KEYPOINTS.name)) / frames, "as in this lake"
    return MEASURED_BYTES, "measured on real keypoints"


def forecast(
    entries: Mapping[str, Entry], lake: Lake | None, media: Collection[str] | None = None
) -> tuple[pl.DataFrame, str]:
    """A row a language, the largest first, and what the expectation is based on.

    Returns:
        sign_language; name; videos; one column for each of states.STATES; to_do, videos that are neither in the
        lake nor unavailable; hours, their expected length if all can be downloaded; gb, the expected size at 720p of
        those that are not downloaded yet; lake_gb, what they will take in the lake; extraction_hours at the rate of
        `extraction_rate`, null where there is none.
    """
    names = {language.code: language.name for language in languages()}
    videos = pl.DataFrame(
        {"video_id": list(entries), "sign_language": [entry.sign_language for entry in entries.values()]},
        schema={"video_id": pl.String, "sign_language": pl.String},
    )
    means = _means(lake)
    overall = PUBLISHED_HOURS / PUBLISHED_VIDEOS
    basis = f"{overall * 60:.1f} minutes a video, the mean of {PUBLISHED_VIDEOS:,} published ones"
    measured = int(means["videos"].sum())
    if measured >= MIN_MEASURED:
        overall = float((means["hours"] * means["videos"]).sum()) / measured
        basis = f"{overall * 60:.1f} minutes a video, the mean of {measured:,} in the lake"
    if lake is not None:
        states = video_states(lake.snapshot, entries.keys(), media).select("video_id", "state")
        videos = videos.join(states, on="video_id", how="left")
    else:
        videos = videos.with_columns(state=pl.lit(WAITING))
    rows = (
        videos.group_by("sign_language")
        .agg(pl.len().alias("videos"), *((pl.col("state") == state).sum().alias(state) for state in STATES))
        .join(
            means.filter(pl.col("videos") >= MIN_MEASURED).select("sign_language", each="hours"),
            on="sign_language",
            how="left",
        )
        .with_columns(to_do=pl.col("videos") - pl.col(IN_LAKE) - pl.col(UNAVAILABLE))
        .with_columns(hours=pl.col("to_do") * pl.col("each").fill_null(overall))
        # Videos in the media folder are still to be extracted, but not to be downloaded.
        .with_columns(
            gb=(pl.col("to_do") - pl.col(DOWNLOADED))
            * pl.col("each").fill_null(overall)
            * (PUBLISHED_GB / PUBLISHED_HOURS)
        )
        .with_columns(name=pl.col("sign_language").replace_strict(names, default="unknown", return_dtype=pl.String))
        .sort(["videos", "sign_language"], descending=[True, False])
    )
    frames = pl.col("hours") * 3600 * FPS
    rate = extraction_rate(lake)
    rows = rows.with_columns(
        lake_gb=frames * bytes_per_frame(lake)[0] / 1e9,
        extraction_hours=frames / rate.frames_per_s / 3600 if rate else pl.lit(None, pl.Float64()),
    )
    columns = ["sign_language", "name", "videos", *STATES, "to_do", "hours", "gb", "lake_gb", "extraction_hours"]
    return rows.select(columns), basis


def prospects(rows: pl.DataFrame, lake: Lake | None) -> list[str]:
    """In words, what a forecast's videos take in the lake and how long their extraction lasts, and why."""
    each, origin = bytes_per_frame(lake)
    lines = [f"{size_of(round(float(rows['lake_gb'].sum()) * 1e9))} in the lake ({each:.0f} bytes a frame, {origin})"]
    rate = extraction_rate(lake)
    seconds = float(rows["hours"].sum()) * 3600 * FPS / (rate.frames_per_s if rate else MEASURED_RATE)
    if rate:
        lines.append(
            f"{lasting(seconds)} of extraction ({rate.frames_per_s:,.1f} frames/s, the lake's run that ended "
            f"{rate.ended_at:%Y-%m-%d %H:%M} UTC, {rate.provider})"
        )
    else:
        lines.append(
            f"{lasting(seconds)} of extraction on two CPU cores ({MEASURED_RATE} frames/s, the benchmark's; "
            "with --lake its last run's, from a minute on)"
        )
    return lines


def _means(lake: Lake | None) -> pl.DataFrame:
    """The mean length of the lake's videos by language, in hours."""
    if lake is None:
        return pl.DataFrame(schema={"sign_language": pl.String, "hours": pl.Float64, "videos": pl.UInt32})
    return collect(
        lake.table(VIDEOS.name)
        .group_by("sign_language")
        .agg(hours=pl.col("duration_s").mean() / 3600, videos=pl.col("duration_s").count().cast(pl.UInt32))
    )
