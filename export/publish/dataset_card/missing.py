"""Which of the listed videos a lake does not have, by the reason that the last attempt gave."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from signverse.lake.lake import Lake
from signverse.lake.model.schema import OUTCOMES, SOURCES, VIDEOS
from signverse.lake.storage.integrity.foreign_errors import collect


def missing_videos(lake: Lake, languages: Collection[str] | None = None) -> tuple[int, list[dict[str, Any]]]:
    """How many videos were listed or attempted, and those that are not there: rows of outcome, reason and videos.

    The outcome is "not attempted" where nothing was tried. A video that failed once and is there counts as there.

    Args:
        languages: only videos listed in these sign languages; those of which the language is not known count too.
    """
    sources = collect(lake.table(SOURCES.name).select("video_id", "sign_language"))
    attempts = lake.table(OUTCOMES.name).select("video_id", "outcome", "reason", "attempted_at")
    latest = collect(attempts.sort("attempted_at").unique("video_id", keep="last", maintain_order=True))
    asked = sources.join(latest, on="video_id", how="full", coalesce=True)
    if languages is not None:
        there = collect(lake.table(VIDEOS.name).select("video_id", now="sign_language"))
        asked = asked.join(there, on="video_id", how="left").filter(
            pl.coalesce("now", "sign_language").is_in(list(languages)) | pl.coalesce("now", "sign_language").is_null()
        )
    visible = collect(lake.table(VIDEOS.name).select("video_id"))
    gone = asked.join(visible, on="video_id", how="anti").with_columns(pl.col("outcome").fill_null("not attempted"))
    rows = gone.group_by("outcome", "reason").agg(videos=pl.len())
    in_order = rows.sort("videos", "outcome", "reason", descending=[True, False, False], nulls_last=True)
    return asked.height, in_order.to_dicts()
