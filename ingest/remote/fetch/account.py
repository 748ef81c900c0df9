"""What became of each wanted video: it was fetched, was there already, is absent or failed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from signverse.ingest.remote.fetch.find import Found
from signverse.lake.model.wording import counted, lasting, size_of, some


@dataclass(frozen=True)
class Missing:
    """A wanted video that was not found: `outcome` is unavailable, or failed where it may be there all the same."""

    video_id: str
    outcome: str
    reason: str
    why: str


def unfetched(ids: Iterable[str], problems: Mapping[str, str]) -> Iterator[Missing]:
    """The videos whose tars could not be read to the end, with the reason."""
    return (Missing(name, "failed", "not_fetched", problems[name]) for name in ids if name in problems)


def missing(ids: Iterable[str], found: Found) -> Iterator[Missing]:
    """Why videos were found in no tar.

    Args:
        ids: of wanted videos that no tar has that could be read.
        found: where they were looked for.
    """
    shards, listed = found.shards, found.listed
    by_name = {shard.name: shard for shard in shards}
    said_to_hold = {video_id: tar for tar, videos in (listed or {}).items() for video_id in videos}
    unread = [shard for shard in shards if shard.problem]
    damaged = [shard for shard in shards if shard.listing is not None and shard.listing.damage]
    for video_id in ids:
        tar = said_to_hold.get(video_id)
        shard = by_name.get(tar) if tar else None
        if tar is not None and shard is None:
            yield Missing(video_id, "unavailable", "absent_shard", f"{tar}, said to hold it, is not at the source")
        elif shard is not None and (shard.problem or (shard.listing is not None and shard.listing.damage)):
            why = shard.problem or (shard.listing.damage if shard.listing else "")
            yield Missing(video_id, "failed", "bad_shard", f"{shard.name} is said to hold it; {why}")
        elif shard is not None:
            why = f"{shard.name} is said to hold it, and does not"
            yield Missing(video_id, "unavailable", "absent_from_shard", why)
        elif unread or damaged:
            first = (unread or damaged)[0]
            why = first.problem or (first.listing.damage if first.listing else "")
            yield Missing(video_id, "failed", "bad_shard", f"no tar that can be read has it; {why}")
        elif listed is not None:
            yield Missing(video_id, "unavailable", "not_listed", "the state JSON lists it in no tar")
        else:
            yield Missing(video_id, "unavailable", "not_in_source", "no tar of the source has it")


@dataclass
class Fetched:
    """The account of a fetch. wanted = fetched + there + absent + failed.

    Attributes:
        wanted: how many videos.
        fetched: those that came in now.
        there: those that were there already.
        absent, failed: the others, see `Missing`.
        bytes, requests: what the network carried.
        seconds: how long it took.
        remarks: what a person should know, a line each.
    """

    wanted: int = 0
    fetched: int = 0
    there: int = 0
    absent: list[Missing] = field(default_factory=list)
    failed: list[Missing] = field(default_factory=list)
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def add(self, found: Missing) -> None:
        """Counts a video that was not found."""
        (self.failed if found.outcome == "failed" else self.absent).append(found)

    def lines(self) -> Iterator[str]:
        """What became of the wanted videos, and what it cost."""
        parts = [f"{self.fetched:,} fetched"]
        parts += [f"{self.there:,} there already"] if self.there else []
        parts += [f"{len(self.absent):,} absent"] if self.absent else []
        parts += [f"{len(self.failed):,} failed"] if self.failed else []
        cost = f"{size_of(self.bytes)} in {counted(self.requests, 'request')}, {lasting(self.seconds)}"
        yield f"{counted(self.wanted, 'video')} wanted: {', '.join(parts)}; {cost}"
        for line in self.reasons():
            yield f"  {line}"

    def reasons(self) -> Iterator[str]:
        """A line for each reason why videos are absent or failed, with the first of them."""
        by_reason: dict[tuple[str, str], list[Missing]] = {}
        for each in (*self.absent, *self.failed):
            by_reason.setdefault((each.outcome, each.reason), []).append(each)
        for (outcome, reason), found in sorted(by_reason.items()):
            ids = some([each.video_id for each in found])
            yield f"{outcome}, {reason}: {len(found):,}: {ids} ({found[0].why})"
