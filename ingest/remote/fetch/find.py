"""Finds the wanted videos at a source: which tars are to be brought, and what of each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import Shard, share_out
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.survey import Survey, list_tars, open_unlisted, walk_tars
from signverse.ingest.remote.sources.protocols import TarSource
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.integrity.sync import make_durable_folder

_LOCK: Final = ".lock"


@dataclass
class Found:
    """Where the wanted videos are.

    Attributes:
        source: which was searched.
        shards: all its tars.
        poses: those that are to be brought for their poses, each with the ids in `only`. Of a tar that is copied whole
            it is found out then which of them it holds.
        subtitles: tars with captions of wanted videos.
        left: ids of wanted videos that no tar has of which the content is known.
        listed: what the state JSON says, see `Survey`.
        remarks: what a person should know, a line each.
    """

    source: TarSource
    shards: list[Shard]
    poses: list[Shard]
    subtitles: list[Shard]
    left: set[str]
    listed: dict[str, frozenset[str]] | None
    remarks: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes that are to be brought."""
        shards = (*self.poses, *self.subtitles)
        return sum(end - start for shard in shards for start, end in shard.ranges())


def look_at(source: TarSource, *, state: Path | None = None, subtitles: Sequence[TarSource] = ()) -> list[Survey]:
    """The tars of a source, and of sources of captions, with what is known of them before any is opened.

    Args:
        state: the state JSON of the upload; None for the one at the source, if there is one.
        subtitles: sources of tars of captions.

    Raises:
        BadInputError: there is no tar, or a source or the state JSON cannot be read.
    """
    first = list_tars(source, KnownTars(source.address), state)
    return [first, *(list_tars(each, KnownTars(each.address)) for each in subtitles)]


def find_videos(
    surveys: Sequence[Survey],
    wanted: Sequence[str],
    streams: Streams,
    *,
    folder: Path | None = None,
    on_plan: Callable[[int], None] | None = None,
    on_shard: Callable[[Shard], None] | None = None,
) -> Found:
    """Finds the tars that hold the wanted videos; walks the headers of those of which that is not known yet.

    Args:
        surveys: as `look_at` gives them.
        folder: of copies, see `copies_folder`; None to keep nothing of a walk that is broken off.
        on_plan: called with the number of tars that are to be walked.
        on_shard: called with each tar that was walked.

    Raises:
        SourceError: a source cannot be reached any more.
    """
    for survey in surveys:
        # Of those that an index beside them speaks of: which bytes they are is asked now.
        said = [shard for shard in survey.shards if shard.listing is not None and any(map(shard.has, wanted))]
        open_unlisted(said, KnownTars(survey.shards[0].source.address), streams)
    unknown = [(survey, survey.unknown(wanted) if wanted else []) for survey in surveys]
    if on_plan is not None:
        on_plan(sum(len(shards) for _, shards in unknown))
    for survey, shards in unknown:
        walk_tars(shards, KnownTars(survey.shards[0].source.address), streams, folder, on_shard)
    return _found(surveys, wanted)


def _found(surveys: Sequence[Survey], wanted: Sequence[str]) -> Found:
    own = surveys[0].shards
    left = share_out(own, wanted)
    for shard in own:
        if shard.dense and not shard.subtitles:
            shard.only = frozenset(left if shard.listed is None else left & shard.listed)
    captions = [shard for survey in surveys for shard in survey.shards if shard.subtitles and not shard.problem]
    for shard in captions:
        shard.only = frozenset(wanted if shard.dense else shard.videos.keys() & set(wanted))
    remarks = [line for survey in surveys for line in survey.remarks]
    remarks += [
        f"{shard.path} cannot be read: {shard.problem}"
        for survey in surveys
        for shard in survey.shards
        if shard.problem
    ]
    return Found(
        own[0].source,
        own,
        [shard for shard in own if shard.only and not shard.subtitles and not shard.problem],
        [shard for shard in captions if shard.only],
        left,
        dict(surveys[0].listed) if surveys[0].listed is not None else None,
        remarks,
    )


@contextmanager
def copies_folder(folder: Path, what: str) -> Iterator[Path]:
    """A folder where parts of tars are on their way, for this process alone.

    Args:
        what: it is for, in a message.

    Raises:
        BadInputError: another process uses it.
    """
    from filelock import FileLock, Timeout

    make_durable_folder(folder)
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BadInputError(f"another {what} is under way", "Wait for it to end.") from None
    try:
        yield folder
    finally:
        with suppress(OSError):
            # Where something is on its way for the next run, it stays.
            if [path.name for path in folder.iterdir()] == [_LOCK]:
                shutil.rmtree(folder)
        lock.release()
