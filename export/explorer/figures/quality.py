"""How confidence, coverage and captions are spread among the clips of each sign language."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.figures.naming import named
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.selection import Selection

CAPTIONS: Final = "captions"
MEASURES: Final = (*(f"{part}_confidence" for part in PART_NAMES), "coverage", "hands_seen")
"""Columns of clips; a score may go beyond 1."""

_KINDS: Final = ("manual", "automatic", "translated", "none")

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
    codes, places = column.codes[rows], catalog.places(measure, _EDGES)[rows]
    bins = len(_EDGES)
    cells = codes.astype(np.uint32) * np.uint32(bins) + places
    counts = np.bincount(cells, minlength=len(column.values) * bins).reshape(len(column.values), bins)
    values = pl.DataFrame({"code": codes, "value": catalog.clips[measure].gather(rows)}).drop_nulls()
    spread = [
        pl.col("value").quantile(at, "linear").cast(pl.Float64).round(4).alias(name) for name, at in QUANTILES.items()
    ]
    by_code = {row.pop("code"): row for row in values.group_by("code").agg(spread).iter_rows(named=True)}
    languages = [
        {**named(code), **_counted(counts[number]), **by_code.get(number, dict.fromkeys(QUANTILES))}
        for number, code in enumerate(column.values.to_list())
        if counts[number].any()
    ]
    return {
        "measure": measure,
        "from": list(_EDGES[:-1]),
        "languages": sorted(languages, key=lambda language: (-language["clips"], language["code"])),
        "all": {**_counted(counts.sum(axis=0)), **values.select(spread).row(0, named=True)},
    }


def _counted(counts: Any) -> dict[str, Any]:
    *known, unknown = counts.tolist()
    return {"clips": int(sum(known)) + unknown, "unknown": unknown, "counts": known}


def _captions(catalog: Catalog, selection: Selection) -> dict[str, Any]:
    """Clips and hours of each language by the kind of their caption."""
    rows = catalog.choose(selection).rows
    column, kinds = catalog.coded["sign_language"], catalog.coded["caption_kind"]
    width = len(kinds.values)
    known = kinds.values.to_list()
    cells = column.codes[rows].astype(np.uint32) * np.uint32(width) + kinds.codes[rows]
    shape = len(column.values), width
    clips = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
    frames = catalog.clips["num_frames"].to_numpy()[rows]
    hours = np.bincount(cells, frames, np.prod(shape)).reshape(shape) / (FPS * 3600)
    # By people first, those without last.
    order = [known.index(kind) for kind in _KINDS if kind in known]
    order += [number for number in range(width) if number not in order]
    names = {number: known[number] or "not known" for number in order}

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


def as_rows(answer: dict[str, Any]) -> pl.DataFrame:
    """A row a language, for a file."""
    rows = []
    for language in answer["languages"]:
        row = {"sign_language": language["code"], "name": language["name"], "clips": language["clips"]}
        if answer["measure"] == CAPTIONS:
            for kind, size in language["kinds"].items():
                row |= {f"{kind}_clips": size["clips"], f"{kind}_hours": size["hours"]}
        else:
            row |= {"unknown": language["unknown"], **{name: language[name] for name in QUANTILES}}
            row |= {f"from_{edge:.2f}": clips for edge, clips in zip(answer["from"], language["counts"], strict=True)}
        rows.append(row)
    return pl.DataFrame(rows)
