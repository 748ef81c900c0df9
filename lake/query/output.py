"""Results on the terminal, in a pipe or in a file."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl
from polars.exceptions import PanicException, PolarsError

from signverse.lake.model.errors import BadInputError

_MAX_ROWS: Final = 60
"""Rows of a table on the terminal: more are cut out of the middle, with their number said."""


_NO_LIMIT: Final = 65_535
"""As wide as Polars can draw; a wider table makes it panic."""


_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
"""Control characters, and those that turn the direction of a line."""


class Format(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def pick_format(asked: Format | None, out: Path | None) -> Format:
    """The format asked for, else the one that the file's name says, else a table.

    Raises:
        BadInputError: a file whose name says none of the formats, and none was asked for.
    """
    if asked is not None:
        return asked
    if out is None:
        return Format.table
    suffix = out.suffix.lower().lstrip(".")
    if suffix in {"csv", "json", "parquet"}:
        return Format(suffix)
    if suffix in {"txt", "md"}:
        return Format.table
    raise BadInputError(f"the name {out} says no format", "End it in .csv, .json or .parquet, or give --format.")


def write_rows(
    rows: pl.DataFrame, form: Format, out: Path | None, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes rows to a file, which appears whole or not at all, or to standard output.

    Args:
        metadata: what a Parquet file says of itself; the other formats have no place for it.

    Raises:
        BadInputError: the file cannot be written, or Parquet would go to a terminal.
    """
    if out is not None:
        with whole_file(out) as file:
            file.write(_render(rows, form, None, metadata))
    elif form is Format.parquet:
        if sys.stdout.isatty():
            raise BadInputError("Parquet is binary and would spoil the terminal", "Name a file with -o.")
        sys.stdout.buffer.write(_render(rows, form, None, metadata))
    else:
        # Piped, a table keeps its columns whole: what reads it has no width.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        # As bytes: UTF-8 also where the terminal's encoding has not every letter.
        sys.stdout.buffer.write(_render(rows, form, width))
    sys.stdout.flush()


def _render(rows: pl.DataFrame, form: Format, width: int | None, metadata: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    try:
        if form is Format.parquet:
            rows.write_parquet(buffer, compression="zstd", metadata=dict(metadata or {}))
        elif form is Format.json:
            _spelled(rows).write_json(buffer)
            buffer.write(b"\n")
        elif form is Format.csv:
            _spelled(_flat(rows)).write_csv(buffer)
        else:
            buffer.write(_table(rows, width).encode())
    except (PolarsError, PanicException) as error:
        # Polars panics at dates past the year 262143 and at types that a format has no word for.
        raise BadInputError(
            f"the result cannot be written as {form.value}: {str(error).splitlines()[0]}",
            "Cast the column: select column::varchar.",
        ) from None
    return buffer.getvalue()


def _spelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Bytes as hexadecimal digits: text formats have no other way."""
    return rows.with_columns(pl.col(pl.Binary).bin.encode("hex"))


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Lists and structs as JSON text: CSV has no other way."""
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    return rows.with_columns(
        pl.Series(
            name,
            [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in rows[name].to_list()],
            pl.String,
        )
        for name in nested
    )


def _table(rows: pl.DataFrame, width: int | None) -> str:
    if rows.schema == {"plan": pl.String} and not rows["plan"].has_nulls():
        return "\n".join(rows["plan"].to_list()) + "\n"
    # Titles and captions are other people's: a terminal would obey what they hold.
    rows = rows.with_columns(pl.col(pl.String).str.replace_all(_CONTROL, "\ufffd"))
    with pl.Config(
        tbl_rows=_MAX_ROWS,
        tbl_cols=-1 if width is None else max(4, width // 12),
        tbl_width_chars=width or _NO_LIMIT,
        fmt_str_lengths=60 if width else _NO_LIMIT,
        tbl_formatting="UTF8_FULL_CONDENSED",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_cell_numeric_alignment="RIGHT",
        thousands_separator="",
        float_precision=None,
    ):
        text = str(rows)
    hidden = f"({rows.height:,} rows, {_MAX_ROWS} shown)\n" if rows.height > _MAX_ROWS else ""
    return f"{text}\n{hidden}"


@contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """A binary file that takes its name only when all of it is written. A pipe or a device is written to as it is.

    Raises:
        BadInputError: it cannot be written; nothing is left behind and an earlier file stays as it was.
    """
    if out.exists() and not out.is_file() and not out.is_dir():
        # /dev/null, /dev/stdout, a named pipe: a file put in its place would be the end of it.
        with out.open("wb") as file:
            yield file
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        # mkstemp makes files that only their owner reads; a result is an ordinary file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
