"""The file that `signverse select -o` wrote: which clips it chose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.query.selection import KEY

HINT = "Make one: signverse select --lake LAKE -o clips.parquet."


def read_selection_file(path: Path) -> pl.DataFrame:
    """The rows of a selection file, with all columns that it has.

    Raises:
        BadInputError: it cannot be read or is no selection.
        EmptySelectionError: it chooses nothing.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        # All as text: an id of digits is an id, and 00123 is not 123.
        ".csv": lambda path: pl.read_csv(path, infer_schema=False),
        ".json": pl.read_json,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"selection {path} is no .parquet, .csv or .json", HINT)
    try:
        clips = read(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInputError(f"selection {path} cannot be read: {error}", HINT) from None
    return checked(clips, f"selection {path}")


def checked(clips: pl.DataFrame, name: str) -> pl.DataFrame:
    """The same rows, where they say which clips; see `read_selection_file`."""
    missing = [column for column in KEY if column not in clips.columns]
    if missing:
        raise BadInputError(f"{name} lacks the columns {', '.join(missing)}", HINT)
    if clips.is_empty():
        raise EmptySelectionError(f"{name} chooses no clip", HINT)
    try:
        # Numbers by way of floats: a table that passed through pandas says 0.0.
        clips = clips.cast({column: pl.String if column.endswith("_id") else pl.Float64 for column in KEY})
        numbers = [column for column in KEY if not column.endswith("_id")]
        if (
            not clips.select(pl.all_horizontal((pl.col(n) == pl.col(n).floor()).fill_null(True) for n in numbers))
            .to_series()
            .all()
        ):
            raise pl.exceptions.ComputeError("fractions")
        clips = clips.cast(dict.fromkeys(numbers, pl.Int64))
    except pl.exceptions.PolarsError:
        raise BadInputError(f"{name} has ids that are no text or frames that are no whole numbers", HINT) from None
    unnamed = clips.filter(pl.any_horizontal(pl.col(column).is_null() for column in KEY)).height
    if unnamed:
        raise BadInputError(f"{name} does not say which clip in {unnamed:,} of its rows", HINT)
    return clips
