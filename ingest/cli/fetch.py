"""`signverse fetch`.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from signverse.ingest.cli.shared import (
    LanguageOption,
    ManifestOption,
    StalledAfterOption,
    resumable,
    say_failed,
    say_manifest,
    say_relabelled,
)
from signverse.ingest.extract.defaults import STALLED_S
from signverse.lake.cli.option_groups import mistyped
from signverse.lake.cli.progress import byte_bar, print_line, stderr_console
from signverse.lake.cli.shared import LakeOption, WorkerMemoryOption, say

if TYPE_CHECKING:
    from signverse.ingest.manifest import Manifest
    from signverse.ingest.remote.fetch.find import Found
    from signverse.ingest.remote.fetch.plan import Shard
    from signverse.ingest.remote.fetch.streams import Streams
    from signverse.ingest.remote.fetch.survey import Survey
    from signverse.ingest.remote.fetch.wanted import Wanted
    from signverse.ingest.shards.reader import Failure
    from signverse.lake.storage.committer import VideoRows


def fetch(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Released shards: a hub data set, or a folder or server of tars.")
    ],
    lake: LakeOption,
    manifest: ManifestOption = None,
    ids: Annotated[Path | None, typer.Option(metavar="FILE", help="List of the video ids that are wanted.")] = None,
    language: LanguageOption = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="State JSON of the upload (default: that of the source).")
    ] = None,
    no_repair: Annotated[
        bool, typer.Option("--no-repair", help="Keep values as published, with their known defects.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars read in parallel.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Also videos that the lake has.")] = False,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
) -> None:
    """Fetch wanted videos of shards, and nothing else of them.

    The headers of the tars say where each video lies; only its bytes are read, and go straight into the lake, through
    the same reader as `ingest shards`. The same command continues after an interruption.

    \b
    signverse fetch SHARDS --ids wanted.txt --lake LAKE
    signverse fetch SHARDS --manifest manifest.csv --language asf --lake LAKE
    """
    # Long because: the options are many.
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.cli.shards_report import details
    from signverse.ingest.remote.fetch.find import look_at
    from signverse.ingest.remote.fetch.into_lake import fetch_into_lake, prepare_lake, videos_there
    from signverse.ingest.remote.fetch.streams import Streams
    from signverse.ingest.remote.sources.address import open_source
    from signverse.lake.cli.maintain import compact_small_files

    listed = _read_list(manifest)
    wanted = _choose(listed, _read_list(ids), language or (), lake)
    there = frozenset[str]() if redo else videos_there(lake)
    left = [video_id for video_id in wanted.ids if video_id not in there]
    with open_source(source) as opened, Streams() as streams:
        surveys = look_at(opened, state=state)
        made, relabelled = prepare_lake(lake, listed, redo=redo)
        say_relabelled(relabelled)
        with resumable(), _Screen() as screen:
            found = _find(surveys, left, streams, screen)
            account, summary = fetch_into_lake(
                made,
                found,
                wanted,
                left,
                streams,
                repair=not no_repair,
                workers=workers,
                memory_mb=worker_memory,
                stalled_s=stalled_after,
                on_bytes=screen.bytes(found.size),
                on_video=screen.video,
            )
    made.refresh()
    compact_small_files(made)
    for line in (*account.lines(), *details(summary, listed is not None)):
        say(line)
    if account.failed:
        say_failed(len(account.failed), lake)
        raise typer.Exit(1)


def _read_list(path: Path | None) -> Manifest | None:
    from signverse.ingest.manifest import read_manifest

    return read_manifest(path) if path else None


def _choose(manifest: Manifest | None, ids: Manifest | None, languages: Sequence[str], lake: Path | None) -> Wanted:
    """The videos that are wanted; says how the lists were read."""
    from signverse.ingest.remote.fetch.into_lake import entries_there
    from signverse.ingest.remote.fetch.wanted import choose_wanted
    from signverse.lake.model.languages import resolve

    with mistyped():
        codes = [resolve(name) for name in languages]
        wanted = choose_wanted(entries_there(lake), manifest=manifest, ids=ids, languages=codes)
    if manifest:
        say_manifest(manifest)
    say(*wanted.remarks)
    return wanted


def _find(surveys: Sequence[Survey], left: Sequence[str], streams: Streams, screen: _Screen) -> Found:
    """Where the videos are; says what a person should know of the search."""
    from signverse.ingest.remote.fetch.find import find_videos

    found = find_videos(surveys, left, streams, on_plan=screen.tars, on_shard=screen.tar)
    say(*found.remarks)
    return found


class _Screen:
    """Bars on a terminal: the tars whose headers are read, then the bytes that arrive. Use as a context manager."""

    def __init__(self) -> None:
        self._console = stderr_console()
        self._bars = ExitStack()
        self._advance: Callable[[int], None] = lambda count: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.close()

    def tars(self, count: int) -> None:
        """Begins with so many tars whose headers are to be read."""
        from rich.progress import MofNCompleteColumn, Progress

        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        bar = Progress(
            *columns, console=self._console, transient=True, disable=not (count and self._console.is_terminal)
        )
        self._bars.enter_context(bar)
        self._walk = bar, bar.add_task("headers of tars", total=count)

    def tar(self, _: Shard) -> None:
        """The headers of a tar are read."""
        bar, task = self._walk
        bar.advance(task)

    def bytes(self, total: int) -> Callable[[int], None]:
        """Goes on with so many bytes that are to arrive; what it gives is called with those that did."""
        self._bars.close()
        return self._bars.enter_context(byte_bar("fetching", total))

    def video(self, item: VideoRows | Failure) -> None:
        """Prints a video that failed, or one of whose captions some cannot be read."""
        from signverse.ingest.cli.shards_report import remark_on

        if (line := remark_on(item)) is not None:
            print_line(self._console, line)
