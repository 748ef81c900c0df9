"""How many clips each value of a filter leaves, with what the other filters say."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.clips.columns import Bits, counts_of
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.selection import Selection
from signverse.lake.storage.integrity.foreign_errors import collect

_CHANNELS: Final = 40
"""So many channels are listed, those with most clips first."""

_MOST_VALUES: Final = 1000
_LONGEST: Final = 300
"""Characters of a value that is offered: an address has to hold it."""

_SCORES: Final = (*(i / 10 for i in range(10)), np.inf)
_SECONDS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 20, 60)


def facets(catalog: Catalog, selection: Selection) -> dict[str, Any]:
    """The filters of the page: their values with the number of clips that each would leave.

    A filter's own condition does not count in its own numbers: beside one language the others keep theirs.
    """
    left = catalog.left_by(selection)

    def without(*names: str) -> Bits:
        bits = np.ones(len(catalog), np.bool_)
        for name, other in left.items():
            if name not in names:
                bits &= other
        return bits

    measures = {
        f"{part}_confidence": _spread(catalog, f"{part}_confidence", without("min_confidence"), _SCORES)
        for part in PART_NAMES
    }
    measures["hands_seen"] = _spread(catalog, "hands_seen", without("min_hands_seen"), _SCORES)
    measures["coverage"] = _spread(catalog, "coverage", without("min_coverage"), _SCORES)
    seconds = (*(edge * FPS for edge in _SECONDS), np.inf)
    measures["seconds"] = _spread(catalog, "num_frames", without("min_duration", "max_duration"), seconds)
    people = (0, 1, 2, 3, 4, np.inf)
    measures["people"] = _spread(catalog, "people_max", without("min_people", "max_people"), people)
    return {
        "language": _values(catalog, "sign_language", without("languages")),
        "caption-kind": _values(catalog, "caption_kind", without("caption_kinds")),
        "english": _english(_values(catalog, "english_source", without("english"))),
        "channel": _channels(catalog, without("channels")),
        "split": _splits(catalog, without("split")),
        "measures": measures,
    }


def language_names() -> dict[str, str]:
    """The English name of every sign language by its code."""
    return {language.code: language.name for language in sign_languages.languages()}


def _values(catalog: Catalog, name: str, bits: Bits) -> list[tuple[str, int]]:
    column = catalog.coded[name]
    counts = counts_of(column.codes, bits, len(column.values)).tolist()
    pairs = [(value, n) for value, n in zip(column.values.to_list(), counts, strict=True) if value is not None]
    pairs = [pair for pair in pairs if len(pair[0]) <= _LONGEST]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_MOST_VALUES]


def _english(pairs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """`translated_from:de` counts as translated, as the filter has it."""
    counts: dict[str, int] = {}
    for value, count in pairs:
        source = value.split("_")[0]
        counts[source] = counts.get(source, 0) + count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _channels(catalog: Catalog, bits: Bits) -> list[tuple[str, int]]:
    clips = counts_of(catalog.video, bits, catalog.videos.height)
    counted = catalog.videos.select("channel").with_columns(clips=pl.Series(clips, dtype=pl.Int64))
    # Of a null the length is null, and left out.
    offered = counted.filter((pl.col("channel").str.len_chars() <= _LONGEST) & (pl.col("clips") > 0))
    sums = offered.group_by("channel").sum()
    return sums.sort("clips", "channel", descending=[True, False]).head(_CHANNELS).rows()


def _splits(catalog: Catalog, bits: Bits) -> list[tuple[str, int]]:
    parts = collect(catalog.snapshot.table("splits").select("name", "part", "video_id"))
    if parts.is_empty():
        return []
    clips = counts_of(catalog.video, bits, catalog.videos.height)
    counted = catalog.videos.select("video_id").with_columns(clips=pl.Series(clips, dtype=pl.Int64))
    sums = parts.join(counted, on="video_id").group_by("name", "part").agg(pl.col("clips").sum())
    found = [(f"{name}={part}", clips) for name, part, clips in sums.sort("name", "part").rows()]
    return [pair for pair in found if len(pair[0]) <= _LONGEST][:_MOST_VALUES]


def _spread(catalog: Catalog, name: str, bits: Bits, edges: tuple[float, ...]) -> dict[str, Any]:
    """How many clips lie between edges; `unknown` is of those whose value is not known, which pass no bound."""
    places = catalog.places(name, edges)
    *counts, unknown = counts_of(places, bits, len(edges)).tolist()
    shown = [float(edge) / (FPS if name == "num_frames" else 1) for edge in edges[:-1]]
    return {"from": shown, "clips": counts, "unknown": unknown}
