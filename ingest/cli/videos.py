"""`signverse ingest videos`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from signverse.ingest.cli.extraction_options import extracting
from signverse.ingest.cli.shared import ManifestOption, ingest_group, resumable, say_failed, say_relabelled
from signverse.ingest.videos.options import ExtractionOptions
from signverse.ingest.videos.redo import RedoCommand
from signverse.lake.cli.option_groups import one_of
from signverse.lake.cli.shared import LakeOption, say

if TYPE_CHECKING:
    from signverse.ingest.videos.options import IdFrom
    from signverse.ingest.videos.plan import Plan
    from signverse.ingest.videos.run import Summary


IdFromOption = Annotated[
    str,
    typer.Option(
        "--id-from",
        callback=one_of("name", "path"),
        metavar="name|path",
        help="A video's id is its file's name, or its path in FOLDER: day1/a.mp4 is a, or day1__a.",
    ),
]

RedoOption = Annotated[
    str | None,
    typer.Option(
        "--redo",
        metavar="[WHERE]",
        help="Also videos that the lake has: all, or those that match a SQL condition over the view videos.",
    ),
]

_MANY: Final = 10
"""Videos after which the remarks about the folder are repeated at the end."""


@ingest_group.command("videos", cls=RedoCommand)
@extracting
def videos(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Videos, with captions beside them (ID.en.vtt, .srt); or one video."),
    ],
    lake: LakeOption,
    manifest: ManifestOption = None,
    how: ExtractionOptions,
    id_from: IdFromOption = "name",
    redo: RedoOption = None,
) -> None:
    """Extract the keypoints of videos into a lake.

    The lake is created if there is none. A video's id is its file name without the ending; of 'Title [ID].mp4', as
    yt-dlp names files, it is ID. Linked folders are read, and what is not used is counted. Videos that the lake has
    are skipped, so the same command continues after an interruption.

    \b
    signverse ingest videos FOLDER --manifest manifest.csv --lake LAKE
    signverse ingest videos FOLDER --lake LAKE --redo "detect_every > 1"
    signverse ingest videos FOLDER --lake LAKE --id-from path
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.cli.progress import ProgressBar
    from signverse.ingest.manifest import read_manifest
    from signverse.ingest.videos.prepare import prepare_videos
    from signverse.ingest.videos.run import ingest_videos
    from signverse.ingest.videos.workers import default_workers
    from signverse.lake.cli.maintain import compact_small_files

    listed = read_manifest(manifest) if manifest else None
    prepared = prepare_videos(folder, lake, how, manifest=listed, redo=redo, id_from=cast("IdFrom", id_from))
    say_relabelled(prepared.relabelled)
    for line in prepared.remarks:
        say(line)
    plan, device = prepared.plan, prepared.device
    workers, threads = default_workers(len(plan.tasks), device, how.workers)
    with resumable(), ProgressBar(plan.tasks, plan.done) as bar:
        summary = ingest_videos(
            prepared.lake,
            plan,
            prepared.models,
            listener=bar,
            device=device,
            workers=workers,
            threads=threads,
            detect_every=how.detect_every,
            stalled_s=how.stalled_s,
            memory_mb=how.memory_mb,
            exact=how.exact,
            text=how.text,
        )
    prepared.lake.refresh()
    compact_small_files(prepared.lake)
    _report(summary, plan, device, lake)


def _report(summary: Summary, plan: Plan, device: str, lake: Path) -> None:
    """Says how the extraction went; exits with 1 where a video failed or was refused."""
    from signverse.lake.model.wording import counted

    skipped = f", {plan.done:,} already in the lake" if plan.done else ""
    skipped += f", {plan.forgotten:,} forgotten" if plan.forgotten else ""
    rate = f", {summary.frames / summary.seconds:,.1f} frames/s on {device}" if summary.frames else ""
    say(f"{counted(summary.done, 'video')} ingested{skipped}, {counted(summary.frames, 'frame')}{rate}")
    # What was said at the beginning is out of sight after many videos.
    left = plan.remarks if len(plan.tasks) >= _MANY else []
    for line in (*summary.account.lines(), *left):
        say(f"  {line}")
    if failed := summary.failed + len(plan.refused):
        say_failed(failed, lake)
        raise typer.Exit(1)
