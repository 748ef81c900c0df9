"""Which videos are to be forgotten: those of a list, and those of a channel."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

import polars as pl

from signverse.lake.lists.addresses import identify
from signverse.lake.lists.columns import IDENTIFYING
from signverse.lake.lists.table import read_table
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SOURCES, TABLES, VIDEOS
from signverse.lake.model.wording import as_argument, counted, printable
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.forget.needles import OF_A_CLIP


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
        query = "select distinct channel, channel_id from videos"
        listing = f'List them: signverse sql "{query}" --lake {as_argument(snapshot.folder)}.'
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


def videos_like_clips(snapshot: Snapshot) -> set[str]:
    """The videos whose ids end as those of clips do."""
    found: set[str] = set()
    for table in (VIDEOS, SOURCES):
        rows = snapshot.raw_table(table.name).select("video_id").filter(pl.col("video_id").str.contains(OF_A_CLIP))
        found |= set(collect(rows.unique())["video_id"])
    return found


def listed_videos(path: Path) -> list[str]:
    """The ids of a list: a column of ids, addresses or file names, in any form that a manifest may have.

    Raises:
        BadInputError: it cannot be read, or a row of it names no video: none may be overlooked.
    """
    table = read_table(path, "list", IDENTIFYING, ("video_id",))
    ids: dict[str, None] = {}
    refused = [f"{table.unit} {number}: {why}" for number, why in table.refused]
    for row in table.rows:
        try:
            ids[identify(row.cells)[0]] = None
        except BadInputError as error:
            refused.append(f"{table.unit} {row.number}: {error.message}")
    if refused or not ids:
        why = f"{counted(len(refused), 'row')} cannot be used: {refused[0]}" if refused else "it lists no video"
        raise BadInputError(f"{path}: {why}", "Nothing was changed.")
    return list(ids)
