"""The commands that ask a lake: sql, select, stats, keypoints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lake.command import FormatOption, LakeOption, OutOption, VideoIdCommand, say
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


def mount(app: typer.Typer) -> None:
    """Adds the commands of this room."""
    app.command("sql")(sql)
    app.command("select")(select)
    app.command("stats")(stats)
    app.command("keypoints", cls=VideoIdCommand)(keypoints)


def sql(
    lake: LakeOption,
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="One statement that reads. Without it: a prompt, or standard input when piped."
        ),
    ] = None,
    format: FormatOption = None,
    output: OutOption = None,
) -> None:
    """Ask the lake in SQL (DuckDB).

    \b
    Views: videos, segments, clips, captions, keypoints, sources, outcomes,
    splits; tables languages and joints. Macros: language('Polish'),
    joint_x('right_wrist'), joint_y(...), joint_score(...).

    \b
    signverse sql "select video_id, count(*) from segments group by all" --lake LAKE
    signverse sql "select avg(joint_y('right_wrist')) from keypoints" --lake LAKE
    """
    from lake import session
    from lake.lake import Lake
    from lake.output import Format, pick_format, write_rows

    form = pick_format(Format(format) if format else None, output)
    if query == "-" or (query is None and not sys.stdin.isatty()):
        query = sys.stdin.read()
    opened = Lake.open(lake)
    with opened.duckdb() as con:
        if query is None:
            from lake.prompt import prompt

            prompt(con, form)
            return
        rows = session.run(con, query)
    write_rows(rows, form, output)


def select(
    lake: LakeOption,
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
    format: FormatOption = None,
    output: OutOption = None,
) -> None:
    """Choose clips. The result says which segments of which videos; `export --selection` takes it.

    \b
    signverse select --lake LAKE --language ase --min-confidence right_hand=0.5 -o clips.parquet
    signverse select --lake LAKE --language Polish --text weather --limit 20
    """
    from lake.errors import EmptySelectionError
    from lake.lake import Lake, collect
    from lake.output import Format, pick_format, write_rows
    from lake.selection import KEY
    from lake.skeleton import FPS
    from lake.text import counted, lasting

    form = pick_format(Format(format) if format else None, output)
    selection = make_selection(
        language, min_confidence, min_duration, max_duration, text, captioned, min_coverage, max_people, video, limit
    )
    opened = Lake.open(lake)
    rows = collect(opened.select(selection))
    if rows.is_empty():
        raise EmptySelectionError(selection.explain_nothing(opened.all_clips()), "Loosen a condition.")
    length = lasting(int(rows["num_frames"].sum()) / FPS)
    summary = f"{counted(rows.height, 'clip')} of {counted(rows['video_id'].n_unique(), 'video')}, {length}"
    rows = rows.select(*KEY, *(name for name in rows.columns if name not in KEY))
    if output is None and form is Format.table:
        rows = rows.select(
            "segment_id", "sign_language", "start_s", "end_s", "right_hand_confidence", "left_hand_confidence", "text"
        )
    write_rows(rows, form, output)
    say(f"{summary} -> {output}" if output else summary)


def stats(
    lake: LakeOption,
    name: Annotated[str | None, typer.Argument(metavar="REPORT", help="A report; without it they are listed.")] = None,
    format: FormatOption = None,
    output: OutOption = None,
) -> None:
    """Print a named report: languages.

    \b
    signverse stats languages --lake LAKE
    """
    from lake import session
    from lake.lake import Lake
    from lake.output import Format, pick_format, write_rows

    if name is None:
        sys.stdout.write("\n".join(session.report_names()) + "\n")
        return
    query = session.report(name)
    form = pick_format(Format(format) if format else None, output)
    with Lake.open(lake).duckdb() as con:
        rows = session.run(con, query)
    write_rows(rows, form, output)


def keypoints(
    video_id: Annotated[str, typer.Argument(metavar="VIDEO_ID", help="As it is, also with a dash in front.")],
    lake: LakeOption,
    start: Annotated[float, typer.Option(metavar="SECONDS", help="Where the clip begins.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Where it ends; the end of the video by default.")
    ] = None,
    person: Annotated[int, typer.Option(min=0, metavar="N", help="0 is the primary signer.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE.npy", help="Write to a file.")] = None,
) -> None:
    """Write a clip's keypoints as a numpy array.

    The array is float32 [T, 128, 3]: x and y in pixels, and score. Absent points are (nan, nan, 0); frames without the
    person are nan. Times clip to the video.

    \b
    signverse keypoints VIDEO_ID --lake LAKE --start 0 --end 4.2 -o clip.npy
    """
    import numpy as np

    from lake.errors import BadInputError
    from lake.lake import Lake
    from lake.output import whole_file
    from lake.ranges import seconds_to_frames

    if output is None and sys.stdout.isatty():
        raise BadInputError("the array is binary and would spoil the terminal", "Name a file with -o.")
    opened = Lake.open(lake)
    num_frames = opened.num_frames(video_id)
    first, last = seconds_to_frames(start, end, num_frames)
    points = opened.keypoints(video_id, start_frame=first, end_frame=last, person=person)
    if output is None:
        np.save(sys.stdout.buffer, points)
    else:
        with whole_file(output) as file:
            np.save(file, points)
    seen = int(np.isfinite(points[:, :, 0]).any(axis=1).sum())
    shape = ", ".join(str(size) for size in points.shape)
    who = "the primary signer" if person == 0 else f"person {person}"
    say(f"float32 [{shape}]: frames {first} to {last} of {num_frames}, {who} in {seen} of them")
