"""Tombstones: which videos a lake has forgotten and takes no more, without a word of which they are.

    LAKE/_forgotten/salt           32 random bytes of this lake, in hexadecimal
    LAKE/_forgotten/HASH.json      a video: when it was forgotten, and why
    LAKE/_forgotten/pending.json   while a forgetting is under way or was interrupted: the ids themselves

HASH is the SHA-256 of the salt and the id. With a list of ids and without the salt nobody learns anything from the
hashes, and two lakes have different hashes of one video. With the lake, its salt included, anyone can still ask whether
an id that is known to him was forgotten: that is what the lake itself does at every ingestion.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.ids import normal_form
from signverse.lake.model.wording import counted
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_file, sync_folder
from signverse.lake.storage.temporary.whole_file import create_whole, whole_file

FOLDER: Final = "_forgotten"
"""Inside a lake, beside its tables."""

_SALT: Final = "salt"
_PENDING: Final = "pending.json"
_TOMBSTONE: Final = re.compile(r"([0-9a-f]{64})\.json")


@dataclass(frozen=True)
class Tombstones:
    """The videos that a lake has forgotten. It can be asked whether it holds an id, and not which ids it holds.

    Attributes:
        salt: of the lake.
        hashes: of the ids, in hexadecimal.
    """

    salt: bytes = b""
    hashes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lake: Path) -> Tombstones:
        """Those of a lake; none where it has forgotten nothing.

        Raises:
            DamagedLakeError: the salt is lost: no id can be compared.
        """
        try:
            names = [entry.name for entry in os.scandir(lake / FOLDER)]
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        hashes = frozenset(found[1] for name in names if (found := _TOMBSTONE.fullmatch(name)))
        return cls(_salt(lake), hashes) if hashes else cls()

    def __contains__(self, video_id: object) -> bool:
        return bool(self.hashes) and isinstance(video_id, str) and self.hash_of(video_id) in self.hashes

    def __len__(self) -> int:
        return len(self.hashes)

    def among(self, video_ids: Iterable[str]) -> set[str]:
        """Those of some ids that are forgotten."""
        return {video_id for video_id in video_ids if video_id in self} if self.hashes else set()

    def without(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of some rows that are not of a forgotten video."""
        forgotten = self.among({row["video_id"] for row in rows})
        return [row for row in rows if row["video_id"] not in forgotten]

    def hash_of(self, video_id: str) -> str:
        """The hash of an id in this lake."""
        return hashlib.sha256(self.salt + normal_form(video_id).encode("utf-8", "replace")).hexdigest()


def not_ingested(count: int) -> str:
    """What is said of so many videos that an ingestion left out: they were forgotten."""
    return f"{counted(count, 'video')} {'is' if count == 1 else 'are'} not ingested: {_were(count)} forgotten"


def _were(count: int) -> str:
    return "it was" if count == 1 else "they were"


def check_reason(video_ids: Iterable[str], reason: str) -> None:
    """Refuses a reason that names one of the videos: it is kept.

    Raises:
        BadInputError: it does.
    """
    said = normal_form(reason)
    if any(re.search(rf"(?<![\w-]){re.escape(normal_form(each))}(?!\w)", said) for each in video_ids):
        raise BadInputError(
            "the reason names a video that is to be forgotten, and is kept", "Give one without its id, such as a date."
        )


def bury(lake: Path, video_ids: Collection[str], reason: str) -> int:
    """Writes tombstones, which are on disk afterwards; returns how many are new.

    Raises:
        BadInputError: see `check_reason`; or the lake cannot be written.
        DamagedLakeError: the salt is lost.
    """
    check_reason(video_ids, reason)
    folder = lake / FOLDER
    about = {"forgotten_at": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason}
    try:
        make_durable_folder(folder)
        if not (folder / _SALT).exists() and not Tombstones.of(lake).hashes:
            create_whole(folder / _SALT, secrets.token_hex(32).encode())
            sync_file(folder / _SALT)
        known = Tombstones(_salt(lake))
        hashes = sorted({known.hash_of(video_id) for video_id in video_ids})
        # An earlier reason and date stay.
        new = [name for name in hashes if create_whole(folder / f"{name}.json", json.dumps(about).encode())]
        for name in new:
            sync_file(folder / f"{name}.json")
        sync_folder(folder)
    except OSError as error:
        raise BadInputError(f"{folder} cannot be written: {error.strerror or error}") from None
    return len(new)


def allow(lake: Path, video_ids: Iterable[str]) -> set[str]:
    """Removes tombstones, so that these videos may be ingested again; returns the ids that had one.

    Raises:
        BadInputError: the lake cannot be written.
    """
    known = Tombstones.of(lake)
    found = known.among(video_ids)
    try:
        for video_id in found:
            (lake / FOLDER / f"{known.hash_of(video_id)}.json").unlink(missing_ok=True)
        if found:
            sync_folder(lake / FOLDER)
    except OSError as error:
        raise BadInputError(f"{lake / FOLDER} cannot be written: {error.strerror or error}") from None
    return found


def tombstones(lake: Path) -> Iterator[dict[str, Any]]:
    """When and why each video was forgotten: hash, forgotten_at and reason, in the order of the hashes."""
    for name in sorted(Tombstones.of(lake).hashes):
        about: Any = {}
        with suppress(OSError, ValueError, RecursionError):
            about = json.loads((lake / FOLDER / f"{name}.json").read_bytes())
        about = about if isinstance(about, dict) else {}
        yield {"hash": name, "forgotten_at": about.get("forgotten_at"), "reason": about.get("reason")}


def pending(lake: Path) -> frozenset[str]:
    """The ids of a forgetting that is not finished; none where there is none.

    Raises:
        DamagedLakeError: they cannot be read.
    """
    path = lake / FOLDER / _PENDING
    try:
        ids = json.loads(path.read_bytes())
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise ValueError
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, RecursionError):
        hint = "Remove it, and run signverse forget once more with the ids that it was given."
        raise DamagedLakeError(f"{path} cannot be read: it lists the videos of an interrupted forget", hint) from None
    return frozenset(ids)


def begin(lake: Path, video_ids: Iterable[str]) -> None:
    """Notes the ids until all of them is gone: after an interruption the next run goes on.

    Raises:
        BadInputError: the lake cannot be written.
    """
    try:
        make_durable_folder(lake / FOLDER)
    except OSError as error:
        raise BadInputError(f"{lake / FOLDER} cannot be written: {error.strerror or error}") from None
    with whole_file(lake / FOLDER / _PENDING) as file:
        file.write(json.dumps(sorted(video_ids)).encode())
    sync_folder(lake / FOLDER)


def end(lake: Path) -> None:
    """Removes the note of `begin`."""
    (lake / FOLDER / _PENDING).unlink(missing_ok=True)
    sync_folder(lake / FOLDER)


def _salt(lake: Path) -> bytes:
    path = lake / FOLDER / _SALT
    try:
        salt = bytes.fromhex(path.read_text("ascii"))
        if len(salt) != 32:
            raise ValueError
    except (OSError, ValueError):
        raise DamagedLakeError(
            f"{path} is lost or damaged: without it nobody knows which videos were forgotten",
            "Bring it back from a copy of the lake. Nothing is ingested until then.",
        ) from None
    return salt
