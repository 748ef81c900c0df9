"""The pause of all downloads where a site blocks us: a circuit breaker."""

from __future__ import annotations

import random
from typing import Final

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.scheduling.retry_policy import PAUSE_S, pause_after

BLOCKS_IN_A_ROW: Final = 4
"""Videos that a site may refuse one after the other before no more are requested for a while."""

MAX_PAUSES: Final = 4
"""Pauses of the whole site, one after the other, before the run ends (unless --keep-going)."""


class SiteBreaker:
    """A circuit breaker: pauses all downloads where a site refuses one video after the other.

    After a pause one video probes the site; the others wait for what it finds. A block makes the next pause longer, a
    download opens the site for all.

    Attributes:
        closed_until: when the current pause ends.
        pauses: how many there were since the site last let something through.
    """

    def __init__(self, now: float, first_pause_s: float = PAUSE_S) -> None:
        self.closed_until = now
        self.pauses = 0
        self._first = first_pause_s
        self._blocks = 0

    def record(self, outcome: Outcome, now: float, *, is_probe: bool) -> None:
        """Counts the outcome of a download.

        Args:
            is_probe: whether it was started after the pause; others may have been started before it, and end during it.
        """
        if outcome.kind != "blocked" or outcome.scope != "site":
            # A video that is gone, or a failing network, does not show that the site lets us in: only a download does.
            if outcome.kind == "done":
                self._blocks = self.pauses = 0
            return
        self._blocks += 1
        if self.pauses and not is_probe:
            return
        if self.pauses or self._blocks >= BLOCKS_IN_A_ROW:
            self.pauses += 1
            # With jitter, so that several runs do not come back at the same moment.
            self.closed_until = now + pause_after(self.pauses, self._first) * random.uniform(1.0, 1.25)  # noqa: S311
