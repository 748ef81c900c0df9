"""Where every video that was asked for stands: read from the lake and the media folder, and from nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import polars as pl

from signverse.lake.lake import Lake, collect
from signverse.lake.model.schema import OUTCOMES, VIDEOS

STATES: Final = ("in the lake", "downloaded", "not tried yet", "blocked", "failed", "unavailable")
"""Every id is in exactly one of them.

    in the lake      extracted and committed
    downloaded       in the media folder, or done with downloading where no media folder is looked at
    not tried yet    nothing was tried, or what was fetched is gone
    blocked, failed  the newest attempt ended so; it will be tried again
    unavailable      deleted, private or kept from us; tried again on request
"""

IN_LAKE, DOWNLOADED, WAITING, BLOCKED, FAILED, UNAVAILABLE = STATES

_TRIED: Final = ("download", "extract")
"""Stages whose newest outcome decides; that of captions tells about captions only."""


def account(lake: Lake, video_ids: Collection[str], media: Collection[str] | None = None) -> pl.DataFrame:
    """A row for each id, in their order: where it stands.

    Args:
        media: ids of the videos that the media folder holds; None where none is looked at.

    Returns:
        video_id; state, of STATES; stage, outcome, reason, message and at of the newest attempt, null without one;
        tries: attempts since the last one that was done, and not in vain;
        came_back: it was unavailable once and then was there.
    """
    ids = pl.DataFrame({"video_id": list(dict.fromkeys(video_ids))}, schema={"video_id": pl.String})
    there = collect(lake.frame(VIDEOS.name).select("video_id", pl.lit(True).alias("there")))
    # A moment is shared by what is committed together: the place in the file decides then.
    attempts = (
        collect(
            lake.table(OUTCOMES.name)
            .filter(pl.col("stage").is_in(_TRIED))
            .select("video_id", "stage", "outcome", "reason", "message", "attempt", at="attempted_at")
        )
        .join(ids, on="video_id", how="semi")
        .sort("at", maintain_order=True)
    )
    good = pl.col("outcome") == "done"
    # A download that gave what cannot be extracted was no success: else such a video would be fetched without pauses.
    unread = (pl.col("stage").shift(-1) == "extract") & (pl.col("outcome").shift(-1) != "done")
    in_vain = (good & (pl.col("stage") == "download") & unread).fill_null(False)
    newest = attempts.group_by("video_id", maintain_order=True).agg(
        pl.col("stage", "outcome", "reason", "message", "at").last(),
        tries=((~good | in_vain).reverse().cast(pl.Int32).cum_prod() * (~in_vain).reverse().cast(pl.Int32)).sum(),
        came_back=((pl.col("outcome") == "unavailable").cum_max() & good).any(),
    )
    here = ids.select("video_id", here=pl.col("video_id").is_in(list(media)) if media is not None else pl.lit(None))
    outcome = pl.col("outcome")
    done = pl.col("here") if media is not None else (outcome == "done") & (pl.col("stage") == "download")
    state = (
        pl.when(pl.col("there"))
        .then(pl.lit(IN_LAKE))
        .when(done & ((outcome == "done") | outcome.is_null() | (pl.col("stage") != "extract")))
        .then(pl.lit(DOWNLOADED))
        .when(outcome.is_in(["blocked", "failed", "unavailable"]))
        .then(outcome)
        .otherwise(pl.lit(WAITING))
    )
    return (
        ids.join(there, on="video_id", how="left", maintain_order="left")
        .join(newest, on="video_id", how="left", maintain_order="left")
        .join(here, on="video_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("there").fill_null(False), pl.col("tries").fill_null(0), pl.col("came_back").fill_null(False)
        )
        .with_columns(state=state)
        .select("video_id", "state", "stage", "outcome", "reason", "message", "at", "tries", "came_back")
    )


def tries_so_far(rows: pl.DataFrame) -> Mapping[str, tuple[int, datetime]]:
    """Of the videos of an account whose newest attempt was not done: how many tries, and when the last one was."""
    some = rows.filter(pl.col("state").is_in([BLOCKED, FAILED, UNAVAILABLE]) & pl.col("at").is_not_null())
    return {
        video_id: (tries, at.astimezone(UTC))
        for video_id, tries, at in some.select("video_id", "tries", "at").iter_rows()
    }
