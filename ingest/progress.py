"""What a person sees while videos are ingested: a bar on a terminal, a line a video where there is none."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from ingest.videos import VideoTask
from lake.commit import VideoRows
from lake.skeleton import FPS
from lake.text import counted

_TYPICAL_BYTES_A_SECOND: Final = 200_000
"""Of 720p video; only the first guess of the time left, until finished videos tell better."""


class ProgressBar:
    """Videos, frames a second and time left, on stderr; remarks and failures as lines above it."""

    def __init__(self, tasks: list[VideoTask], already: int) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} videos"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._bar = self._progress.add_task("", total=len(tasks) + already, completed=already, rate="", left="")
        self._size = {task.entry.video_id: task.path.stat().st_size for task in tasks}
        self._bytes_left = sum(self._size.values())
        self._done_bytes = 0
        self._done_frames = 0
        self._running: dict[str, int] = {}
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

    def frames(self, task: VideoTask, done: int) -> None:
        self._running[task.entry.video_id] = done
        self._draw()

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        self._end(task, rows.video["num_frames"])
        video_id = task.entry.video_id
        if rows.message:
            self.say(f"{video_id}: {rows.message}")
        elif not self._console.is_terminal:
            self.say(f"{video_id}: {counted(rows.video['num_frames'], 'frame')}")

    def failed(self, task: VideoTask, why: str) -> None:
        self._end(task, 0)
        self.say(f"{task.entry.video_id}: failed: {why}")

    def _end(self, task: VideoTask, frames: int) -> None:
        self._running.pop(task.entry.video_id, None)
        self._bytes_left -= self._size[task.entry.video_id]
        self._done_frames += frames
        if frames:
            self._done_bytes += self._size[task.entry.video_id]
        self._progress.advance(self._bar)
        self._draw()

    def _draw(self) -> None:
        spent = time.monotonic() - self._began
        running = sum(self._running.values())
        frames = self._done_frames + running
        rate = frames / spent if spent > 0 else 0.0
        # Bytes stand for length: opening every video beforehand would take longer than the guess is worth.
        a_frame = self._done_bytes / self._done_frames if self._done_frames else _TYPICAL_BYTES_A_SECOND / FPS
        left = max(0.0, self._bytes_left / a_frame - running) / rate if rate else 0.0
        self._progress.update(self._bar, rate=f"{rate:,.1f} frames/s", left=f"{_clock(left)} left" if rate else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
