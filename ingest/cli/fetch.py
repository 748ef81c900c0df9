"""`signverse fetch`.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from signverse.ingest.cli.acquisition.options import OptionalLakeOption
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
from signverse.lake.cli.shared import DryRunOption, WorkerMemoryOption, complain, say, show

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
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="Hub data set [@revision], https:// or s3:// folder, or a local one."),
    ],
    lake: OptionalLakeOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Instead of a lake: a folder for tars of the wanted videos."),
    ] = None,
    manifest: ManifestOption = None,
    ids: Annotated[Path | None, typer.Option(metavar="FILE", help="List of the video ids that are wanted.")] = None,
    language: LanguageOption = None,
    subtitles: Annotated[
        list[str] | None,
        typer.Option(metavar="TAR_OR_FOLDER", help="Subtitles tars that were released beside the shards; repeatable."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="State JSON of the upload (default: that of the source).")
    ] = None,
    no_repair: Annotated[
        bool, typer.Option("--no-repair", help="Keep values as published, with their known defects.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars read in parallel.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Also videos that the lake has.")] = False,
    public_only: Annotated[
        bool,
        typer.Option(
            "--public-only",
            help="Connect to public addresses only, in redirects and playlists too; take no files of this machine.",
        ),
    ] = False,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
    dry_run: DryRunOption = False,
) -> None:
    """Fetch wanted videos out of shards that lie elsewhere.

    The headers of the tars say where each video lies, and nothing else is read of them. Its bytes go through the
    reader of `ingest shards` straight into a lake, or into tars of their own. The same command continues after an
    interruption: what has arrived is not fetched again. What is not found, or cannot be read, is named.

    \b
    signverse fetch OWNER/NAME --manifest manifest.csv --language asf --dry-run
    signverse fetch OWNER/NAME --manifest manifest.csv --language asf --lake LAKE
    signverse fetch https://HOST/shards/ --ids wanted.txt --out DIR
    """
    # Long because: the options are many.
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.remote.fetch.find import look_at
    from signverse.ingest.remote.fetch.into_lake import videos_there
    from signverse.ingest.remote.fetch.streams import Streams
    from signverse.ingest.remote.sources.address import open_source

    named_by = context.get_parameter_source("lake")
    if out and named_by is not None and named_by.name == "ENVIRONMENT":
        # The environment's lake is the one that is meant where nothing else is named.
        lake = None
    if ((lake is None) == (out is None) and not dry_run) or (lake and out):
        raise typer.BadParameter("name what the videos go into: --lake LAKE or --out DIR")
    listed = _read_list(manifest)
    wanted = _choose(listed, _read_list(ids), language or (), lake)
    there = videos_there(lake) if lake and not redo else frozenset[str]()
    left = [video_id for video_id in wanted.ids if video_id not in there]
    with ExitStack() as stack:
        opened = [
            stack.enter_context(open_source(each, public_only=public_only)) for each in (source, *(subtitles or ()))
        ]
        streams = stack.enter_context(Streams())
        surveys = look_at(opened[0], state=state, subtitles=opened[1:])
        say(*(line for each in opened for line in each.remarks))
        if dry_run:
            _show_estimate(surveys, wanted, left, streams)
        elif out:
            _into_tars(out, surveys, wanted, streams)
        elif lake:
            _into_lake(
                lake,
                surveys,
                wanted,
                left,
                streams,
                listed,
                redo=redo,
                repair=not no_repair,
                workers=workers,
                memory_mb=worker_memory,
                stalled_s=stalled_after,
            )


def _show_estimate(surveys: Sequence[Survey], wanted: Wanted, left: Sequence[str], streams: Streams) -> None:
    from signverse.ingest.remote.fetch.estimate import estimate
    from signverse.lake.model.wording import counted

    there = len(wanted.ids) - len(left)
    say(f"{counted(len(wanted.ids), 'video')} wanted{f', {there:,} of them there already' if there else ''}")
    show(*estimate(surveys, left, streams).lines())


def _into_tars(out: Path, surveys: Sequence[Survey], wanted: Wanted, streams: Streams) -> None:
    from signverse.ingest.remote.fetch.into_tars import OUTCOMES, copies_in, fetch_into_tars

    kept = "what has arrived is kept, and the same command goes on from there"
    with resumable(kept), copies_in(out) as folder, _Screen() as screen:
        found = _find(surveys, wanted.ids, streams, folder, screen)
        account = fetch_into_tars(out, found, wanted.ids, streams, folder, on_bytes=screen.bytes(found.size))
    say(*account.lines())
    say(f"what arrived and {OUTCOMES} are in {out}")
    if account.failed:
        complain(f"{len(account.failed):,} failed; {out / OUTCOMES} says why")
        raise typer.Exit(1)


def _into_lake(
    lake: Path,
    surveys: Sequence[Survey],
    wanted: Wanted,
    left: Sequence[str],
    streams: Streams,
    listed: Manifest | None,
    *,
    redo: bool,
    **how: Any,
) -> None:
    from signverse.ingest.cli.shards_report import details
    from signverse.ingest.remote.fetch.into_lake import copies_for, fetch_into_lake, prepare_lake
    from signverse.lake.cli.maintain import compact_small_files

    made, relabelled = prepare_lake(lake, listed, redo=redo)
    say_relabelled(relabelled)
    with resumable(), copies_for(made, surveys[0].shards[0].source) as folder, _Screen() as screen:
        found = _find(surveys, left, streams, folder, screen)
        how |= {"on_bytes": screen.bytes(found.size), "on_video": screen.video}
        account, summary = fetch_into_lake(made, found, wanted, left, streams, folder, **how)
    # Of these the account has a line for each reason.
    summary.account.failures.clear()
    made.refresh()
    compact_small_files(made)
    say(*account.lines(), *details(summary, listed is not None))
    if account.failed:
        say_failed(len(account.failed), lake)
        raise typer.Exit(1)


def _read_list(path: Path | None) -> Manifest | None:
    from signverse.ingest.manifest import read_manifest

    return read_manifest(path) if path else None


def _choose(manifest: Manifest | None, ids: Manifest | None, languages: Sequence[str], lake: Path | None) -> Wanted:
    """The videos that are wanted; says how the lists were read."""
    from signverse.ingest.remote.fetch.into_lake import entries_there, without_forgotten
    from signverse.ingest.remote.fetch.wanted import choose_wanted
    from signverse.lake.model.languages import resolve

    with mistyped():
        codes = [resolve(name) for name in languages]
        wanted = choose_wanted(entries_there(lake), manifest=manifest, ids=ids, languages=codes)
    wanted = without_forgotten(lake, wanted)
    for listed in (manifest, ids):
        # Of a list of ids only what is wrong with it.
        if listed and (listed is manifest or listed.refused or listed.repeated):
            say_manifest(listed)
    say(*wanted.remarks)
    return wanted


def _find(surveys: Sequence[Survey], left: Sequence[str], streams: Streams, folder: Path, screen: _Screen) -> Found:
    """Where the videos are; says what a person should know of the search."""
    from signverse.ingest.remote.fetch.find import find_videos

    found = find_videos(surveys, left, streams, folder=folder, on_plan=screen.tars, on_shard=screen.tar)
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
