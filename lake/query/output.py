"""Results on the terminal, in a pipe or in a file."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.terminal_text import clean
from signverse.lake.query.text_table import HIDDEN_HINT, format_table
from signverse.lake.storage.temporary.whole_file import whole_file


class Format(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def pick_format(requested: Format | None, out: Path | None) -> Format:
    """The requested format, else that of the file's name, else a table.

    Raises:
        BadInputError: the file's name has the ending of no format, and none was requested.
    """
    if requested is not None:
        return requested
    if out is None:
        return Format.table
    suffix = out.suffix.lower().lstrip(".")
    if suffix in {"csv", "json", "parquet"}:
        return Format(suffix)
    if suffix in {"txt", "md"}:
        return Format.table
    raise BadInputError(f"unknown format of {out}", "End the name in .csv, .json or .parquet, or give --format.")


@dataclass(frozen=True)
class Output:
    """Where the rows of a command go, and how.

    Attributes:
        form: their format.
        path: the file; None for standard output.
        wide: a table has all columns in full.
        remark: takes a line on what a terminal shows otherwise than a file or a pipe has it.
    """

    form: Format
    path: Path | None = None
    wide: bool = False
    remark: Callable[[str], None] | None = None

    def write(
        self,
        rows: pl.DataFrame,
        *,
        short: pl.DataFrame | None = None,
        metadata: Mapping[str, str] | None = None,
        above: Sequence[str] = (),
    ) -> None:
        """Writes rows as `write_rows` does.

        Args:
            short: the columns that a table has unless it is wide; the other formats always have all.
        """
        if short is not None and self.form is Format.table and not self.wide:
            rows = short
        write_rows(rows, self.form, self.path, metadata=metadata, wide=self.wide, above=above, remark=self.remark)


def write_rows(
    rows: pl.DataFrame,
    form: Format,
    out: Path | None,
    *,
    metadata: Mapping[str, str] | None = None,
    wide: bool = False,
    above: Sequence[str] = (),
    hint: str = HIDDEN_HINT,
    remark: Callable[[str], None] | None = None,
) -> None:
    """Writes rows to a file, which appears whole or not at all, or to standard output.

    Args:
        metadata: of a Parquet file; the other formats have no place for it.
        wide: a table is not made to fit the terminal.
        above: lines above a table; the other formats have rows only.
        hint: how to see the columns that a terminal has no place for.
        remark: see `Output`.

    Raises:
        BadInputError: the file cannot be written, or Parquet would go to a terminal.
    """
    if out is not None:
        with whole_file(out) as file:
            file.write(_render(rows, form, None, metadata, above))
    elif form is Format.parquet:
        if sys.stdout.isatty():
            raise BadInputError("Parquet is binary and would garble the terminal", "Name a file with -o.")
        sys.stdout.buffer.write(_render(rows, form, None, metadata))
    else:
        # Piped, a table keeps its columns whole: what reads it has no width.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not wide else None
        rendered = _render(rows, form, width, above=above, hint=hint)
        if form is not Format.table and sys.stdout.isatty():
            rendered = _for_terminal(rendered, form, remark)
        # As bytes: UTF-8 also where the terminal's encoding has not every letter.
        sys.stdout.buffer.write(rendered)
    sys.stdout.flush()


def _render(
    rows: pl.DataFrame,
    form: Format,
    width: int | None,
    metadata: Mapping[str, str] | None = None,
    above: Sequence[str] = (),
    hint: str = HIDDEN_HINT,
) -> bytes:
    buffer = io.BytesIO()
    try:
        if form is Format.parquet:
            _write_parquet(rows, buffer, dict(metadata or {}))
        elif form is Format.json:
            _spelled(rows).write_json(buffer)
            buffer.write(b"\n")
        elif form is Format.csv:
            _spelled(_flat(rows)).write_csv(buffer)
        else:
            # A plan of EXPLAIN is a drawing of its own.
            is_plan = rows.schema == {"plan": pl.String} and not rows["plan"].has_nulls()
            plan = "".join(clean(text, keep="\n") + "\n" for text in rows["plan"]) if is_plan else ""
            table = plan or format_table(rows, width, hint)
            buffer.write("".join(f"{line}\n" for line in (*map(clean, above), *([""] if above else []))).encode())
            buffer.write(table.encode())
    except (PolarsError, PanicException) as error:
        # Polars panics at dates past the year 262143 and at types that a format has no word for.
        raise BadInputError(
            f"the result cannot be written as {form.value}: {str(error).splitlines()[0]}",
            "Cast the column: select column::varchar.",
        ) from None
    return buffer.getvalue()


def _for_terminal(rendered: bytes, form: Format, remark: Callable[[str], None] | None) -> bytes:
    """CSV or JSON without what a terminal obeys; a pipe and a file have every byte."""
    text = rendered.decode()
    if form is Format.json:
        return json_for_terminal(text).encode()
    cleaned = clean(text, keep="\n\t")
    if cleaned != text and remark:
        remark("control characters are shown as \\x1b and the like; a pipe or -o FILE has them as they are")
    return cleaned.encode()


def json_for_terminal(text: str) -> str:
    """The same JSON in escapes of its own: it means the same, and a terminal obeys nothing in it."""
    return clean(text, keep="\n", escape=lambda character: json.dumps(character)[1:-1])


def _write_parquet(rows: pl.DataFrame, buffer: io.BytesIO, metadata: dict[str, str]) -> None:
    if not metadata:
        rows.write_parquet(buffer, compression="zstd")
        return
    # A selection, which may lie about for years: by pyarrow, which writes checksums of pages. Polars does not.
    import pyarrow.parquet as pq

    table = rows.to_arrow()
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)


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
