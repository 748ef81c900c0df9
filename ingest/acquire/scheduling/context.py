"""What all parts of a run share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from signverse.ingest.acquire.leases import Run
from signverse.ingest.acquire.media_folder import MediaFolder
from signverse.ingest.acquire.scheduling.limits import Limits
from signverse.ingest.acquire.scheduling.progress import Listener, Summary
from signverse.ingest.acquire.scheduling.state_machine import VideoEvent, VideoState, next_state
from signverse.ingest.acquire.worklist import Worklist
from signverse.lake.lake import Lake


class VideoStates:
    """The state of each video of a run; it changes by the table of `state_machine` only."""

    def __init__(self) -> None:
        self._states: dict[str, VideoState] = {}

    def start(self, states: Mapping[str, VideoState]) -> None:
        """Sets the initial states."""
        self._states = dict(states)

    def __getitem__(self, video_id: str) -> VideoState:
        return self._states[video_id]

    def apply(self, video_id: str, event: VideoEvent) -> None:
        """Moves a video to its next state.

        Raises:
            ImpossibleEventError: the event cannot happen in its state.
        """
        self._states[video_id] = next_state(self._states[video_id], event)


@dataclass
class RunContext:
    """What all parts of a run share.

    Attributes:
        run: this process among those that share the media folder.
        worklist: the videos.
        now: the time in seconds since 1970; tests set it.
        started_at: when the run began, by `now`.
    """

    lake: Lake
    media: MediaFolder
    run: Run
    worklist: Worklist
    limits: Limits
    listener: Listener
    now: Callable[[], float] = time.time
    summary: Summary = field(default_factory=Summary)
    states: VideoStates = field(default_factory=VideoStates)
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.now()
