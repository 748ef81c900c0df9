"""What would be read from a manifest."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.ingest.manifest_inspection import inspect_manifest as read


def inspect_manifest(path: Path) -> Report:
    """Reads a manifest and says what becomes of its columns and rows.

    Raises:
        BadInputError: it cannot be read.
    """
    found = read(path)
    summary, languages, *remarks = (line.removeprefix(f"{path}: ").removeprefix(f"{path} ") for line in found.lines)
    rows = summary.removeprefix(f"({found.form}): ")
    used = [column for column in found.columns if column["taken_as"]]
    return Report(
        path,
        Kind.manifest,
        f"{found.form}; {rows}",
        [
            ("format", found.form),
            ("rows", rows),
            ("languages", languages),
            *(("column", f"{column['column']}: {_taken(column)}") for column in found.columns),
        ],
        {
            "format": found.form,
            "columns_taken": [f"{column['column']} as {column['taken_as']}" for column in used],
            "columns_not_used": [column["column"] for column in found.columns if not column["taken_as"]],
            "languages": [f"{code} {count}" for code, count in found.languages.items()],
            "rows_refused": found.refused,
        },
        remarks,
    )


def _taken(column: dict[str, str | None]) -> str:
    use = f"taken as {column['taken_as']}" if column["taken_as"] else "not used"
    return f"{use} ({column['values'] or 'empty'})"
