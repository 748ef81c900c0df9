"""What a person sees of acquisition: the status on one screen, and the lanes while they run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from signverse.ingest.acquire.account import STATES
from signverse.ingest.acquire.job import Attempt
from signverse.ingest.acquire.status import Status
from signverse.ingest.videos.run import VideoTask
from signverse.lake.cli.progress import stderr_console
from signverse.lake.cli.shared import is_quiet
from signverse.lake.model.wording import counted, lasting, size_of
from signverse.lake.storage.committer import VideoRows

_LANGUAGES: Final = 12
"""Languages that are listed by name; the others are one line."""

_CAUSES: Final = 8

_SUMMARY_S: Final = 60.0
"""Where there is no terminal, a line with all numbers comes so often."""


def status_screen(status: Status) -> Group:
    """A status as text."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("language")
    table.add_column("asked", justify="right")
    for state in STATES:
        table.add_column(state, justify="right")
    shown = status.languages[:_LANGUAGES]
    for row in shown:
        table.add_row(
            Text(_clean(row["sign_language"] or "")), f"{row['videos']:,}", *(_count(row[state]) for state in STATES)
        )
    if rest := status.languages[_LANGUAGES:]:
        sums = [sum(row[name] for row in rest) for name in ("videos", *STATES)]
        table.add_row(f"{len(rest)} others", f"{sums[0]:,}", *map(_count, sums[1:]))
    table.add_row("all", f"{status.asked:,}", *(_count(status.states[state]) for state in STATES), style="bold")
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
    if status.refused:
        lines.append(f"refused: {counted(status.refused, 'id')} that can be none")
    if status.came_back:
        lines.append(f"came back: {counted(status.came_back, 'video')} that had been unavailable")
    parts: list[Any] = [table, Text(), *map(Text, lines)]
    if status.causes:
        causes = Table(box=None, pad_edge=False, header_style="bold", expand=True)
        causes.add_column("not had", no_wrap=True)
        causes.add_column("videos", justify="right", no_wrap=True)
        causes.add_column("because", no_wrap=True)
        # What is too long is cut here: the columns before it say what happened.
        causes.add_column("the newest", no_wrap=True, overflow="ellipsis", ratio=1)
        for cause in status.causes[:_CAUSES]:
            why = f"{cause['reason'] or 'unknown'} ({cause['stage']})"
            newest = Text(_clean(f"{cause['video_id']}: {cause['message'] or ''}"))
            causes.add_row(cause["state"], f"{cause['videos']:,}", Text(_clean(why)), newest)
        if len(status.causes) > _CAUSES:
            causes.add_row("", "", f"{len(status.causes) - _CAUSES} more causes: --json", "")
        parts += [Text(), causes]
    return Group(*parts)


def _clean(text: str) -> str:
    """What others have written, without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _kinds(captions: dict[str, int]) -> str:
    told = [f"{count:,} {kind}" for kind, count in captions.items() if kind != "none"]
    if captions.get("none"):
        told.append(f"{captions['none']:,} without")
    return f"; captions: {', '.join(told)}" if told else ""


class LanesScreen:
    """Both lanes while they run: a line a worker on a terminal; failures, and a line a minute, where there is none."""

    def __init__(self, asked: int, *, extracts: bool) -> None:
        self._console = stderr_console()
        self._asked, self._settled, self._extracts = asked, 0, extracts
        self._down: dict[str, str] = {}
        self._out: dict[str, str] = {}
        self._held = ""
        self._downloaded = self._extracted = self._size = self._frames = 0
        self._not_had = {"unavailable": 0, "blocked": 0, "failed": 0}
        self._began = self._drawn = self._summed = time.monotonic()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)

    @contextmanager
    def shown(self) -> Iterator[LanesScreen]:
        """Draws while the block runs."""
        if not self._console.is_terminal:
            yield self
            return
        with self._live:
            yield self

    def begun(self, settled: int) -> None:
        self._settled = settled
        self._draw()

    def downloading(self, video_id: str, what: str, there: int, expected: int) -> None:
        told = f"{size_of(there)} of {size_of(expected)}" if expected else size_of(there) if there else ""
        self._down[video_id] = f"{what} {told}".strip()
        self._draw()

    def downloaded(self, video_id: str, attempt: Attempt, again: bool) -> None:
        self._down.pop(video_id, None)
        verdict = attempt.verdict
        if verdict.outcome == "done":
            self._downloaded += 1
            self._size += attempt.size
            if not self._extracts:
                self._settled += 1
        else:
            if not again:
                self._settled += 1
                self._not_had[verdict.outcome] += 1
            later = ", tried again later" if again else ""
            self._say(f"{video_id}: {verdict.outcome} ({verdict.reason}){later}: {verdict.message}")
        self._draw()

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        self._out[task.entry.video_id] = f"{done:,} of {expected:,} frames" if expected else f"{done:,} frames"
        self._draw()

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        self._out.pop(task.entry.video_id, None)
        self._extracted += 1
        self._settled += 1
        self._frames += rows.video["num_frames"]
        if rows.message:
            self._say(f"{task.entry.video_id}: {rows.message}")
        self._draw()

    def failed(self, task: VideoTask, why: str) -> None:
        self._out.pop(task.entry.video_id, None)
        self._settled += 1
        self._not_had["failed"] += 1
        self._say(f"{task.entry.video_id}: failed: {why}")
        self._draw()

    def held(self, why: str) -> None:
        if why != self._held:
            self._held = why
            if why and not self._console.is_terminal and not is_quiet():
                self._say(f"waiting: {why}")
        self._draw()

    def _say(self, line: str) -> None:
        self._console.print(_clean(line), markup=False)

    def _summary(self) -> str:
        spent = max(1e-9, time.monotonic() - self._began)
        parts = [f"{self._settled:,} of {counted(self._asked, 'video')}", f"{self._downloaded:,} downloaded"]
        parts[1] += f" ({size_of(self._size)}, {size_of(int(self._size / spent))}/s)"
        if self._extracts:
            parts.append(f"{self._extracted:,} extracted ({self._frames / spent:,.1f} frames/s)")
        parts += [f"{count:,} {outcome}" for outcome, count in self._not_had.items() if count]
        return ", ".join(parts)

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._console.is_terminal:
            if now - self._summed >= _SUMMARY_S and not is_quiet():
                self._summed = now
                self._say(self._summary())
            return
        if now - self._drawn < 0.1:
            return
        self._drawn = now
        lines = [self._summary()]
        lines += [f"  ↓ {video_id}  {what}" for video_id, what in self._down.items()]
        lines += [f"  ⚙ {video_id}  {what}" for video_id, what in self._out.items()]
        if self._held:
            lines.append(f"  waiting: {self._held}")
        self._live.update(Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines)), refresh=True)
