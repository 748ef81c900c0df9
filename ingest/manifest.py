"""Manifests: lists of video ids and their sign languages, in the forms that people have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.lake.lake import Lake
from signverse.lake.lists.addresses import id_of_address, identify, is_address, is_youtube, why_not_youtube
from signverse.lake.lists.columns import CHANNEL, CHANNEL_ID, IDENTIFYING
from signverse.lake.lists.table import Table, read_table
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.ids import is_youtube_id
from signverse.lake.model.wording import counted, printable, some
from signverse.lake.storage.sources import add_sources, known_sources

_COLUMNS: Final = {
    **IDENTIFYING,
    # A column `language` beside one of these is the spoken one; spoken_language is never taken.
    "language_label": (
        *("sign_language", "signed_language", "sign_language_code", "signed_language_code", "language_label"),
        *("sign_lang", "signed_lang", "signlanguage", "signedlanguage", "sl_code", "sign_language_name"),
        *("gebärdensprache", "gebaerdensprache", "langue_des_signes", "langue_signée", "lengua_de_signos"),
        *("lengua_de_señas", "lingua_dei_segni", "língua_de_sinais", "língua_gestual", "gebarentaal", "język_migowy"),
        *("手話", "手语", "手語", "수어", "수화"),
        *("language", "lang", "language_code", "label"),
        *("sprache", "langue", "lengua", "idioma", "lingua", "língua", "taal", "言語", "语言", "語言", "언어"),
    ),
    "title": ("title", "video_title", "fulltitle", "titel", "titre", "título", "titolo", "タイトル", "标题", "標題"),
    "channel": CHANNEL,
    "channel_id": CHANNEL_ID,
}
"""Our columns, and their names in headers, the most exact one first."""

_MANY: Final = 5
"""More unknown languages than this are counted, not listed."""


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

    Rows of the file = entries + repeated + refused; `table` counts its comments and blank lines.

    Attributes:
        entries: by video id, in the order of the file.
        refused: rows that cannot be used: the id in printable form, or the file and line where there is none; and the
            reason with the line number.
        remarks: about repeated ids and unknown languages, a line each.
        repeated: how many rows have the id of an earlier one, which is used.
        numbers: by video id, the number of its row; see `Table.unit`.
        sources: how many ids are from addresses and from file names.
        table: how the file was read; None where the manifest is not from a file.
    """

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    repeated: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    table: Table | None = None

    @property
    def summary(self) -> str:
        """What was read and what was not, in one line."""
        form = f" ({self.table.form})" if self.table else ""
        return f"{self.path}{form}: {self.account}"

    @property
    def account(self) -> str:
        """How many rows were taken, repeated and refused, and which columns are not used."""
        rows = len(self.entries) + self.repeated + len(self.refused)
        parts = [f"{counted(len(self.entries), 'video')} of {counted(rows, 'row')}"]
        if self.repeated:
            parts.append(f"{self.repeated:,} repeated")
        if self.refused:
            parts.append(f"{len(self.refused):,} refused")
        parts += [f"{counted(number, 'id')} from {kind}" for kind, number in self.sources.items()]
        return self.table.counts(*parts) if self.table else ", ".join(parts)

    def not_youtube(self) -> list[str]:
        """A line for each id without an address that cannot be one of YouTube's, where it would be looked for."""
        return [
            f"{self.path} {self._where(video_id)}: {printable(video_id)} cannot be an id of YouTube's: {why}"
            for video_id, entry in self.entries.items()
            if entry.url is None and (why := why_not_youtube(video_id))
        ]

    def about_not_youtube(self) -> list[str]:
        """The lines of `not_youtube`; one line where all ids are names that someone chose, as of their own files."""
        lines = self.not_youtube()
        without = [video_id for video_id, entry in self.entries.items() if entry.url is None]
        if len(lines) < max(2, len(without)) or any("spreadsheet" in line for line in lines):
            return lines
        ids = some([printable(video_id) for video_id in without])
        return [f"{self.path}: none of the {len(lines):,} ids can be YouTube's, as for files of your own: {ids}"]

    def _where(self, video_id: str) -> str:
        unit = self.table.unit if self.table else "row"
        return f"{unit} {self.numbers.get(video_id, '?')}"


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest: CSV, JSON, JSON lines or Parquet, with a header or with video id and language in front.

    An id may be the address of a video, or a file's name.

    Raises:
        BadInputError: the file cannot be read, or its header names neither an id nor an address nor a file.
    """
    table = read_table(path, "manifest", _COLUMNS, ("video_id", "language_label"))
    manifest = Manifest(path, table=table, remarks=[f"{path}: {line}" for line in table.remarks])
    manifest.refused += [
        (printable(f"{path.name} {table.unit} {number}"), f"{path} {table.unit} {number}: {why}")
        for number, why in table.refused
    ]
    languages = _Languages()
    repeated: list[str] = []
    other_ids: list[str] = []
    for row in table.rows:
        where = f"{path} {table.unit} {row.number}"
        try:
            video_id, url = identify(row.cells)
        except BadInputError as error:
            given = next((row.cells[name] for name in IDENTIFYING if row.cells.get(name)), "")
            note = why_not_youtube(given) or ""
            why = f"{printable(given)} is {note}" if "spreadsheet" in note else str(error)
            manifest.refused.append((printable(given or f"{path.name} {table.unit} {row.number}"), f"{where}: {why}"))
            continue
        if _differs(video_id, url):
            other_ids.append(video_id)
        cell = row.cells.get("video_id")
        if video_id != cell:
            manifest.sources["addresses" if url and (not cell or is_address(cell)) else "file names"] += 1
        entry = _entry(video_id, url, row.cells, languages)
        first = manifest.entries.setdefault(video_id, entry)
        if first is entry:
            manifest.numbers[video_id] = row.number
        elif _elsewhere(first.url, url):
            why = f"its id {printable(video_id)} is that of {manifest._where(video_id)}, which has another address"
            manifest.refused.append((printable(video_id), f"{where}: {why}"))
        else:
            repeated.append(_repetition(first, entry))
    manifest.repeated = len(repeated)
    # A video may have several rows.
    unknown = {why: list(dict.fromkeys(ids)) for why, ids in languages.unknown.items()}
    manifest.remarks += _remarks(manifest, table, repeated, unknown, other_ids)
    return manifest


def _differs(video_id: str, url: str | None) -> bool:
    """Whether an id of YouTube's has the address of another of its videos."""
    if url is None or not is_youtube_id(video_id) or not is_youtube(url):
        return False
    try:
        return id_of_address(url) != video_id
    except BadInputError:
        return False


def _elsewhere(first: str | None, second: str | None) -> bool:
    """Whether two addresses of one id are of different videos; two ways of writing a page of YouTube's are not."""
    if not first or not second or first == second:
        return False
    if not is_youtube(first) or not is_youtube(second):
        return True
    try:
        return id_of_address(first) != id_of_address(second)
    except BadInputError:
        return True


def _repetition(first: Entry, entry: Entry) -> str:
    if first == entry or first.language_label == entry.language_label:
        return first.video_id
    return f"{first.video_id} (as {first.language_label}, not {entry.language_label})"


class _Languages:
    """Resolves labels, each once; keeps the ids of those that are not known, by the reason."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str | None]] = {}
        self.unknown: dict[str, list[str]] = {}

    def code_of(self, label: str, video_id: str) -> str:
        if label not in self._known:
            self._known[label] = self._resolve(label)
        code, why = self._known[label]
        if why:
            self.unknown.setdefault(why, []).append(video_id)
        return code

    def _resolve(self, label: str) -> tuple[str, str | None]:
        if len(self.unknown) >= _MANY and not sign_languages.is_known(label):
            # Looking for the nearest of each word of a column of glosses would take minutes.
            return sign_languages.UNDETERMINED, f"no sign language is called {label[:60]!a}."
        try:
            return sign_languages.resolve(label), None
        except UnknownLanguageError as error:
            return sign_languages.UNDETERMINED, str(error)


def _entry(video_id: str, url: str | None, cells: Mapping[str, str], languages: _Languages) -> Entry:
    label = cells.get("language_label") or None
    code = languages.code_of(label, video_id) if label else sign_languages.UNDETERMINED
    if len(cells) <= 2:
        return Entry(video_id, label, code, url)
    about = {name: cells.get(name) or None for name in ("title", "channel", "channel_id")}
    return Entry(video_id, label, code, url, **about)


def _remarks(
    manifest: Manifest, table: Table, repeated: list[str], unknown: dict[str, list[str]], other_ids: list[str]
) -> list[str]:
    path, remarks = manifest.path, []
    if repeated:
        remarks.append(f"{path}: {counted(len(repeated), 'repeated id')}, the first row is used: {some(repeated)}")
    if other_ids:
        ids = counted(len(other_ids), "id")
        remarks.append(
            f"{path}: {ids} with the address of another video of YouTube's, both are kept: {some(other_ids)}"
        )
    remarks += [f"{path}: {why} Taken as und: {some(ids)}" for why, ids in list(unknown.items())[:_MANY]]
    if len(unknown) > _MANY:
        videos = counted(sum(len(ids) for ids in list(unknown.values())[_MANY:]), "video")
        remarks.append(f"{path}: {len(unknown) - _MANY:,} more languages are not known: {videos} taken as und")
    unlabelled = [video_id for video_id, entry in manifest.entries.items() if not entry.language_label]
    if unlabelled and len(unlabelled) < len(manifest.entries):
        remarks.append(
            f"{path}: {counted(len(unlabelled), 'video')} without a sign language, as und: {some(unlabelled)}"
        )
    elif unlabelled:
        column = table.columns.get("language_label")
        where = "no column tells" if column is None else f"{table.name_of(column)} does not tell"
        remarks.append(f"{path}: {where} the sign language, every video is taken as und")
    return remarks


def languages_of(manifest: Manifest) -> Counter[str]:
    """How many videos a manifest has of each sign language, by code."""
    return Counter(entry.sign_language for entry in manifest.entries.values())


def known_entries(lake: Lake) -> dict[str, Entry]:
    """The entries of the manifests of earlier runs, by video id: the rows of `sources`."""
    return {video_id: Entry(**row) for video_id, row in known_sources(lake.snapshot).items()}


def write_sources(lake: Lake, manifest: Manifest) -> int:
    """Adds the rows of a manifest that `sources` lacks or holds differently; returns how many."""
    return add_sources(lake.snapshot, (vars(entry) for entry in manifest.entries.values()))
