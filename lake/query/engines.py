"""Runs a selection in Polars or in DuckDB; both give the same clips."""

from __future__ import annotations

import json
from functools import partial, reduce
from typing import Final, Literal

import polars as pl

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import EmptySelectionError
from signverse.lake.model.wording import counted
from signverse.lake.query.conditions import Condition
from signverse.lake.query.sampling import sample
from signverse.lake.query.selection import ORDER, Selection
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.stored_splits import split_videos

QueryEngine = Literal["polars", "duckdb"]

_ROW: Final = ["segment_id", "ingest_id"]


def select_clips(snapshot: Snapshot, selection: Selection, engine: QueryEngine = "polars") -> pl.LazyFrame:
    """The clips of a selection, by video_id and start, with the columns of `Lake.unfiltered_clips`.

    Raises:
        BadInputError, UnknownLanguageError: see `Selection.conditions`; or the SQL condition is refused.
    """
    conditions = selection.conditions(partial(split_videos, snapshot))
    if selection.where is not None:
        from signverse.lake.query.read_only import check_reads

        # First alone: a parenthesis in it must not close the one that is put around it.
        check_reads(f"select 1 where {selection.where}\n", typed=selection.where)
    run_in = _in_polars if engine == "polars" else _in_duckdb
    clips = run_in(snapshot, selection, conditions)
    clips = clips.sort(ORDER)
    if selection.sampled:
        return sample(collect(clips), selection).lazy()
    return clips if selection.limit is None else clips.head(selection.limit)


def _in_polars(snapshot: Snapshot, selection: Selection, conditions: list[Condition]) -> pl.LazyFrame:
    codes = [sign_languages.resolve(name) for name in selection.languages]
    clips = snapshot.unfiltered_clips(languages=codes or None)
    for condition in conditions:
        if condition.polars is not None:
            clips = clips.filter(condition.polars)
        else:
            clips = clips.join(_rows(snapshot, condition, selection.where), on=_ROW, how="semi")
    return clips


def _rows(snapshot: Snapshot, condition: Condition, typed: str | None) -> pl.LazyFrame:
    """The clips that a condition in SQL leaves, by segment_id and ingest_id."""
    query = f"select {', '.join(_ROW)} from clips where {condition.sql}"  # noqa: S608 (run as one statement that reads)
    return _query(snapshot, query, typed).lazy()


def _in_duckdb(snapshot: Snapshot, selection: Selection, conditions: list[Condition]) -> pl.LazyFrame:
    names = list(snapshot.unfiltered_clips().collect_schema().names())
    where = " and ".join(condition.sql for condition in conditions if condition.sql is not None) or "true"
    query = f"select {', '.join(names)} from clips where {where}"  # noqa: S608 (run as one statement that reads)
    clips = _query(snapshot, query, selection.where).lazy()
    only_polars = [
        condition.polars for condition in conditions if condition.sql is None and condition.polars is not None
    ]
    return reduce(pl.LazyFrame.filter, only_polars, clips)


def _query(snapshot: Snapshot, query: str, typed: str | None) -> pl.DataFrame:
    # Imported here for speed of start: most selections need no DuckDB.
    from signverse.lake.query.read_only import run_once

    return run_once(snapshot, query, typed=typed)


def selection_metadata(snapshot: Snapshot, selection: Selection) -> dict[str, str]:
    """The metadata of a file of selected clips: the conditions, the lake and its version, this package's version."""
    from importlib.metadata import version

    return {
        "signverse.selection": json.dumps(selection.to_dict(), ensure_ascii=False, sort_keys=True),
        "signverse.lake_version": str(snapshot.version),
        "signverse.lake": snapshot.folder.name,
        "signverse.writer_version": version("signverse-lake"),
    }


def nothing_selected(snapshot: Snapshot, selection: Selection) -> EmptySelectionError:
    """The error where no clip matches: the lake is empty, or how many clips each condition alone leaves."""
    conditions = selection.conditions(partial(split_videos, snapshot))
    clips = snapshot.unfiltered_clips()
    sums = [
        condition.polars.sum().alias(str(i)) for i, condition in enumerate(conditions) if condition.polars is not None
    ]
    counts = collect(clips.select(pl.len().alias("all"), *sums)).row(0, named=True)
    if not counts["all"]:
        return EmptySelectionError(
            f"the lake {snapshot.folder} is empty", "Fill it: signverse ingest videos FOLDER --lake LAKE."
        )
    reasons = []
    for i, condition in enumerate(conditions):
        left = (
            counts[str(i)]
            if condition.polars is not None
            else collect(_rows(snapshot, condition, selection.where)).height
        )
        reasons.append(f"{condition.words}: {left or 0:,}")
    reasons += [f"{name} is 0" for name in ("per_language", "hours", "limit") if getattr(selection, name) == 0]
    if selection.hours:
        reasons.append(f"{selection.hours:g} hours: at least half of the first clip drawn has to lie within them")
    alone = f" (each condition alone: {'; '.join(reasons)})" if reasons else ""
    return EmptySelectionError(f"none of {counted(counts['all'], 'clip')} matches{alone}", "Loosen a condition.")
