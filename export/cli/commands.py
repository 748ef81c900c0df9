"""The commands export shards and verify, and the places of the others.

Imported at every start of the command line: what is heavy is imported by the commands themselves.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.export.cli import clips as clip_commands
from signverse.export.cli import explore as explore_command
from signverse.export.cli import forget as forget_command
from signverse.export.cli import picture as picture_command
from signverse.export.cli import publish as publish_command
from signverse.export.cli import video as video_command
from signverse.export.cli.forget import InExportsOption, VideosOfListOption, verify_forgotten
from signverse.export.cli.options import (
    CardOption,
    ExportOption,
    LicenceOption,
    OverwriteOption,
    StalledAfterOption,
    WorkersOption,
    say_stale_card,
    wants_card,
    worker_limits,
    writing,
)
from signverse.export.formats.defaults import BODY_SCORES, LAYOUTS, VIDEOS_PER_SHARD
from signverse.lake.cli.groups import CommandGroup
from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.selection_options import selecting
from signverse.lake.cli.shared import (
    OptionalLakeOption,
    VideoIdCommand,
    WorkerMemoryOption,
    complain,
    reading,
    say,
    show,
)

if TYPE_CHECKING:
    from signverse.lake.lake import Lake
    from signverse.lake.query.selection import Selection

export = typer.Typer(
    cls=CommandGroup,
    help="Write release shards, or clips in other formats.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def mount(app: typer.Typer) -> None:
    """Add the commands of this package."""
    app.add_typer(export, name="export")
    app.command("publish")(publish_command.publish)
    app.command("explore")(explore_command.explore)
    app.command("verify", cls=VideoIdCommand)(verify)
    app.command("forget", cls=VideoIdCommand)(forget_command.forget)
    app.command("picture", cls=VideoIdCommand)(picture_command.picture)
    app.command("video", cls=VideoIdCommand)(video_command.video)


@export.command("shards")
@reading
@selecting
def shards(
    *,
    opened: Lake,
    out: ExportOption,
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            "--dialect",
            callback=one_of(*LAYOUTS),
            metavar="|".join(LAYOUTS),
            help="Layout of the tar: card (dataset card) or consolidated (released tars).",
        ),
    ] = LAYOUTS[0],
    body_scores: Annotated[
        str,
        typer.Option(
            callback=one_of(*BODY_SCORES),
            metavar="|".join(BODY_SCORES),
            help="Of consolidated: scores, or index codes in their place as in the released tars, which the published "
            "visualiser needs to draw limbs in its style openpose.",
        ),
    ] = BODY_SCORES[0],
    frames: Annotated[
        str,
        typer.Option(
            callback=one_of("all", "clips"),
            metavar="all|clips",
            help="All frames of the chosen videos, or those of the chosen clips only; frames keep their numbers.",
        ),
    ] = "all",
    selection: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File written by `signverse select -o` (default: all videos).")
    ] = None,
    conditions: Selection,
    videos_per_shard: Annotated[int, typer.Option(min=1, metavar="N", help="Videos per tar.")] = VIDEOS_PER_SHARD,
    shard_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="About how large a tar may be, such as 2GB; instead of N videos.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            callback=one_of("video_id", "source"),
            metavar="video_id|source",
            help="Order of the videos: by id, or as in the shards that they came from.",
        ),
    ] = "video_id",
    workers: WorkersOption = 1,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = None,
    overwrite: OverwriteOption = False,
    card: CardOption = False,
    licence: LicenceOption = None,
) -> None:
    """Write videos or clips as release shards.

    A shard is a tar of a poses.npz and the captions of each video. Beside the tars: index.csv (a video a row),
    members.parquet (where in its tar each file is) and SHA256SUMS. The same lake gives the same bytes. After an
    interruption the same command goes on with the tars that are missing. Choose with a file that `select` wrote, or
    with the same options.

    \b
    signverse export shards --lake LAKE --out DIR
    signverse export shards --lake LAKE --out DIR --selection clips.parquet
    signverse export shards --lake LAKE --out DIR -l asf -l bfi --captioned
    signverse export shards --lake LAKE --out DIR --card --licence cc-by-4.0
    signverse export shards --lake LAKE --out DIR --layout consolidated
    """
    # Long because: its options are declared here.
    from signverse.export.release.choice import choose, chosen_clips, chosen_segments, chosen_videos, frames_of
    from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
    from signverse.lake.model.errors import MistypedError
    from signverse.lake.model.wording import byte_size, counted

    codes = body_scores == "codes"
    if codes and layout != "consolidated":
        raise MistypedError("--body-scores codes is of the layout consolidated", "Add --layout consolidated.")
    with mistyped("--shard-size"):
        size = byte_size(shard_size) if shard_size else 0
    read: list[str] = []
    clips = choose(opened, selection, conditions, read)
    videos, remarks = chosen_videos(opened, clips, order=order, path=selection)
    written = chosen_clips(opened, clips, path=selection) if frames == "clips" else None
    num_frames = None if written is None else frames_of(written)
    for line in read + remarks:
        say(line)
    beside = None
    if wants_card(card, licence):
        from signverse.export.publish.export_card import card_of_shards, in_words

        about = in_words(selection, conditions)
        beside = card_of_shards(opened, out, videos, written, layout=layout, licence=licence, selection=about)
    spec = Spec(layout, frames == "clips", chosen_segments(clips) if clips is not None else None, codes, beside)
    planned = plan_shards(videos, videos_per_shard=videos_per_shard, shard_bytes=size, frames=num_frames)
    done = prepare_folder(out, opened, planned, spec, overwrite=overwrite)
    with writing("shard", len(planned), len(done)) as on_shard:
        limits = worker_limits(worker_memory, stalled_after)
        index = export_shards(opened, planned, out, spec, done=done, workers=workers, limits=limits, on_shard=on_shard)
    for line in beside.remarks if beside else ():
        say(line)
    if beside is None:
        say_stale_card(out)
    say(
        f"{counted(len(index), 'video')}, {counted(sum(row.frames for row in index), 'frame')} in "
        f"{counted(len(planned), 'shard')} -> {out}"
    )


export.command("webdataset")(clip_commands.webdataset)
export.command("parquet")(clip_commands.parquet)
export.command("pose")(clip_commands.pose)


def verify(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="A lake, or the folder of an export; then ids, with --forgotten."),
    ] = None,
    lake: OptionalLakeOption = None,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", metavar="FILE.csv", help="Write the ids of the videos that lost files cost."),
    ] = None,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="Search every byte for videos that were forgotten.")
    ] = False,
    listed: VideosOfListOption = None,
    exports: InExportsOption = None,
) -> None:
    """Check every file of a lake or an export.

    Each problem is a line on standard output that names its file. Of a lake the videos that lost and damaged files cost
    follow on standard error, and the commands that bring them back. With --forgotten it is searched for what is left of
    forgotten videos, unpacked too: of the ids that are named, or of all whose hashes the lake has.

    \b
    signverse verify LAKE
    signverse verify LAKE --videos lost.csv
    signverse verify EXPORT
    signverse verify --lake LAKE --forgotten VIDEO_ID --export DIR
    """
    from signverse.export.release.verify import is_export, verify_export
    from signverse.lake.model.errors import BadInputError, MistypedError
    from signverse.lake.model.wording import counted
    from signverse.lake.storage.location import is_lake
    from signverse.lake.upkeep.verify import verify_folder

    path, ids = _path_and_ids(words or [], lake, forgotten or bool(listed or exports))
    if forgotten:
        verify_forgotten(path, ids, listed, exports or ())
        return
    if listed or exports:
        raise MistypedError("--list and --export are of --forgotten", "Add --forgotten.")
    if not path.is_dir():
        raise BadInputError(f"there is no folder {path}", "Name a lake or an export.")
    broken: set[str] = set()
    if is_export(path) and not is_lake(path):
        if videos is not None:
            raise MistypedError(f"{path} is an export", "--videos is of lakes: what an export lacks, it names itself.")
        kind, problems = "export", verify_export(path)
    else:
        kind, problems = "lake", verify_folder(path, broken)
    count = 0
    for problem in problems:
        show(problem)
        count += 1
    if count:
        complain(f"signverse: {counted(count, 'problem')} in the {kind} {path}")
    if kind == "lake":
        _say_cost(path, broken, count, videos)
    if count:
        raise typer.Exit(1)
    say(f"no problems found in the {kind} {path}")


def _path_and_ids(words: list[str], lake: Path | None, forgotten: bool) -> tuple[Path, list[str]]:
    """What is to be checked, and the ids that follow. The environment's lake is meant where no other is named."""
    from signverse.lake.model.errors import MistypedError
    from signverse.lake.storage.stores.cached_lake import refuse_in_store

    by_environment = str(lake) == os.environ.get("SIGNVERSE_LAKE")
    if lake is not None and not (by_environment and words and (not forgotten or Path(words[0]).is_dir())):
        path, ids = lake, words
    elif words:
        path, ids = Path(words[0]), words[1:]
    else:
        raise MistypedError("nothing to check is named", "Name a lake, or the folder of an export.")
    if ids and not forgotten:
        raise MistypedError(f"two things to check are named, {path} and {ids[0]}", "Name one.")
    refuse_in_store(path, "verify reads files of this machine")
    return path, ids


def _say_cost(path: Path, broken: set[str], problems: int, videos: Path | None) -> None:
    """Says which videos lost files cost and what brings them back, and writes their ids to a file."""
    from signverse.lake.storage.temporary.whole_file import whole_file
    from signverse.lake.upkeep.repair.advice import advise

    advice = advise(path, broken, problems) if problems else None
    if advice is not None:
        for file in advice.lost:
            complain(f"  {file}")
        complain("Run:")
        for command in advice.commands:
            complain(f"  {command}")
    if videos is not None:
        with whole_file(videos) as out:
            out.write("".join(f"{line}\n" for line in ["video_id", *(advice.videos if advice else [])]).encode())
