"""What `signverse ingest shards` shows: a progress bar with the videos that failed, and a summary at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import typer
from rich.progress import MofNCompleteColumn, Progress

from signverse.ingest.cli.shared import say_failed
from signverse.ingest.shards.importer import ImportSummary
from signverse.ingest.shards.reader import Failure
from signverse.lake.cli.progress import print_line, stderr_console
from signverse.lake.cli.shared import say
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.committer import VideoRows
from signverse.lake.storage.forgotten.tombstones import not_ingested


class ImportProgress:
    """A progress bar over the tars, on a terminal only; a line for each video that failed. Use as a context manager."""

    def __init__(self, shards: int) -> None:
        self._console = stderr_console()
        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._bar = self._progress.add_task("shards", total=shards)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_video(self, item: VideoRows | Failure) -> None:
        """Prints a video that failed, or one of whose captions some cannot be read."""
        if (line := remark_on(item)) is not None:
            print_line(self._console, line)

    def on_shard(self, _: Path) -> None:
        """Advances the bar by one tar."""
        self._progress.advance(self._bar)


def remark_on(item: VideoRows | Failure) -> str | None:
    """A line about a video that failed, or one of whose captions some cannot be read; None about any other."""
    if isinstance(item, Failure):
        return f"{item.video_id}: failed: {item.why}"
    return f"{item.video['video_id']}: {item.message}" if "bad_captions" in item.reason else None


def report(summary: ImportSummary, shards: int, lake: Path, *, manifest: bool) -> None:
    """Prints how an import went; exits with 1 where a video failed.

    Args:
        shards: how many tars were read.
        manifest: whether one was given.
    """
    for line in _lines(summary, shards, manifest):
        say(line)
    if summary.failed:
        say_failed(summary.failed, lake)
        raise typer.Exit(1)


def _lines(summary: ImportSummary, shards: int, manifest: bool) -> Iterator[str]:
    there = f", {summary.in_lake:,} already in the lake" if summary.in_lake else ""
    frames = counted(summary.frames, "frame")
    yield f"{counted(summary.done, 'video')} ingested{there}, {frames}, from {counted(shards, 'shard')}"
    yield from details(summary, manifest)


def details(summary: ImportSummary, manifest: bool) -> Iterator[str]:
    """What was taken, changed and left of the videos of an import, a line each.

    Args:
        manifest: whether one was given.
    """
    why = "the manifest does not name them" if manifest else "--manifest CSV names their languages"
    # Repairs have lines of their own.
    yield from (f"  {line}" for line in summary.account.lines(without=["repaired"]))
    if summary.undetermined:
        yield f"  without a language (und): {counted(summary.undetermined, 'video')}; {why}"
    for word, count in summary.repaired.most_common():
        yield f"  repaired: {word} in {counted(count, 'video')}"
    others = summary.other_languages.copy()
    if unknown := others.pop("und", 0):
        yield f"  skipped: {counted(unknown, 'video')} without a language (und); {why}"
    if others:
        languages = some([f"{code} {count:,}" for code, count in others.most_common()], 8)
        yield f"  skipped: {counted(others.total(), 'video')} of other languages: {languages}"
    if summary.forgotten:
        yield f"  {not_ingested(summary.forgotten)}"
    if summary.repeated:
        yield f"  skipped: {counted(summary.repeated, 'video')} that another tar held already"
    if summary.other_files:
        names = some(list(summary.other_files))
        yield f"  not read: {counted(summary.other_files.total(), 'file')} in no video's folder: {names}"
    if summary.absent:
        yield f"  absent: {counted(summary.absent, 'video')} that the state JSON lists and the tars lack"
