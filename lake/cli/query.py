"""The commands that read a lake: sql, select, stats, keypoints.

Imported at every start of the command line: what is heavy is imported by the commands themselves.
"""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from signverse.lake.cli.option_groups import mistyped
from signverse.lake.cli.selection_options import selecting
from signverse.lake.cli.shared import (
    VideoIdCommand,
    reading,
    reading_if_needed,
    say,
    show,
    writing_rows,
)

if TYPE_CHECKING:
    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Output
    from signverse.lake.query.selection import Selection
    from signverse.lake.storage.keypoints import Points


def mount(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("sql")(sql)
    app.command("select")(select)
    app.command("stats")(stats)
    app.command("keypoints", cls=VideoIdCommand)(keypoints)


@reading
@writing_rows
def sql(
    *,
    opened: Lake,
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="One statement that reads. Without it: a prompt, or standard input if it is a pipe."
        ),
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="Let queries read any file that you can read, not the lake only.")
    ] = False,
    rows_to: Output,
) -> None:
    """Query the lake in SQL (DuckDB).

    \b
    Views: videos, segments, clips, captions, keypoints, joints, sources,
    outcomes, splits; tables languages and skeleton. Macros: language('Polish'),
    joint('right_wrist').y, wrist_speed('VIDEO_ID'), ... The SQL reference
    lists all: docs/reference/sql.md.

    \b
    signverse sql "select title, num_frames from videos limit 5" --lake LAKE
    signverse sql "select avg(joint_y('right_wrist')) from keypoints" --lake LAKE
    signverse sql "from videos join 'my.csv' using (video_id)" --files --lake LAKE
    """
    from signverse.lake.model.wording import counted

    if query == "-" or (query is None and not sys.stdin.isatty()):
        query = sys.stdin.read()
    if query is None:
        from signverse.lake.cli.prompt import prompt
        from signverse.lake.query.session import connect

        with connect(opened.snapshot, files=files) as con:
            prompt(con, rows_to.form, wide=rows_to.wide)
        return
    rows = opened.sql(query, files=files)
    rows_to.write(rows)
    if rows_to.path is not None:
        say(f"{counted(rows.height, 'row')} -> {rows_to.path}")


@reading
@selecting
@writing_rows
def select(
    *,
    opened: Lake,
    conditions: Selection,
    rows_to: Output,
) -> None:
    """Select clips by conditions, for a split or an export.

    `export --selection` takes the file that -o writes. A .parquet file has the conditions and the lake's version in its
    metadata, so that an export of it can be repeated. A sample depends on the seed alone: a lake that has grown
    gives much the same one.

    \b
    signverse select --lake LAKE --language ase --captioned -o clips.parquet
    signverse select --lake LAKE -l Polish --min-confidence right_hand=0.5
    signverse select --lake LAKE --hours 100 --temperature 0.5 -o clips.parquet
    """
    import polars as pl

    from signverse.lake.model.frame_ranges import FPS
    from signverse.lake.model.wording import counted, lasting
    from signverse.lake.query.engines import nothing_selected, selection_metadata
    from signverse.lake.query.selection import KEY
    from signverse.lake.storage.integrity.foreign_errors import collect

    rows = collect(opened.select(conditions))
    if rows.is_empty():
        raise nothing_selected(opened.snapshot, conditions)
    length = lasting(int(rows["num_frames"].sum()) / FPS)
    videos = counted(rows["video_id"].n_unique(), "video")
    summary = f"{counted(rows.height, 'clip')} of {videos}, {length}, version {opened.version}"
    rows = rows.select(*KEY, *(name for name in rows.columns if name not in KEY))
    short = rows.select(
        "segment_id",
        pl.col("sign_language").alias("language"),
        pl.col("start_s").alias("start s"),
        pl.col("end_s").alias("end s"),
        pl.col("right_hand_confidence").round(3).alias("right hand"),
        pl.col("left_hand_confidence").round(3).alias("left hand"),
        "text",
    )
    rows_to.write(rows, short=short, metadata=selection_metadata(opened.snapshot, conditions))
    say(f"{summary} -> {rows_to.path}" if rows_to.path else summary)


@reading_if_needed
@writing_rows
def stats(
    *,
    open_lake: Callable[[], Lake],
    name: Annotated[
        str | None, typer.Argument(metavar="REPORT", help="Name of the report; without it, all are listed.")
    ] = None,
    rows_to: Output,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png|svg|pdf", help="Also draw the report as a figure.")
    ] = None,
) -> None:
    """Print a report, such as languages, durations or quality.

    The reports are balance, captions, durations, languages and quality. A
    table has the columns that answer its question, with --wide all; csv, json and parquet always have all.

    \b
    signverse stats
    signverse stats languages --lake LAKE
    signverse stats balance --lake LAKE --format csv --plot balance.svg
    """
    from signverse.lake.model.wording import counted
    from signverse.lake.query.reports import find_report, report_names

    if name is None:
        reports = [find_report(name) for name in report_names()]
        width = max(len(report.name) for report in reports) + 2
        for report in reports:
            lines = textwrap.wrap(
                report.summary, 80, initial_indent=f"{report.name:{width}}", subsequent_indent=" " * width
            )
            show(*lines)
        return
    with mistyped():
        report = find_report(name)
        if plot is not None:
            from signverse.lake.query.plots import check_plot_name

            check_plot_name(plot)
    rows = open_lake().sql(report.sql)
    if plot is not None:
        from signverse.lake.query.plots import draw

        draw(name, rows, plot)
        say(f"drawn -> {plot}")
    rows_to.write(rows, short=report.short(rows), above=report.answer(rows))
    if rows_to.path is not None:
        say(f"{counted(rows.height, 'row')} -> {rows_to.path}")


_FRAMES_AT_ONCE: Final = 8192
"""Frames that are read and written together: 13 MB of points."""


@reading
def keypoints(
    *,
    video_id: Annotated[str, typer.Argument(metavar="VIDEO_ID", help="Id of the video; it may begin with a dash.")],
    opened: Lake,
    start: Annotated[float, typer.Option(metavar="SECONDS", help="Start of the range.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End of the range; by default that of the video.")
    ] = None,
    start_frame: Annotated[
        int | None, typer.Option(min=0, metavar="FRAME", help="Start of the range as a frame, instead of seconds.")
    ] = None,
    end_frame: Annotated[
        int | None, typer.Option(min=0, metavar="FRAME", help="End of the range as a frame, which is left out.")
    ] = None,
    person: Annotated[int, typer.Option(min=0, metavar="N", help="Person; 0 is the primary signer.")] = 0,
    mask_hidden: Annotated[
        bool, typer.Option("--mask-hidden", help="Make body joints absent that are known to be hidden.")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE.npy", help="Write to a file.")] = None,
) -> None:
    """Write a clip's keypoints as a numpy array.

    The array is float32 [T, 128, 3]: x and y in pixels, and score. Absent points are (nan, nan, 0); frames without the
    person are nan, and so are unknown scores. Times are clipped to the video. The published tars have no body scores,
    only which joints are hidden: --mask-hidden leaves those out, as pictures and .pose files do.

    \b
    signverse keypoints VIDEO_ID --lake LAKE -o video.npy
    signverse keypoints VIDEO_ID --lake LAKE --start 0 --end 4.2 -o clip.npy
    signverse keypoints VIDEO_ID --lake LAKE --end-frame 100 -o first.npy
    signverse keypoints VIDEO_ID --lake LAKE --person 1 -o second.npy
    """
    import numpy as np

    from signverse.lake.model.errors import BadInputError, MistypedError
    from signverse.lake.model.skeleton import BODY, NUM_JOINTS
    from signverse.lake.model.wording import counted

    if output is not None and output.suffix not in {".npy", ""}:
        raise MistypedError(f"{output} does not end in .npy", "The array is a .npy file: end the name in .npy.")
    if output is None and sys.stdout.isatty():
        raise BadInputError("the array is binary and would garble the terminal", "Name a file with -o.")
    num_frames = opened.num_frames(video_id)
    first, last = _range(video_id, num_frames, (start, end), (start_frame, end_frame))
    # Long because: the options are many, and what is counted is counted while it is written.
    seen = hidden = 0

    def pieces() -> Iterator[Points]:
        # A video of ten hours has 1.3 GB of points.
        nonlocal seen, hidden
        for start, end in pairwise([*range(first, last, _FRAMES_AT_ONCE), last]):
            points = opened.keypoints(video_id, start_frame=start, end_frame=end, person=person)
            seen += int(np.isfinite(points[:, :, 0]).any(axis=1).sum())
            if np.isnan(points[:, BODY.slice, 2]).any():
                masked = opened.keypoints(video_id, start_frame=start, end_frame=end, person=person, mask_hidden=True)
                hidden += int((np.isnan(masked[..., 0]) & ~np.isnan(points[..., 0])).sum())
                points = masked if mask_hidden else points
            yield points

    shape = (last - first, NUM_JOINTS, 3)
    _save(shape, pieces(), output)
    who = "the primary signer" if person == 0 else f"person {person}"
    sizes = ", ".join(str(size) for size in shape)
    say(f"float32 [{sizes}]: frames {first} to {last} of {num_frames}, {who} in {seen} of them")
    if hidden and not mask_hidden:
        say(f"{counted(hidden, 'point')} of joints that are known to be hidden: --mask-hidden leaves them out")


def _range(
    video_id: str, num_frames: int, seconds: tuple[float, float | None], frames: tuple[int | None, int | None]
) -> tuple[int, int]:
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.frame_ranges import clip_range, frames_in_video, seconds_to_frames, some_frames_in_video

    if frames == (None, None):
        with mistyped():
            seconds_to_frames(*seconds, num_frames)
        return frames_in_video(video_id, *seconds, num_frames)
    first, last = frames[0] or 0, frames[1]
    with mistyped():
        if seconds != (0.0, None):
            raise BadInputError("seconds and frames were given both", "Give --start and --end or frames.")
        clip_range(first, last, num_frames)
    return some_frames_in_video(video_id, first, last, num_frames)


def _save(shape: tuple[int, ...], pieces: Iterable[Points], output: Path | None) -> None:
    """Writes an array float32 of this shape, in pieces, as .npy to a file or to standard output."""
    import numpy as np

    from signverse.lake.storage.temporary.whole_file import whole_file

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": shape})
    blocks = (np.ascontiguousarray(points, "<f4").tobytes() for points in pieces)
    # The first block before the header: where it cannot be read, nothing is written.
    first = next(blocks, b"")
    parts = chain([head.getvalue(), first], blocks)
    if output is None:
        for part in parts:
            left = memoryview(part)
            # With PYTHONUNBUFFERED a write may take a part only.
            while left:
                left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.flush()
    else:
        with whole_file(output) as file:
            file.writelines(parts)
