"""The state of every listed video, derived from the lake and the media folder alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import polars as pl

from signverse.lake.model.schema import OUTCOMES, VIDEOS
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot

STATES: Final = ("in the lake", "downloaded", "not tried yet", "blocked", "failed", "unavailable")
"""Every id is in exactly one of them.

    in the lake      extracted and committed
    downloaded       in the media folder; without a media folder, the newest attempt was a successful download
    not tried yet    nothing was tried, or what was downloaded is gone
    blocked, failed  the outcome of the newest attempt; it will be tried again
    unavailable      deleted, private or withheld; tried again with --retry unavailable
"""

IN_LAKE, DOWNLOADED, WAITING, BLOCKED, FAILED, UNAVAILABLE = STATES

TRIED: Final = ("download", "extract")
"""Stages whose newest outcome decides; that of captions concerns captions only."""


def video_states(snapshot: Snapshot, video_ids: Collection[str], media: Collection[str] | None = None) -> pl.DataFrame:
    """The state of each id: a row each, in their order.

    Args:
        media: ids of the videos in the media folder; None to leave the folder out.

    Returns:
        video_id; state, of STATES; stage, outcome, reason, message and at of the newest attempt, null without one;
        tries: failed attempts since the last success;
        came_back: whether it was unavailable once and downloaded later.
    """
    ids = pl.DataFrame({"video_id": list(dict.fromkeys(video_ids))}, schema={"video_id": pl.String})
    in_lake = collect(snapshot.table(VIDEOS.name).select("video_id", pl.lit(True).alias("in_lake")))
    # Rows that are committed together may share a time: then their order in the table decides.
    attempts = (
        collect(
            snapshot.raw_table(OUTCOMES.name)
            .filter(pl.col("stage").is_in(TRIED))
            .select("video_id", "stage", "outcome", "reason", "message", "attempt", at="attempted_at")
        )
        .join(ids, on="video_id", how="semi")
        .sort("at", maintain_order=True)
    )
    done = pl.col("outcome") == "done"
    # A download that cannot be extracted does not count as a success: else it would be repeated without pauses.
    not_extracted = (pl.col("stage").shift(-1) == "extract") & (pl.col("outcome").shift(-1) != "done")
    useless = (done & (pl.col("stage") == "download") & not_extracted).fill_null(False)
    newest = attempts.group_by("video_id", maintain_order=True).agg(
        pl.col("stage", "outcome", "reason", "message", "at").last(),
        tries=((~done | useless).reverse().cast(pl.Int32).cum_prod() * (~useless).reverse().cast(pl.Int32)).sum(),
        came_back=((pl.col("outcome") == "unavailable").cum_max() & done).any(),
    )
    in_media = ids.select(
        "video_id", in_media=pl.col("video_id").is_in(list(media)) if media is not None else pl.lit(None)
    )
    outcome = pl.col("outcome")
    downloaded = pl.col("in_media") if media is not None else (outcome == "done") & (pl.col("stage") == "download")
    state = (
        pl.when(pl.col("in_lake"))
        .then(pl.lit(IN_LAKE))
        .when(downloaded & ((outcome == "done") | outcome.is_null() | (pl.col("stage") != "extract")))
        .then(pl.lit(DOWNLOADED))
        .when(outcome.is_in(["blocked", "failed", "unavailable"]))
        .then(outcome)
        .otherwise(pl.lit(WAITING))
    )
    return (
        ids.join(in_lake, on="video_id", how="left", maintain_order="left")
        .join(newest, on="video_id", how="left", maintain_order="left")
        .join(in_media, on="video_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("in_lake").fill_null(False), pl.col("tries").fill_null(0), pl.col("came_back").fill_null(False)
        )
        .with_columns(state=state)
        .select("video_id", "state", "stage", "outcome", "reason", "message", "at", "tries", "came_back")
    )


def tries_so_far(rows: pl.DataFrame) -> Mapping[str, tuple[int, datetime]]:
    """How often each blocked, failed or unavailable video was tried, and when last.

    Args:
        rows: as `video_states` gives them.
    """
    tried = rows.filter(pl.col("state").is_in([BLOCKED, FAILED, UNAVAILABLE]) & pl.col("at").is_not_null())
    return {
        video_id: (tries, at.astimezone(UTC))
        for video_id, tries, at in tried.select("video_id", "tries", "at").iter_rows()
    }
