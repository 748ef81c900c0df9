"""Which video is fetched next, and when: pauses that grow, and one for all where a site blocks."""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from signverse.ingest.acquire.settings import ATTEMPTS, LONGEST_PAUSE, PAUSE_S
from signverse.ingest.acquire.verdict import Verdict
from signverse.lake.model.errors import BadInputError

BLOCKS_IN_A_ROW: Final = 4
"""Videos that a site may refuse one after the other before all wait."""

MOST_PAUSES: Final = 4
"""Pauses of all, one after the other, before the run ends (unless it is told to keep going)."""


def pause_after(tries: int, first_s: float = PAUSE_S) -> float:
    """Seconds to wait after so many tries that were not done: four times as long each time, an hour at most."""
    return first_s * float(min(LONGEST_PAUSE, 4 ** max(0, tries - 1)))


class Queue:
    """The videos of a run that are to be fetched.

    Times are seconds of any clock that all calls share.

    Args:
        video_ids: in the order in which they are fetched.
        tried: of those that were tried before: how often, and the time of the last try.
        now: the time.
        first_pause_s: see `pause_after`.
        attempts: tries of a video in this run.
        at_once: those that were tried before need not wait for the end of their pause.
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
        self._here: dict[str, int] = {}
        self._heap: list[tuple[float, int, str]] = []
        for place, video_id in enumerate(video_ids):
            tries, last = tried.get(video_id, (0, now))
            due = now if at_once or not tries else min(last, now) + pause_after(tries, first_pause_s)
            self._heap.append((max(now, due), place, video_id))
        heapq.heapify(self._heap)
        self._place = len(video_ids)
        self._blocks = 0
        self._pauses = 0
        self._closed_until = now
        self._ahead: str | None = None

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def pauses(self) -> int:
        """How many pauses of all there were since a site last gave something."""
        return self._pauses

    def due(self) -> float | None:
        """When the next video may be fetched; None where none is left."""
        return max(self._heap[0][0], self._closed_until) if self._heap else None

    def wait(self, now: float) -> float:
        """Seconds until `next` may give a video; infinite while none is left, or all wait for one that goes ahead."""
        due = self.due()
        return math.inf if due is None or self._ahead is not None else max(0.0, due - now)

    def next(self, now: float) -> str | None:
        """The next video to fetch now; None where none is due."""
        if self.wait(now) > 0:
            return None
        video_id = heapq.heappop(self._heap)[2]
        if self._pauses:
            # One goes ahead, the others wait for what it finds.
            self._ahead = video_id
        return video_id

    def tries_here(self, video_id: str) -> int:
        """How often a video was tried in this run, in vain."""
        return self._here.get(video_id, 0)

    def skip(self, video_id: str) -> None:
        """A video that need not be fetched after all."""
        self._is_back(video_id)

    def put_back(self, video_id: str, now: float, after_s: float) -> None:
        """A video that another run has the lease of: it is looked at again later, and this was no try."""
        self._is_back(video_id)
        self._push(video_id, now + after_s)

    def settle(self, video_id: str, verdict: Verdict, now: float) -> bool:
        """Takes note of how a video went; returns whether it is tried again in this run."""
        self._note_site(verdict, now, ahead=self._is_back(video_id))
        if verdict.outcome in {"done", "unavailable"}:
            return False
        self._tries[video_id] = self._tries.get(video_id, 0) + 1
        self._here[video_id] = self._here.get(video_id, 0) + 1
        if self._here[video_id] >= self._attempts:
            return False
        self._push(video_id, now + pause_after(self._tries[video_id], self._first))
        return True

    def _push(self, video_id: str, due: float) -> None:
        self._place += 1
        heapq.heappush(self._heap, (due, self._place, video_id))

    def _is_back(self, video_id: str) -> bool:
        """Whether it was the one that went ahead: others, asked for before a pause, may end while that one is out."""
        ahead = self._ahead == video_id
        if ahead:
            self._ahead = None
        return ahead

    def _note_site(self, verdict: Verdict, now: float, *, ahead: bool) -> None:
        if verdict.outcome != "blocked" or verdict.scope != "site":
            # A video that is gone, or a network that fails, says nothing about being let in: only what is given does.
            if verdict.outcome == "done":
                self._blocks = self._pauses = 0
            return
        self._blocks += 1
        if self._pauses and not ahead:
            # Asked for before the pause began.
            return
        if self._pauses or self._blocks >= BLOCKS_IN_A_ROW:
            self._pauses += 1
            # A little uneven, so that several runs do not come back at the same moment.
            self._closed_until = now + pause_after(self._pauses, self._first) * random.uniform(1.0, 1.25)  # noqa: S311


def read_slice(text: str) -> tuple[int, int]:
    """A share of the work such as 3/16, counted from 1.

    Raises:
        BadInputError: it is none.
    """
    number, _, count = text.partition("/")
    if not (text.isascii() and number.isdecimal() and count.isdecimal() and len(text) < 12 and int(count)):
        raise BadInputError(f"--slice {text[:40]} is no share", "Such as 3/16: the third of sixteen.")
    if not 1 <= int(number) <= int(count):
        raise BadInputError(
            f"--slice {text} is none of its shares", f"From 1/{int(count)} to {int(count)}/{int(count)}."
        )
    return int(number), int(count)


def in_slice(video_ids: Collection[str], number: int, count: int) -> list[str]:
    """The ids of one share: by a hash, so that all machines agree and a longer manifest moves none."""
    return [video_id for video_id in video_ids if _lot(video_id) % count == number - 1]


def _lot(video_id: str) -> int:
    return int.from_bytes(hashlib.sha256(video_id.encode("utf-8")).digest()[:8], "big")
