"""`signverse ingest videos`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.ingest.cli.extraction_options import Extraction, extracting
from signverse.ingest.cli.shared import ManifestOption, ingest_group, resumable, say_failed, say_relabelled
from signverse.ingest.videos.redo import RedoCommand
from signverse.lake.cli.shared import LakeOption, say

if TYPE_CHECKING:
    from signverse.ingest.models.pair import ModelPair
    from signverse.ingest.videos.plan import Plan
    from signverse.ingest.videos.run import Summary
    from signverse.lake.lake import Lake


@ingest_group.command("videos", cls=RedoCommand)
@extracting
def videos(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Videos, with captions beside them (ID.en.vtt); or one video."),
    ],
    lake: LakeOption,
    manifest: ManifestOption = None,
    how: Extraction,
    redo: Annotated[
        str | None,
        typer.Option(
            "--redo",
            metavar="[WHERE]",
            help="Also videos that the lake has: all, or those that match a SQL condition over the view videos.",
        ),
    ] = None,
) -> None:
    """Extract the keypoints of videos into a lake.

    The lake is created if there is none. A video's id is its file name without the ending. Videos that the lake has
    are skipped, so the same command continues after an interruption.

    \b
    signverse ingest videos FOLDER --manifest manifest.csv --lake LAKE
    signverse ingest videos FOLDER --lake LAKE --redo "detect_every > 1"
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.models.pair import find_models
    from signverse.ingest.models.runtime import resolve_device
    from signverse.ingest.videos.plan import plan_videos
    from signverse.ingest.videos.redo import videos_to_keep
    from signverse.ingest.videos.relabel import relabel
    from signverse.lake.cli.maintain import compact_small_files
    from signverse.lake.lake import Lake

    # Whatever can be refused is checked before anything is created.
    listed = read_manifest(manifest) if manifest else None
    plan_videos(folder, listed, set())
    pair = find_models(how.models, detector=how.detector, pose=how.pose)
    device = resolve_device(how.device)
    opened = Lake.create(lake)
    done = videos_to_keep(opened, redo)
    if listed:
        write_sources(opened, listed)
        # Videos that are extracted again take the manifest's language anyway.
        say_relabelled(relabel(opened, {key: entry for key, entry in listed.entries.items() if key in done}))
    plan = plan_videos(folder, listed, done, known_entries(opened))
    if listed:
        plan.refused += listed.refused
    for line in (pair.remark, *(listed.remarks if listed else ()), *plan.remarks, *(why for _, why in plan.refused)):
        if line:
            say(line)
    summary = _extract(opened, plan, pair, device, how)
    opened.refresh()
    compact_small_files(opened)
    _report(summary, plan, device, lake)


def _extract(lake: Lake, plan: Plan, pair: ModelPair, device: str, how: Extraction) -> Summary:
    """Runs the extraction under a progress bar."""
    from signverse.ingest.cli.progress import ProgressBar
    from signverse.ingest.videos.run import ingest_videos
    from signverse.ingest.videos.workers import default_workers

    workers, threads = default_workers(len(plan.tasks), device, how.workers)
    with resumable(), ProgressBar(plan.tasks, plan.done) as bar:
        return ingest_videos(
            lake,
            plan,
            pair,
            listener=bar,
            device=device,
            workers=workers,
            threads=threads,
            detect_every=how.detect_every,
            stalled_s=how.stalled_s,
            exact=how.exact,
            text=how.text,
        )


def _report(summary: Summary, plan: Plan, device: str, lake: Path) -> None:
    """Says how the extraction went; exits with 1 where a video failed or was refused."""
    from signverse.lake.model.wording import counted

    skipped = f", {plan.done:,} already in the lake" if plan.done else ""
    rate = f", {summary.frames / summary.seconds:,.1f} frames/s on {device}" if summary.frames else ""
    say(f"{counted(summary.done, 'video')} in{skipped}, {counted(summary.frames, 'frame')}{rate}")
    if failed := summary.failed + len(plan.refused):
        say_failed(failed, lake)
        raise typer.Exit(1)
