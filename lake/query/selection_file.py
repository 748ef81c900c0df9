"""Reads a selection file: the clips that `signverse select -o` wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.lists.bounded_parquet import read_bounded
from signverse.lake.lists.table import read_table
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.model.schema import SEGMENTS
from signverse.lake.model.untrusted.regular_files import read_given
from signverse.lake.model.wording import counted
from signverse.lake.query.selection import KEY
from signverse.lake.storage.integrity.foreign_errors import foreign_errors_as
from signverse.lake.storage.temporary.leftovers import temporary_folder

_MAX_PIPE: Final = 256 << 20
"""Bytes that are taken from a pipe; a file may be of any size."""

HINT = "Make one: signverse select --lake LAKE -o clips.parquet."


def read_selection_file(path: Path, remarks: list[str] | None = None) -> pl.DataFrame:
    """The rows of a selection file, with all columns that it has.

    Args:
        remarks: takes a line for what was not read as `select` wrote it: comments, blank lines, another form.

    Raises:
        BadInputError: it cannot be read, or lacks the columns of a selection.
        EmptySelectionError: it has no rows.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        return _read_pipe(path, remarks)
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": _read_parquet,
        **dict.fromkeys((".csv", ".tsv"), lambda path: _read_csv(path, remarks if remarks is not None else [])),
        ".json": pl.read_json,
        **dict.fromkeys((".jsonl", ".ndjson"), pl.read_ndjson),
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"selection {path} is not a .parquet, .csv or .json file", HINT)
    with foreign_errors_as(lambda why: BadInputError(f"selection {path} cannot be read: {why}", HINT)):
        clips = read(path)
    return checked(clips, f"selection {path}")


def _read_pipe(path: Path, remarks: list[str] | None) -> pl.DataFrame:
    """The rows of a selection that another command makes: `<(command)` or /dev/stdin; its content says its form."""
    data = read_given(path, _MAX_PIPE, f"selection {path}")
    beginnings = ((b"PAR1", ".parquet"), (b"[", ".json"), (b"{", ".jsonl"))
    suffix = next((suffix for start, suffix in beginnings if data.startswith(start)), ".csv")
    with temporary_folder("selection") as folder:
        copy = folder / f"selection{suffix}"
        copy.write_bytes(data)
        try:
            return read_selection_file(copy, remarks)
        except (BadInputError, EmptySelectionError) as error:
            raise type(error)(error.message.replace(str(copy), str(path)), error.hint) from None


def _read_parquet(path: Path) -> pl.DataFrame:
    # By pyarrow, which raises an error at a damaged file: Polars panics at one of 300, and Rust prints that itself.
    return cast(pl.DataFrame, pl.from_arrow(read_bounded(path, path.stat().st_size, f"selection {path}")))


def _read_csv(path: Path, remarks: list[str]) -> pl.DataFrame:
    """The rows of a CSV as text: an id of digits is an id, and 00123 is not 123.

    Millions of rows as `select` wrote them are read by Polars; what a spreadsheet saved again, by `read_table`.

    Raises:
        BadInputError: rows cannot be read; says which.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError:
        frame = pl.DataFrame()
    # Where a cell holds a line break, a stray quote may have taken in a row.
    whole = set(KEY) <= set(frame.columns) and not any(frame[name].has_nulls() for name in KEY)
    commented = whole and frame.to_series().str.strip_chars_start().str.starts_with("#").any()
    if whole and not commented and frame.height + 1 == _count_lines(path):
        return frame
    table = read_table(path, "selection", {name: (name,) for name in KEY}, KEY, every_column=True)
    if table.header is None:
        raise BadInputError(f"selection {path} has no header, and lacks the columns {', '.join(KEY)}", HINT)
    if table.refused:
        number, why = table.refused[0]
        raise BadInputError(
            f"selection {path}: {counted(len(table.refused), 'row')} cannot be read, {table.unit} {number}: {why}", HINT
        )
    # Captions of several lines are as `select` writes them.
    changed = [line for line in table.remarks if not line.startswith("a row of several lines")]
    if table.comments or table.blank or changed:
        remarks += [table.account(counted(len(table.rows), "clip")), *(f"{path}: {line}" for line in changed)]
    frame = pl.DataFrame([dict(row.cells) for row in table.rows], schema=dict.fromkeys(table.columns, pl.String))
    frame = frame.with_columns(pl.all().replace({"": None}))
    if table.separator == ",":
        return frame
    # A spreadsheet that separates by semicolons writes 1,5 for 1.5.
    numbers = [field.name for field in SEGMENTS.schema if not _is_text(field.type) and field.name in frame.columns]
    return frame.with_columns(pl.col(numbers).str.replace(r"^\s*(-?\d+),(\d+)\s*$", "$1.$2"))


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        count, last = 0, b"\n"
        while chunk := file.read(1 << 20):
            count, last = count + chunk.count(b"\n"), chunk[-1:]
    return count + (last != b"\n")


def _is_text(kind: pa.DataType) -> bool:
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind))


def version_of_selection(path: Path) -> str:
    """The version of the lake that a selection file was made from; "N" where the file does not say it."""
    if path.suffix.lower() != ".parquet":
        return "N"
    with foreign_errors_as(lambda why: BadInputError(f"selection {path} cannot be read: {why}", HINT)):
        metadata = pq.read_metadata(path).metadata or {}
        return str(metadata.get(b"signverse.lake_version", b"N").decode())


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
    for column in KEY:
        # 1.2E+03 may have been 1234.
        if (
            not column.endswith("_id")
            and clips[column].dtype == pl.String
            and clips[column].str.contains(r"\d[eE]").any()
        ):
            raise BadInputError(f"{name} has frames that a spreadsheet has shortened, such as 1.2E+03", HINT)
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
