"""What other runs that share the lake have done since this one began."""

from __future__ import annotations

import polars as pl

from signverse.ingest.acquire.scheduling.context import RunContext
from signverse.ingest.acquire.scheduling.retry_policy import pause_after
from signverse.lake.model.schema import OUTCOMES
from signverse.lake.outcomes.states import DOWNLOADED, IN_LAKE, UNAVAILABLE, tries_so_far, video_states
from signverse.lake.storage.integrity import log_entries


class OtherRuns:
    """The commits of other runs, as far as they concern the videos of this one.

    Attributes:
        settled: videos that need no download any more.
        retry_at: when a video that another run has tried in vain may be tried again.
    """

    def __init__(self, context: RunContext) -> None:
        self.settled: set[str] = set()
        self.retry_at: dict[str, float] = {}
        self._context = context
        self._version = -1

    def refresh(self) -> None:
        """Reads what was committed since the last call; costs little where nothing was."""
        context = self._context
        version = log_entries.newest_version(context.lake.folder / OUTCOMES.name)
        if version == self._version:
            return
        self._version = version
        context.lake.refresh()
        rows = video_states(context.lake.snapshot, list(context.worklist.entries), None)
        states = dict(rows.select("video_id", "state").iter_rows())
        recent = rows.filter(pl.col("at").dt.epoch("us") > context.started_at * 1e6)["video_id"]
        self.settled = {key for key, state in states.items() if state == IN_LAKE}
        self.settled |= {key for key in recent if states[key] in {DOWNLOADED, UNAVAILABLE}}
        self.retry_at = {
            key: at.timestamp() + pause_after(tries, context.limits.first_pause_s)
            for key, (tries, at) in tries_so_far(rows).items()
            if at.timestamp() > context.started_at and states[key] != UNAVAILABLE
        }
