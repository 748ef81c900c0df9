"""What tars are known to hold: the index of their members, in the user's cache or published beside them.

A tar is walked once. What the walk found is a Parquet file in the cache, one a tar, which counts while the tar has the
same bytes. An index that lies beside the tars spares the walk; what it says is compared with the tar's own headers
when members are read.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from signverse.ingest.remote.sources.protocols import SourceFile, TarSource
from signverse.ingest.shards.dialects import video_folder
from signverse.ingest.shards.untrusted.tar_reader import Listing, Member
from signverse.lake.lists import tar_members
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.wording import some
from signverse.lake.storage.integrity.sync import make_durable_folder
from signverse.lake.storage.temporary.whole_file import write_whole

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def cache_folder() -> Path:
    """Where indexes, and parts of tars on their way, are kept: a folder in the user's cache of signverse."""
    # Imported here: it would slow the start of the command line.
    from platformdirs import user_cache_path

    return user_cache_path("signverse") / "fetch"


def short_name(text: str) -> str:
    """A name for a file or folder that stands for a longer text."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[-60:].strip(".-")
    return f"{readable}-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


class KnownTars:
    """The index of a source's tars in the cache."""

    def __init__(self, address: str, folder: Path | None = None) -> None:
        self._folder = (folder or cache_folder()) / "members" / short_name(address)

    def _path(self, tar: str, size: int, oid: str) -> Path:
        return self._folder / f"{short_name(f'{tar} {size} {oid}')}.parquet"

    def get(self, tar: str, size: int | None, oid: str | None) -> Listing | None:
        """What a tar holds; None where that is not known of these bytes."""
        if size is None or oid is None:
            return None
        # A file that is damaged, or of another version of this software, is one that is not there.
        with suppress(OSError, BadInputError):
            rows = tar_members.from_parquet(self._path(tar, size, oid).read_bytes(), tar)
            return _listings(rows, "").get(tar)
        return None

    def put(self, tar: str, oid: str | None, listing: Listing) -> bool:
        """Keeps what a tar holds; False where that cannot be: one that is damaged, or holds what no index may."""
        if oid is None or listing.damage or listing.skipped:
            return False
        with suppress(OSError, BadInputError):
            data = tar_members.as_parquet(_rows(tar, oid, listing))
            make_durable_folder(self._folder)
            write_whole(self._path(tar, listing.size, oid), data)
            return True
        return False


def _rows(tar: str, oid: str, listing: Listing) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (tar, oid, listing.size, each.name, each.start, each.size, _video(each.name), None)
            for each in listing.members
        ],
        schema=dict(tar_members.POLARS_SCHEMA),
        orient="row",
    )


def _video(member: str) -> str | None:
    with suppress(BadInputError):
        return check_video_id(video_folder(member.removeprefix("./")).rpartition("/")[2])
    return None


def _listings(rows: pl.DataFrame, folder: str) -> dict[str, Listing]:
    """What the tars of an index hold, by their paths at the source."""
    found = {}
    for (tar,), group in rows.group_by("shard", maintain_order=True):
        members = tuple(Member(*row) for row in group.select("member", "offset", "size").iter_rows())
        found[f"{folder}{tar}"] = Listing(group.item(0, "shard_size"), members)
    return found


@dataclass(frozen=True)
class Published:
    """What an index beside a tar says of it: what the tar holds, and the sha256 of members, by their names."""

    listing: Listing
    sums: Mapping[str, str]


def published(source: TarSource, files: Sequence[SourceFile], remarks: list[str]) -> Mapping[str, Published]:
    """What indexes that lie beside the tars say of them, by the tars' paths: of those whose size and sum agree.

    Args:
        remarks: takes why an index, or a part of it, does not count.
    """
    tars = {file.path: file for file in files}
    found: dict[str, Published] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        if name != tar_members.FILE_NAME:
            continue
        try:
            opened = source.open(file.path)
            try:
                if opened.size > tar_members.MAX_BYTES:
                    raise BadInputError(f"{file.path} has {opened.size:,} bytes")
                rows = tar_members.from_parquet(opened.pread(0, opened.size), file.path)
            finally:
                opened.close()
        except BadInputError as error:
            remarks.append(f"{error.message}: headers are read instead")
            continue
        prefix = f"{folder}/" if folder else ""
        oids = dict(rows.select("shard", "shard_oid").unique().iter_rows())
        other, gaps = [], []
        summed = {
            tar: dict(group.select("member", "sha256").iter_rows())
            for (tar,), group in rows.filter(pl.col("sha256").is_not_null()).group_by("shard")
        }
        for tar, listing in _listings(rows, prefix).items():
            there = tars.get(tar)
            if there is None:
                continue
            if not _agrees(there, listing.size, oids[tar.removeprefix(prefix)]):
                other.append(tar)
            elif _has_room(listing):
                gaps.append(tar)
            else:
                found[tar] = Published(listing, summed.get(tar.removeprefix(prefix), {}))
        if other:
            remarks.append(f"{file.path} is of other tars than {', '.join(other[:3])}: headers are read instead")
        if gaps:
            remarks.append(f"{file.path} may not name all files of {some(gaps)}: headers are read instead")
    return found


def _has_room(listing: Listing) -> bool:
    """Whether a tar may hold files that its listing does not name: then these would be lost without a word.

    Headers alone, of folders, may lie between two files. What a long name takes looks like a file.
    """
    end = 0
    for member in listing.members:
        if member.start - end - tarfile.BLOCKSIZE > tarfile.BLOCKSIZE:
            return True
        end = member.start + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    # Two empty blocks end a tar, and more fill its last record.
    return listing.size - end >= tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE


def _agrees(file: SourceFile, size: int, oid: str | None) -> bool:
    if file.size is not None and file.size != size:
        return False
    # A server that lists no sums cannot confirm them.
    return not (_SHA256.fullmatch(file.oid or "") and _SHA256.fullmatch(oid or "")) or file.oid == oid
