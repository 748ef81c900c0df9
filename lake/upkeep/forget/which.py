"""Which videos are to be forgotten: ids as they are given, and those of a channel."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SOURCES, TABLES, VIDEOS
from signverse.lake.model.wording import as_argument, printable
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot


def videos_of_channel(snapshot: Snapshot, channel: str) -> set[str]:
    """The videos of a channel, by its name or its id, as `videos` or `sources` have ever had it; listed ones too.

    Raises:
        BadInputError: no row names such a channel.
    """
    found: set[str] = set()
    names: set[str] = set()
    for table in (VIDEOS, SOURCES):
        rows = collect(snapshot.raw_table(table.name).select("video_id", "channel", "channel_id").unique())
        found |= set(rows.filter((pl.col("channel") == channel) | (pl.col("channel_id") == channel))["video_id"])
        names |= {*rows["channel"].drop_nulls(), *rows["channel_id"].drop_nulls()}
    if not found:
        near = [printable(name) for name in difflib.get_close_matches(channel[:200], sorted(names), n=3)]
        listing = f'List them: signverse sql "select distinct channel, channel_id from videos" --lake {as_argument(snapshot.folder)}'  # noqa: E501, S608 (to type)
        raise BadInputError(
            f"no video of {snapshot.folder} is of a channel '{printable(channel)}'",
            f"Nearest: {', '.join(near)}." if near else listing,
        )
    return found


def known_videos(snapshot: Snapshot, video_ids: Collection[str]) -> set[str]:
    """Those of some ids that a row of any table is about, one of a replaced ingestion too."""
    wanted = pl.col("video_id").is_in(list(video_ids))
    found: set[str] = set()
    for table in TABLES:
        rows = snapshot.raw_table(table.name, skip_lost=True).select("video_id").filter(wanted).unique()
        found |= set(collect(rows)["video_id"])
    return found
