"""Which tars of a source hold the wanted videos, and which of their bytes are needed.

A tar is known by its listing, from the index or a walk; or it is `dense`: its members are so small that a walk would
read all of it, and it is copied whole, and listed then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.remote.fetch.copies import PartialCopy, Range
from signverse.ingest.remote.fetch.known import short_name
from signverse.ingest.remote.sources.protocols import TarSource
from signverse.ingest.shards.caption_tracks import are_subtitles, captions_in
from signverse.ingest.shards.dialects import dialect_of
from signverse.ingest.shards.tar_files import cut_video, videos_in
from signverse.ingest.shards.untrusted.tar_reader import Listing, Member, Tar, TarBytes

HEADER: Final = 512

GAP: Final = 64 * 1024
"""Bytes between two ranges that are read along, at most: reading them takes less than another request."""

WASTE: Final = 0.05
"""Share of the wanted bytes that may be read along."""

_ALWAYS: Final = 4096
"""Bytes between two ranges that are read along in any case: headers and padding between two members of a tar."""


@dataclass
class Shard:
    """A tar of the source.

    Attributes:
        source: where it is.
        path: its name at the source.
        size: bytes; None where that is not known yet.
        oid: which bytes they are, see `RangedFile`.
        listing: what it holds; None where that is not known yet.
        dense: a walk would read all of it.
        listed: ids of the videos that the state JSON says it holds; None where there is none, or it does not name the
            tar.
        problem: why it cannot be read at all.
        walked: what is known of it is from its own headers, not from an index that lay beside it.
        subtitles: it holds captions of videos whose poses are in other tars.
        videos: what is in it, by video; empty where it is not known.
        refused: what cannot be a video, with the reason.
        cut: the video that may lack files because the tar is damaged.
        sums: sha256 of members by their names, where an index beside the tar says it.
        only: ids of the wanted videos that are taken from it.
        tried: those that could not be read from it.
    """

    source: TarSource
    path: str
    size: int | None
    oid: str | None
    listing: Listing | None = None
    dense: bool = False
    listed: frozenset[str] | None = None
    problem: str = ""
    walked: bool = False
    subtitles: bool = False
    videos: Mapping[str, Mapping[str, Member]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    cut: str = ""
    sums: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name without folders, as the state JSON has it."""
        return self.path.rpartition("/")[2]

    def know(self, listing: Listing) -> None:
        """Takes in what the tar holds."""
        self.listing, self.size, self.dense = listing, listing.size, False
        self.subtitles = are_subtitles(listing.members)
        if self.subtitles:
            found: dict[str, dict[str, Member]] = {}
            for video_id, member in captions_in(listing.members):
                found.setdefault(video_id, {})[member.name] = member
            self.videos = found
            return
        with Tar(Path(self.path), _Nothing(listing.size), listing) as tar:
            self.videos, self.refused = videos_in(tar)
            self.cut = cut_video(tar, dict(self.videos))

    def forget(self) -> None:
        """It is not as it was said to be: nothing is known of it."""
        self.listing, self.subtitles, self.videos, self.refused, self.cut, self.sums = None, False, {}, {}, "", {}

    def has(self, video_id: str) -> bool:
        """Whether it holds a video, be it one that cannot be read."""
        return video_id in self.videos or video_id in self.refused or (video_id == self.cut != "")

    def is_sound(self, video_id: str) -> bool:
        """Whether it holds all of a video, as far as names tell."""
        files = self.videos.get(video_id, {})
        return bool(dialect_of(files)) and video_id not in self.refused and video_id != self.cut

    def members(self) -> list[Member]:
        """The files of the wanted videos, in the order of the tar."""
        found = [member for name in self.only for member in self.videos.get(name, {}).values()]
        return sorted(found, key=lambda member: member.start)

    def ranges(self) -> list[Range]:
        """The bytes that are needed: the wanted members with their headers, or all of a dense tar."""
        if self.listing is None:
            return [(0, self.size or 0)]
        pairs = [(each.start - HEADER, each.size + HEADER) for each in self.members()]
        groups = list(merge(pairs, gap=GAP))
        return [(group[0][0], max(start + size for start, size in group)) for group in groups]


def merge(ranges: Iterable[tuple[int, int]], *, gap: int, waste: float = WASTE) -> Iterator[list[tuple[int, int]]]:
    """Groups of ranges that are read together: those that come after each other with little between them.

    Args:
        ranges: start and size of each; those of one group are in ascending order, so sorted ones make few groups.
        gap: bytes between two of a group, at most.
        waste: bytes between the ranges of a group as a share of its wanted bytes, at most.
    """
    group: list[tuple[int, int]] = []
    end = wanted = between = 0
    for start, size in ranges:
        space = start - end
        near = bool(group) and start >= group[-1][0] and space <= gap
        if not near or (space > _ALWAYS and between + space > waste * (wanted + size)):
            if group:
                yield group
            group, end, wanted, between = [], start, 0, 0
        group.append((start, size))
        between += max(0, start - end)
        wanted += size
        end = max(end, start + size)
    if group:
        yield group


class _Nothing(TarBytes):
    """The bytes of a tar of which only the listing is asked for."""

    def __init__(self, size: int) -> None:
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def pread(self, start: int, size: int) -> bytes:
        return b""


def share_out(shards: Sequence[Shard], wanted: Iterable[str]) -> set[str]:
    """Says of each wanted video which tar it is taken from: the first that holds all of it, else the first that has it.

    Returns:
        The ids that no tar has of which the content is known.
    """
    poses = [shard for shard in shards if not (shard.subtitles or shard.problem) and shard.listing is not None]
    taken: dict[int, set[str]] = {}
    left = set()
    for video_id in wanted:
        holders = [shard for shard in poses if shard.has(video_id) and video_id not in shard.tried]
        best = next((shard for shard in holders if shard.is_sound(video_id)), holders[0] if holders else None)
        if best is None:
            left.add(video_id)
        else:
            taken.setdefault(id(best), set()).add(video_id)
    for shard in shards:
        if shard.listing is not None:
            shard.only = frozenset(taken.get(id(shard), ()))
    return left


def try_elsewhere(shards: Sequence[Shard], failed: Iterable[str]) -> list[Shard]:
    """The tars that hold videos, too, which did not come out of the tars that they were looked for in.

    Args:
        failed: ids; in the end each was tried in every tar that is known to have it.
    """
    ids = frozenset(failed)
    for shard in shards:
        shard.tried |= shard.only & ids
    share_out(shards, sorted(ids))
    return [shard for shard in shards if shard.only and not shard.subtitles and not shard.dense]


def origin(shard: Shard) -> str:
    """A tar's address with the revision of the source and the checksum of the tar."""
    source = shard.source
    revision = f"@{source.revision}" if source.revision else ""
    place = source.address if source.address.endswith(f"/{shard.path}") else f"{source.address}{revision}/{shard.path}"
    if not shard.oid or shard.oid.startswith("modified:"):
        return place
    return f"{place}#sha256:{shard.oid}" if re.fullmatch(r"[0-9a-f]{64}", shard.oid) else f"{place}#{shard.oid}"


def copy_path(folder: Path, shard: Shard) -> Path:
    """Where the copy of a tar lies in the folder of copies."""
    return folder / f"{short_name(f'{shard.source.address} {shard.path}')}.part"


def copy_of(folder: Path, shard: Shard) -> PartialCopy:
    """The copy of a tar, as far as it came in this run or an earlier one.

    Raises:
        OSError: it cannot be written.
    """
    identity = f"{shard.source.address} {shard.path} {shard.oid}".replace("\n", " ")
    return PartialCopy(copy_path(folder, shard), shard.size or 0, identity)
