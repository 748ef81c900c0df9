"""Wanted videos of tars elsewhere, straight into a lake: no tar is kept, and nothing of it but what is wanted comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from signverse.ingest.extract.defaults import STALLED_S
from signverse.ingest.manifest import Entry, Manifest, known_entries, write_sources
from signverse.ingest.remote.fetch.account import Fetched, Missing, missing
from signverse.ingest.remote.fetch.find import Found, copies_folder
from signverse.ingest.remote.fetch.known import KnownTars, cache_folder, short_name
from signverse.ingest.remote.fetch.plan import Shard, origin, try_elsewhere
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.transfer import Arrived, Transfers
from signverse.ingest.remote.fetch.wanted import Wanted
from signverse.ingest.remote.sources.protocols import SourceError, TarSource
from signverse.ingest.shards.caption_tracks import CaptionIndex
from signverse.ingest.shards.importer import ImportSummary, ShardImport, in_lake
from signverse.ingest.shards.reader import Failure, Options
from signverse.ingest.shards.tar_files import Copy, ShardTask
from signverse.ingest.shards.untrusted.tar_reader import Member
from signverse.ingest.videos.relabel import relabel
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import VideoRows
from signverse.lake.storage.forgotten.tombstones import Tombstones, not_ingested
from signverse.lake.storage.location import is_lake, lake_folder

_COMMITTED_AT: Final = 4
"""Tars that are imported and not committed: then they are, so that their copies can go."""


def videos_there(folder: Path) -> frozenset[str]:
    """The videos that a lake has; none where there is no lake yet."""
    return in_lake(Lake.open(folder)) if is_lake(lake_folder(folder)) else frozenset()


def without_forgotten(folder: Path | None, wanted: Wanted) -> Wanted:
    """What is wanted but for videos that a lake has forgotten, with a remark on these."""
    gone = Tombstones.of(lake_folder(folder)).among(wanted.ids) if folder else set()
    if not gone:
        return wanted
    left = tuple(video_id for video_id in wanted.ids if video_id not in gone)
    return replace(wanted, ids=left, remarks=(*wanted.remarks, not_ingested(len(gone))))


def entries_there(folder: Path | None) -> dict[str, Entry]:
    """What the manifests of earlier runs say, which a lake has recorded; nothing where there is no lake."""
    return known_entries(Lake.open(folder)) if folder and is_lake(lake_folder(folder)) else {}


def prepare_lake(folder: Path, manifest: Manifest | None, *, redo: bool = False) -> tuple[Lake, list[str]]:
    """The lake that videos go into, made where there is none, with the manifest recorded; and what was relabelled.

    Raises:
        NotALakeError: none may lie there.
    """
    lake = Lake.create(folder)
    if manifest is None:
        return lake, []
    write_sources(lake, manifest)
    return lake, [] if redo else relabel(lake, manifest.entries)


def copies_for(lake: Lake, source: TarSource) -> AbstractContextManager[Path]:
    """The folder for what is on its way from a source to a lake, see `copies_folder`: in the user's cache."""
    place = cache_folder() / "copies" / short_name(f"{source.address} {lake.folder}")
    return copies_folder(place, f"fetch from {source.address} into {lake.folder}")


def fetch_into_lake(
    lake: Lake,
    found: Found,
    wanted: Wanted,
    ids: Sequence[str],
    streams: Streams,
    folder: Path,
    *,
    repair: bool = True,
    workers: int = 1,
    memory_mb: int | None = None,
    stalled_s: float = STALLED_S,
    on_bytes: Callable[[int], None] | None = None,
    on_video: Callable[[VideoRows | Failure], None] | None = None,
) -> tuple[Fetched, ImportSummary]:
    """Brings the wanted videos into a lake, and records in its `outcomes` what became of each.

    What arrives is kept in the user's cache until it is committed: the same call goes on after any interruption.

    Args:
        found: where they are, see `find_videos`.
        ids: of the wanted videos that the lake has not got.
        folder: see `copies_for`.
        repair: whether known defects of the published bytes are repaired.
        workers: tars that are read in parallel, once they are here.
        memory_mb, stalled_s: see `import_shards`.
        on_bytes: called with the number of bytes that have arrived.
        on_video: called with each VideoRows or Failure.

    Raises:
        SourceError: the source cannot be reached any more. What arrived is kept.
        OSError: the disk cannot be written.
    """
    account = Fetched(wanted=len(wanted.ids), there=len(wanted.ids) - len(ids), remarks=list(found.remarks))
    start, traffic = time.monotonic(), found.source.traffic
    transfers = Transfers(folder, streams, KnownTars(found.source.address), on_bytes)
    transfers.forget_others([*found.poses, *found.subtitles])
    captions = _bring_captions(transfers, found.subtitles, account)
    options = Options(wanted.entries, frozenset(), repair, captions.index)
    with ShardImport(lake, options, workers=workers, memory_mb=memory_mb, stalled_s=stalled_s) as importing:
        bringing = _Bringing(transfers, found, importing, account)
        poses = found.poses
        while poses:
            for event in importing.run(bringing.tasks(poses)):
                if isinstance(event, Path):
                    bringing.end_of_tar(event)
                    continue
                bringing.took(event)
                if on_video is not None:
                    on_video(event)
            importing.commit()
            bringing.remove_committed()
            poses = try_elsewhere(found.shards, bringing.not_in(ids))
        bringing.say_what_is_missing(ids)
    bringing.remove_committed()
    for arrived in captions.copies:
        arrived.copy.remove()
    account.seconds = time.monotonic() - start
    account.bytes, account.requests = traffic.bytes, traffic.requests
    return account, importing.summary


@dataclass
class _Captions:
    """Captions of subtitles tars that were brought, and the copies that they lie in."""

    index: CaptionIndex
    copies: list[Arrived] = field(default_factory=list)


def _bring_captions(transfers: Transfers, shards: Sequence[Shard], account: Fetched) -> _Captions:
    files: dict[str, list[tuple[Path, Member]]] = {}
    copies = []
    for arrived in transfers.bring(shards):
        if arrived is None:
            continue
        if arrived.problem:
            # Poses without captions would be a silent loss; a later import does not bring them.
            raise SourceError(arrived.problem, "Run the same command again.")
        copies.append(arrived)
        for video_id in sorted(arrived.shard.only):
            members = arrived.shard.videos.get(video_id, {}).values()
            files.setdefault(video_id, []).extend((arrived.copy.path, member) for member in members)
    return _Captions(CaptionIndex({video_id: tuple(found) for video_id, found in files.items()}), copies)


class _Bringing:
    """Tars on their way into a lake, and what became of their videos."""

    def __init__(self, transfers: Transfers, found: Found, importing: ShardImport, account: Fetched) -> None:
        self._transfers, self._found, self._importing, self._account = transfers, found, importing, account
        self._held: dict[Path, Arrived] = {}
        self._finished: list[Arrived] = []
        self._given: set[str] = set()
        self._done: set[str] = set()
        self._failed: dict[str, Missing] = {}

    def tasks(self, shards: Sequence[Shard]) -> Iterator[ShardTask | None]:
        """The tars as they arrive; None where none has."""
        for arrived in self._transfers.bring(shards, lambda: len(self._held)):
            if len(self._finished) >= _COMMITTED_AT:
                self._importing.commit()
            self.remove_committed()
            if arrived is None:
                yield None
                continue
            shard, copy = arrived.shard, arrived.copy
            if arrived.problem:
                # What has arrived of it stays for the next run.
                copy.close()
                for video_id in shard.only:
                    self._failed[video_id] = Missing(video_id, "failed", "not_fetched", arrived.problem)
                continue
            # Of a tar that was copied whole it is known only now what it holds.
            only = frozenset(name for name in shard.only - self._given if shard.has(name))
            if not only:
                copy.remove()
                continue
            self._given |= only
            self._held[Path(shard.path)] = arrived
            yield ShardTask(Path(shard.path), copy=Copy(copy.path, shard.listing, origin(shard), only))

    def took(self, item: VideoRows | Failure) -> None:
        """Counts a video that came in, or failed."""
        if isinstance(item, VideoRows):
            self._done.add(item.video["video_id"])
        elif item.video_id in self._given:
            self._failed[item.video_id] = Missing(item.video_id, "failed", item.reason, item.why)

    def not_in(self, ids: Sequence[str]) -> set[str]:
        """The videos that have not come in: not read from the tars that they were taken from, or not in these.

        An index may have said of a tar that it holds a video, or holds none, which is not true.
        """
        for video_id in self._given - self._done - self._failed.keys():
            why = "its tar could not be read to the end"
            self._failed[video_id] = Missing(video_id, "failed", "bad_shard", why)
        self._given &= self._done
        return set(ids) - self._done

    def end_of_tar(self, path: Path) -> None:
        """Its copy is not needed any more once what was made of it is committed."""
        if path in self._held:
            self._finished.append(self._held[path])

    def remove_committed(self) -> None:
        """Removes the copies of tars of which all is in the lake for good."""
        if self._importing.committed:
            for arrived in self._finished:
                arrived.copy.remove()
                self._held.pop(Path(arrived.shard.path), None)
            self._finished.clear()

    def say_what_is_missing(self, ids: Sequence[str]) -> None:
        """Counts what came in, and records the videos that did not."""
        self._account.fetched = len(self._done)
        left = [video_id for video_id in ids if video_id not in self._done]
        for video_id in left:
            if (failed := self._failed.get(video_id)) is not None:
                self._account.add(failed)
                if failed.reason == "not_fetched":
                    # Of the others the import has recorded it.
                    self._importing.record(video_id, failed.outcome, failed.reason, failed.why)
        for absent in missing([video_id for video_id in left if video_id not in self._failed], self._found):
            self._account.add(absent)
            self._importing.record(absent.video_id, absent.outcome, absent.reason, absent.why)
