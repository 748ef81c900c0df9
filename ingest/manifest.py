"""Manifests: a CSV of video ids and their sign languages, with or without a header."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.lake.lake import Lake
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.sources import add_sources, columns_of, known_sources, read_rows

_COLUMNS: Final = {
    "video_id": {"video_id", "id", "youtube_id", "video", "videoid"},
    "language_label": {"sign_language", "language", "lang", "label", "language_label", "sign_language_code"},
    "url": {"url", "webpage_url", "link"},
    "title": {"title"},
    "channel": {"channel", "uploader"},
    "channel_id": {"channel_id", "uploader_id"},
}
"""Our columns, and their names in headers."""


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
    """The rows of a manifest.

    Attributes:
        entries: by video id, in the order of the file.
        refused: rows that cannot be used: the id in printable form, and the reason with the line number.
        remarks: about repeated ids and unknown languages, a line each.
    """

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest. Without a header, the first two columns are video id and language.

    Raises:
        BadInputError: the file cannot be read as CSV, or its header has no video id.
    """
    rows = read_rows(path, "manifest")
    if not rows:
        raise BadInputError(f"manifest {path} is empty", "A row is: video id, sign language.")
    columns = columns_of(path, rows[0][1], _COLUMNS)
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
        # Blanks around an id are typing errors; a line break in it is not.
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
        manifest.remarks.append(
            f"{path}: {counted(len(repeated), 'repeated id')}, the first row is used: {some(repeated)}"
        )
    for why, ids in unknown.items():
        manifest.remarks.append(f"{path}: {why} Taken as und: {some(ids)}")
    return manifest


def _entry(video_id: str, cells: dict[str, str | None], unknown: dict[str, list[str]]) -> Entry:
    label = cells.get("language_label")
    code = sign_languages.UNDETERMINED
    if label:
        try:
            code = sign_languages.resolve(label)
        except UnknownLanguageError as error:
            unknown.setdefault(str(error), []).append(video_id)
    about = {name: cells.get(name) for name in ("url", "title", "channel", "channel_id")}
    return Entry(video_id, label, code, **about)


def known_entries(lake: Lake) -> dict[str, Entry]:
    """The entries of the manifests of earlier runs, by video id: the rows of `sources`."""
    return {video_id: Entry(**row) for video_id, row in known_sources(lake.snapshot).items()}


def write_sources(lake: Lake, manifest: Manifest) -> int:
    """Adds the rows of a manifest that `sources` lacks or holds differently; returns how many."""
    return add_sources(lake.snapshot, (vars(entry) for entry in manifest.entries.values()))
