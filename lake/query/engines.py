"""Carrying out a selection: in Polars or in DuckDB, with one meaning."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from signverse.lake.model import languages as sign_languages
from signverse.lake.query.sampling import sample
from signverse.lake.query.selection import ORDER, Condition, Selection

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

Engine = Literal["polars", "duckdb"]

_ROW: Final = ["segment_id", "ingest_id"]


def choose(lake: Lake, selection: Selection, engine: Engine = "polars") -> pl.LazyFrame:
    """The clips that a selection takes, by video_id and start, with the columns of `Lake.all_clips`.

    Raises:
        BadInputError, UnknownLanguageError: see `Selection.conditions`; or the SQL condition is refused.
    """
    from signverse.lake.query.session import check_reads

    conditions = selection.conditions(lake.split_videos)
    if selection.where is not None:
        # On its own first: a parenthesis must not end the one that it is put into.
        check_reads(f"select 1 where {selection.where}\n")
    clips = _in_polars(lake, selection, conditions) if engine == "polars" else _in_duckdb(lake, conditions)
    clips = clips.sort(ORDER)
    if selection.sampled:
        from signverse.lake.lake import collect

        return sample(collect(clips), selection).lazy()
    return clips if selection.limit is None else clips.head(selection.limit)


def _in_polars(lake: Lake, selection: Selection, conditions: list[Condition]) -> pl.LazyFrame:
    codes = [sign_languages.resolve(asked) for asked in selection.languages]
    clips = lake.all_clips(languages=codes or None)
    for one in conditions:
        clips = (
            clips.filter(one.polars) if one.polars is not None else clips.join(_rows(lake, one), on=_ROW, how="semi")
        )
    return clips


def _rows(lake: Lake, condition: Condition) -> pl.LazyFrame:
    """The clips that a condition in SQL leaves, by segment_id and ingest_id."""
    query = f"select {', '.join(_ROW)} from clips where {condition.sql}"  # noqa: S608 (run as one statement that reads)
    return _query(lake, query).lazy()


def _in_duckdb(lake: Lake, conditions: list[Condition]) -> pl.LazyFrame:
    names = list(lake.all_clips().collect_schema().names())
    told = " and ".join(one.sql for one in conditions if one.sql is not None) or "true"
    clips = _query(lake, f"select {', '.join(names)} from clips where {told}").lazy()  # noqa: S608
    only_polars = [one.polars for one in conditions if one.sql is None and one.polars is not None]
    return reduce(pl.LazyFrame.filter, only_polars, clips)


def _query(lake: Lake, query: str) -> pl.DataFrame:
    from signverse.lake.query.session import run

    with lake.duckdb() as con:
        return run(con, query)


def about_selection(lake: Lake, selection: Selection) -> dict[str, str]:
    """What a file of chosen clips says of itself: what was asked, of which lake, by which version of this package."""
    from importlib.metadata import version

    return {
        "signverse.selection": json.dumps(selection.asked(), ensure_ascii=False, sort_keys=True),
        "signverse.lake_version": str(lake.version),
        "signverse.lake": lake.folder.name,
        "signverse.writer_version": version("signverse-lake"),
    }


def explain_nothing(lake: Lake, selection: Selection) -> str:
    """Why nothing passed: how many clips each condition alone leaves, in one line."""
    from signverse.lake.lake import collect

    conditions = selection.conditions(lake.split_videos)
    clips = lake.all_clips()
    sums = [one.polars.sum().alias(str(i)) for i, one in enumerate(conditions) if one.polars is not None]
    counts = collect(clips.select(pl.len().alias("all"), *sums)).row(0, named=True)
    told = []
    for i, one in enumerate(conditions):
        left = counts[str(i)] if one.polars is not None else collect(_rows(lake, one)).height
        told.append(f"{one.words}: {left or 0:,}")
    told += [f"{name} is 0" for name in ("per_language", "hours", "limit") if getattr(selection, name) == 0]
    if selection.hours:
        told.append(f"{selection.hours:g} hours: the first clip by lot must lie in them by half")
    alone = "; ".join(told)
    return f"no clip of {counts['all']:,} passes" + (f" (each condition alone: {alone})" if alone else "")
