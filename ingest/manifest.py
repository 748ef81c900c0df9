"""Manifests: which videos, in which sign language. A CSV with or without a header."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lake import delta
from lake import languages as sign_languages
from lake.errors import BadInputError, UnknownLanguageError
from lake.ids import check_video_id, new_ingest_id
from lake.lake import Lake
from lake.schema import SOURCES
from lake.text import some

_COLUMNS: Final = {
    "video_id": {"video_id", "id", "youtube_id", "video", "videoid"},
    "language_label": {"sign_language", "language", "lang", "label", "language_label", "sign_language_code"},
    "url": {"url", "webpage_url", "link"},
    "title": {"title"},
    "channel": {"channel", "uploader"},
    "channel_id": {"channel_id", "uploader_id"},
}
"""Our column, and what headers call it."""


@dataclass(frozen=True)
class Entry:
    """A row of a manifest. `language_label` is as given; `sign_language` is the code it resolves to, or und."""

    video_id: str
    language_label: str | None = None
    sign_language: str = sign_languages.UNDETERMINED
    url: str | None = None
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None


@dataclass
class Manifest:
    """What a manifest holds.

    Attributes:
        entries: by video id, in the order of the file.
        refused: rows that cannot be used: a printable form of the id, and why, with the line number.
        remarks: what was taken with a grain of salt, a line each.
    """

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest: video id and language, in the first two columns or as a header names them.

    Raises:
        BadInputError: the file cannot be read as CSV, or its header names no video id.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Whole: it may be a pipe, and the largest manifest has less than a megabyte.
            text = file.read()
        start = text[:4096].split("\n", 1)[0]
        # Spreadsheets write semicolons where a comma marks decimals.
        delimiter = next((mark for mark in (",", "\t", ";") if mark in start), ",")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        # The reader is lazy: what it raises comes while it is emptied.
        rows = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except OSError as error:
        raise BadInputError(f"manifest {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"manifest {path} is not a CSV in UTF-8: {error}") from None
    if not rows:
        raise BadInputError(f"manifest {path} is empty", "A row is: video id, sign language.")
    columns = _columns(path, rows[0][1])
    if columns is None:
        columns = {"video_id": 0, "language_label": 1}
    else:
        rows = rows[1:]
    manifest = Manifest(path)
    unknown: dict[str, list[str]] = {}
    repeated: list[str] = []
    for line, row in rows:
        cells = {name: row[i].strip() or None for name, i in columns.items() if i < len(row)}
        raw = row[columns["video_id"]] if columns["video_id"] < len(row) else ""
        # Blanks around an id are a typist's; a line break in it is not.
        video_id = raw.strip(" \t")
        try:
            check_video_id(video_id)
        except BadInputError as error:
            manifest.refused.append((ascii(video_id[:60])[1:-1], f"{path} line {line}: {error}"))
            continue
        entry = _entry(video_id, cells, unknown)
        first = manifest.entries.setdefault(video_id, entry)
        if first is not entry:
            repeated.append(
                video_id if first == entry else f"{video_id} (as {first.language_label}, not {entry.language_label})"
            )
    if repeated:
        manifest.remarks.append(f"{path}: {len(repeated)} repeated ids, the first row counts: {some(repeated)}")
    for why, ids in unknown.items():
        manifest.remarks.append(f"{path}: {why} Taken as und: {some(ids)}")
    return manifest


def _columns(path: Path, first: list[str]) -> dict[str, int] | None:
    """Where each of our columns is, or None where the first row is no header."""
    cells = ["_".join(re.split(r"[\s_-]+", cell.strip().casefold())) for cell in first]
    found = {
        ours: next(i for i, cell in enumerate(cells) if cell in theirs)
        for ours, theirs in _COLUMNS.items()
        if any(cell in theirs for cell in cells)
    }
    if not found:
        return None
    if "video_id" not in found:
        raise BadInputError(
            f"the header of {path} names no video id: {', '.join(first)[:200]}",
            "Call the column video_id, or remove the header.",
        )
    return found


def _entry(video_id: str, cells: dict[str, str | None], unknown: dict[str, list[str]]) -> Entry:
    label = cells.get("language_label")
    code = sign_languages.UNDETERMINED
    if label:
        try:
            code = sign_languages.resolve(label)
        except UnknownLanguageError as error:
            unknown.setdefault(str(error), []).append(video_id)
    others = {name: cells.get(name) for name in ("url", "title", "channel", "channel_id")}
    return Entry(video_id, label, code, **others)


def known_entries(lake: Lake) -> dict[str, Entry]:
    """What the manifests of earlier runs told, by video id: the rows of `sources`."""
    names = ["video_id", "language_label", "sign_language", "url", "title", "channel", "channel_id"]
    return {row["video_id"]: Entry(**row) for row in lake.frame(SOURCES.name).select(names).collect().to_dicts()}


def write_sources(lake: Lake, manifest: Manifest) -> int:
    """Adds the rows of a manifest that `sources` does not hold as they are; returns how many."""
    names = [name for name in SOURCES.schema.names if name not in {"ingest_id", "listed_at"}]
    known = set(lake.frame(SOURCES.name).select(names).collect().iter_rows())
    now = datetime.now(UTC)
    fresh: list[dict[str, Any]] = []
    for entry in manifest.entries.values():
        row = {name: getattr(entry, name) for name in names}
        if tuple(row.values()) not in known:
            fresh.append({**row, "ingest_id": new_ingest_id(), "listed_at": now})
    delta.append(lake.folder / SOURCES.name, SOURCES, fresh)
    return len(fresh)
