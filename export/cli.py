"""The commands that bring rows out again: export, verify, picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lake.command import LakeOption, VideoIdCommand, say
from lake.select_options import (
    CaptionedOption,
    LanguageOption,
    LimitOption,
    MaxDurationOption,
    MaxPeopleOption,
    MinConfidenceOption,
    MinCoverageOption,
    MinDurationOption,
    TextOption,
    VideoOption,
    make_selection,
)

export = typer.Typer(help="Write release shards.", no_args_is_help=True, rich_markup_mode=None)


def _one_of(*names: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"choose from {', '.join(names)}")
        return value

    return check


def mount(app: typer.Typer) -> None:
    """Adds the commands of this room."""
    app.add_typer(export, name="export")
    app.command("verify")(verify)
    app.command("picture", cls=VideoIdCommand)(picture)


@export.command("shards")
def shards(
    lake: LakeOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the export; made where there is none.")],
    dialect: Annotated[
        str, typer.Option(callback=_one_of("card", "consolidated"), metavar="card|consolidated", help="Format.")
    ] = "card",
    grain: Annotated[
        str,
        typer.Option(
            callback=_one_of("video", "clip"),
            metavar="video|clip",
            help="The whole videos of the chosen clips, or their frames only; frames keep their numbers.",
        ),
    ] = "video",
    selection: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `select -o` wrote; all videos by default.")
    ] = None,
    language: LanguageOption = None,
    min_confidence: MinConfidenceOption = None,
    min_duration: MinDurationOption = None,
    max_duration: MaxDurationOption = None,
    text: TextOption = None,
    captioned: CaptionedOption = None,
    min_coverage: MinCoverageOption = None,
    max_people: MaxPeopleOption = None,
    video: VideoOption = None,
    limit: LimitOption = None,
    videos_per_shard: Annotated[int, typer.Option(min=1, metavar="N", help="Videos in a tar.")] = 40,
    shard_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="About how large a tar may be, such as 2GB; instead of N videos.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            callback=_one_of("video_id", "source"),
            metavar="video_id|source",
            help="By id, or as in the shards that the videos came from.",
        ),
    ] = "video_id",
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Tars written side by side.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")] = False,
) -> None:
    """Write videos or clips as release shards.

    A shard is a tar of a poses.npz and the captions of each video. Beside the tars: index.csv (a video a row) and
    SHA256SUMS. The same lake gives the same bytes. After an interruption the same command goes on with the tars that
    are missing. The selection is that of a file, or the options of `select`.

    \b
    signverse export shards --lake LAKE --out DIR
    signverse export shards --lake LAKE --out DIR --selection clips.parquet
    signverse export shards --lake LAKE --out DIR --language asf --language bfi --min-confidence right_hand=0.5
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from export.choice import check_clips, choose_clips, chosen_segments, chosen_videos, read_selection
    from export.shards import Spec, Written, export_shards, plan_shards, prepare_folder
    from lake.errors import BadInputError
    from lake.lake import Lake
    from lake.text import byte_size, counted

    asked = make_selection(
        language, min_confidence, min_duration, max_duration, text, captioned, min_coverage, max_people, video, limit
    )
    if selection and (asked.conditions() or asked.limit):
        raise BadInputError("both --selection and conditions were given", "Put the conditions into `select`.")
    clips = read_selection(selection) if selection else None
    opened = Lake.open(lake)
    if asked.conditions() or asked.limit:
        clips = choose_clips(opened, asked)
    videos, remarks = chosen_videos(opened, clips, order=order)
    if clips is not None and grain == "clip":
        check_clips(opened, clips)
    for line in remarks:
        say(line)
    spec = Spec(dialect, grain == "clip", chosen_segments(clips) if clips is not None else None)
    size = byte_size(shard_size) if shard_size else 0
    planned = plan_shards(videos, videos_per_shard=videos_per_shard, shard_bytes=size)
    done = prepare_folder(out, opened, planned, spec, overwrite=overwrite)
    if done:
        say(f"{counted(len(done), 'shard')} there already")
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("shards", total=len(planned), completed=len(done))

        def on_shard(_: Written) -> None:
            progress.advance(bar)

        index = export_shards(opened, planned, out, spec, done=done, workers=workers, on_shard=on_shard)
    say(
        f"{counted(len(index), 'video')}, {counted(sum(row.frames for row in index), 'frame')} in "
        f"{counted(len(planned), 'shard')} -> {out}"
    )


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A lake, or the folder of an export.")],
) -> None:
    """Check every file of a lake or an export.

    Each problem is a line on standard output that names its file.

    \b
    signverse verify LAKE
    signverse verify EXPORT
    """
    from export.verify import is_export, verify_export
    from lake.errors import BadInputError
    from lake.lake import Lake
    from lake.text import counted
    from lake.verify import verify_lake

    if not path.is_dir():
        raise BadInputError(f"there is no folder {path}", "Name a lake or an export.")
    if is_export(path):
        kind, problems = "export", verify_export(path)
    else:
        kind, problems = "lake", verify_lake(Lake.open(path))
    count = 0
    for problem in problems:
        typer.echo(problem)
        count += 1
    if count:
        say(f"signverse: {counted(count, 'problem')} in the {kind} {path}")
        raise typer.Exit(1)
    say(f"the {kind} {path} is whole")


def picture(
    video_id: Annotated[str, typer.Argument(metavar="VIDEO_ID", help="As it is, also with a dash in front.")],
    lake: LakeOption,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png", help="The picture.")],
    start: Annotated[float, typer.Option(metavar="SECONDS", help="Where to begin.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Where to end; the end of the video by default.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Frames, evenly from the range.")] = 8,
) -> None:
    """Draw people as skeletons: frames of a video side by side.

    \b
    signverse picture VIDEO_ID --lake LAKE --start 0 --end 4.2 -o clip.png
    """
    from export.sheet import draw_sheet
    from lake.errors import BadInputError
    from lake.lake import Lake
    from lake.output import whole_file

    if output.suffix.lower() != ".png":
        raise BadInputError(f"pictures are PNG, and {output} says something else", "End the name in .png.")
    image = draw_sheet(Lake.open(lake), video_id, start, end, count)
    with whole_file(output) as file:
        image.save(file, format="PNG")
    say(f"{image.width} x {image.height} -> {output}")
