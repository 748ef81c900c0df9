"""`signverse ingest shards` and `signverse inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from signverse.ingest.cli.shared import (
    LanguageOption,
    ManifestOption,
    ingest_group,
    resumable,
    say_manifest,
    say_relabelled,
)
from signverse.lake.cli.shared import FormatOption, LakeOption, OutOption, WideOption, say

if TYPE_CHECKING:
    from signverse.ingest.shards.importer import ImportSummary
    from signverse.ingest.shards.reader import Options
    from signverse.lake.lake import Lake

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
) -> None:
    """Import released shards, straight from the tars.

    The dialect of each video (card, consolidated or per-frame) is recognised by its content. Known defects are
    repaired and recorded in videos.repairs. Pickled data is parsed, never executed. Videos that the lake has are
    skipped, so the same command continues after an interruption. A state JSON (archive_upload_progress.json) in a
    folder says which videos each tar should hold: those that it lacks are recorded.

    \b
    signverse ingest shards SHARDS --manifest manifest.csv --lake LAKE
    signverse ingest shards SHARDS --language asf --language bfi --lake LAKE
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.cli.shards_report import report
    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.shards.caption_tracks import index_captions
    from signverse.ingest.shards.reader import Options
    from signverse.ingest.shards.tar_files import sort_tars
    from signverse.ingest.shards.upload_state import listed_videos
    from signverse.ingest.videos.relabel import relabel
    from signverse.lake.cli.maintain import compact_small_files
    from signverse.lake.lake import Lake
    from signverse.lake.model.languages import resolve

    codes = frozenset(resolve(name) for name in language or ())
    listed = read_manifest(manifest) if manifest else None
    found = sort_tars(tars, subtitles or ())
    for path in found.recognised:
        say(f"{path}: a subtitles tar, read as captions")
    expected = listed_videos(tars)
    index = index_captions(found.subtitles)
    opened = Lake.create(lake)
    if listed:
        write_sources(opened, listed)
        if not redo:
            say_relabelled(relabel(opened, listed.entries))
        say_manifest(listed)
    known = known_entries(opened) | (listed.entries if listed else {})
    options = Options(known, codes, not no_repair, index)
    summary = _import(opened, found.shards, options, workers=workers, redo=redo, listed=expected)
    opened.refresh()
    compact_small_files(opened)
    report(summary, len(found.shards), lake, manifest=listed is not None)


def _import(
    lake: Lake,
    shards: list[Path],
    options: Options,
    *,
    workers: int,
    redo: bool,
    listed: Mapping[str, frozenset[str]],
) -> ImportSummary:
    """Runs the import under a progress bar."""
    from signverse.ingest.cli.shards_report import ImportProgress
    from signverse.ingest.shards.importer import import_shards

    with resumable(), ImportProgress(len(shards)) as progress:
        return import_shards(
            lake,
            shards,
            options,
            workers=workers,
            redo=redo,
            listed=listed,
            on_video=progress.on_video,
            on_shard=progress.on_shard,
        )


_SHORT: Final = ("video_id", "dialect", "frames", "people", "defects", "captions", "problem")
"""Columns of `inspect` in a table without --wide."""


def inspect(
    tars: ShardsArgument, wide: WideOption = False, format: FormatOption = None, output: OutOption = None
) -> None:
    """Show what is in shards: dialects, people, defects, captions.

    One row for each video; a table has the main columns, with --wide all. Nothing is imported. Pickled data is parsed,
    never executed.

    \b
    signverse inspect Sign_DWPose_NPZ_000001.tar
    signverse inspect SHARDS -o shards.csv
    """
    import polars as pl

    from signverse.ingest.shards.inspection import inspect_shard
    from signverse.ingest.shards.tar_files import find_tars
    from signverse.lake.model.wording import counted
    from signverse.lake.query.output import Format, pick_format, write_rows

    form = pick_format(Format(format) if format else None, output)
    paths = find_tars(tars)
    rows = [row for path in paths for row in inspect_shard(path)]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    write_rows(frame.select(_SHORT) if form is Format.table and not wide else frame, form, output, wide=wide)
    failed = sum(bool(row["problem"]) for row in rows)
    say(f"{counted(len(rows), 'video')} in {counted(len(paths), 'shard')}, {counted(failed, 'problem')}")
    if failed:
        raise typer.Exit(1)
