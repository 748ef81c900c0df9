"""`signverse fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from signverse.lake.cli.shared import LakeOption, WorkerMemoryOption, say

if TYPE_CHECKING:
    pass

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A hub data set [@revision], an https:// or s3:// folder of tars, or a local one."
    ),
]


def fetch(
    source: SourceArgument,
    lake: LakeOption,
    manifest: ManifestOption = None,
    ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="List of the video ids that are wanted, in any form of a manifest."),
    ] = None,
    language: LanguageOption = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="State JSON of the upload (default: the one at the source, if there is one)."
        ),
    ] = None,
    no_repair: Annotated[
        bool, typer.Option("--no-repair", help="Keep values as published, with their known defects.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars read in parallel.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Also videos that the lake has.")] = False,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
) -> None:
    """Fetch wanted videos of released shards that lie elsewhere, and nothing else of them.

    \b
    signverse fetch SignerX/SignVerse-2M --manifest manifest.csv --language asf --language bfi --lake LAKE
    signverse fetch SHARDS --ids wanted.txt --lake LAKE
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.remote.fetch.find import find_videos
    from signverse.ingest.remote.fetch.into_lake import fetch_into_lake
    from signverse.ingest.remote.fetch.streams import Streams
    from signverse.ingest.remote.fetch.wanted import choose_wanted
    from signverse.ingest.remote.sources.address import open_source
    from signverse.ingest.shards.importer import in_lake
    from signverse.ingest.videos.relabel import relabel
    from signverse.lake.cli.maintain import compact_small_files
    from signverse.lake.lake import Lake
    from signverse.lake.model.languages import resolve

    with mistyped():
        codes = [resolve(name) for name in language or ()]
    listed = read_manifest(manifest) if manifest else None
    named = read_manifest(ids) if ids else None
    if listed:
        say_manifest(listed)
    opened = Lake.create(lake)
    wanted = choose_wanted(known_entries(opened), manifest=listed, ids=named, languages=codes)
    with open_source(source) as opened_source, Streams() as streams, resumable():
        if listed:
            write_sources(opened, listed)
            if not redo:
                say_relabelled(relabel(opened, listed.entries))
        there = frozenset[str]() if redo else in_lake(opened)
        left = [video_id for video_id in wanted.ids if video_id not in there]
        found = find_videos(opened_source, left, streams, state=state)
        account, _summary = fetch_into_lake(
            opened, found, wanted, left, streams, repair=not no_repair, workers=workers,
            memory_mb=worker_memory, stalled_s=stalled_after,
        )  # fmt: skip
    opened.refresh()
    compact_small_files(opened)
    say(f"{account.fetched} of {account.wanted} fetched, {account.bytes} bytes")
    for line in account.reasons():
        say(f"  {line}")
    if account.failed:
        say_failed(len(account.failed), lake)
        raise typer.Exit(1)
