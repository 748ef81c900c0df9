"""How confidence, coverage and captions are spread among the clips of each sign language."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.clips.columns import pieces
from signverse.export.explorer.figures.adding import sums
from signverse.export.explorer.figures.naming import by_name, named
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.selection import Selection

CAPTIONS: Final = "captions"
MEASURES: Final = (*(f"{part}_confidence" for part in PART_NAMES), "coverage", "hands_seen")
"""Columns of clips; a score may go beyond 1."""

_KINDS: Final = ("manual", "automatic", "translated", "none")

_LONGEST: Final = 60
"""Characters of a kind of captions."""

_EDGES: Final = (*(i / 20 for i in range(20)), np.inf)
QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def quality(catalog: Catalog, selection: Selection, measure: str) -> dict[str, Any]:
    """How a measure is spread in each language of a selection, those with most clips first; in all of them together.

    Raises:
        BadInputError: there is no such measure.
    """
    if measure == CAPTIONS:
        return _captions(catalog, selection)
    if measure not in MEASURES:
        raise BadInputError(f"there is no measure {measure[:40]!r}", f"One of {', '.join((*MEASURES, CAPTIONS))}.")
    rows = catalog.choose(selection).rows
    column = catalog.coded["sign_language"]
    codes, values = column.codes[rows], np.empty(len(rows), np.float32)
    bins = len(_EDGES)
    counts = np.zeros((len(column.values), bins), np.int64)
    # Of two million clips each copy of all would take eight megabytes.
    for part in pieces(len(rows)):
        values[part] = catalog.clips[measure].gather(rows[part]).cast(pl.Float32).fill_null(float("nan")).to_numpy()
        cells = codes[part].astype(np.uint32) * np.uint32(bins) + _places(values[part])
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    known = ~np.isnan(values)
    languages = [
        {**named(code), **_counted(counts[number]), **_quantiles(values[known & (codes == number)])}
        for number, code in enumerate(column.values.to_list())
        if counts[number].any()
    ]
    return {
        "measure": measure,
        "from": list(_EDGES[:-1]),
        "languages": sorted(languages, key=lambda language: (-language["clips"], language["code"])),
        "all": {**_counted(counts.sum(axis=0)), **_quantiles(values[known])},
    }


def _places(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Between which edges values lie: what is below the first belongs to the first place, what is unknown to a last."""
    # In single precision, as the measures are stored: 0.7 has to lie at the edge of 0.7.
    inner = np.array(_EDGES[1:-1], np.float32)
    places = np.searchsorted(inner, values, side="right").astype(np.uint32)
    places[np.isnan(values)] = len(_EDGES) - 1
    return places


def _counted(counts: Any) -> dict[str, Any]:
    *known, unknown = counts.tolist()
    return {"clips": int(sum(known)) + unknown, "unknown": unknown, "counts": known}


def _quantiles(values: npt.NDArray[np.floating[Any]]) -> dict[str, float | None]:
    """QUANTILES of known values, which lose their order, as the reports interpolate them; None of none."""
    if not len(values):
        return dict.fromkeys(QUANTILES)
    # Between two infinite scores there is no number.
    with np.errstate(invalid="ignore"):
        found = np.quantile(values, list(QUANTILES.values()), overwrite_input=True).tolist()
    return {name: round(value, 4) for name, value in zip(QUANTILES, found, strict=True)}


def _captions(catalog: Catalog, selection: Selection) -> dict[str, Any]:
    """Clips and hours of each language by the kind of their caption."""
    rows = catalog.choose(selection).rows
    column, kinds = catalog.coded["sign_language"], catalog.coded["caption_kind"]
    width = len(kinds.values)
    known = kinds.values.to_list()
    cells = column.codes[rows].astype(np.uint32) * np.uint32(width) + kinds.codes[rows]
    shape = len(column.values), width
    clips = sums(cells, width * len(column.values)).reshape(shape)
    frames = catalog.num_frames[rows]
    hours = sums(cells, width * len(column.values), frames).reshape(shape) / (FPS * 3600)
    # By people first, those without last.
    order = [known.index(kind) for kind in _KINDS if kind in known]
    order += [number for number in range(width) if number not in order]
    names = {number: _name_of_kind(known[number], number) for number in order}

    def of(number: int | slice) -> dict[str, Any]:
        of_clips, of_hours = (np.atleast_2d(sizes[number]).sum(axis=0) for sizes in (clips, hours))
        return {
            "clips": int(of_clips.sum()),
            "kinds": {
                name: {"clips": int(of_clips[kind]), "hours": float(of_hours[kind])} for kind, name in names.items()
            },
        }

    languages = [
        {**named(code), **of(number)} for number, code in enumerate(column.values.to_list()) if clips[number].any()
    ]
    return {
        "measure": CAPTIONS,
        "kinds": list(names.values()),
        "languages": sorted(languages, key=lambda language: (-language["clips"], language["code"])),
        "all": of(slice(None)),
    }


def _name_of_kind(kind: str | None, number: int) -> str:
    """A kind as the figure names it; a very long one by its beginning and its number, which no other has."""
    name = kind or "not known"
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]} \u2026 ({number})"


def as_rows(answer: dict[str, Any]) -> pl.DataFrame:
    """A row a language, for a file."""

    def row(language: dict[str, Any]) -> dict[str, Any]:
        made = {"clips": language["clips"]}
        if answer["measure"] == CAPTIONS:
            for kind, size in language["kinds"].items():
                made |= {f"{kind}_clips": size["clips"], f"{kind}_hours": size["hours"]}
        else:
            made |= {"unknown": language["unknown"], **{name: language[name] for name in QUANTILES}}
            made |= {f"from_{edge:.2f}": clips for edge, clips in zip(answer["from"], language["counts"], strict=True)}
        return made

    return by_name(answer["languages"], answer["all"], row)
