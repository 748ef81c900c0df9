"""What acquisition shows on the terminal: the status, and a run while it works."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from signverse.ingest.acquire.download.worker import Attempt
from signverse.ingest.videos.plan import VideoTask
from signverse.lake.cli.progress import print_line, stderr_console
from signverse.lake.cli.shared import is_quiet
from signverse.lake.model.untrusted.terminal_text import clean
from signverse.lake.model.wording import counted, lasting, size_of
from signverse.lake.outcomes.states import STATES
from signverse.lake.outcomes.status import Status
from signverse.lake.storage.committer import VideoRows

_MAX_LANGUAGES: Final = 12
"""Languages that are listed by name; the others are one line."""

_MAX_CAUSES: Final = 8

_MAX_STEPS: Final = 3
"""Next steps that are shown; --format json has that of each cause."""

_MAX_RUNS: Final = 3
"""Runs in each state whose machines are named."""

_SUMMARY_S: Final = 60.0
"""How often a line with all numbers is written where there is no terminal."""

_DRAW_S: Final = 0.1

_LEFT_AFTER_S: Final = 60.0
_LEFT_AFTER_VIDEOS: Final = 3
"""Since the start: before, the time left would be a guess."""

_PIPE_WIDTH: Final = 500
"""Columns in a pipe: no line is that long, so that nothing is cut."""

_HEADERS: Final = {"in the lake": "in lake", "not tried yet": "not tried"}
"""States whose column is called otherwise: the table fits 80 columns."""


def status_console(*, wide: bool = False) -> Console:
    """The console that the status is printed on; wide as in a pipe, where nothing is cut."""
    if sys.stdout.isatty() and not wide:
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_WIDTH, force_terminal=False)


def print_status(status: Status, console: Console) -> None:
    """Prints a status; in a pipe, or wide, without the blanks that fill the last column."""
    if console.is_terminal:
        console.print(status_screen(status))
        return
    with console.capture() as captured:
        console.print(status_screen(status))
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    console.file.flush()


def status_screen(status: Status) -> Group:
    """A status as text."""
    parts: list[Any] = [_states(status), Text(), *(Text(clean(line)) for line in _lines(status))]
    if status.causes:
        parts += [Text(), _causes(status), Text(), *(Text(clean(line)) for line in _steps(status))]
    return Group(*parts)


def _states(status: Status) -> Table:
    """A row a language: its videos by state."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("language", overflow="ellipsis", no_wrap=True)
    table.add_column("listed", justify="right", no_wrap=True)
    for state in STATES:
        table.add_column(_HEADERS.get(state, state), justify="right", no_wrap=True)
    for row in status.languages[:_MAX_LANGUAGES]:
        language = Text(clean(row["sign_language"] or ""))
        table.add_row(language, f"{row['videos']:,}", *(_count(row[state]) for state in STATES))
    if rest := status.languages[_MAX_LANGUAGES:]:
        sums = [sum(row[name] for row in rest) for name in ("videos", *STATES)]
        table.add_row(f"{len(rest)} others", f"{sums[0]:,}", *map(_count, sums[1:]))
    table.add_row("all", f"{status.listed:,}", *(_count(status.states[state]) for state in STATES), style="bold")
    return table


def _lines(status: Status) -> list[str]:
    """The numbers between the two tables."""
    lines = []
    left = "" if status.hours_left is None else f", {lasting(status.hours_left * 3600)} left"
    if status.downloaded_an_hour or status.extracted_an_hour:
        lines.append(
            f"last hour: {status.downloaded_an_hour:,.0f} videos/h downloaded, "
            f"{status.extracted_an_hour:,.0f} extracted{left}"
        )
    lines.append(f"in the lake: {lasting(status.hours * 3600)} of video{_kinds(status.captions)}")
    if status.media_bytes is not None:
        lines.append(
            f"media: {counted(status.media_videos or 0, 'video')}, {size_of(status.media_bytes)}; "
            f"{status.unfinished_videos:,} unfinished, {size_of(status.unfinished_bytes or 0)}; "
            f"{size_of(status.free_bytes or 0)} free"
        )
    if status.runs:
        lines.append(f"runs: {_runs(status)}")
    if status.last_attempt is not None:
        lines.append(f"newest attempt: {lasting((status.at - status.last_attempt).total_seconds())} ago")
    if status.invalid:
        lines.append(counted(status.invalid, "invalid id"))
    if status.came_back:
        lines.append(f"came back: {counted(status.came_back, 'video')} that had been unavailable")
    return lines


def _runs(status: Status) -> str:
    """How many runs share the media folder in each state, with the first of them by machine."""
    parts = []
    for state in ("at work", "silent", "ended"):
        found = [run for run in status.runs if run.state == state]
        named = [run.host if state == "at work" else f"{run.host} for {lasting(run.silent_s)}" for run in found]
        if len(named) > _MAX_RUNS:
            named[_MAX_RUNS:] = [f"{len(named) - _MAX_RUNS:,} more"]
        if named:
            parts.append(f"{len(found):,} {state} ({', '.join(named)})")
    return "; ".join(parts)


def _steps(status: Status) -> list[str]:
    """What to do about the most frequent causes, a line each."""
    videos: dict[str, int] = {}
    for cause in status.causes:
        if cause["next_step"]:
            step = f"{cause['state']}: {cause['next_step']}"
            videos[step] = videos.get(step, 0) + cause["videos"]
    return [f"{count:,} {step}" for step, count in list(videos.items())[:_MAX_STEPS]]


def _causes(status: Status) -> Table:
    """A row for each cause of blocked, failed and unavailable videos."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("state", no_wrap=True)
    table.add_column("videos", justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    # What is too long is cut in this column: those before it say what happened.
    table.add_column("newest", no_wrap=True, overflow="ellipsis", ratio=1)
    for cause in status.causes[:_MAX_CAUSES]:
        reason = f"{cause['reason'] or 'unknown'} ({cause['stage']})"
        newest = Text(clean(f"{cause['video_id']}: {cause['message'] or ''}"))
        table.add_row(cause["state"], f"{cause['videos']:,}", Text(clean(reason)), newest)
    if len(status.causes) > _MAX_CAUSES:
        table.add_row("", "", f"{len(status.causes) - _MAX_CAUSES} more causes: --format json", "")
    return table


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _kinds(captions: dict[str, int]) -> str:
    kinds = [f"{count:,} {kind}" for kind, count in captions.items() if kind != "none"]
    if captions.get("none"):
        kinds.append(f"{captions['none']:,} without")
    return f"; captions: {', '.join(kinds)}" if kinds else ""


class RunScreen:
    """A run while it works: a line a worker on a terminal; failures, and a line a minute, where there is none.

    Args:
        listed: how many videos the run is about.
        extracts: whether it extracts, or only downloads.
    """

    def __init__(self, listed: int, *, extracts: bool) -> None:
        self._console = stderr_console()
        self._listed, self._finished, self._extracts = listed, 0, extracts
        self._finished_before = 0
        self._downloads: dict[str, str] = {}
        self._extractions: dict[str, str] = {}
        self._waiting = ""
        self._downloaded = self._extracted = self._size = self._frames = 0
        self._given_up = {"unavailable": 0, "blocked": 0, "failed": 0}
        self._started_at = self._drawn_at = self._summed_at = time.monotonic()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)

    @contextmanager
    def shown(self) -> Iterator[RunScreen]:
        """Draws while the block runs."""
        if not self._console.is_terminal:
            yield self
            return
        with self._live:
            yield self

    def started(self, finished: int) -> None:
        self._finished = self._finished_before = finished
        self._draw()

    def download_progress(self, video_id: str, step: str, done: int, expected: int) -> None:
        size = f"{size_of(done)} of {size_of(expected)}" if expected else size_of(done) if done else ""
        self._downloads[video_id] = f"{step} {size}".strip()
        self._draw()

    def download_ended(self, video_id: str, attempt: Attempt, retried: bool) -> None:
        self._downloads.pop(video_id, None)
        outcome = attempt.outcome
        if outcome.kind == "done":
            self._downloaded += 1
            self._size += attempt.size
            if not self._extracts:
                self._finished += 1
        else:
            if not retried:
                self._finished += 1
                self._given_up[outcome.kind] += 1
            later = ", tried again later" if retried else ""
            self._say(f"{video_id}: {outcome.kind} ({outcome.reason}){later}: {outcome.message}")
        self._draw()

    def extraction_progress(self, task: VideoTask, done: int, expected: int) -> None:
        frames = f"{done:,} of {expected:,} frames" if expected else f"{done:,} frames"
        self._extractions[task.entry.video_id] = frames
        self._draw()

    def extracted(self, task: VideoTask, rows: VideoRows) -> None:
        self._extractions.pop(task.entry.video_id, None)
        self._extracted += 1
        self._finished += 1
        self._frames += rows.video["num_frames"]
        if rows.message:
            self._say(f"{task.entry.video_id}: {rows.message}")
        self._draw()

    def extraction_failed(self, task: VideoTask, reason: str) -> None:
        self._extractions.pop(task.entry.video_id, None)
        self._finished += 1
        self._given_up["failed"] += 1
        self._say(f"{task.entry.video_id}: failed: {reason}")
        self._draw()

    def waiting(self, reason: str) -> None:
        if reason != self._waiting:
            self._waiting = reason
            if reason and not self._console.is_terminal and not is_quiet():
                self._say(f"waiting: {reason}")
        self._draw()

    def _say(self, line: str) -> None:
        print_line(self._console, line)

    def summary(self) -> list[str]:
        """How far the run is, how fast, and how long it will take where that is known: lines of at most 80 columns."""
        spent = max(1e-9, time.monotonic() - self._started_at)
        videos = [f"{self._finished:,} of {counted(self._listed, 'video')}"]
        videos += [f"{count:,} {outcome}" for outcome, count in self._given_up.items() if count]
        rates = [f"{self._downloaded:,} downloaded ({size_of(self._size)}, {size_of(int(self._size / spent))}/s)"]
        if self._extracts:
            rates.append(f"{self._extracted:,} extracted ({self._frames / spent:,.1f} frames/s)")
        lines = [", ".join(videos), ", ".join(rates)]
        ended, left = self._finished - self._finished_before, self._listed - self._finished
        if left > 0 and ended >= _LEFT_AFTER_VIDEOS and spent >= _LEFT_AFTER_S:
            lines.append(f"about {lasting(left * spent / ended)} left")
        return lines

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._console.is_terminal:
            if now - self._summed_at >= _SUMMARY_S and not is_quiet():
                self._summed_at = now
                self._say(", ".join(self.summary()))
            return
        if now - self._drawn_at < _DRAW_S:
            return
        self._drawn_at = now
        lines = self.summary()
        lines += [f"  ↓ {video_id}  {step}" for video_id, step in self._downloads.items()]
        lines += [f"  ⚙ {video_id}  {frames}" for video_id, frames in self._extractions.items()]
        shown = [Text(clean(line), no_wrap=True, overflow="ellipsis") for line in lines]
        if self._waiting:
            shown.append(Text(clean(f"  waiting: {self._waiting}")))
        self._live.update(Group(*shown), refresh=True)
