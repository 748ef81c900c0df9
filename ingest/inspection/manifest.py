"""What would be read from a manifest: its format, its columns, its languages, and what is wrong with its rows."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.ingest.manifest import languages_of, read_manifest
from signverse.lake.lists.table import Table
from signverse.lake.model.languages import by_code
from signverse.lake.model.wording import counted


def inspect_manifest(path: Path) -> Report:
    """Reads a manifest and says what becomes of its columns and rows.

    Raises:
        BadInputError: it cannot be read; see `read_manifest`.
    """
    manifest = read_manifest(path)
    table = manifest.table
    assert table is not None
    languages = dict(languages_of(manifest).most_common())
    columns = {index: name for name, index in table.columns.items()}
    remarks = [*manifest.remarks, *(why for _, why in manifest.refused), *manifest.about_not_youtube()]
    return Report(
        path,
        Kind.manifest,
        f"{table.form}; {manifest.account}",
        [
            ("format", table.form),
            ("rows", manifest.account),
            ("languages", _languages(languages)),
            *(("column", _column(table, index, columns.get(index))) for index in range(len(table.first_values))),
        ],
        {
            "format": table.form,
            "columns_taken": [f"{table.name_of(index)} as {name}" for index, name in sorted(columns.items())],
            "columns_not_used": [table.name_of(index) for index in table.unused],
            "languages": [f"{code} {count}" for code, count in languages.items()],
            "rows_refused": len(manifest.refused),
        },
        [line.removeprefix(f"{path}: ").removeprefix(f"{path} ") for line in remarks],
    )


def _column(table: Table, index: int, taken_as: str | None) -> str:
    use = f"taken as {taken_as}" if taken_as else "not used"
    return f"{table.name_of(index)}: {use} ({', '.join(table.first_values[index]) or 'empty'})"


def _languages(languages: dict[str, int]) -> str:
    names = [
        f"{code} ({by_code()[code].name}) {count:,}" if code in by_code() else f"{code} {count:,}"
        for code, count in languages.items()
    ]
    return f"{counted(len(languages), 'sign language')}: {', '.join(names)}"
