"""Finds out which tars of a source hold the wanted videos: from its index, from ours, or by walking their headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.known import KnownTars, published
from signverse.ingest.remote.fetch.plan import Shard, copy_of
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.walk import walk
from signverse.ingest.remote.sources.protocols import SourceError, TarSource, tars
from signverse.ingest.shards.caption_tracks import are_subtitles
from signverse.ingest.shards.upload_state import MAX_STATE_BYTES, STATE_NAMES, read_state, videos_listed
from signverse.lake.model.errors import BadInputError

MAX_TAR_BYTES: Final = 1 << 42
"""Of a tar: the hub takes none of more than an eighth of it. File systems end at four times as much."""


@dataclass
class Survey:
    """The tars of a source, and what is known of them.

    Attributes:
        shards: all tars, in the order of their paths.
        listed: by the name of a tar, the videos that the state JSON says it holds; None where there is none.
        remarks: what a person should know, a line each.
    """

    shards: list[Shard]
    listed: Mapping[str, frozenset[str]] | None = None
    remarks: list[str] = field(default_factory=list)

    def unknown(self, wanted: Collection[str]) -> list[Shard]:
        """The tars that may hold wanted videos, or captions, and of which it is not known what they hold."""
        return [
            shard
            for shard in self.shards
            if shard.listing is None
            and not shard.dense
            and not shard.problem
            and (shard.listed is None or not shard.listed.isdisjoint(wanted))
        ]


def list_tars(source: TarSource, known: KnownTars, state: Path | None = None) -> Survey:
    """The tars of a source, with what is known of them before any is opened.

    Args:
        state: the state JSON of the upload; None for the one at the source, if there is one.

    Raises:
        SourceError: the source cannot be listed.
        BadInputError: there is no tar, or the state JSON cannot be read.
    """
    files = source.files()
    found = tars(files)
    if not found:
        raise BadInputError(
            f"no .tar in {source.address}",
            "Name a data set, folder or bucket of released shards. A lake, or clips in Parquet, are read as they are: "
            "copy them, from the hub by `hf download`.",
        )
    survey = Survey([Shard(source, file.path, file.size, file.oid) for file in found])
    for shard in survey.shards:
        if shard.size is not None and shard.size > MAX_TAR_BYTES:
            shard.problem = _too_large(shard.path, shard.size)
    survey.listed = read_state(state) if state else _state(source, {file.path for file in files})
    listings = published(source, files, survey.remarks)
    for shard in survey.shards:
        if survey.listed is not None:
            shard.listed = survey.listed.get(shard.name)
        if (said := listings.get(shard.path)) is not None:
            shard.know(said.listing)
            shard.sums = said.sums
        elif (listing := known.get(shard.path, shard.size, shard.oid)) is not None:
            shard.know(listing)
    return survey


def _too_large(path: str, size: int) -> str:
    return f"{path} is said to have {size:.3g} bytes, at most {MAX_TAR_BYTES:,} are read"


def _state(source: TarSource, paths: Collection[str]) -> dict[str, frozenset[str]] | None:
    for path in paths:
        if any(path == name or path.endswith(f"/{name}") for name in STATE_NAMES):
            with closing(source.open(path)) as file:
                if file.size > MAX_STATE_BYTES:
                    raise BadInputError(f"{path} has {file.size:,} bytes, at most {MAX_STATE_BYTES:,} are read")
                return videos_listed(file.pread(0, file.size), path)
    return None


def open_unlisted(shards: Collection[Shard], known: KnownTars, streams: Streams) -> None:
    """Asks for the size and the sum of tars of which the source does not list them, and what is known of such.

    Raises:
        SourceError: the source cannot be reached any more.
    """

    def ask(shard: Shard) -> None:
        with closing(shard.source.open(shard.path)) as file:
            if shard.listing is not None and shard.listing.size != file.size:
                # An index beside it is of another tar.
                shard.forget()
            shard.size, shard.oid = file.size, file.oid
        if shard.listing is None and (listing := known.get(shard.path, shard.size, shard.oid)) is not None:
            shard.know(listing)

    _for_each([shard for shard in shards if None in (shard.size, shard.oid)], ask, streams)


def walk_tars(
    shards: Collection[Shard],
    known: KnownTars,
    streams: Streams,
    folder: Path | None = None,
    on_shard: Callable[[Shard], None] | None = None,
) -> None:
    """Finds out what tars hold that is not known yet, several at a time; what a tar cannot be read for is its problem.

    Args:
        folder: of copies, where what was read is kept: a walk that is broken off goes on from there.
        on_shard: called with each tar when that is known.

    Raises:
        SourceError: the source cannot be reached any more.
    """
    _for_each(shards, partial(_look_into, known=known, folder=folder), streams, on_shard)


def _for_each(
    shards: Collection[Shard],
    function: Callable[[Shard], None],
    streams: Streams,
    on_shard: Callable[[Shard], None] | None = None,
) -> None:
    for shard in shards:
        streams.submit(shard, partial(function, shard))
    for done in streams.rest():
        if isinstance(done.error, BadInputError) and not isinstance(done.error, SourceError):
            done.key.problem = str(done.error)
        elif done.error is not None:
            raise done.error
        if on_shard is not None:
            on_shard(done.key)


def _look_into(shard: Shard, known: KnownTars, folder: Path | None) -> None:
    """Walks a tar, unless it is known under the sum that opening it tells."""
    with closing(shard.source.open(shard.path)) as file:
        listed = (shard.size, shard.oid)
        if file.size > MAX_TAR_BYTES:
            raise BadInputError(_too_large(shard.path, file.size))
        shard.size, shard.oid = file.size, file.oid
        listing = known.get(shard.path, file.size, file.oid) if listed != (file.size, file.oid) else None
        if listing is None:
            with ExitStack() as stack:
                copy = stack.enter_context(closing(copy_of(folder, shard))) if folder else None
                walked = walk(file, copy)
                listing = walked.listing
                if listing is not None and known.put(shard.path, shard.oid, listing) and copy is not None:
                    copy.remove()
            if listing is None:
                shard.dense, shard.subtitles = True, are_subtitles(walked.beginning)
                return
        shard.know(listing)
