"""`signverse ingest captions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.ingest.captions.settings import TextSettings
from signverse.ingest.cli.extraction_options import SentencesOption, SoundMarksOption
from signverse.ingest.cli.shared import StalledAfterOption, ingest_group, resumable, say_failed
from signverse.ingest.extract.defaults import STALLED_S
from signverse.lake.cli.shared import DryRunOption, LakeOption, WorkerMemoryOption, complain, say

if TYPE_CHECKING:
    from signverse.ingest.recaption.find import FoundCaptions
    from signverse.ingest.recaption.run import Summary

_SHOWN = 20
"""Videos that are named one by one."""


@ingest_group.command("captions")
def captions(
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER_OR_TAR", help="Folders of captions (ID.en.vtt, ID.srt), or subtitles tars."),
    ],
    lake: LakeOption,
    only: Annotated[
        bool, typer.Option("--only", help="Remove the tracks that the lake has of these videos and FOLDER lacks.")
    ] = False,
    sound_marks: SoundMarksOption = "keep",
    sentences: SentencesOption = False,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
    dry_run: DryRunOption = False,
) -> None:
    """Take captions for videos that the lake has.

    For captions that come later, were corrected or are in another format: nothing is extracted again. A track takes the
    place of the lake's track of the same language and kind; the others stay. The clips are then those that extraction
    with these captions would have made. Selections and exports that were made before name the earlier clips.

    \b
    signverse ingest captions FOLDER --lake LAKE
    signverse ingest captions FOLDER --lake LAKE --dry-run
    signverse ingest captions subtitles.tar --lake LAKE --sentences
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.recaption.find import find_captions
    from signverse.ingest.recaption.run import ingest_captions
    from signverse.lake.jobs.executor import WorkerLimits
    from signverse.lake.lake import Lake

    # Opened before it is prepared for writing: a lake that is not there is not made.
    Lake.open(lake).close()
    opened = Lake.create(lake)
    found = find_captions(sources, opened.snapshot.visible()["video_id"].to_list())
    text = TextSettings(sound_marks=sound_marks == "keep", sentences=sentences)
    limits = WorkerLimits(worker_memory, stalled_after)
    with resumable():
        summary = ingest_captions(opened, found, text=text, only=only, dry_run=dry_run, limits=limits)
    _report(summary, found, lake, dry_run=dry_run)


def _report(summary: Summary, found: FoundCaptions, lake: Path, *, dry_run: bool) -> None:
    """Says what became of each video, and the sum; exits with 1 where captions cannot be read."""
    from signverse.lake.model.wording import counted, some

    changed = [video for video in summary.videos if video.change]
    for video in changed[:_SHOWN]:
        say(f"{video.video_id}: {'; '.join([video.change, *video.remarks])}")
    if len(changed) > _SHOWN:
        say(f"and {counted(len(changed) - _SHOWN, 'more video')}, whose changes are in the table outcomes")
    for video in summary.videos:
        if video.failed:
            complain(f"{video.video_id}: failed: {video.failed}")
    for remark in found.remarks:
        say(remark)
    if found.unknown:
        has = "belongs" if len(found.unknown) == 1 else "belong"
        say(f"{counted(len(found.unknown), 'caption file')} {has} to no video of the lake: {some(found.unknown)}")
    if found.repeated:
        count = counted(len(found.repeated), "caption file")
        say(f"{count} skipped, of the same name as one of another folder: {some(found.repeated)}")
    tracks = ", ".join(
        f"{number:,} {word}"
        for word in ("new", "replaced", "removed")
        if (number := {"new": summary.new, "replaced": summary.replaced, "removed": summary.removed}[word])
    )
    would = "would get" if dry_run else "got"
    say(
        f"{counted(summary.changed, 'video')} {would} captions{f' (tracks: {tracks})' if tracks else ''}, "
        f"{summary.unchanged:,} unchanged"
    )
    if summary.failed:
        say_failed(summary.failed, lake)
        raise typer.Exit(1)
