"""The command info. Imported at every start of the command line: what is heavy is imported by the command itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from signverse.lake.cli.shared import reading_named, say, writing_rows

if TYPE_CHECKING:
    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Output


def mount(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("info")(info)


@reading_named
@writing_rows
def info(*, opened: Lake, rows_to: Output) -> None:
    """Show a lake at a glance: videos, languages, size, versions.

    It reads the small tables only. The captions, languages and models count videos; csv, json and parquet have one row
    with all numbers, and a table with --wide names every language.

    \b
    signverse info LAKE
    signverse info LAKE --format json
    """
    import polars as pl

    from signverse.lake.query.output import Format
    from signverse.lake.upkeep.overview import in_words

    found = opened.info()
    if rows_to.form is Format.table:
        rows_to.write(in_words(found, all_languages=rows_to.wide))
    else:
        counts = ("captions", "sources", "models", "writer_versions", "splits")
        plain = {
            name: [{"name": key, "videos": count} for key, count in value.items()] if name in counts[:-1] else value
            for name, value in found.items()
        }
        plain["splits"] = [
            {"name": name, "part": part, "videos": count}
            for name, parts in found["splits"].items()
            for part, count in parts.items()
        ]
        rows_to.write(pl.DataFrame([plain], infer_schema_length=None))
    if rows_to.path is not None:
        say(f"1 lake -> {rows_to.path}")
