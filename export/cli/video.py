"""The command video.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signverse.export.cli.options import OverwriteOption, StalledAfterOption, WorkersOption, worker_limits, writing
from signverse.export.cli.picture import STYLE_HELP
from signverse.export.cli.sources import opened_scenes
from signverse.export.draw.defaults import STYLES, VIDEO_FORMATS
from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.selection_options import selecting
from signverse.lake.cli.shared import WorkerMemoryOption, complain, reading_if_needed, say

if TYPE_CHECKING:
    from signverse.export.release.clip_videos import ClipFilm
    from signverse.lake.jobs.executor import WorkerLimits
    from signverse.lake.lake import Lake
    from signverse.lake.query.selection import Selection


@reading_if_needed
@selecting
def video(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO_ID",
            help="Ids of videos or segments, which may begin with a dash; or FILE.npz, SHARD.tar:VIDEO_ID, FILE.pose.",
            show_default=False,
        ),
    ] = None,
    open_lake: Callable[[], Lake],
    conditions: Selection,
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
    selection: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File written by `signverse select -o` (default: all clips).")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--as",
            callback=one_of(*VIDEO_FORMATS),
            metavar="|".join(VIDEO_FORMATS),
            help="What several videos are written as.",
        ),
    ] = VIDEO_FORMATS[0],
    workers: WorkersOption = 1,
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw people as skeletons, as a video of 24 frames a second.

    A joint is drawn as `picture` does it; openpose, dwpose and controlnext draw their own thresholds. --over draws on
    the video itself: its frames are counted as ingestion counts them, whatever its rate. A name that ends in / is a
    folder of PNG files, which are exact; videos are compressed.

    Several videos, or the clips of a selection, go into a folder: VIDEO_ID/SEGMENT_ID.mp4, a file each. After an
    interruption the same command goes on with the clips that are missing.

    \b
    signverse video VIDEO_ID --lake LAKE -o clip.mp4
    signverse video SEGMENT_ID --lake LAKE --over MEDIA --captions -o clip.mp4
    signverse video VIDEO_ID --lake LAKE --style controlnext -o frames/
    signverse video VIDEO_ID --lake LAKE --side-by-side OTHER_LAKE -o both.gif
    signverse video --lake LAKE --selection clips.parquet -o DIR --workers 4
    """
    # Long because: its options are declared here.
    from signverse.export.draw.film import Film
    from signverse.export.draw.skeleton import rgb
    from signverse.export.release.clip_videos import ClipFilm
    from signverse.lake.model.errors import MistypedError

    with mistyped():
        rgb(background)
    if font is not None and not captions:
        raise MistypedError("--font is that of captions", "Give --captions too.")
    if not output:
        raise MistypedError("-o names nothing", "Name a file, or a folder with / at its end.")
    how = ClipFilm(Film(style, background, width, swap_channels), form, person, captions, font, over, side_by_side)
    if names:
        if selection is not None or not conditions.empty:
            raise MistypedError("videos were named, and clips chosen", "Do one of the two.")
        _draw_named(names, open_lake, output, how, start, end)
        return
    if selection is None and conditions.empty:
        raise MistypedError("no video was named", "Name a VIDEO_ID, or choose clips, such as by --selection FILE.")
    if start or end is not None:
        raise MistypedError("--start and --end are of a video that is named", "Clips have ranges of their own.")
    limits = worker_limits(worker_memory, stalled_after)
    _draw_selection(open_lake(), conditions, selection, Path(output), how, workers, limits, overwrite)


def _draw_named(
    names: Sequence[str],
    open_lake: Callable[[], Lake],
    output: str,
    how: ClipFilm,
    start: float,
    end: float | None,
) -> None:
    from signverse.export.draw.captions import CaptionWriter
    from signverse.export.draw.encoders import check_place, check_writable, encode, format_of
    from signverse.export.draw.footage import media_of
    from signverse.export.draw.scene import same_scene
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.frame_ranges import FPS
    from signverse.lake.model.wording import counted

    out = Path(output)
    several = len(names) > 1
    with mistyped():
        form = how.form if several else format_of(out, output.endswith("/"))
    check_place(out)
    if several:
        if out.exists() and not out.is_dir():
            raise BadInputError(f"{out} is a file", "Several videos go into a folder.")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
    else:
        check_writable(out, form)
    writer = CaptionWriter(how.font, say) if how.captions else None
    written: set[Path] = set()
    options = {"start_s": start, "end_s": end, "person": how.person, "captions": how.captions}
    with ExitStack() as stack:
        make_scene = stack.enter_context(opened_scenes(open_lake, **options))
        beside = None if how.other is None else stack.enter_context(Lake.open(how.other))
        for name in names:
            scene = make_scene(name)
            path = out / (scene.name if form == "frames" else f"{scene.name}.{form}") if several else out
            check_writable(path, form)
            if path in written:
                raise BadInputError(f"two of these are called '{scene.name}'", "Draw them into a folder each.")
            written.add(path)
            other = None if beside is None else same_scene(beside, scene, how.person)
            media = None if how.media is None else media_of(how.media, scene.video_id)
            check_place(path, [] if media is None else [media])
            pictures = how.film.pictures(scene, other=other, media=media, captions=writer, remark=say)
            with frame_bar(len(scene)) as watch:
                encode(path, form, watch(pictures), first=scene.start, total=len(scene))
            say(f"{counted(len(scene), 'frame')}, {len(scene) / FPS:.2f} s -> {path if several else output}")


def _draw_selection(
    lake: Lake,
    conditions: Selection,
    selection: Path | None,
    out: Path,
    how: ClipFilm,
    workers: int,
    limits: WorkerLimits,
    overwrite: bool,
) -> None:
    from signverse.export.release.choice import choose, clips_to_write
    from signverse.export.release.clip_videos import draw_clips, prepare_folder
    from signverse.lake.model.wording import counted

    read: list[str] = []
    clips, remarks = clips_to_write(lake, choose(lake, selection, conditions, read), path=selection)
    for line in read + remarks:
        say(line)
    missing = prepare_folder(lake, clips, out, how, overwrite=overwrite)
    done, failed = clips.height - len(missing), 0
    said: set[str] = set()
    with writing("video", clips.height, done) as on_video:
        for drawn in draw_clips(lake, missing, out, how, workers=workers, limits=limits):
            on_video(drawn)
            for line in drawn.remarks:
                if line not in said:
                    said.add(line)
                    say(line)
            if drawn.failure:
                failed += 1
                complain(f"{drawn.segment_id}: {drawn.failure}")
            else:
                done += 1
    say(f"{counted(done, 'video')} of {clips.height} -> {out}")
    if failed:
        raise typer.Exit(1)


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
