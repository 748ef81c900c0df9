"""The command video.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signverse.export.cli.picture import STYLE_HELP
from signverse.export.cli.sources import opened_scenes
from signverse.export.draw.defaults import STYLES
from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.shared import reading_if_needed, say

if TYPE_CHECKING:
    from signverse.lake.lake import Lake


@reading_if_needed
def video(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO_ID",
            help="Id of a video or segment, which may begin with a dash; or FILE.npz, SHARD.tar:VIDEO_ID, FILE.pose.",
            show_default=False,
        ),
    ],
    open_lake: Callable[[], Lake],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE.mp4|gif|webp|DIR/", help="The video; or frames as PNG.")
    ],
    style: Annotated[str, typer.Option(callback=one_of(*STYLES), metavar="|".join(STYLES), help=STYLE_HELP)] = STYLES[
        0
    ],
    over: Annotated[
        Path | None, typer.Option(metavar="MEDIA", help="Draw on this video: a file, or a folder with VIDEO_ID.mp4.")
    ] = None,
    captions: Annotated[bool, typer.Option("--captions", help="Write the captions into the picture.")] = False,
    font: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Font of the captions (default: one that has their letters).")
    ] = None,
    side_by_side: Annotated[
        Path | None, typer.Option(metavar="LAKE", help="Draw the same frames of this lake to the right.")
    ] = None,
    start: Annotated[float, typer.Option(metavar="SECONDS", help="Start of the range.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End of the range; by default that of the video.")
    ] = None,
    person: Annotated[int | None, typer.Option(min=0, metavar="N", help="Person; 0 is the primary signer.")] = None,
    background: Annotated[
        str, typer.Option(metavar="COLOUR", help="Colour behind the people, such as white or #f0f0f0.")
    ] = "black",
    width: Annotated[
        int | None,
        typer.Option(min=16, max=4096, metavar="PIXELS", help="Width of the picture (default: that of the frames)."),
    ] = None,
    swap_channels: Annotated[
        bool, typer.Option("--swap-channels", help="Exchange red and blue in what is drawn.")
    ] = False,
) -> None:
    """Draw people as skeletons, as a video of 24 frames a second.

    \b
    signverse video VIDEO_ID --lake LAKE -o clip.mp4
    signverse video VIDEO_ID --lake LAKE --style openpose -o frames/
    """
    # Long because: its options are declared here.
    from signverse.export.draw.captions import CaptionWriter
    from signverse.export.draw.encoders import check_writable, encode, format_of
    from signverse.export.draw.film import Film
    from signverse.export.draw.footage import media_of
    from signverse.export.draw.scene import same_scene
    from signverse.export.draw.skeleton import rgb
    from signverse.lake.lake import Lake
    from signverse.lake.model.frame_ranges import FPS
    from signverse.lake.model.wording import counted

    out = Path(output)
    with mistyped():
        form = format_of(out, output.endswith("/"))
        rgb(background)
    check_writable(out, form)
    film = Film(style, background, width, swap_channels)
    writer = CaptionWriter(font, say) if captions else None
    with opened_scenes(open_lake, start_s=start, end_s=end, person=person, captions=captions) as make_scene:
        scene = make_scene(name)
        other = None if side_by_side is None else same_scene(Lake.open(side_by_side), scene, person)
        media = None if over is None else media_of(over, scene.video_id)
        pictures = film.pictures(scene, other=other, media=media, captions=writer, remark=say)
        with frame_bar(len(scene)) as watch:
            encode(out, form, watch(pictures), first=scene.start, total=len(scene))
    say(f"{counted(len(scene), 'frame')}, {len(scene) / FPS:.2f} s -> {output}")


@contextmanager
def frame_bar(total: int) -> Iterator[Callable[[Iterable[Any]], Iterator[Any]]]:
    """Shows a bar while frames are drawn; yields what they pass through."""
    from rich.progress import MofNCompleteColumn, Progress

    from signverse.lake.cli.progress import stderr_console

    console = stderr_console()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("frames", total=total)

        def watch(pictures: Iterable[Any]) -> Iterator[Any]:
            for picture in pictures:
                yield picture
                progress.advance(bar)

        yield watch
