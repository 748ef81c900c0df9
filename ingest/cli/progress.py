"""What a person sees while videos are ingested: a bar on a terminal, a line a video where there is none."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from signverse.ingest.videos.plan import VideoTask
from signverse.lake.cli.progress import stderr_console
from signverse.lake.cli.shared import is_quiet
from signverse.lake.model.wording import counted
from signverse.lake.storage.committer import VideoRows


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
        # Bytes stand for the length of videos that are not open yet: opening all of them first would take too long.
        self._bytes_waiting = sum(self._size.values())
        self._bytes_known = 0
        self._frames_known = 0
        self._done_frames = 0
        self._running: dict[str, tuple[int, int]] = {}
        self._began = time.monotonic()

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, markup=False)

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        video_id = task.entry.video_id
        if video_id not in self._running:
            self._bytes_waiting -= self._size[video_id]
            self._bytes_known += self._size[video_id]
            self._frames_known += expected
        self._running[video_id] = done, expected
        self._draw()

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        self._end(task, rows.video["num_frames"])
        video_id = task.entry.video_id
        if rows.message:
            self.say(f"{video_id}: {rows.message}")
        elif not self._console.is_terminal and not is_quiet():
            self.say(f"{video_id}: {counted(rows.video['num_frames'], 'frame')}")

    def failed(self, task: VideoTask, why: str) -> None:
        self._end(task, 0)
        self.say(f"{task.entry.video_id}: failed: {why}")

    def _end(self, task: VideoTask, frames: int) -> None:
        if self._running.pop(task.entry.video_id, None) is None:
            self._bytes_waiting -= self._size[task.entry.video_id]
        self._done_frames += frames
        self._progress.advance(self._bar)
        self._draw()

    def _draw(self) -> None:
        spent = time.monotonic() - self._began
        running = sum(done for done, _ in self._running.values())
        rate = (self._done_frames + running) / spent if spent > 0 else 0.0
        waiting = self._bytes_waiting * self._frames_known / self._bytes_known if self._bytes_known else 0.0
        left = waiting + sum(max(0, expected - done) for done, expected in self._running.values())
        clock = f"{_clock(left / rate)} left" if rate else ""
        self._progress.update(self._bar, rate=f"{rate:,.1f} frames/s", left=clock)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
