"""What is published of an export: its files, as they will lie in the repository."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

from signverse.export.formats.format import SHARD_FOLDER
from signverse.export.formats.index_rows import INDEX, MAX_LISTING, SUMS, ClipRow, Row, VideoRow, sum_of_line
from signverse.export.formats.registry import CLIP_FORMATS
from signverse.export.publish.card import README
from signverse.export.publish.croissant import CROISSANT
from signverse.export.publish.dataset_card.body import CLIP_PICTURE, LANGUAGES_PICTURE
from signverse.export.publish.dataset_card.clips_table import CLIPS
from signverse.export.publish.dataset_card.facts import STATISTICS
from signverse.export.release.folder import is_content, is_ours
from signverse.export.release.index import read_index
from signverse.export.release.verify import is_export
from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.schema import TABLES
from signverse.lake.model.untrusted.regular_files import open_regular, read_regular
from signverse.lake.model.wording import some

DESCRIPTIONS: Final = frozenset({README, CROISSANT, STATISTICS, CLIPS, CLIP_PICTURE, LANGUAGES_PICTURE})
"""Paths of what describes an export: SHA256SUMS need not list it."""

SHARDS: Final = "release shards"
LAKE: Final = "lake"

HUBS_OWN: Final = re.compile(r"\.gitattributes|\.cache/huggingface/.*")
"""Files that the hub and its client put beside what was published and downloaded."""

_OF_A_LAKE: Final = re.compile(rf"(?:{'|'.join(table.name for table in TABLES)})/(?:.+\.parquet|_delta_log/.+)")


@dataclass(frozen=True)
class Source:
    """A file that is to lie in the repository.

    Attributes:
        path: in the repository.
        size: bytes.
        sha256: of its content; "" where it is not known without reading it.
        place: where it lies here; None where `data` is the content.
        sealed: its name changes with its content, so that a file of the same path and size is the same.
    """

    path: str
    size: int
    sha256: str = ""
    place: Path | None = None
    data: bytes = b""
    sealed: bool = False

    def open(self) -> BinaryIO:
        """Opens it for reading.

        Raises:
            BadInputError: it cannot be read.
        """
        return io.BytesIO(self.data) if self.place is None else open_regular(self.place)

    def content(self) -> bytes:
        """All of a small one.

        Raises:
            BadInputError: it cannot be read.
        """
        return self.data if self.place is None else read_regular(self.place, MAX_LISTING)

    def digest(self) -> str:
        """Its sha256, read from the content where it is not known.

        Raises:
            BadInputError: it cannot be read.
            DamagedLakeError: it is not what its name promises.
        """
        return self.sha256 or self._digest

    @cached_property
    def _digest(self) -> str:
        with self.open() as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        if self.sealed and f"-{found[:32]}." not in self.path:
            raise DamagedLakeError(
                f"{self.place} is damaged: its bytes are not those that were written", "`signverse verify` says more."
            )
        return found

    def git_oid(self) -> str:
        """The name that git gives its content.

        Raises:
            BadInputError: it cannot be read.
        """
        digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with self.open() as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return digest.hexdigest()


def of_bytes(path: str, data: bytes) -> Source:
    """A file whose content is in memory."""
    return Source(path, len(data), hashlib.sha256(data).hexdigest(), data=data)


@dataclass(frozen=True)
class Content:
    """What is published.

    Attributes:
        folder: the export or the lake.
        kind: release shards, the name of the format of its clips, or lake.
        data: its files, without those below.
        listings: index.csv and SHA256SUMS, which go last: they say that it is whole. Of a lake its logs and no
            SHA256SUMS, for which its files would have to be read.
        descriptions: those of `DESCRIPTIONS` that lie in the folder.
        videos: the ids of its videos.
        origin: where they came from, in words; "" where that is not known.
        data_sets: the data sets of the hub that they came from; "" among them where some came from elsewhere.
    """

    folder: Path
    kind: str
    data: Sequence[Source]
    listings: Sequence[Source]
    descriptions: Sequence[Source]
    videos: frozenset[str]
    origin: str = ""
    data_sets: frozenset[str] = frozenset({""})


def kind_of(path: str) -> str:
    """Of which kind of export a file of this path in a repository is a part; "" where it is of none."""
    if re.fullmatch(SHARD_FOLDER.file, path):
        return SHARDS
    if _OF_A_LAKE.fullmatch(path):
        return LAKE
    return next((name for name, form in CLIP_FORMATS.items() if re.fullmatch(form.folder.file, path)), "")


def export_content(folder: Path) -> Content:
    """What is published of the folder of an export.

    Raises:
        BadInputError: it is not an export or not finished, lacks files, or holds files that are not part of it.
    """
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}", "Name a lake or an export.")
    if not is_export(folder):
        raise BadInputError(f"{folder} is neither a lake nor an export", "Name a lake or the folder of an export.")
    files = dict(_files(folder))
    if SUMS not in files or INDEX not in files or any(name.endswith(".export.json") for name in files):
        raise BadInputError(
            f"the export {folder} is not finished", "Run the command that wrote it once more: it goes on."
        )
    sums = read_sums(read_regular(folder / SUMS, MAX_LISTING), str(folder / SUMS))
    others = sorted(files.keys() - sums.keys() - DESCRIPTIONS - {SUMS})
    others = [name for name in others if not HUBS_OWN.match(name) and (is_content(name) or not is_ours(name))]
    if others:
        raise BadInputError(
            f"{folder} holds files that are not part of the export: {some(others, 5)}", "Move them elsewhere."
        )
    missing = sorted(sums.keys() - files.keys())
    if missing:
        raise BadInputError(
            f"{folder} lacks files that {SUMS} lists: {some(missing)}", "Write the export again, with --overwrite."
        )
    index: list[Row] = read_index(folder / INDEX, VideoRow, ClipRow)
    astray = sorted({row.path for row in index} - sums.keys())
    if astray:
        raise BadInputError(f"{folder / INDEX} names files that {SUMS} does not list: {some(astray)}")
    for name in sorted(DESCRIPTIONS & files.keys() - sums.keys()):
        refuse_link_outside(folder, name)
    kinds = sorted({kind for name in sums if (kind := kind_of(name))})
    if len(kinds) != 1:
        raise BadInputError(f"{folder} holds {' and '.join(kinds) or 'no'} files of an export", "Publish one export.")
    sizes = {name: files[name] for name in sums}
    return Content(
        folder=folder,
        kind=kinds[0],
        data=[
            Source(name, sizes[name], sums[name], folder / name)
            for name in sorted(sums.keys() - DESCRIPTIONS)
            if name != INDEX
        ],
        listings=[
            Source(INDEX, sizes[INDEX], sums[INDEX], folder / INDEX),
            of_bytes(SUMS, read_regular(folder / SUMS, MAX_LISTING)),
        ],
        descriptions=[
            Source(name, files[name], sums.get(name, ""), folder / name)
            for name in sorted(DESCRIPTIONS)
            if name in files
        ],
        videos=frozenset(row.video_id for row in index if isinstance(row, VideoRow | ClipRow)),
    )


def refuse_link_outside(folder: Path, name: str) -> None:
    """Refuses a file that no checksum is known of and that is a link to what lies elsewhere: it may be private.

    Raises:
        BadInputError: it is one.
    """
    path = folder / name
    if path.exists() and not path.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(
            f"{path} is a link to what lies outside of {folder}", "Put the file itself there, if it may be published."
        )


def read_sums(listing: bytes, name: str) -> dict[str, str]:
    """The sha256 of each file that a SHA256SUMS lists.

    Raises:
        BadInputError: a line is not a checksum, or names a file outside.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(listing.decode("utf-8", "replace").splitlines(), 1):
        found = sum_of_line(line)
        if found is None:
            raise BadInputError(f"{name} line {number} is not a checksum")
        sums[found[0]] = found[1]
    return sums


def videos_of(index: bytes, name: str) -> frozenset[str]:
    """The videos that an index.csv lists, in whatever other columns it has.

    Raises:
        BadInputError: it is not the index of an export. That videos are gone would not be noticed.
    """
    reader = csv.DictReader(io.StringIO(index.decode("utf-8", "replace"), newline=""))
    try:
        if "video_id" not in (reader.fieldnames or ()):
            raise csv.Error
        return frozenset(str(row["video_id"]) for row in reader)
    except csv.Error:
        raise BadInputError(f"{name} is not the index of an export", "Remove it there, or publish elsewhere.") from None


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """The files in a folder, as paths in it, with their sizes; links to folders are not followed."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in [*names, *(name for name in folders if Path(where, name).is_symlink())]:
            path = Path(where, name)
            try:
                yield path.relative_to(folder).as_posix(), path.stat().st_size
            except OSError:
                # A link that leads nowhere: opening it says so.
                yield path.relative_to(folder).as_posix(), 0
