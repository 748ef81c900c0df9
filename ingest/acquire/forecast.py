"""What a manifest will bring: videos by language, and the hours and gigabytes to expect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import polars as pl

from signverse.ingest.acquire.corpus_state import DOWNLOADED, IN_LAKE, STATES, UNAVAILABLE, WAITING, video_states
from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from signverse.lake.model.languages import languages
from signverse.lake.model.schema import VIDEOS
from signverse.lake.storage.snapshot import collect

PUBLISHED_VIDEOS: Final = 13_377
PUBLISHED_HOURS: Final = 1_074.0
PUBLISHED_GB: Final = 525.0
"""What one IP address could download of the 39,197 ids of SignVerse-2M at 720p (published facts of that corpus)."""

MIN_MEASURED: Final = 20
"""From so many videos on, their mean length says more about a language than the published mean of all."""


def forecast(
    entries: Mapping[str, Entry], lake: Lake | None, media: Collection[str] | None = None
) -> tuple[pl.DataFrame, str]:
    """A row a language, the largest first, and what the expectation is based on.

    Returns:
        sign_language; name; videos; one column for each of corpus_state.STATES; to_do, videos that are neither in the
        lake nor unavailable; hours, their expected length if all can be downloaded; gb, the expected size at 720p of
        those that are not downloaded yet.
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
        states = video_states(lake, entries.keys(), media).select("video_id", "state")
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
    return rows.select("sign_language", "name", "videos", *STATES, "to_do", "hours", "gb"), basis


def _means(lake: Lake | None) -> pl.DataFrame:
    """The mean length of the lake's videos by language, in hours."""
    if lake is None:
        return pl.DataFrame(schema={"sign_language": pl.String, "hours": pl.Float64, "videos": pl.UInt32})
    return collect(
        lake.table(VIDEOS.name)
        .group_by("sign_language")
        .agg(hours=pl.col("duration_s").mean() / 3600, videos=pl.col("duration_s").count().cast(pl.UInt32))
    )
