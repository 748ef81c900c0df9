"""`signverse inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from signverse.ingest.cli.shared import StalledAfterOption
from signverse.ingest.extract.defaults import STALLED_S
from signverse.lake.cli.shared import WorkerMemoryOption, complain, say, writing_rows

if TYPE_CHECKING:
    from signverse.ingest.inspection.report import Report
    from signverse.lake.query.output import Output

_SHARD: Final = ("video_id", "dialect", "frames", "people", "defects", "captions", "problem")
"""Columns of shards in a table without --wide; the last one where there is a problem."""


@writing_rows
def inspect(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE_OR_FOLDER", help="Videos, caption files, manifests, tars; or folders of them."),
    ],
    worker_memory: WorkerMemoryOption = None,
    stalled_after: StalledAfterOption = STALLED_S,
    rows_to: Output,
) -> None:
    """Show what would be read: of videos, captions, lists, tars.

    Of one file all is shown: streams, clock and shape of a video; language and cues of captions; columns, languages and
    refused rows of a manifest. Of several there is a summary each, with --wide all; of shards, a row for each video.
    The content of a file decides what it is. Nothing is imported. Pickled data is parsed, never executed. A process of
    its own reads the files: one that takes too much memory or time has a problem, and the others are shown.

    \b
    signverse inspect video.mp4
    signverse inspect video.en.vtt manifest.csv
    signverse inspect SHARDS -o shards.csv
    """
    from signverse.ingest.inspection.files import find_files
    from signverse.ingest.inspection.run import inspect_files
    from signverse.lake.model.wording import counted
    from signverse.lake.query.output import Format

    paths, remarks = find_files(files)
    found = inspect_files(paths, memory_mb=worker_memory, stalled_s=stalled_after)
    rows, reports = found.rows, found.reports
    problems = sum(bool(row["problem"]) for row in rows) + sum(bool(report.problem) for report in reports)
    for remark in remarks:
        say(remark)
    if rows_to.form is Format.table and rows_to.path is None:
        if rows:
            _write_shards(rows, rows_to)
        _print([report for report in reports if not report.problem or report.lines], rows_to.wide or len(paths) == 1)
        for report in reports:
            if report.problem:
                complain(f"signverse: {report.problem}")
    else:
        _write(rows, reports, rows_to)
    if len(paths) > 1 or found.shards:
        counts = [f"{counted(len(rows), 'video')} in {counted(len(found.shards), 'shard')}"] if found.shards else []
        counts += [counted(len(reports), "other file" if found.shards else "file")] if reports else []
        say(f"{', '.join(counts)}, {counted(problems, 'problem')}")
    if problems:
        raise typer.Exit(1)


def _write_shards(rows: list[dict[str, Any]], rows_to: Output) -> None:
    """Writes a row for each video of the shards."""
    import polars as pl

    videos = pl.DataFrame(rows, infer_schema_length=None)
    rows_to.write(videos, short=videos.select(_SHARD if any(videos["problem"]) else _SHARD[:-1]))


def _write(rows: list[dict[str, Any]], reports: list[Report], rows_to: Output) -> None:
    """Writes a row for each video of the shards and each other file, to a file or to another program."""
    import polars as pl

    if not reports:
        _write_shards(rows, rows_to)
        return
    files = pl.DataFrame([report.row for report in reports], infer_schema_length=None)
    lists = [name for name, kind in files.schema.items() if kind == pl.List]
    files = files.with_columns(pl.col(lists).cast(pl.List(pl.String)))
    rows_to.write(pl.concat([pl.DataFrame(rows, infer_schema_length=None), files], how="diagonal"), short=files)


def _print(reports: list[Report], whole: bool) -> None:
    """Writes what is said of files, in lines that fit the terminal.

    Args:
        whole: all of it, not the summaries.
    """
    import shutil
    import sys
    import textwrap

    from signverse.ingest.inspection.report import LABEL, shortened
    from signverse.lake.model.untrusted.terminal_text import clean

    width = max(40, shutil.get_terminal_size().columns)
    blocks = []
    for report in reports:
        said = [*report.lines] if whole else [("summary", report.summary)]
        said += [("remark", remark) for remark in shortened(report.remarks)]
        lines = [f"{report.path}: {report.kind}"]
        for label, text in said:
            lines += textwrap.wrap(
                f"{label:{LABEL}}{text}",
                width,
                subsequent_indent=" " * LABEL,
                break_long_words=False,
                break_on_hyphens=False,
            )
        blocks.append("".join(f"{line}\n" for line in lines))
    sys.stdout.buffer.write(clean("\n".join(blocks), keep="\n\t").encode("utf-8", "replace"))
    sys.stdout.flush()
