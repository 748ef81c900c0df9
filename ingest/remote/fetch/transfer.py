"""Brings the needed bytes of tars onto this machine, some tars at a time, each as a partial copy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.copies import LIST_SUFFIX, PartialCopy, Range
from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import HEADER, Shard, copy_of, copy_path
from signverse.ingest.remote.fetch.streams import Done, Streams
from signverse.ingest.remote.fetch.walk import walk
from signverse.ingest.remote.sources.protocols import RangedFile, SourceError
from signverse.ingest.shards.untrusted.tar_reader import FileBytes, Member, Tar, is_header_of
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import printable

PIECE: Final = 8 * 1024**2
"""Bytes of a request at most: a broken connection, or a kill, costs no more of each stream."""

_TARS_AT_ONCE: Final = 4
"""Tars that are copied, or wait to be read: more would fill the disk with what is not read yet."""

_WAIT_S: Final = 0.2

_IN_A_ROW: Final = 3
"""Tars that cannot be fetched one after the other: then it is not the tars."""


@dataclass
class Arrived:
    """A tar whose needed bytes are here, or cannot be had: then `problem` says why."""

    shard: Shard
    copy: PartialCopy
    problem: str = ""


@dataclass
class _Transfer:
    shard: Shard
    copy: PartialCopy
    file: RangedFile | None = None
    left: int = 0
    problem: str = ""
    began: bool = False


class Transfers:
    """Copies of tars on their way. A copy that an earlier run began is gone on with."""

    def __init__(
        self,
        folder: Path,
        streams: Streams,
        known: KnownTars,
        on_bytes: Callable[[int], None] | None = None,
        take_over: Callable[[Shard, PartialCopy], None] | None = None,
    ) -> None:
        """Prepares for copies.

        Args:
            folder: where they lie.
            on_bytes: called with the number of bytes that have arrived.
            take_over: called before a copy begins; may put into it what is here already.
        """
        self._take_over = take_over
        self._folder, self._streams, self._known = folder, streams, known
        self._on_bytes = on_bytes or (lambda count: None)

    def forget_others(self, shards: Sequence[Shard]) -> None:
        """Removes copies of tars that an earlier run began and of which nothing is wanted any more."""
        names = {copy_path(self._folder, shard).name for shard in shards}
        for path in self._folder.iterdir():
            if path.name.removesuffix(LIST_SUFFIX) not in names and path.name != ".lock":
                path.unlink(missing_ok=True)

    def bring(self, shards: Sequence[Shard], held: Callable[[], int] = lambda: 0) -> Iterator[Arrived | None]:
        """Brings the needed bytes of tars, and gives each tar that is here; None where none is yet.

        Args:
            held: how many tars that were given are still in use; those count among the tars at once.

        Raises:
            OSError: the disk cannot be written.
            SourceError: the source cannot be reached, or several tars in a row cannot be read.
        """
        waiting = list(reversed(shards))
        under_way = 0
        ready: list[_Transfer] = []
        failed: list[str] = []
        while waiting or under_way or ready:
            while waiting and under_way + len(ready) + held() < _TARS_AT_ONCE:
                under_way += 1
                shard = waiting.pop()
                transfer = _Transfer(shard, copy_of(self._folder, shard))
                self._begin(transfer)
                if not transfer.left:
                    under_way -= 1
                    ready.append(transfer)
            if ready:
                transfer = ready.pop(0)
                arrived = self._finish(transfer)
                if arrived is None and not (problem := self._walk_again(transfer.shard)):
                    waiting.append(transfer.shard)
                    transfer.copy.close()
                    continue
                if arrived is None:
                    transfer.problem = problem
                    arrived = Arrived(transfer.shard, transfer.copy, problem)
                failed = [*failed, arrived.problem] if transfer.problem else []
                if len(failed) >= _IN_A_ROW:
                    raise SourceError(
                        f"{len(failed)} tars in a row cannot be fetched: {failed[-1]}",
                        "Run the same command again later: it goes on from here.",
                    )
                yield arrived
                continue
            done = self._streams.next_done(_WAIT_S)
            if done is None:
                yield None
                continue
            transfer = done.key
            self._end_of_piece(transfer, done)
            if not transfer.left:
                under_way -= 1
                ready.append(transfer)

    def _begin(self, transfer: _Transfer) -> None:
        if self._take_over is not None:
            self._take_over(transfer.shard, transfer.copy)
        needed = transfer.shard.ranges()
        missing = transfer.copy.missing(needed)
        self._on_bytes(sum(end - start for start, end in needed) - sum(end - start for start, end in missing))
        pieces = [(at, min(PIECE, end - at)) for start, end in missing for at in range(start, end, PIECE)]
        transfer.left = len(pieces)
        if pieces:
            # The first piece waits for the file to be opened, and the others for it.
            self._streams.submit(transfer, partial(_open_and_copy, transfer, pieces.pop(0), pieces))

    def _end_of_piece(self, transfer: _Transfer, done: Done) -> None:
        transfer.left -= 1
        if done.error is None:
            count, further = done.result
            transfer.began = True
            self._on_bytes(count)
            for piece in further:
                self._streams.submit(transfer, partial(_copy, transfer, piece))
        elif isinstance(done.error, BadInputError) and not isinstance(done.error, SourceError):
            transfer.problem = transfer.problem or str(done.error)
            if not transfer.began:
                # The others waited for the first.
                transfer.left = 0
        else:
            raise done.error

    def _finish(self, transfer: _Transfer) -> Arrived | None:
        if transfer.file is not None:
            transfer.file.close()
        problem = transfer.problem
        if not problem:
            try:
                check(transfer.shard, transfer.copy, self._known)
            except WrongIndexError as error:
                if transfer.shard.walked:
                    problem = str(error)
                else:
                    return None
            except BadInputError as error:
                problem = str(error)
                if isinstance(error, BadSumError):
                    transfer.copy.remove()
        return Arrived(transfer.shard, transfer.copy, problem)

    def _walk_again(self, shard: Shard) -> str:
        """Finds out what a tar holds of which the index says what is not true; gives why that cannot be done.

        Raises:
            SourceError: the source cannot be reached any more.
        """
        try:
            with closing(shard.source.open(shard.path)) as file:
                walked = walk(file)
        except SourceError:
            raise
        except BadInputError as error:
            return str(error)
        shard.walked, shard.sums = True, {}
        if walked.listing is None:
            shard.listing, shard.dense = None, True
        else:
            self._known.put(shard.path, shard.oid, walked.listing)
            shard.know(walked.listing)
        return ""


def _open_and_copy(transfer: _Transfer, piece: Range, further: list[Range]) -> tuple[int, list[Range]]:
    file = transfer.shard.source.open(transfer.shard.path)
    transfer.file = file
    if (file.size, file.oid) != (transfer.shard.size, transfer.shard.oid):
        raise BadInputError(f"{transfer.shard.path} was replaced since its headers were read", "Run it again.")
    return _copy(transfer, piece)[0], further


def _copy(transfer: _Transfer, piece: Range) -> tuple[int, list[Range]]:
    start, size = piece
    if transfer.problem or transfer.file is None:
        return 0, []
    transfer.copy.write(start, transfer.file.pread(start, size))
    return size, []


class WrongIndexError(BadInputError):
    """What is known of a tar is not true of it."""


class BadSumError(BadInputError):
    """What arrived is not what its index says."""


def check(shard: Shard, copy: PartialCopy, known: KnownTars) -> None:
    """Lists a tar that was copied whole; of another, compares the headers of what was copied with what is known of it.

    Raises:
        WrongIndexError: the copy is not as the index says.
        BadSumError: a member has another sha256 than the index says.
        BadInputError: it is not a tar.
    """
    with closing(FileBytes(copy.path)) as file, Tar(Path(shard.path), file) as tar:
        if shard.listing is None:
            listing = tar.listing()
            known.put(shard.path, shard.oid, listing)
            shard.know(listing)
            return
        for member in shard.members():
            if not is_header_of(file.pread(member.start - HEADER, HEADER), member):
                raise WrongIndexError(f"{shard.path} does not hold {printable(member.name)} where its index says")
            if (stated := shard.sums.get(member.name)) is not None and _sha256(file, member) != stated:
                raise BadSumError(
                    f"{printable(member.name)} of {shard.path} is not what its index says: its sha256 is another",
                    "Run the same command again: it is fetched again.",
                )


def _sha256(file: FileBytes, member: Member) -> str:
    digest = hashlib.sha256()
    for at in range(0, member.size, PIECE):
        digest.update(file.pread(member.start + at, min(PIECE, member.size - at)))
    return digest.hexdigest()
