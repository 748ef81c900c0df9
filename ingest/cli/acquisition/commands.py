"""The commands of acquisition: ingest plan, ingest download, ingest run, status.

Imported at every start of the command line: what is heavy is imported where it is used.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.acquire.scheduling.limits import STALLED_S
from signverse.ingest.cli.acquisition.options import (
    AHEAD,
    AheadOption,
    KeepMediaOption,
    ManifestArgument,
    MediaOption,
    OptionalLakeOption,
    OptionalMediaOption,
    acquiring,
    read_size,
)
from signverse.ingest.cli.extraction_options import extracting
from signverse.ingest.cli.shared import StalledAfterOption, ingest_group, resumable, say_manifest, say_relabelled
from signverse.ingest.videos.options import ExtractionOptions
from signverse.lake.cli.option_groups import one_of
from signverse.lake.cli.shared import LakeOption, WideOption, WorkerMemoryOption, complain, say, show_json, writing_rows

if TYPE_CHECKING:
    import polars as pl

    from signverse.ingest.acquire.scheduling.progress import Summary
    from signverse.lake.query.output import Output

_REFRESH_S: Final = 5.0
"""Seconds between two refreshes of --watch."""

_SHORT: Final = {
    "sign_language": "language",
    "name": "name",
    "videos": "videos",
    "to_do": "to do",
    "hours": "hours",
    "gb": "GB",
    "lake_gb": "lake GB",
    "extraction_hours": "extraction h",
}
"""The columns of a plan that fit a terminal, and their headings."""


def mount(app: typer.Typer) -> None:
    """Adds the command that stands beside `ingest`; the others are part of it."""
    app.command("status")(status)


@ingest_group.command("plan")
@writing_rows
def plan(
    *,
    manifest: ManifestArgument,
    lake: OptionalLakeOption = None,
    media: OptionalMediaOption = None,
    rows_to: Output,
) -> None:
    """Estimate a manifest: videos by language, hours, gigabytes.

    With --lake and --media, videos that they hold already are counted, and not part of the estimate. How long
    extraction takes is estimated by the lake's newest run of it.

    \b
    signverse ingest plan manifest.csv
    signverse ingest plan manifest.csv --lake LAKE --media DIR -o plan.csv
    """
    import polars as pl

    from signverse.ingest.acquire.forecast import PUBLISHED_GB, PUBLISHED_HOURS, forecast, prospects
    from signverse.ingest.acquire.media_folder import MediaFolder
    from signverse.ingest.manifest import read_manifest
    from signverse.lake.lake import Lake
    from signverse.lake.model.wording import counted
    from signverse.lake.storage.location import is_lake

    listed = read_manifest(manifest)
    say_manifest(listed, download=True)
    opened = Lake.open(lake) if lake is not None and is_lake(lake) else None
    if lake is not None and opened is None:
        say(f"there is no lake at {lake} yet")
    finished = MediaFolder(media).finished().keys() if media is not None else None
    rows, basis = forecast(listed.entries, opened, finished)
    # A short list is minutes and megabytes.
    digits = 1 if rows["gb"].sum() >= 10 else 3
    shown = rows.with_columns(pl.col("hours", "gb", "lake_gb", "extraction_hours").round(digits))
    known = [name for name in _SHORT if not shown[name].is_null().all()]
    rows_to.write(shown, short=shown.select(pl.col(name).alias(_SHORT[name]) for name in known))
    invalid = f", {counted(len(listed.refused), 'invalid id')}" if listed.refused else ""
    if other := len(listed.not_youtube()):
        invalid += f", {counted(other, 'id')} not YouTube's"
    say(
        f"{counted(len(listed.entries), 'video')} in {counted(rows.height, 'language')}{invalid}; "
        f"{rows['to_do'].sum():,} to do"
    )
    say(
        f"  {rows['hours'].sum():,.{digits}f} hours, {rows['gb'].sum():,.{digits}f} GB to download at 720p, "
        "if all are available",
        f"  ({basis}; {PUBLISHED_GB / PUBLISHED_HOURS:.2f} GB an hour)",
    )
    for line in prospects(rows, opened):
        # What it rests on stands below it, as above.
        what, bracket, basis = line.partition(" (")
        say(f"  {what}", *([f"  ({basis}"] if bracket else []))
    if opened is not None:
        say(f"  {_by_state(rows)}")


def _by_state(rows: pl.DataFrame) -> str:
    """How many videos of a forecast are in each state."""
    from signverse.lake.outcomes.states import STATES

    return ", ".join(f"{rows[state].sum():,} {state}" for state in STATES if rows[state].sum())


@ingest_group.command("download")
@acquiring
def download(
    *,
    manifest: ManifestArgument,
    media: MediaOption,
    lake: LakeOption,
    options: Acquisition,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
) -> None:
    """Download the videos of a manifest with their captions.

    The outcome of each is recorded in the lake's table `outcomes`: done, unavailable, blocked or failed. Blocked and
    failed videos are tried again after growing pauses; where a site blocks one video after the other, all downloads
    pause. The same command goes on after an interruption; several may share the folder, or the manifest by --slice.

    \b
    signverse ingest download manifest.csv --media DIR --lake LAKE
    signverse ingest download list.csv --media DIR --lake LAKE --retry blocked
    """
    options = replace(options, memory_mb=worker_memory, stalled_s=stalled_after)
    summary = _acquire(manifest, media, lake, options)
    _report(summary, lake, media, extracts=False)


@ingest_group.command("run")
@acquiring
@extracting
def run(
    *,
    manifest: ManifestArgument,
    media: MediaOption,
    lake: LakeOption,
    options: Acquisition,
    how: ExtractionOptions,
    ahead: AheadOption = AHEAD,
    keep_media: KeepMediaOption = False,
) -> None:
    """Download and extract a manifest's videos, using little disk.

    A video is removed from the disk when the lake has it. Kill it anywhere: the same command goes on, repeats nothing
    and loses nothing. `signverse status` shows the state of every video.

    \b
    signverse ingest run manifest.csv --media DIR --lake LAKE
    signverse ingest run list.csv --media DIR --lake LAKE --ahead 50GB
    """
    # Of all workers, those that download too.
    options = replace(options, memory_mb=how.memory_mb, stalled_s=how.stalled_s)
    summary = _acquire(manifest, media, lake, options, how, ahead=ahead, keep_media=keep_media)
    _report(summary, lake, media, extracts=True)


def _acquire(
    manifest: Path,
    media: Path,
    lake: Path,
    options: Acquisition,
    how: ExtractionOptions | None = None,
    *,
    ahead: str = AHEAD,
    keep_media: bool = False,
) -> Summary:
    """Downloads the videos of a manifest, and extracts them where the options of extraction are given."""
    from signverse.ingest.acquire.run import acquire, prepare_run
    from signverse.ingest.cli.acquisition.screen import RunScreen
    from signverse.ingest.manifest import read_manifest
    from signverse.lake.cli.maintain import compact_small_files
    from signverse.lake.model.wording import counted
    from signverse.lake.storage.forgotten.tombstones import not_ingested

    backlog = read_size("--ahead", ahead)
    listed = read_manifest(manifest)
    prepared = prepare_run(listed, media, lake, options, how)
    if prepared.remark:
        say(prepared.remark)
    say_manifest(listed, download=True)
    say_relabelled(prepared.relabelled)
    if prepared.worklist.forgotten:
        say(not_ingested(prepared.worklist.forgotten))
    screen = RunScreen(len(prepared.worklist.entries), extracts=how is not None)
    with resumable():
        summary = acquire(prepared, screen, backlog=backlog, keep_media=keep_media, display=screen.shown())
    if how is not None:
        prepared.lake.refresh()
        compact_small_files(prepared.lake)
    if listed.refused:
        complain(f"{counted(len(listed.refused), 'invalid id')} in the manifest")
    return summary


def _report(summary: Summary, lake: Path, media: Path, *, extracts: bool) -> None:
    """Says how a run went; exits with 1 where a video is left that may still be downloaded or extracted."""
    from collections import Counter

    from signverse.lake.model.wording import counted, size_of

    parts = [f"{counted(summary.downloaded, 'video')} downloaded ({size_of(summary.size)})"]
    if extracts:
        parts.append(f"{summary.extracted:,} extracted ({counted(summary.frames, 'frame')})")
    ended = Counter(summary.ended.values())
    parts += [f"{ended[outcome]:,} {outcome}" for outcome in ("unavailable", "blocked", "failed") if ended[outcome]]
    parts += [f"{count:,} {state} before" for state, count in sorted(summary.before.items())]
    if summary.elsewhere:
        parts.append(f"{len(summary.elsewhere):,} with another run")
    if summary.came_back:
        parts.append(f"{summary.came_back:,} came back that had been unavailable")
    if summary.removed:
        parts.append(f"{summary.removed:,} removed from the media folder that the lake had before")
    say(", ".join(parts))
    for line in summary.account.lines():
        say(f"  {line}")
    if summary.stopped:
        complain(summary.stopped)
    if ended or summary.stopped:
        say(f"the state of every video: signverse status --lake {lake} --media {media}")
    if ended["blocked"] or ended["failed"] or summary.stopped:
        raise typer.Exit(1)


def status(
    lake: LakeOption,
    media: OptionalMediaOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every five seconds, until Ctrl-C.")] = False,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="table|json",
            callback=one_of("table", "json"),
            help="Format of the status; json has all of it.",
        ),
    ] = "table",
    wide: WideOption = False,
    json: Annotated[bool, typer.Option("--json", hidden=True, help="The same as --format json.")] = False,
) -> None:
    """Show the state of a corpus: done, waiting, unavailable, why.

    \b
    signverse status --lake LAKE --media DIR
    signverse status --lake LAKE --format json
    """
    import json as json_module
    import time
    from contextlib import nullcontext

    from rich.live import Live

    from signverse.ingest.cli.acquisition.screen import print_status, status_console, status_screen
    from signverse.lake.lake import Lake
    from signverse.lake.outcomes.status import read_status

    as_json = json or format == "json"
    if as_json and watch:
        raise typer.BadParameter("it refreshes a table, and JSON is written once: leave one out", param_hint="--watch")
    opened = Lake.open(lake)
    if as_json:
        text = json_module.dumps(read_status(opened.snapshot, media).as_json(), ensure_ascii=False, indent=1)
        show_json(text)
        return
    console = status_console(wide=wide and not watch)
    if not watch:
        print_status(read_status(opened.snapshot, media), console)
        return
    with Live(console=console, auto_refresh=False, screen=True) if console.is_terminal else nullcontext() as live:
        while True:
            if live is not None:
                live.update(status_screen(read_status(opened.snapshot, media)), refresh=True)
            else:
                # In a pipe one status after the other.
                print_status(read_status(opened.snapshot, media), console)
            time.sleep(_REFRESH_S)
            opened.refresh()
