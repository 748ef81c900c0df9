"""members.parquet beside shards: where in its tar each member is, with its sha256."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from signverse.export.formats.format import Written
from signverse.export.formats.index_rows import MEMBERS
from signverse.export.formats.read_tar import read_members
from signverse.export.writers.tar_writer import Place
from signverse.lake.lists import tar_members
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.storage.integrity.sync import sync_folder
from signverse.lake.storage.temporary.whole_file import whole_file


def write_members(out: Path, units: Iterable[Written[Any]]) -> str:
    """Writes members.parquet of finished tars; returns its sha256. A member that no index may name is left out.

    Raises:
        BadInputError, OSError: it cannot be written.
    """
    rows = [row for unit in units for row in member_rows(unit)]
    return write_rows(out, pl.DataFrame(rows, tar_members.POLARS_SCHEMA, orient="row"))


def member_rows(unit: Written[Any]) -> list[tuple[Any, ...]]:
    """The rows of a finished tar."""
    file = unit.files[0]
    return [
        (unit.name, file.sha256, file.size, at.member, at.offset, at.size, _video_of(at), at.sha256)
        for at in unit.members
        if tar_members.is_plain_path(at.member)
    ]


def write_rows(out: Path, rows: pl.DataFrame) -> str:
    """Writes members.parquet of rows that are there; returns its sha256.

    Raises:
        BadInputError, OSError: it cannot be written.
    """
    data = tar_members.as_parquet(rows)
    with whole_file(out / MEMBERS) as file:
        file.write(data)
    sync_folder(out)
    return hashlib.sha256(data).hexdigest()


def read_rows(out: Path) -> pl.DataFrame:
    """The rows of members.parquet.

    Raises:
        BadInputError: it cannot be read.
    """
    path = out / MEMBERS
    return tar_members.from_parquet(read_regular(path, tar_members.MAX_BYTES), str(path))


def _video_of(place: Place) -> str | None:
    folder, slash, _ = place.member.partition("/")
    try:
        return folder if slash and check_video_id(folder) == folder else None
    except BadInputError:
        return None


def places_in(path: Path) -> list[Place]:
    """Where each member of a tar is, read from the tar.

    Raises:
        BadInputError, tarfile.TarError, OSError, ValueError: it cannot be read.
    """
    return [
        Place(found.name, found.offset, found.size, hashlib.file_digest(found.data, "sha256").hexdigest())  # type: ignore[arg-type]
        for found in read_members(path)
        if found.data is not None
    ]


def verify_members(folder: Path, sums: Mapping[str, str], places: Mapping[str, Sequence[Place]]) -> Iterator[str]:
    """Yield what of members.parquet differs from the tars.

    Args:
        sums: sha256 of each file.
        places: of the tars that could be read, where their members are.
    """
    path = folder / MEMBERS
    try:
        index = read_rows(folder)
    except BadInputError as error:
        yield str(error)
        return
    listed: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in index.iter_rows(named=True):
        listed[row["shard"]].append(row)
    for shard in sorted(listed.keys() - sums.keys()):
        yield f"{path} lists {shard}, which is not in the export"
    for shard, there in places.items():
        rows = listed[shard]
        found = {at.member: at for at in there if tar_members.is_plain_path(at.member)}
        if any((row["shard_oid"], row["shard_size"]) != (sums[shard], (folder / shard).stat().st_size) for row in rows):
            yield f"{path} is of another {shard}"
            continue
        wrong = [
            row
            for row in rows
            if found.get(str(row["member"])) != _place(row) or row["video_id"] != _video_of(_place(row))
        ]
        if wrong or len(rows) < len(found):
            missing = sorted(found.keys() - {row["member"] for row in rows})
            first = wrong[0]["member"] if wrong else missing[0]
            yield f"{path} differs from {shard} in {len(wrong) + len(missing):,} members, first in {first}"


def _place(row: Mapping[str, object]) -> Place:
    return Place(str(row["member"]), *(row[name] for name in ("offset", "size", "sha256")))  # type: ignore[arg-type]
