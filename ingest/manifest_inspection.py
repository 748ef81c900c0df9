"""What would be read from a manifest: its format, its columns, its languages, and what is wrong with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.ingest.manifest import languages_of, read_manifest
from signverse.lake.lists.table import Table
from signverse.lake.model.languages import by_code
from signverse.lake.model.wording import counted

SUFFIXES: Final = (".csv", ".tsv", ".tab", ".psv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
"""The endings that manifests have."""


@dataclass(frozen=True)
class ManifestInspection:
    """What would be read from a manifest.

    Attributes:
        form: its format in words, such as "CSV in UTF-8, separated by semicolons, with a header".
        columns: a row per column of the file: column (its name), taken_as (our name for it, or null where it is not
            used) and values (its first three).
        languages: how many videos each sign language has, by code, the most frequent first.
        lines: all that is to be said, a line each: what was read; languages; remarks; refused rows with their line;
            ids that cannot be YouTube's.
        refused: how many rows cannot be used.
    """

    form: str
    columns: list[dict[str, str | None]]
    languages: dict[str, int]
    lines: list[str]
    refused: int


def inspect_manifest(path: Path) -> ManifestInspection:
    """Reads a manifest and says all that there is to say of it. Nothing is stored.

    Raises:
        BadInputError: it cannot be read; see `read_manifest`.
    """
    manifest = read_manifest(path)
    assert manifest.table is not None
    languages = dict(languages_of(manifest).most_common())
    lines = [manifest.summary, _languages(languages), *manifest.remarks]
    lines += [why for _, why in manifest.refused]
    lines += manifest.not_youtube()
    return ManifestInspection(manifest.table.form, _columns(manifest.table), languages, lines, len(manifest.refused))


def _columns(table: Table) -> list[dict[str, str | None]]:
    ours = {index: name for name, index in table.columns.items()}
    return [
        {"column": table.name_of(index), "taken_as": ours.get(index), "values": ", ".join(values)}
        for index, values in enumerate(table.first_values)
    ]


def _languages(languages: dict[str, int]) -> str:
    names = [
        f"{code} ({by_code()[code].name}) {count:,}" if code in by_code() else f"{code} {count:,}"
        for code, count in languages.items()
    ]
    return f"{counted(len(languages), 'sign language')}: {', '.join(names)}"
