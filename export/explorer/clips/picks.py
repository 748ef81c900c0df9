"""The picked clips: a selection file, as `signverse select -o` writes it, saved with each pick."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from signverse.export.explorer.clips.catalog import Catalog
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.query.conditions import quoted
from signverse.lake.query.engines import selection_metadata
from signverse.lake.query.output import Format, write_rows
from signverse.lake.query.selection import KEY, ORDER, Selection
from signverse.lake.query.selection_file import read_selection_file
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.location import check_outside_lakes

MOST: Final = 20_000
"""Clips that are picked one by one; more are chosen by conditions."""


def check_picks(path: Path) -> None:
    """Checks at the start that the file of the picks may be there.

    Raises:
        BadInputError: its folder is missing, it is a folder itself, or it lies in a lake.
    """
    if not path.absolute().parent.is_dir():
        raise BadInputError(f"{path}: there is no folder {path.absolute().parent}", "Make it first.")
    if path.exists() and not path.is_file():
        raise BadInputError(f"{path} is not a file", "Name another one: --picks FILE.")
    check_outside_lakes(path)


def read_picks(path: Path, catalog: Catalog) -> list[str]:
    """The ids of the clips that a file picks; none where there is no file yet.

    Raises:
        BadInputError: it is not a selection, or not of this lake as it is: it would be overwritten.
    """
    if not path.exists():
        return []
    try:
        ids: list[str] = read_selection_file(path)["segment_id"].to_list()
    except EmptySelectionError:
        return []
    for segment_id in ids:
        try:
            catalog.row_of(segment_id)
        except BadInputError:
            raise BadInputError(
                f"{path} picks {segment_id[:60]!r}, which is not in this lake", "Name another file: --picks FILE."
            ) from None
    return ids


def change_picks(path: Path, catalog: Catalog, add: list[str], remove: list[str]) -> list[str]:
    """Adds clips to those that a file picks and takes others out; gives the ids of those that it then has.

    As changes: two pages that pick into the same file each keep what the other has picked.

    Raises:
        BadInputError: a clip is not in the lake, there are too many, or the file cannot be read or written.
    """
    removed = set(remove)
    segment_ids = [one for one in dict.fromkeys([*read_picks(path, catalog), *add]) if one not in removed]
    if max(len(segment_ids), len(removed)) > MOST:
        count = max(len(segment_ids), len(removed))
        raise BadInputError(f"{count:,} clips are picked, at most {MOST:,}", "Choose by filters instead.")
    for one in removed:
        catalog.row_of(one)
    rows = sorted({catalog.row_of(segment_id) for segment_id in segment_ids})
    languages = catalog.language_of(rows).unique().to_list()
    video_ids = sorted({catalog.video_id(row) for row in rows})
    every = catalog.snapshot.unfiltered_clips(languages=languages).filter(pl.col("video_id").is_in(video_ids))
    ids = catalog.segment_ids(rows).to_list()
    clips = collect(every.filter(pl.col("segment_id").is_in(ids))).sort(ORDER)
    clips = clips.select(*KEY, *(name for name in clips.columns if name not in KEY))
    # The conditions of a selection, as every such file has them: these clips, by name.
    conditions = Selection(where=f"segment_id in ({', '.join(map(quoted, ids))})" if ids else "false")
    write_rows(clips, Format.parquet, path, metadata=selection_metadata(catalog.snapshot, conditions))
    return ids
