"""What a fetch would cost, before it: from what is known of the tars, and a small sample of what is not."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from signverse.ingest.remote.fetch.copies import Range
from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import Shard, share_out
from signverse.ingest.remote.fetch.streams import STREAMS, Streams
from signverse.ingest.remote.fetch.survey import Survey, open_unlisted, walk_tars
from signverse.ingest.remote.fetch.transfer import PIECE
from signverse.lake.model.wording import counted, lasting, size_of, some

_PROBE: Final = 1024**2
"""Bytes that each stream reads to measure the rate."""

_FEW: Final = 8
"""Tars that no state JSON names: so many are looked into, as one of them may hold captions."""


@dataclass
class Cost:
    """What reading something costs: so many videos, tars, bytes and requests."""

    videos: int = 0
    shards: int = 0
    bytes: float = 0
    requests: float = 0

    def add(self, videos: int, shards: int, size: float, requests: float) -> None:
        """Adds to it."""
        self.videos += videos
        self.shards += shards
        self.bytes += size
        self.requests += requests


@dataclass
class Estimate:
    """What a fetch would cost.

    Attributes:
        exact: all tars that matter are known by their headers.
        walk: reading headers of tars that are not known.
        fetch: the wanted videos.
        whole: the tars that hold them, whole.
        everything: all tars of the source.
        rate: bytes a second that were measured; None where nothing could be read.
        latency_s: seconds of a request of next to nothing.
        probed: bytes that were read to measure it.
        remarks: a line each.
    """

    exact: bool = True
    walk: Cost = field(default_factory=Cost)
    fetch: Cost = field(default_factory=Cost)
    whole: Cost = field(default_factory=Cost)
    everything: Cost = field(default_factory=Cost)
    rate: float | None = None
    latency_s: float = 0.0
    probed: int = 0
    remarks: list[str] = field(default_factory=list)

    def add(self, shard: Shard, videos: int, ranges: Sequence[Range]) -> None:
        """Adds a tar of which it is known what is read of it."""
        sizes = [end - start for start, end in ranges]
        size = shard.size or 0
        self.fetch.add(videos, 1, sum(sizes), sum(math.ceil(each / PIECE) for each in sizes))
        self.whole.add(0, 1, size, math.ceil(size / PIECE))

    def guess(self, whole: float, videos: int, shards: int, size: float, video: float) -> None:
        """Adds tars of which it is estimated what is read of them.

        Args:
            whole: bytes of the tars.
            size: bytes that are read.
            video: bytes of one video.
        """
        self.fetch.add(videos, shards, size, size / max(1, video) * math.ceil(max(1, video) / PIECE))
        self.whole.add(0, shards, whole, max(shards, whole / PIECE))

    def lines(self) -> Iterator[str]:
        """A table that fits 80 columns, and what its figures are."""
        yield f"{'':19}{'videos':>9}{'shards':>9}{'size':>12}{'requests':>11}{'time':>15}"
        about = "" if self.exact else ", about"
        for name, cost in (
            (f"headers{about}", self.walk),
            (f"wanted{about}", self.fetch),
            ("their tars, whole", self.whole),
            ("the whole source", self.everything),
        ):
            videos = f"{cost.videos:,}" if cost.videos else ""
            seconds = max(cost.bytes / (self.rate or 1), cost.requests * self.latency_s / STREAMS)
            took = "" if not self.rate else lasting(seconds) if seconds >= 1 else "less than 1 s"
            size, requests = size_of(round(cost.bytes)), f"{round(cost.requests):,}"
            yield f"{name:19}{videos:>9}{cost.shards:>9,}{size:>12}{requests:>11}{took:>15}"
        if self.rate:
            rate = f"{size_of(round(self.rate))}/s and {self.latency_s * 1000:,.0f} ms a request"
            yield f"At {rate}, measured by reading {size_of(self.probed)} just now."
        yield from self.remarks


def estimate(surveys: Sequence[Survey], wanted: Sequence[str], streams: Streams) -> Estimate:
    """What fetching videos would cost. Of tars that are not known one is looked into, as a sample of the others.

    Args:
        surveys: as `look_at` gives them.
        wanted: ids of videos that are not there yet.

    Raises:
        SourceError: the source cannot be read.
    """
    survey, found = surveys[0], Estimate()
    open_unlisted(survey.shards, KnownTars(survey.shards[0].source.address), streams)
    sample = _look_into_some(survey, wanted, streams)
    left = share_out(survey.shards, wanted)
    for shard in survey.shards:
        if shard.subtitles and shard.listing is not None:
            shard.only = frozenset(wanted) & shard.videos.keys()
        if shard.only and shard.listing is not None:
            found.add(shard, 0 if shard.subtitles else len(shard.only), shard.ranges())
        elif shard.dense and (shard.subtitles or left & (shard.listed or left)):
            found.add(shard, 0 if shard.subtitles else len(left & (shard.listed or left)), shard.ranges())
            found.remarks.append(f"{shard.path} holds many small files: all of it is read.")
    unknown = survey.unknown(wanted) if wanted else []
    dense = any(shard.dense and not shard.subtitles for shard in survey.shards)
    if left and not unknown and not dense:
        found.remarks.append(f"{counted(len(left), 'video')} of these in no tar: {some(sorted(left))}")
    if unknown:
        found.exact = False
        _guess(found, unknown, sample, left)
    found.everything = Cost(0, len(survey.shards), sum(shard.size or 0 for shard in survey.shards))
    found.everything.requests = sum(math.ceil((shard.size or 0) / PIECE) for shard in survey.shards)
    _measure(found, survey.shards, streams)
    return found


@dataclass(frozen=True)
class _Sample:
    """A tar whose headers were read, and what that cost."""

    shard: Shard
    requests: int
    received: int

    @property
    def videos(self) -> int:
        return max(1, len(self.shard.videos) or len(self.shard.listed or ()))

    @property
    def video_bytes(self) -> float:
        return (self.shard.size or 0) / self.videos


def _look_into_some(survey: Survey, wanted: Sequence[str], streams: Streams) -> _Sample | None:
    """Looks into one tar that is not known, and into those that the state JSON does not name, if these are few."""
    unknown = survey.unknown(wanted) if wanted else []
    unnamed = [shard for shard in unknown if shard.listed is None]
    first = next((shard for shard in unknown if shard.listed is not None), unnamed[0] if unnamed else None)
    if first is None:
        return None
    known = KnownTars(first.source.address)
    traffic = first.source.traffic
    before = traffic.requests, traffic.bytes
    walk_tars([first], known, streams)
    sample = _Sample(first, traffic.requests - before[0], traffic.bytes - before[1])
    if survey.listed is not None and len(unnamed) <= _FEW:
        walk_tars([shard for shard in unnamed if shard is not first], known, streams)
    return None if first.problem else sample


def _guess(found: Estimate, unknown: Sequence[Shard], sample: _Sample | None, left: set[str]) -> None:
    """Adds what tars would cost that are not known: by the state JSON, and by what the sample is like."""
    dense = sample is not None and sample.shard.dense
    named = [shard for shard in unknown if shard.listed is not None]
    rest = left.difference(*(shard.listed or () for shard in named))
    for shard in named:
        count = len(left & (shard.listed or frozenset()))
        video = (shard.size or 0) / max(1, len(shard.listed or ()))
        found.guess(shard.size or 0, count, 1, (shard.size or 0) if dense else count * video, video)
        if not dense and sample is not None:
            share = len(shard.listed or ()) / sample.videos
            found.walk.add(0, 1, sample.received * share, sample.requests * share)
    unnamed = [shard for shard in unknown if shard.listed is None]
    total = sum(shard.size or 0 for shard in unnamed)
    if unnamed and sample is not None:
        # Each video lies in any of them: so many are hit.
        count = len(unnamed)
        hit = round(count * (1 - (1 - 1 / count) ** len(rest)))
        share = hit / count
        needed = total if dense else min(total, len(rest) * sample.video_bytes)
        found.guess(total * share, len(rest), hit, needed, sample.video_bytes)
        if not dense:
            others = total / max(1, sample.shard.size or 1)
            found.walk.add(0, count, sample.received * others, sample.requests * others)
        found.remarks.append(f"Which of {counted(count, 'tar')} hold them is not known before their headers are read.")
    if sample is not None:
        found.remarks.append(f"Estimated from {sample.shard.path}, which was looked into.")
        if dense:
            found.remarks.append("It holds many small files, so all of it is read: the figures are the most it can be.")


def _measure(found: Estimate, shards: Sequence[Shard], streams: Streams) -> None:
    """Measures how fast several streams read."""
    shard = max((each for each in shards if not each.problem), key=lambda each: each.size or 0, default=None)
    if shard is None or not shard.size:
        return
    size = min(_PROBE, shard.size // STREAMS)
    with closing(shard.source.open(shard.path)) as file:
        # The first request asks for the address, too.
        file.pread(0, 1)
        start = time.monotonic()
        file.pread(0, 1)
        found.latency_s = time.monotonic() - start
        start = time.monotonic()
        for place in range(STREAMS):
            streams.submit(shard, partial(file.pread, place * (shard.size // STREAMS), size))
        for done in streams.rest():
            if done.error is not None:
                raise done.error
        took = time.monotonic() - start
    found.probed = size * STREAMS
    found.rate = found.probed / took if took > 0 else None
