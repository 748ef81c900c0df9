"""The commands that bring rows out again: export, verify, picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lake.command import LakeOption, VideoIdCommand, say

export = typer.Typer(help="Write release shards.", no_args_is_help=True, rich_markup_mode=None)


def mount(app: typer.Typer) -> None:
    """Adds the commands of this room."""
    app.add_typer(export, name="export")
    app.command("verify")(verify)
    app.command("picture", cls=VideoIdCommand)(picture)


@export.command("shards")
def shards(
    lake: LakeOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the export; made where there is none.")],
    selection: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `select -o` wrote: the whole videos of its clips.")
    ] = None,
    videos_per_shard: Annotated[int, typer.Option(min=1, metavar="N", help="Videos in a tar.")] = 40,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")] = False,
) -> None:
    """Write videos as release shards in the `card` format.

    A shard is a tar of poses.npz and caption.json. Beside them: index.csv (a video a row) and SHA256SUMS. The same
    lake gives the same bytes.

    \b
    signverse export shards --lake LAKE --out DIR
    signverse export shards --lake LAKE --out DIR --selection clips.parquet
    """
    from rich.console import Console
    from rich.progress import track

    from export.shards import chosen_videos, export_shards, prepare_folder, read_selection
    from lake.lake import Lake
    from lake.text import counted

    clips = read_selection(selection) if selection else None
    opened = Lake.open(lake)
    videos, remarks = chosen_videos(opened, clips)
    for line in remarks:
        say(line)
    prepare_folder(out, opened, videos, overwrite=overwrite)
    console = Console(stderr=True)
    ticks = iter(
        track(range(videos.height), "exporting", console=console, transient=True, disable=not console.is_terminal)
    )
    next(ticks)

    def on_video(_: str) -> None:
        next(ticks, None)

    index = export_shards(opened, videos, out, videos_per_shard=videos_per_shard, on_video=on_video)
    say(
        f"{counted(len(index), 'video')}, {counted(sum(row.frames for row in index), 'frame')} in "
        f"{counted(len({row.shard for row in index}), 'shard')} -> {out}"
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
    from lake.lake import Lake
    from lake.output import whole_file

    image = draw_sheet(Lake.open(lake), video_id, start, end, count)
    with whole_file(output) as file:
        image.save(file, format="PNG")
    say(f"{image.width} x {image.height} -> {output}")
