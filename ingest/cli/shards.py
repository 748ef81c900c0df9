"""`signverse ingest shards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.ingest.cli.shared import (
    LanguageOption,
    ManifestOption,
    StalledAfterOption,
    ingest_group,
    resumable,
    say_manifest,
    say_relabelled,
)
from signverse.ingest.extract.defaults import STALLED_S
from signverse.lake.cli.option_groups import mistyped
from signverse.lake.cli.shared import LakeOption, WorkerMemoryOption, say

if TYPE_CHECKING:
    from signverse.ingest.manifest import Manifest
    from signverse.ingest.shards.prepare import PreparedImport

ShardsArgument = Annotated[
    list[Path], typer.Argument(metavar="TAR_OR_FOLDER", help="Tars of released shards, or folders of them.")
]


@ingest_group.command("shards")
def shards(
    tars: ShardsArgument,
    lake: LakeOption,
    manifest: ManifestOption = None,
    subtitles: Annotated[
        list[Path] | None,
        typer.Option(metavar="TAR_OR_FOLDER", help="Subtitles tars that were released beside the shards; repeatable."),
    ] = None,
    language: LanguageOption = None,
    no_repair: Annotated[
        bool, typer.Option("--no-repair", help="Keep values as published, with their known defects.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars read in parallel.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Also videos that the lake has.")] = False,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
) -> None:
    """Import released shards, straight from the tars.

    The dialect of each video (card, consolidated, per-frame or per-frame-dicts) is recognised by its content. Known
    defects are repaired and recorded in videos.repairs. Pickled data is parsed, never executed. Videos that the lake
    has are skipped, so the same command continues after an interruption. A state JSON (archive_upload_progress.json) in
    a folder says which videos each tar should hold: those that it lacks are recorded.

    \b
    signverse ingest shards SHARDS --manifest manifest.csv --lake LAKE
    signverse ingest shards SHARDS --language asf --language bfi --lake LAKE
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.cli.shards_report import ImportProgress, report
    from signverse.ingest.manifest import read_manifest
    from signverse.ingest.shards.importer import import_shards
    from signverse.ingest.shards.prepare import prepare_import
    from signverse.lake.cli.maintain import compact_small_files
    from signverse.lake.model.languages import resolve

    with mistyped():
        codes = [resolve(name) for name in language or ()]
    listed = read_manifest(manifest) if manifest else None
    prepared = prepare_import(
        tars, lake, subtitles=subtitles or (), manifest=listed, languages=codes, repair=not no_repair, redo=redo
    )
    _say_prepared(prepared, listed)
    with resumable(), ImportProgress(len(prepared.tars.shards)) as progress:
        summary = import_shards(
            prepared.lake,
            prepared.tars.shards,
            prepared.options,
            workers=workers,
            redo=redo,
            memory_mb=worker_memory,
            stalled_s=stalled_after,
            listed=prepared.listed,
            on_video=progress.on_video,
            on_shard=progress.on_shard,
        )
    prepared.lake.refresh()
    compact_small_files(prepared.lake)
    report(summary, len(prepared.tars.shards), lake, manifest=listed is not None)


def _say_prepared(prepared: PreparedImport, listed: Manifest | None) -> None:
    """Says what is known before the first tar is read."""
    for line in prepared.tars.remarks:
        say(line)
    say_relabelled(prepared.relabelled)
    if listed:
        say_manifest(listed)
