"""The command picture.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.export.cli.sources import opened_scenes
from signverse.export.draw.defaults import STYLES
from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.shared import reading_if_needed, say

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

STYLE_HELP = "How people are drawn: lake for eyes, the others as models of pictures and video were trained with."


def _numbers(text: str | None) -> list[int] | None:
    """Frames as typed: 0,24,48.

    Raises:
        ValueError: these are not numbers.
    """
    if text is None:
        return None
    numbers = [int(word) for word in text.split(",")]
    if not 1 <= len(numbers) <= 100 or min(numbers) < 0:
        raise ValueError(text)
    return numbers


@reading_if_needed
def picture(
    *,
    video_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO_ID",
            help="Ids of videos or segments, which may begin with a dash; or FILE.npz, SHARD.tar:VIDEO_ID, FILE.pose.",
            show_default=False,
        ),
    ],
    open_lake: Callable[[], Lake],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png|pdf", help="The picture.")],
    style: Annotated[
        str | None, typer.Option(callback=one_of(*STYLES), metavar="|".join(STYLES), help=STYLE_HELP)
    ] = None,
    start: Annotated[float, typer.Option(metavar="SECONDS", help="Start of the range.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End of the range; by default that of the video.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, max=100, metavar="N", help="Number of frames, spread evenly over the range (default: 8)."),
    ] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="These frames of the video, instead of a range and --count.")
    ] = None,
    person: Annotated[int | None, typer.Option(min=0, metavar="N", help="Person; 0 is the primary signer.")] = None,
    crop: Annotated[bool, typer.Option("--crop", help="Crop the frames to the people that are drawn.")] = False,
    background: Annotated[
        str, typer.Option(metavar="COLOUR", help="Colour behind the people, such as white or #f0f0f0.")
    ] = "black",
    tile_width: Annotated[
        int, typer.Option(min=16, max=2000, metavar="PIXELS", help="Width of a frame in the picture.")
    ] = 320,
) -> None:
    """Draw people as skeletons, frames of a video side by side.

    All people are drawn unless --person names one; several videos stand below each other. A joint is drawn where its
    score is 0.3 or more. Where the source lost the body's scores, as the published tars did, a joint is drawn unless it
    is known to be hidden. Released files are read and repaired as `ingest shards` does it, and need no lake.

    \b
    signverse picture VIDEO_ID --lake LAKE -o video.png
    signverse picture VIDEO_ID --lake LAKE --start 0 --end 4.2 -o clip.png
    signverse picture ONE TWO --lake LAKE --person 0 --crop -o paper.pdf
    signverse picture VIDEO_ID --lake LAKE --background white -o slide.png
    signverse picture SHARD.tar:VIDEO_ID --style openpose -o shard.png
    """
    # Long because: its options are declared here.
    from signverse.export.draw.encoders import check_place
    from signverse.export.draw.sheet import Look, check_picture_name, draw_sheet, save_sheet
    from signverse.export.draw.skeleton import rgb
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.frame_ranges import MAX_FRAMES, seconds_to_frames

    with mistyped():
        check_picture_name(output)
        rgb(background)
        seconds_to_frames(start, end, MAX_FRAMES)
        try:
            chosen = _numbers(frames)
        except ValueError:
            raise BadInputError(
                f"--frames {str(frames)[:60]}: not numbers of frames", "Write them as 0,24,48."
            ) from None
        if chosen and (count or start or end is not None):
            raise BadInputError("--frames names frames, and --count, --start and --end choose others", "Give one way.")
    look = Look(count or 8, person, crop, background, tile_width, style, chosen)
    check_place(output)
    with opened_scenes(open_lake, start_s=start, end_s=end, person=person) as scene:
        image = draw_sheet([scene(name) for name in video_ids], look)
    save_sheet(image, output)
    say(f"{image.width} x {image.height} -> {output}")
