"""README.md and croissant.json of an export or a lake: made of its own figures, kept where a person wrote."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from signverse.export.formats.index_rows import MAX_LISTING, SUMS, sum_of_line
from signverse.export.publish.croissant import CROISSANT, describe, dump
from signverse.export.publish.dataset_card.body import CLIP_PICTURE, LANGUAGES_PICTURE, sections
from signverse.export.publish.dataset_card.clips_table import CLIPS, write_clips
from signverse.export.publish.dataset_card.facts import STATISTICS, Facts, facts_of_lake
from signverse.export.publish.dataset_card.fallback_facts import facts_of_folder
from signverse.export.publish.dataset_card.header import header, merge_header, record
from signverse.export.publish.dataset_card.pictures import pictures
from signverse.export.publish.dataset_card.sections import made_header, merge
from signverse.export.publish.dataset_card.yaml_text import MAX_CARD, dump_yaml, split_card
from signverse.export.publish.licences import stated
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.storage.location import is_lake

README: Final = "README.md"

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def write_card(
    source: Path | Lake | Facts,
    licence: str | None = None,
    repository: str | None = None,
    existing_readme: str | None = None,
    *,
    gated: bool = False,
    pictures: Collection[str] | None = None,
    remarks: list[str] | None = None,
) -> str:
    """The text of a README.md.

    Args:
        source: a lake, the folder of an export, or figures.
        licence: an SPDX identifier, an address or a name; None leaves that of the existing card, if there is one.
        repository: where it is published, "OWNER/NAME"; None where it is not yet.
        existing_readme: the earlier card: what a person wrote or edited in it stays.
        gated: with the form of a data set to which access is asked for.
        pictures: paths of the pictures that there are; by default those in the folder.
        remarks: takes what a person should know, a line each.

    Raises:
        BadInputError: the repository is not named so, the existing card's YAML cannot be read, or the source cannot.
    """
    _check(repository)
    facts = _facts(source)
    if pictures is None:
        pictures = _pictures_in(source) if isinstance(source, Path) else ()
    before, body = split_card(existing_readme or "")
    notes: list[str] = remarks if remarks is not None else []
    given = licence or _stated(before)
    made = header(facts, stated(licence) if licence else None, gated=gated)
    merged = merge_header(made, before, made_header(body), notes)
    shown = stated(given) if given else None
    text, edited = merge(sections(facts, shown, repository, pictures), body, record(made))
    if edited:
        notes.append(f"sections of README.md that a person edited stay as they are: {', '.join(edited)}")
    return f"---\n{dump_yaml(merged)}---\n\n{text}"


def croissant(
    source: Path | Lake | Facts,
    licence: str | None = None,
    repository: str | None = None,
    *,
    files: Mapping[str, tuple[str, int]] | None = None,
) -> dict[str, Any]:
    """The content of a croissant.json.

    Args:
        source, licence, repository: see `write_card`.
        files: sha256 and bytes of the files by their paths; by default those that the folder's SHA256SUMS lists.

    Raises:
        BadInputError: see `write_card`.
    """
    _check(repository)
    if files is None:
        files = listed_files(source) if isinstance(source, Path) else {}
    return describe(_facts(source), licence, repository, files)


def card_files(
    source: Path | Lake,
    licence: str | None = None,
    repository: str | None = None,
    existing_readme: str | None = None,
    *,
    gated: bool = False,
    remarks: list[str] | None = None,
) -> dict[str, bytes]:
    """All that a card consists of, by path: README.md and croissant.json; of a lake the pictures too.

    Of an export of Parquet without clips.parquet this as well, which the card's default configuration reads.

    Args:
        source, licence, repository, existing_readme, gated, remarks: see `write_card`.

    Raises:
        BadInputError: see `write_card`.
    """
    facts = _facts(source)
    drawn = pictures(source, facts) if isinstance(source, Lake) else {}
    paths = drawn if isinstance(source, Lake) else _pictures_in(source)
    readme = write_card(facts, licence, repository, existing_readme, gated=gated, pictures=list(paths), remarks=remarks)
    given = licence or licence_in(existing_readme or "")
    files = {} if isinstance(source, Lake) else listed_files(source)
    more: dict[str, bytes] = {}
    if facts.kind == "parquet" and isinstance(source, Path) and CLIPS not in files:
        table = io.BytesIO()
        write_clips(source, [name for name in files if name.endswith(".parquet")], table)
        more[CLIPS] = table.getvalue()
    return {**drawn, **more, CROISSANT: dump(croissant(facts, given, repository, files=files)), README: readme.encode()}


def read_readme(folder: Path) -> str:
    """The README.md of a folder, or "" where there is none.

    Raises:
        BadInputError: it cannot be read, or is not text.
    """
    path = folder / README
    if not path.exists() and not path.is_symlink():
        return ""
    try:
        return read_regular(path, MAX_CARD).decode("utf-8")
    except UnicodeDecodeError:
        raise BadInputError(f"{path} is not text in UTF-8", "Move it elsewhere, or save it as UTF-8.") from None


def listed_files(folder: Path) -> dict[str, tuple[str, int]]:
    """sha256 and bytes of the files that SHA256SUMS lists and that are there."""
    found: dict[str, tuple[str, int]] = {}
    if not (folder / SUMS).exists():
        return found
    for line in read_regular(folder / SUMS, MAX_LISTING).decode("utf-8", "replace").splitlines():
        if (listed := sum_of_line(line)) is None:
            continue
        path = folder / listed[0]
        if path.is_file() and not path.is_symlink():
            found[listed[0]] = (listed[1], path.stat().st_size)
    return found


def _facts(source: Path | Lake | Facts) -> Facts:
    if isinstance(source, Facts):
        return source
    if isinstance(source, Lake):
        return facts_of_lake(source)
    if is_lake(source):
        with Lake.open(source) as lake:
            return facts_of_lake(lake)
    path = source / STATISTICS
    if path.exists():
        return Facts.from_json(read_regular(path, MAX_CARD), str(path))
    return facts_of_folder(source)


def _pictures_in(folder: Path) -> list[str]:
    return [name for name in (CLIP_PICTURE, LANGUAGES_PICTURE) if (folder / name).is_file()]


def licence_in(readme: str) -> str | None:
    """The licence that a card states; None where it states none.

    Raises:
        BadInputError: its YAML cannot be read.
    """
    return _stated(split_card(readme)[0])


def _stated(before: Mapping[str, Any]) -> str | None:
    words = [before.get(key) for key in ("license_link", "license_name", "license")]
    return next((word for word in words if isinstance(word, str) and word), None)


def _check(repository: str | None) -> None:
    if repository is not None and not _REPOSITORY.fullmatch(repository):
        raise BadInputError(f"'{repository[:80]}' is not the name of a repository", "It is like OWNER/NAME.")
