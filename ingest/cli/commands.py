"""The commands that fill a lake: ingest, models, doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signverse.ingest.cli.extraction_options import Extraction, ModelsOption, extracting
from signverse.ingest.videos.redo import RedoCommand
from signverse.lake.cli.groups import CommandGroup
from signverse.lake.cli.shared import FormatOption, LakeOption, OutOption, complain, is_quiet, say

if TYPE_CHECKING:
    from signverse.ingest.manifest import Manifest

ingest = typer.Typer(
    cls=CommandGroup, help="Bring videos and released shards into a lake.", no_args_is_help=True, rich_markup_mode=None
)
models = typer.Typer(
    cls=CommandGroup, help="The two ONNX models that extraction needs.", no_args_is_help=True, rich_markup_mode=None
)


@contextmanager
def going_on() -> Iterator[None]:
    """Says after Ctrl-C what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted: what was finished is in the lake, and the same command goes on from there")
        raise


def tell_relabelled(changed: list[str]) -> None:
    """Says which videos of the lake got another language by the manifest."""
    from signverse.lake.model.wording import counted, some

    if changed:
        say(f"{counted(len(changed), 'video')} relabelled by the manifest: {some(changed)}")


def tell_manifest(listed: Manifest) -> None:
    """Says what a manifest was taken for, and which rows are refused."""
    for line in (*listed.remarks, *(why for _, why in listed.refused)):
        say(line)


def mount(app: typer.Typer) -> None:
    """Adds the commands of this room."""
    app.add_typer(ingest, name="ingest")
    app.add_typer(models, name="models")
    app.command("inspect")(inspect)
    app.command("doctor")(doctor)
    app.command("quickstart")(quickstart)


@ingest.command("videos", cls=RedoCommand)
@extracting
def videos(
    *,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Videos, with captions beside them: ID.en.vtt.")],
    lake: LakeOption,
    manifest: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Video ids and their sign languages, with or without a header.")
    ] = None,
    how: Extraction,
    redo: Annotated[
        str | None,
        typer.Option(
            "--redo",
            metavar="[WHERE]",
            help="Also videos that the lake has already: all, or those that fit a condition in SQL over the view"
            " videos.",
        ),
    ] = None,
) -> None:
    """Extract the keypoints of videos into a lake.

    The lake is made where there is none. A video's id is its file name without the ending. Videos that the lake has
    are skipped, so the same command goes on after an interruption.

    \b
    signverse ingest videos FOLDER --manifest manifest.csv --lake LAKE
    signverse ingest videos FOLDER --lake LAKE --detect-every 1 --redo "detect_every > 1 or writer_version < '0.2'"
    """
    from signverse.ingest.cli.progress import ProgressBar
    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.models.pair import find_models
    from signverse.ingest.models.runtime import resolve_device
    from signverse.ingest.videos.compaction import tidy
    from signverse.ingest.videos.redo import kept_videos
    from signverse.ingest.videos.relabel import relabel
    from signverse.ingest.videos.run import default_workers, ingest_videos, plan_videos
    from signverse.lake.lake import Lake
    from signverse.lake.model.wording import counted

    # All that can be refused is looked at before anything is made.
    listed = read_manifest(manifest) if manifest else None
    plan_videos(folder, listed, set())
    pair = find_models(how.models, detector=how.detector, pose=how.pose)
    in_use = resolve_device(how.device)
    opened = Lake.create(lake)
    done = kept_videos(opened, redo)
    if listed:
        write_sources(opened, listed)
        # What is done again takes the manifest's word anyway.
        tell_relabelled(relabel(opened, {key: entry for key, entry in listed.entries.items() if key in done}))
    plan = plan_videos(folder, listed, done, known_entries(opened))
    if listed:
        plan.refused += listed.refused
    for line in (pair.remark, *(listed.remarks if listed else ()), *plan.remarks, *(why for _, why in plan.refused)):
        if line:
            say(line)
    count, threads = default_workers(len(plan.tasks), in_use, how.workers)
    with going_on(), ProgressBar(plan.tasks, plan.done) as bar:
        tally = ingest_videos(
            opened,
            plan,
            pair,
            listener=bar,
            device=in_use,
            workers=count,
            threads=threads,
            detect_every=how.detect_every,
            stalled_s=how.stalled_s,
            exact=how.exact,
            text=how.text,
        )
    opened.refresh()
    tidy(opened)
    skipped = f", {plan.done:,} there already" if plan.done else ""
    rate = f", {tally.frames / tally.seconds:,.1f} frames/s on {in_use}" if tally.frames else ""
    say(f"{counted(tally.done, 'video')} in{skipped}, {counted(tally.frames, 'frame')}{rate}")
    if tally.failed or plan.refused:
        complain(
            f"{tally.failed + len(plan.refused):,} could not be done; what happened: "
            f"signverse sql \"from outcomes where outcome = 'failed'\" --lake {lake}"
        )
        raise typer.Exit(1)


@ingest.command("shards")
def shards(
    tars: Annotated[list[Path], typer.Argument(metavar="TAR_OR_FOLDER...", help="Shards, or folders of shards.")],
    lake: LakeOption,
    manifest: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Video ids and their sign languages; its word counts.")
    ] = None,
    captions: Annotated[
        list[Path] | None, typer.Option(metavar="TAR_OR_FOLDER", help="Subtitles tars that came with it; repeatable.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", "-l", metavar="LANGUAGE", help="Only videos of this sign language; repeatable."),
    ] = None,
    no_repair: Annotated[
        bool, typer.Option("--no-repair", help="Keep what the files claim, with the defects of the published ones.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars read side by side.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Also videos that the lake has already.")] = False,
) -> None:
    """Import released shards, straight from the tars.

    All three dialects of SignVerse-2M are read, told by their content: card, consolidated and per-frame. Known defects
    are put right and recorded with each video. Nothing that a file brings is ever run. Videos that the lake has are
    skipped, and with --language all others are passed over unread. A state JSON (archive_upload_progress.json) in a
    folder tells which videos a tar should hold.

    \b
    signverse ingest shards SHARDS --lake LAKE --manifest manifest.csv --language asf --language bfi
    """
    from rich.progress import MofNCompleteColumn, Progress

    from signverse.ingest.manifest import known_entries, read_manifest, write_sources
    from signverse.ingest.shards.caption_tracks import index_captions, is_subtitles_tar
    from signverse.ingest.shards.importer import Failure, Options, find_shards, import_shards
    from signverse.ingest.shards.upload_state import listed_videos
    from signverse.ingest.videos.compaction import tidy
    from signverse.ingest.videos.relabel import relabel
    from signverse.lake.cli.progress import stderr_console
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.languages import resolve
    from signverse.lake.model.wording import counted
    from signverse.lake.storage.committer import VideoRows

    codes = frozenset(resolve(asked) for asked in language or ())
    listed = read_manifest(manifest) if manifest else None
    # Of a folder only the subtitles tars: the shards may lie in the same one.
    named = find_shards(captions) if captions else []
    apart = [path for path in named if path in (captions or ()) or is_subtitles_tar(path)]
    if captions and not apart:
        raise BadInputError(f"there is no subtitles tar in {', '.join(map(str, captions))}", "Leave --captions out.")
    away = {path.resolve() for path in apart}
    paths = [path for path in find_shards(tars) if path.resolve() not in away]
    for path in [path for path in paths if is_subtitles_tar(path)]:
        say(f"{path}: a subtitles tar, read as captions")
        apart.append(path)
        paths.remove(path)
    if not paths:
        raise BadInputError(f"there is no shard among {', '.join(map(str, tars))}", "Name release tars.")
    expected = listed_videos(tars)
    index = index_captions(apart)
    opened = Lake.create(lake)
    if listed:
        write_sources(opened, listed)
        if not redo:
            tell_relabelled(relabel(opened, listed.entries))
        tell_manifest(listed)
    known = known_entries(opened) | (listed.entries if listed else {})
    options = Options(known, codes, not no_repair, index)
    console = stderr_console()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("shards", total=len(paths))

        def on_video(item: object) -> None:
            if isinstance(item, Failure):
                console.print(f"{item.video_id}: failed: {item.why}", markup=False)
            elif isinstance(item, VideoRows) and "bad_captions" in item.reason:
                console.print(f"{item.video['video_id']}: {item.message}", markup=False)

        def on_shard(_: Path) -> None:
            progress.advance(bar)

        with going_on():
            tally = import_shards(
                opened,
                paths,
                options,
                workers=workers,
                redo=redo,
                listed=expected,
                on_video=on_video,
                on_shard=on_shard,
            )
    opened.refresh()
    tidy(opened)
    there = f", {tally.there:,} there already" if tally.there else ""
    say(
        f"{counted(tally.done, 'video')} in{there}, {counted(tally.frames, 'frame')}, "
        f"from {counted(len(paths), 'shard')}"
    )
    if tally.undetermined:
        why = "the manifest does not name them" if listed else "name it with --manifest"
        say(f"  without a language (und): {counted(tally.undetermined, 'video')}; {why}")
    for word, count in tally.repaired.most_common():
        say(f"  repaired: {word} in {counted(count, 'video')}")
    if tally.other_language:
        why = "" if listed else " (without --manifest only card shards tell their language)"
        say(f"  passed over: {counted(tally.other_language, 'video')} of other languages{why}")
    if tally.repeated:
        say(f"  left out: {counted(tally.repeated, 'video')} that came in another tar already")
    if tally.absent:
        say(f"  absent: {counted(tally.absent, 'video')} that the state JSON lists and the tars lack")
    if tally.failed:
        complain(
            f"{tally.failed:,} could not be done; what happened: "
            f"signverse sql \"from outcomes where outcome = 'failed'\" --lake {lake}"
        )
        raise typer.Exit(1)


def inspect(
    tars: Annotated[list[Path], typer.Argument(metavar="TAR...", help="Shards, or folders of shards.")],
    format: FormatOption = None,
    output: OutOption = None,
) -> None:
    """Say what is in a shard: dialects, people, defects, captions.

    A row a video. Nothing is written, and nothing that a file brings is run.

    \b
    signverse inspect Sign_DWPose_NPZ_000001.tar
    """
    import polars as pl

    from signverse.ingest.shards.importer import find_shards
    from signverse.ingest.shards.inspection import inspect_shard
    from signverse.lake.model.wording import counted
    from signverse.lake.query.output import Format, pick_format, write_rows

    form = pick_format(Format(format) if format else None, output)
    paths = find_shards(tars)
    rows = [row for path in paths for row in inspect_shard(path)]
    write_rows(pl.DataFrame(rows, infer_schema_length=None), form, output)
    failed = sum(bool(row["problem"]) for row in rows)
    say(f"{counted(len(rows), 'video')} in {counted(len(paths), 'shard')}, {counted(failed, 'problem')}")
    if failed:
        raise typer.Exit(1)


@models.command("list")
def list_models(models: ModelsOption = None) -> None:
    """List the models in the folder and what each can be used for.

    \b
    signverse models list --models DIR
    """
    from signverse.ingest.models.pair import find_models
    from signverse.ingest.models.pair import list_models as listing
    from signverse.ingest.models.pins import default_folder
    from signverse.lake.model.errors import BadInputError

    folder = models or default_folder()
    found = listing(folder)
    if not found:
        raise BadInputError(f"no .onnx file in {folder}", "Fetch the pair: signverse models pull.")
    for model in found:
        typer.echo(f"{model.name}\t{model.size:,} bytes\t{model.role}{', the published file' if model.pinned else ''}")
    pair = find_models(folder)
    typer.echo(f"in use: {pair.detector.name} and {pair.pose.name}")


@models.command("pull")
def pull(models: ModelsOption = None) -> None:
    """Download DWPose's two models (351 MB) from the Hugging Face hub, checked by size and sha256.

    An interrupted download goes on where it stopped.

    \b
    signverse models pull
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from signverse.ingest.models.pull import pull as fetch
    from signverse.lake.cli.progress import stderr_console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = stderr_console()
    with Progress(*columns, console=console, disable=is_quiet()) as progress:
        bars: dict[str, Any] = {}

        def on_bytes(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done)

        paths = fetch(models, progress=on_bytes)
    for path in paths:
        typer.echo(str(path))


def doctor(models: ModelsOption = None) -> None:
    """Say what this machine has and what would be used."""
    from signverse.ingest.doctor import examine

    trouble = False
    for check in examine(models):
        typer.echo(f"{'ok ' if check.fine else 'NO '} {check.name}: {check.found}")
        trouble = trouble or not check.fine
    raise typer.Exit(1 if trouble else 0)


def quickstart(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what it makes.")] = Path("signverse-quickstart"),
    models: ModelsOption = None,
    pull: Annotated[
        bool, typer.Option("--pull", help="Fetch the models (351 MB), to extract a real person too.")
    ] = False,
) -> None:
    """Show the main job on a small sample that comes along.

    No data and no network are needed. Every command is printed before its output.
    """
    from signverse.ingest import quickstart as show

    def command(words: list[str]) -> int:
        app = context.find_root().command
        try:
            app.main(words, prog_name="signverse", standalone_mode=True)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 0
        return 0

    show.run(command, out, models, pull=pull)
