"""Clips, hours, videos and channels by sign language, of the whole lake and of a selection; how balanced they are."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.clips.columns import Numbers
from signverse.export.explorer.figures.adding import sums
from signverse.export.explorer.figures.naming import by_name, named
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.query.reports import find_report
from signverse.lake.query.selection import Selection
from signverse.lake.storage.integrity.foreign_errors import collect

FIGURES: Final = ("clips", "hours", "videos", "channels", "video_hours")
"""Of a language: hours are those of the clips, video_hours those of the whole videos that the clips are of."""

_NOTHING: Final = dict.fromkeys(FIGURES, 0)

_BALANCE: Final = ("languages", "exp_shannon_entropy", "inverse_simpson", "gini", "top_language", "top_percent")
"""Of the report `balance`, which says what they mean."""


@dataclass(frozen=True)
class Sizes:
    """How much there is of each language.

    Attributes:
        by_language: FIGURES by code.
        total: FIGURES of all.
        balance: _BALANCE by what languages are weighed by: hours (of clips), clips, videos; {} of nothing.
    """

    by_language: dict[str, dict[str, float]]
    total: dict[str, float]
    balance: dict[str, dict[str, Any]]


_whole: WeakKeyDictionary[Catalog, tuple[pl.DataFrame, Sizes]] = WeakKeyDictionary()
_counting: Final = threading.Lock()


def by_language(catalog: Catalog, selection: Selection) -> dict[str, Any]:
    """The languages of a lake with what the selection leaves of each, those with most hours first."""
    with _counting:
        found = _whole.get(catalog)
        if found is None:
            videos = _videos(catalog)
            found = _whole[catalog] = videos, _sizes(catalog, videos, None)
    videos, whole = found
    filtered = bool(selection.to_dict())
    chosen = _sizes(catalog, videos, catalog.choose(selection).rows) if filtered else whole
    codes = sorted(
        whole.by_language,
        key=lambda code: (
            -chosen.by_language.get(code, _NOTHING)["hours"],
            -whole.by_language[code]["hours"],
            code,
        ),
    )
    return {
        "filtered": filtered,
        "languages": [
            {**named(code), "whole": whole.by_language[code], "chosen": chosen.by_language.get(code, _NOTHING)}
            for code in codes
        ],
        "total": {"whole": whole.total, "chosen": chosen.total},
        "balance": {"whole": whole.balance, "chosen": chosen.balance},
    }


def as_rows(answer: dict[str, Any]) -> pl.DataFrame:
    """A row a language, for a file: what the selection leaves, and with lake_ the whole lake's."""

    def row(language: dict[str, Any]) -> dict[str, Any]:
        return {
            **{name: language["chosen"][name] for name in FIGURES},
            **{f"lake_{name}": language["whole"][name] for name in FIGURES},
        }

    return by_name(answer["languages"], answer["total"], row)


def _videos(catalog: Catalog) -> pl.DataFrame:
    """A row a video in the catalog's order: sign_language, channel and duration_s."""
    read = collect(catalog.snapshot.videos().select("ingest_id", "sign_language", "duration_s"))
    ids = catalog.videos.select("ingest_id", "channel")
    joined = ids.join(read, on="ingest_id", how="left", maintain_order="left")
    return joined.select(pl.col("sign_language").fill_null(""), "channel", "duration_s")


def _sizes(catalog: Catalog, videos: pl.DataFrame, rows: Numbers | None) -> Sizes:
    """Of some clips and the videos that they are of; of all clips and all videos where `rows` is None."""
    column = catalog.coded["sign_language"]
    codes, of_video, frames = column.codes, catalog.video, catalog.num_frames
    if rows is not None:
        codes, of_video, frames = codes[rows], of_video[rows], frames[rows]
    counted = pl.DataFrame(
        {
            "sign_language": column.values.fill_null(""),
            "clips": sums(codes, len(column.values)).astype(np.int64),
            "hours": sums(codes, len(column.values), frames) / (FPS * 3600),
        }
    )
    seconds = sums(of_video, videos.height, frames) / FPS
    sized = videos.with_columns(clip_seconds=pl.Series(seconds, dtype=pl.Float64))
    if rows is not None:
        sized = sized.filter(pl.Series(sums(of_video, videos.height) > 0))
    video_hours = pl.col("duration_s").sum() / 3600
    channels = pl.col("channel").drop_nulls().n_unique()
    of_videos = sized.group_by("sign_language").agg(videos=pl.len(), channels=channels, video_hours=video_hours)
    table = counted.filter(pl.col("clips") > 0).join(of_videos, on="sign_language", how="full", coalesce=True)
    table = table.fill_null(0).fill_nan(0)
    total = sized.select(videos=pl.len(), channels=channels, video_hours=video_hours.fill_nan(0)).row(0, named=True)
    totals = {"clips": len(codes), "hours": float(frames.sum(dtype=np.int64)) / (FPS * 3600), **total}
    return Sizes(
        {row["sign_language"]: {name: row[name] for name in FIGURES} for row in table.iter_rows(named=True)},
        totals,
        _balance(sized, column.values, codes),
    )


def _balance(videos: pl.DataFrame, values: pl.Series, codes: npt.NDArray[np.integer[Any]]) -> dict[str, dict[str, Any]]:
    """The report `balance` of some videos and clips: the same SQL as `signverse stats`, over the hours of the clips."""
    import duckdb

    segments = pa.DictionaryArray.from_arrays(pa.array(codes), values.to_arrow().cast(pa.string()))
    with duckdb.connect(config={"python_enable_replacements": "false"}) as con:
        con.register("videos", videos.select("sign_language", duration_s="clip_seconds").to_arrow())
        con.register("segments", pa.table({"sign_language": segments}))
        rows = con.sql(find_report("balance").sql).pl()
    as_it_is = rows.filter(pl.col("temperature") == 1)
    return {row["weighted_by"]: {name: row[name] for name in _BALANCE} for row in as_it_is.iter_rows(named=True)}
