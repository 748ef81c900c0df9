"""The commands of acquisition: ingest plan, ingest download, ingest run, status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from signverse.ingest.acquire.settings import Acquisition
from signverse.ingest.cli.acquire_options import (
    AHEAD,
    ManifestArgument,
    MaybeMediaOption,
    MediaOption,
    acquiring,
)
from signverse.ingest.cli.extraction_options import Extraction, extracting
from signverse.ingest.cli.shared import ingest_group, resumable, say_manifest, say_relabelled
from signverse.ingest.extract.defaults import STALLED_S
from signverse.lake.cli.shared import FormatOption, LakeOption, OutOption, complain, say

if TYPE_CHECKING:
    from signverse.ingest.acquire.lanes import Tally
    from signverse.lake.jobs.pool import Pool

MaybeLakeOption = Annotated[
    Path | None,
    typer.Option("--lake", envvar="SIGNVERSE_LAKE", metavar="LAKE", help="A lake, to leave out what it has."),
]


_LOOK_AGAIN_S: Final = 5.0


def mount(app: typer.Typer) -> None:
    """Adds the command that stands beside `ingest`; the others are part of it."""
    app.command("status")(status)


@ingest_group.command("plan")
def plan(
    manifest: ManifestArgument,
    lake: MaybeLakeOption = None,
    media: MaybeMediaOption = None,
    format: FormatOption = None,
    output: OutOption = None,
) -> None:
    """Say what a manifest will take: videos by language, hours and gigabytes to expect, what is there already.

    \b
    signverse ingest plan manifest.csv --lake LAKE
    """
    import polars as pl

    from signverse.ingest.acquire.forecast import PUBLISHED_GB, PUBLISHED_HOURS, forecast
    from signverse.ingest.acquire.media import Media
    from signverse.ingest.manifest import read_manifest
    from signverse.lake.lake import Lake, is_lake
    from signverse.lake.model.wording import counted
    from signverse.lake.query.output import Format, pick_format, write_rows

    form = pick_format(Format(format) if format else None, output)
    listed = read_manifest(manifest)
    say_manifest(listed)
    opened = Lake.open(lake) if lake is not None and is_lake(lake) else None
    if lake is not None and opened is None:
        say(f"there is no lake at {lake} yet")
    rows, basis = forecast(listed.entries, opened, Media(media).fetched().keys() if media is not None else None)
    shown = rows.with_columns(pl.col("hours", "gb").round(1))
    write_rows(shown if opened is not None else shown.drop("in the lake", "downloaded"), form, output)
    refused = f", {counted(len(listed.refused), 'row')} refused" if listed.refused else ""
    say(
        f"{counted(len(listed.entries), 'video')} in {counted(rows.height, 'language')}{refused}; "
        f"{rows['to_do'].sum():,} to do: {rows['hours'].sum():,.1f} hours and {rows['gb'].sum():,.1f} GB to download "
        "at 720p, if all can be had"
    )
    say(f"  ({basis}; {PUBLISHED_GB / PUBLISHED_HOURS:.2f} GB an hour)")


@ingest_group.command("download")
@acquiring
def download(
    *,
    manifest: ManifestArgument,
    media: MediaOption,
    lake: LakeOption,
    asked: Acquisition,
) -> None:
    """Download the videos of a manifest with their captions.

    What became of each is noted in the lake's table `outcomes`: done, unavailable, blocked or failed. What was blocked
    or failed is tried again after growing pauses, and where a site refuses one video after the other all wait. The
    same command goes on after an interruption; several may share the folder, or the manifest by --slice.

    \b
    signverse ingest download manifest.csv --media DIR --lake LAKE
    signverse ingest download manifest.csv --media DIR --lake LAKE --retry blocked --cookies cookies.txt
    """
    tally = _go(manifest, media, lake, asked)
    _end(tally, lake, media, extracted=False)


@ingest_group.command("run")
@acquiring
@extracting
def run(
    *,
    manifest: ManifestArgument,
    media: MediaOption,
    lake: LakeOption,
    asked: Acquisition,
    how: Extraction,
    ahead: Annotated[
        str, typer.Option(metavar="SIZE", help="Downloading waits while so much waits for extraction.")
    ] = AHEAD,
    keep_media: Annotated[
        bool,
        typer.Option(
            "--keep-media", help="Leave what was fetched when the lake has it; a run without this removes it."
        ),
    ] = False,
) -> None:
    """Download, extract, commit and reclaim the disk, all at once.

    Kill it anywhere: the same command goes on, repeats nothing and loses nothing. `signverse status` says where
    everything stands.

    \b
    signverse ingest run manifest.csv --media DIR --lake LAKE
    """
    tally = _go(manifest, media, lake, asked, how, ahead=ahead, keep_media=keep_media)
    _end(tally, lake, media, extracted=True)


def _go(
    manifest: Path,
    folder: Path,
    lake: Path,
    asked: Acquisition,
    how: Extraction | None = None,
    *,
    ahead: str = AHEAD,
    keep_media: bool = False,
) -> Tally:
    """Both commands: downloading, and extraction where its options are given."""
    from contextlib import ExitStack

    from signverse.ingest.acquire.job import make_job
    from signverse.ingest.acquire.lanes import Lanes, Limits
    from signverse.ingest.acquire.media import Media
    from signverse.ingest.acquire.runs import Run
    from signverse.ingest.acquire.start import check_start, make_work, scratch, urls_of
    from signverse.ingest.cli.screen import LanesScreen
    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.videos.relabel import relabel
    from signverse.lake.jobs.pool import Pool
    from signverse.lake.lake import Lake
    from signverse.lake.model.wording import byte_size, counted

    listed = read_manifest(manifest)
    check_start(asked, folder, lake, urls_of(listed.entries, listed.path))
    limits = Limits(byte_size(ahead), asked.keep_free, asked.attempts, asked.first_pause_s, asked.keep_going)
    workers = _extraction(how) if how is not None else None
    opened = Lake.create(lake)
    media = Media.make(folder)
    say_manifest(listed)
    write_sources(opened, listed)
    say_relabelled(relabel(opened, listed.entries))
    opened.refresh()
    work = make_work(listed, asked, opened, known_entries(opened))
    screen = LanesScreen(len(work.entries), extracts=workers is not None)
    with ExitStack() as stack:
        stack.enter_context(resumable())
        settings = stack.enter_context(scratch(asked.settings))
        running = stack.enter_context(Run(media.folder))
        downloads = stack.enter_context(Pool(asked.parallel, make_job, media.folder, settings))
        if workers is not None:
            stack.enter_context(workers)
        stack.enter_context(screen.shown())
        lanes = Lanes(
            opened,
            media,
            running,
            work,
            downloads,
            workers,
            limits,
            screen,
            keep_media=keep_media,
            stalled_s=how.stalled_s if how is not None else STALLED_S,
        )
        tally = lanes.go()
    if how is not None:
        from signverse.ingest.videos.compaction import tidy

        opened.refresh()
        tidy(opened)
    if listed.refused:
        say(f"{counted(len(listed.refused), 'row')} of the manifest refused")
    return tally


def _extraction(how: Extraction) -> Pool:
    """The pool that extracts, not started yet: its workers begin when a video is there.

    Raises:
        BadInputError: there are no models, or the device cannot be had.
    """
    from signverse.ingest.models.pair import find_models
    from signverse.ingest.models.runtime import resolve_device
    from signverse.ingest.videos.run import default_workers, extraction_pool

    pair = find_models(how.models, detector=how.detector, pose=how.pose)
    if pair.remark:
        say(pair.remark)
    in_use = resolve_device(how.device)
    count, threads = default_workers(None, in_use, how.workers)
    return extraction_pool(count, pair, in_use, threads, how.detect_every, how.exact, how.text)


def _end(tally: Tally, lake: Path, media: Path, *, extracted: bool) -> None:
    """The last lines of a run, and its exit code: 1 where something that may still be had was not."""
    from collections import Counter

    from signverse.lake.model.wording import counted, size_of

    words = [f"{counted(tally.downloaded, 'video')} downloaded ({size_of(tally.size)})"]
    if extracted:
        words.append(f"{tally.extracted:,} extracted ({counted(tally.frames, 'frame')})")
    ended = Counter(tally.ended.values())
    words += [f"{ended[outcome]:,} {outcome}" for outcome in ("unavailable", "blocked", "failed") if ended[outcome]]
    words += [f"{count:,} {state} before" for state, count in sorted(tally.before.items())]
    if tally.elsewhere:
        words.append(f"{len(tally.elsewhere):,} with another run")
    if tally.came_back:
        words.append(f"{tally.came_back:,} came back that had been unavailable")
    if tally.removed:
        words.append(f"{tally.removed:,} removed from the media folder that the lake had before")
    say(", ".join(words))
    if tally.stopped:
        complain(tally.stopped)
    if ended or tally.stopped:
        say(f"where everything stands: signverse status --lake {lake} --media {media}")
    if ended["blocked"] or ended["failed"] or tally.stopped:
        raise typer.Exit(1)


def status(
    lake: LakeOption,
    media: MaybeMediaOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every five seconds, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON, all of it.")] = False,
) -> None:
    """Say where a corpus stands: what is in, what waits, what could not be had and why.

    \b
    signverse status --lake LAKE --media DIR
    signverse status --lake LAKE --json
    """
    import json as json_module
    import sys
    import time

    from rich.console import Console
    from rich.live import Live

    from signverse.ingest.acquire.media import Media
    from signverse.ingest.acquire.status import look
    from signverse.ingest.cli.screen import status_screen
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import BadInputError

    if media is not None and not media.is_dir():
        raise BadInputError(f"there is no folder {media}", "Name the folder of the media, or leave --media out.")
    opened = Lake.open(lake)
    folder = Media(media) if media is not None else None
    if json:
        sys.stdout.write(json_module.dumps(look(opened, folder).as_json(), ensure_ascii=False, indent=1) + "\n")
        return
    # Piped, a line is as long as it is.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    if not watch:
        console.print(status_screen(look(opened, folder)))
        return
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            live.update(status_screen(look(opened, folder)), refresh=True)
            time.sleep(_LOOK_AGAIN_S)
            opened.refresh()
