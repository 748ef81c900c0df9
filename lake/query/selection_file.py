"""Reads a selection file: the clips that `signverse select -o` wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.model.wording import counted
from signverse.lake.query.selection import KEY

HINT = "Make one: signverse select --lake LAKE -o clips.parquet."


def read_selection_file(path: Path) -> pl.DataFrame:
    """The rows of a selection file, with all columns that it has.

    Raises:
        BadInputError: it cannot be read, or lacks the columns of a selection.
        EmptySelectionError: it has no rows.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        # All as text: an id of digits is an id, and 00123 is not 123.
        ".csv": lambda path: pl.read_csv(path, infer_schema=False),
        ".json": pl.read_json,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"selection {path} is not a .parquet, .csv or .json file", HINT)
    try:
        clips = read(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInputError(f"selection {path} cannot be read: {error}", HINT) from None
    return checked(clips, f"selection {path}")


def version_of_selection(path: Path) -> str:
    """The version of the lake that a selection file was made from; "N" where the file does not say it."""
    return pl.read_parquet_metadata(path).get("signverse.lake_version", "N") if path.suffix == ".parquet" else "N"


def checked(clips: pl.DataFrame, name: str) -> pl.DataFrame:
    """Checks that rows identify clips; returns them with ids as text and frames as integers.

    Args:
        name: of the rows, for messages.

    Raises:
        BadInputError, EmptySelectionError: see `read_selection_file`.
    """
    missing = [column for column in KEY if column not in clips.columns]
    if missing:
        raise BadInputError(f"{name} lacks the columns {', '.join(missing)}", HINT)
    if clips.is_empty():
        raise EmptySelectionError(f"{name} has no rows", HINT)
    try:
        # Integers by way of floats: a table that passed through pandas has 0.0.
        clips = clips.cast({column: pl.String if column.endswith("_id") else pl.Float64 for column in KEY})
        numbers = [column for column in KEY if not column.endswith("_id")]
        whole = pl.all_horizontal((pl.col(name) == pl.col(name).floor()).fill_null(True) for name in numbers)
        if not clips.select(whole).to_series().all():
            raise pl.exceptions.ComputeError("fractions")
        clips = clips.cast(dict.fromkeys(numbers, pl.Int64))
    except pl.exceptions.PolarsError:
        raise BadInputError(f"{name} has ids that are not texts or frames that are not whole numbers", HINT) from None
    unnamed = clips.filter(pl.any_horizontal(pl.col(column).is_null() for column in KEY)).height
    if unnamed:
        raise BadInputError(f"{name} lacks a value of {', '.join(KEY)} in {counted(unnamed, 'row')}", HINT)
    return clips
