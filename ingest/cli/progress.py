"""Progress of `ingest videos`: a bar on a terminal, otherwise a line for each video."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from signverse.ingest.videos.plan import VideoTask
from signverse.lake.cli.progress import print_line, stderr_console
from signverse.lake.cli.shared import is_quiet
from signverse.lake.model.wording import counted
from signverse.lake.storage.committer import VideoRows

_RATE_AFTER_S: Final = 5.0
_ETA_AFTER_S: Final = 20.0
_ETA_AFTER_FRAMES: Final = 240
"""Since the first frame: before, the rate is that of a model that warms up, and the time left would be absurd."""


class ProgressBar:
    """Videos, frames a second and time left, on stderr; remarks and failures as lines above it."""

    def __init__(self, tasks: list[VideoTask], already: int) -> None:
        self._console = stderr_console()
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} videos"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar = self._progress.add_task("", total=len(tasks) + already, completed=already, rate="", left="")
        self._size = {task.entry.video_id: task.path.stat().st_size for task in tasks}
        # The length of videos that are not open yet is estimated from their bytes: opening all of them would take long.
        self._bytes_waiting = sum(self._size.values())
        self._bytes_known = 0
        self._frames_known = 0
        self._done_frames = 0
        self._running: dict[str, tuple[int, int]] = {}
        self._started_at: float | None = None
        self._frames_at_start = 0

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        print_line(self._console, line)

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        """Frames of a video that are done, and that its duration promises (0 if unknown)."""
        video_id = task.entry.video_id
        if video_id not in self._running:
            self._bytes_waiting -= self._size[video_id]
            self._bytes_known += self._size[video_id]
            self._frames_known += expected
        self._running[video_id] = done, expected
        self._draw()

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        """A video is done."""
        self._end(task, rows.video["num_frames"])
        video_id = task.entry.video_id
        if rows.message:
            self.say(f"{video_id}: {rows.message}")
        elif not self._console.is_terminal and not is_quiet():
            self.say(f"{video_id}: {counted(rows.video['num_frames'], 'frame')}")

    def failed(self, task: VideoTask, why: str) -> None:
        """A video has failed."""
        self._end(task, 0)
        self.say(f"{task.entry.video_id}: failed: {why}")

    def _end(self, task: VideoTask, frames: int) -> None:
        if self._running.pop(task.entry.video_id, None) is None:
            self._bytes_waiting -= self._size[task.entry.video_id]
        self._done_frames += frames
        self._progress.advance(self._bar)
        self._draw()

    def _draw(self) -> None:
        done = self._done_frames + sum(done for done, _ in self._running.values())
        if self._started_at is None:
            if not done:
                return
            # Loading the models and decoding the first frames say nothing about the rate.
            self._started_at, self._frames_at_start = time.monotonic(), done
        spent = time.monotonic() - self._started_at
        rate = (done - self._frames_at_start) / spent if spent > _RATE_AFTER_S else 0.0
        eta = ""
        if rate and spent >= _ETA_AFTER_S and done >= _ETA_AFTER_FRAMES:
            eta = f"{_clock(self._frames_left() / rate)} left"
        self._progress.update(self._bar, rate=f"{rate:,.1f} frames/s" if rate else "", left=eta)

    def _frames_left(self) -> float:
        waiting = self._bytes_waiting * self._frames_known / self._bytes_known if self._bytes_known else 0.0
        return waiting + sum(max(0, expected - done) for done, expected in self._running.values())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
