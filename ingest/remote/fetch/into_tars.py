"""Wanted videos of tars elsewhere, into tars of their own: one a tar of the source, each member byte for byte.

A tar holds the members in the order of the source, under headers of name and size alone: the same videos give the same
bytes. Beside the tars, outcomes.csv says of each wanted video where it is from, or why it is not here.
"""

from __future__ import annotations

import csv
import io
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.account import Fetched, Missing, missing, unfetched
from signverse.ingest.remote.fetch.copies import PartialCopy
from signverse.ingest.remote.fetch.find import Found, copies_folder
from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import HEADER, Shard, copy_path, origin, try_elsewhere
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.transfer import Arrived, Transfers
from signverse.ingest.shards.untrusted.tar_reader import FileBytes, Listing, Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import printable
from signverse.lake.storage.temporary.whole_file import whole_file

OUTCOMES: Final = "outcomes.csv"
_COLUMNS: Final = ("video_id", "outcome", "reason", "message", "tar", "origin")
_COPIES: Final = ".fetch"
_PIECE: Final = 1024**2
_MAX_OUTCOMES: Final = 1 << 30


def copies_in(out: Path) -> AbstractContextManager[Path]:
    """The folder for what is on its way to tars in a folder, see `copies_folder`: within it."""
    return copies_folder(out / _COPIES, f"fetch into {out}")


def fetch_into_tars(
    out: Path,
    found: Found,
    wanted: Sequence[str],
    streams: Streams,
    folder: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> Fetched:
    """Brings the wanted videos into tars of a folder.

    What is in the folder's tars already stays in them and is not fetched again, whatever is wanted now. What is on its
    way lies in the folder until its tar is complete: the same call goes on after any interruption.

    Args:
        found: where they are, see `find_videos`.
        wanted: ids of all wanted videos.
        folder: see `copies_in`.
        on_bytes: called with the number of bytes that have arrived.

    Raises:
        BadInputError: a tar of the folder is not from this source.
        SourceError: the source cannot be reached any more. What arrived is kept.
        OSError: the disk cannot be written.
    """
    account = Fetched(wanted=len(wanted), remarks=list(found.remarks))
    start, traffic = time.monotonic(), found.source.traffic
    targets = _Targets(out, found)
    transfers = Transfers(folder, streams, KnownTars(found.source.address), on_bytes, targets.take_over)
    needed = [shard for shard in (*found.subtitles, *found.poses) if not targets.has_all(shard)]
    transfers.forget_others(needed)
    problems: dict[str, str] = {}
    while needed:
        for arrived in transfers.bring(needed):
            if arrived is None:
                continue
            if arrived.problem:
                arrived.copy.close()
                problems |= dict.fromkeys(arrived.shard.only, arrived.problem)
            else:
                targets.write(arrived)
            targets.write_outcomes(())
        needed = try_elsewhere(found.shards, [video_id for video_id in wanted if video_id not in targets.origins])
        targets.compare(needed)
    for video_id in wanted:
        if video_id in targets.before:
            account.there += 1
        elif video_id in targets.origins:
            account.fetched += 1
    left = [video_id for video_id in wanted if video_id not in targets.origins]
    for each in (*unfetched(left, problems), *missing([i for i in left if i not in problems], found)):
        account.add(each)
    targets.write_outcomes((*account.absent, *account.failed))
    account.seconds, account.bytes, account.requests = time.monotonic() - start, traffic.bytes, traffic.requests
    return account


def _stays_inside(name: str) -> bool:
    """Whether a file of this name lies in the folder into which its tar is unpacked, whatever unpacks it."""
    return ".." not in name.split("/") and not name.startswith("/")


def _names(shards: Mapping[int, Shard]) -> dict[int, str]:
    """A name for each tar in the folder, the same whatever is wanted of the source.

    Tars of one name in several folders are kept apart by the folders' names, or where that is not enough by a sum.
    """
    found = {key: shard.name for key, shard in shards.items()}
    for longer in (lambda shard: shard.path.replace("/", "-"), lambda shard: f"{copy_path(Path(), shard).stem}.tar"):
        # Some systems take names for one that differ in case.
        many = Counter(name.lower() for name in found.values())
        found |= {key: longer(shards[key]) for key, name in found.items() if many[name.lower()] > 1}
    return found


class _Targets:
    """The tars of the folder that is written to.

    Attributes:
        before: ids of the videos of poses that they held before.
        origins: where each video in them is from, and its tar.
    """

    def __init__(self, out: Path, found: Found) -> None:
        self._out = out
        shards = [*found.subtitles, *found.poses]
        self._names = _names({id(shard): shard for shard in (*found.shards, *shards)})
        self._listings: dict[str, Listing] = {}
        self._shards = [*found.shards, *found.subtitles]
        self.origins: dict[str, tuple[str, str]] = {}
        self._origins_before = self._read_outcomes()
        self.compare(shards)
        self.before = frozenset(self.origins)

    def _path(self, shard: Shard) -> Path:
        return self._out / self._names[id(shard)]

    def compare(self, shards: Iterable[Shard]) -> None:
        """Takes in what is in tars of the folder already; whatever that is stays in them.

        Raises:
            BadInputError: one is not a part of the source's tar.
        """
        for shard in shards:
            self._compare(shard)

    def _compare(self, shard: Shard) -> None:
        path = self._path(shard)
        if not path.exists():
            return
        hint = "Name another folder with --out, or remove it."
        with Tar(path) as tar:
            listing = tar.listing()
        if listing.damage:
            raise BadInputError(f"{path} is not a tar that was fetched: {listing.damage}", hint)
        before = self._origins_before.get(path.name)
        if before is not None and before != origin(shard):
            raise BadInputError(f"{path} is of {before}, which is another tar than {origin(shard)}", hint)
        self._listings[path.name] = listing
        if shard.listing is not None:
            self._keep(shard, listing)

    def _keep(self, shard: Shard, listing: Listing) -> None:
        """Keeps the videos of an existing tar, complete as they are there."""
        path = self._path(shard)
        there = {(member.name, member.size) for member in listing.members}
        strange = there - {(member.name, member.size) for files in shard.videos.values() for member in files.values()}
        if strange:
            raise BadInputError(
                f"{path} holds {printable(min(strange)[0])}, which {shard.path} of the source does not",
                "Name another folder with --out, or remove it.",
            )
        whole = {
            video_id
            for video_id, files in shard.videos.items()
            if all((member.name, member.size) in there for member in files.values() if _stays_inside(member.name))
        }
        shard.only |= whole
        if not shard.subtitles:
            self.origins |= dict.fromkeys(whole, (path.name, origin(shard)))

    def has_all(self, shard: Shard) -> bool:
        """Whether all that is wanted of a tar is there."""
        listing = self._listings.get(self._names[id(shard)])
        if listing is None or shard.listing is None:
            return False
        there = {member.name for member in listing.members}
        return all(member.name in there for member in shard.members() if _stays_inside(member.name))

    def take_over(self, shard: Shard, copy: PartialCopy) -> None:
        """Puts what is there already into the copy, so that it is not fetched again."""
        listing = self._listings.get(self._names.get(id(shard), ""))
        if listing is None or shard.listing is None:
            return
        places = {member.name: member for member in shard.members()}
        with closing(FileBytes(self._path(shard))) as file:
            for member in listing.members:
                place = places.get(member.name)
                if place is not None and place.size == member.size:
                    for at in range(0, HEADER + member.size, _PIECE):
                        size = min(_PIECE, HEADER + member.size - at)
                        copy.write(place.start - HEADER + at, file.pread(member.start - HEADER + at, size))

    def write(self, arrived: Arrived) -> None:
        """Writes a tar out of the copy of its parts, which is removed then."""
        shard, path = arrived.shard, self._path(arrived.shard)
        # Of a tar that was copied whole it is known only now what it holds.
        elsewhere = frozenset[str]() if shard.subtitles else self.origins.keys()
        shard.only = frozenset(name for name in shard.only - elsewhere if shard.has(name))
        if path.name in self._listings and shard.listing is not None:
            self._keep(shard, self._listings[path.name])
        if shard.only:
            with closing(FileBytes(arrived.copy.path)) as file, whole_file(path) as target:
                size = 0
                for member in filter(lambda member: _stays_inside(member.name), shard.members()):
                    head = tarfile.TarInfo(member.name)
                    head.size = member.size
                    size += target.write(head.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
                    for at in range(0, member.size, _PIECE):
                        data = file.pread(member.start + at, min(_PIECE, member.size - at))
                        size += target.write(data)
                    size += target.write(bytes(-size % tarfile.BLOCKSIZE))
                end = size + 2 * tarfile.BLOCKSIZE
                target.write(bytes(end + -end % tarfile.RECORDSIZE - size))
            if not shard.subtitles:
                self.origins |= dict.fromkeys(shard.only, (path.name, origin(shard)))
            self._origins_before[path.name] = origin(shard)
        arrived.copy.remove()

    def _read_outcomes(self) -> dict[str, str]:
        """Where the tars of the folder are from, by their names."""
        place = self._out / OUTCOMES
        if not place.exists():
            return {}
        try:
            rows = csv.DictReader(io.StringIO(read_regular(place, _MAX_OUTCOMES).decode("utf-8"), newline=""))
            if tuple(rows.fieldnames or ()) != _COLUMNS:
                raise csv.Error
            return {row["tar"]: row["origin"] for row in rows if row["tar"] and row["origin"]}
        except (csv.Error, UnicodeDecodeError):
            raise BadInputError(
                f"{place} is not a list of what was fetched", "Move it elsewhere, or name another folder with --out."
            ) from None

    def write_outcomes(self, others: Iterable[Missing]) -> None:
        """Writes what became of each video."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        left_out = {
            video_id: f"left out: {printable(member.name)}, which leads out of its folder"
            for shard in self._shards
            for video_id, files in shard.videos.items()
            if self.origins.get(video_id, ("", ""))[0] == self._names[id(shard)]
            for member in files.values()
            if not _stays_inside(member.name)
        }
        rows = [(name, "done", "", left_out.get(name, ""), *self.origins[name]) for name in self.origins]
        rows += [(each.video_id, each.outcome, each.reason, each.why, "", "") for each in others]
        table.writerows(sorted(rows))
        with whole_file(self._out / OUTCOMES) as file:
            file.write(text.getvalue().encode("utf-8", "backslashreplace"))
