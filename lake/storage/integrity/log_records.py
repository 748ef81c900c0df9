"""What is recorded beside the logs of a lake: how far each of them goes, and the digests of its checkpoints.

A log that has lost its end looks like one that never went further, and a checkpoint with a changed bit may still be
read. A record is the name of an empty file in LAKE/_versions. So none is ever half written; and as the highest counts,
writers need no lock, and none lowers what another has recorded.

    videos-00000000000000000006                                  version 6 of `videos` was on disk
    videos-00000000000000000004.checkpoint.parquet-0123456789..  this checkpoint was written with this digest

A version is recorded after it is on disk; where it cannot be, nothing fails: without a record less is noticed. Other
names are ignored. Lakes of earlier versions have no records until they are written to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from signverse.lake.storage.integrity.digests import Identity, digest, identity_of
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_folder

FOLDER: Final = "_versions"
"""Inside a lake, beside its tables."""

_VERSION: Final = re.compile(r"\d{20}")
_DIGEST: Final = re.compile(r"(?P<checkpoint>(?P<version>\d{20})\.checkpoint.*\.parquet)-(?P<digest>[0-9a-f]{32})")

_compared: Final[dict[Path, Identity]] = {}
"""The checkpoints of this process that were compared with their digest, and what they were then."""


def recorded_version(folder: Path) -> int:
    """The version that a table has had at least; -1 where none is recorded.

    Args:
        folder: of the table.
    """
    return max(_versions(folder), default=-1)


def record_version(folder: Path, version: int) -> None:
    """Records that a version of a table is on disk; of the first, which has no rows, there is no need."""
    if version <= 0:
        return
    # It is what tells of a loss; that there is nothing to tell with is none.
    with suppress(OSError):
        recorded = _versions(folder)
        highest = max({version} | recorded)
        if highest not in recorded:
            make_durable_folder(folder.parent / FOLDER)
            _path(folder, f"{highest:020}").touch()
            sync_folder(folder.parent / FOLDER)
        for lower in recorded - {highest}:
            _path(folder, f"{lower:020}").unlink(missing_ok=True)


def records_above(folder: Path, version: int) -> list[Path]:
    """The records of versions that a table does not have: of which the entries are lost."""
    return [_path(folder, f"{recorded:020}") for recorded in sorted(_versions(folder)) if recorded > version]


def record_checkpoint(folder: Path, path: Path) -> None:
    """Records the digest of a checkpoint of a table, before it is moved to its place.

    Raises:
        OSError: it cannot be recorded. Another process may have recorded a digest for a checkpoint of that name.
    """
    make_durable_folder(folder.parent / FOLDER)
    _path(folder, f"{path.name}-{digest(path)}").touch()
    made = path.name.partition(".")[0]
    for name in list(names(folder)):
        parts = _DIGEST.fullmatch(name)
        # Of one that is not there yet, another process may be about to move it to its place.
        if parts and parts["version"] < made and not (folder / "_delta_log" / parts["checkpoint"]).exists():
            _path(folder, name).unlink(missing_ok=True)


def is_checkpoint_as_recorded(folder: Path, path: Path) -> bool:
    """Whether a checkpoint has the bytes that were written, as far as that was recorded; one that is gone has.

    It is read once in the life of this process, until it is written to.

    Raises:
        OSError: it cannot be read.
    """
    found = (parts for parts in map(_DIGEST.fullmatch, names(folder)) if parts)
    digests = {parts["digest"] for parts in found if parts["checkpoint"] == path.name}
    if not digests:
        return True
    try:
        now = identity_of(path)
        if _compared.get(path) == now:
            return True
        if digest(path) not in digests:
            return False
    except FileNotFoundError:
        return True
    _compared[path] = now
    return True


def _versions(folder: Path) -> set[int]:
    return {int(name) for name in names(folder) if _VERSION.fullmatch(name)}


def names(folder: Path) -> Iterator[str]:
    """What is recorded of a table: names without that of the table."""
    start = f"{folder.name}-"
    # Who may read the tables and not this folder reads them without it.
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for name in os.listdir(folder.parent / FOLDER):  # noqa: PTH208 (of every table at every opening)
            if name.startswith(start):
                yield name[len(start) :]


def _path(folder: Path, name: str) -> Path:
    return folder.parent / FOLDER / f"{folder.name}-{name}"
