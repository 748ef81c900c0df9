"""Which video is downloaded next, and when: in the order of the manifest, and again after growing pauses."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.scheduling.retry_policy import ATTEMPTS, PAUSE_S, pause_after
from signverse.ingest.acquire.scheduling.site_breaker import SiteBreaker


class RetryQueue:
    """The videos that a run still has to download.

    Times are seconds of any clock that all calls share.

    Args:
        video_ids: in the order in which they are downloaded.
        tried: of those that were tried before: how often, and the time of the last try.
        now: the time.
        first_pause_s: see `retry_policy.pause_after`.
        attempts: tries of a video in this run.
        at_once: whether videos that were tried before need not wait for the end of their pause.
    """

    def __init__(
        self,
        video_ids: Sequence[str],
        tried: Mapping[str, tuple[int, float]],
        now: float,
        *,
        first_pause_s: float = PAUSE_S,
        attempts: int = ATTEMPTS,
        at_once: bool = False,
    ) -> None:
        self._first = first_pause_s
        self._attempts = attempts
        self._tries = {video_id: tries for video_id, (tries, _) in tried.items()}
        self._tries_in_run: dict[str, int] = {}
        self._heap: list[tuple[float, int, str]] = []
        for place, video_id in enumerate(video_ids):
            tries, last = tried.get(video_id, (0, now))
            due = now if at_once or not tries else min(last, now) + pause_after(tries, first_pause_s)
            self._heap.append((max(now, due), place, video_id))
        heapq.heapify(self._heap)
        self._place = len(video_ids)
        self._site = SiteBreaker(now, first_pause_s)
        self._probe: str | None = None

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def pauses(self) -> int:
        """How many pauses of the whole site there were since it last let something through."""
        return self._site.pauses

    def next_due(self) -> float | None:
        """When the next video may be downloaded; None where none is left."""
        return max(self._heap[0][0], self._site.closed_until) if self._heap else None

    def seconds_left(self, now: float) -> float:
        """Seconds until `pop` may give a video; infinite while none is left, or all wait for a probe's outcome."""
        due = self.next_due()
        return math.inf if due is None or self._probe is not None else max(0.0, due - now)

    def pop(self, now: float) -> str | None:
        """Takes the next video to download now; None where none is due."""
        if self.seconds_left(now) > 0:
            return None
        video_id = heapq.heappop(self._heap)[2]
        if self._site.pauses:
            self._probe = video_id
        return video_id

    def tries_in_run(self, video_id: str) -> int:
        """How often the download of a video has failed in this run."""
        return self._tries_in_run.get(video_id, 0)

    def drop(self, video_id: str) -> None:
        """Takes note that a popped video need not be downloaded after all."""
        self._end_probe(video_id)

    def requeue(self, video_id: str, now: float, after_s: float) -> None:
        """Puts a popped video back for later; this does not count as a try."""
        self._end_probe(video_id)
        self._push(video_id, now + after_s)

    def record(self, video_id: str, outcome: Outcome, now: float) -> bool:
        """Records the outcome of a popped video's download; returns whether it is tried again in this run."""
        self._site.record(outcome, now, is_probe=self._end_probe(video_id))
        if outcome.kind in {"done", "unavailable"}:
            return False
        self._tries[video_id] = self._tries.get(video_id, 0) + 1
        self._tries_in_run[video_id] = self._tries_in_run.get(video_id, 0) + 1
        if self._tries_in_run[video_id] >= self._attempts:
            return False
        self._push(video_id, now + pause_after(self._tries[video_id], self._first))
        return True

    def _push(self, video_id: str, due: float) -> None:
        self._place += 1
        heapq.heappush(self._heap, (due, self._place, video_id))

    def _end_probe(self, video_id: str) -> bool:
        """Whether a video was the probe: then the next one may be popped."""
        was_probe = self._probe == video_id
        if was_probe:
            self._probe = None
        return was_probe
