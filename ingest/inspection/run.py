"""Files are read in a process of their own: one that swells or hangs costs itself, and the others are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from signverse.ingest.extract.defaults import STALLED_S
from signverse.ingest.inspection.report import Report, problem_row
from signverse.ingest.shards.tar_files import ShardTask, Started
from signverse.lake.jobs import executor as jobs
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Engine
from signverse.lake.jobs.memory import default_memory_mb
from signverse.lake.jobs.pool import LOCAL

_MEMORY_MB: Final = 4096
"""Ten hours of two people take 0.6 GB, a picture of 8K 0.4 GB."""


@dataclass
class _Progress:
    last: str = ""
    started: set[str] = field(default_factory=set)


@dataclass
class Inspected:
    """What was found in files.

    Attributes:
        shards: those of them that are shards.
        rows: a row for each video of the shards.
        reports: of the other files.
    """

    shards: set[Path] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


def inspect_files(
    paths: Sequence[Path], *, memory_mb: int | None = None, stalled_s: float = STALLED_S, engine: Engine = LOCAL
) -> Inspected:
    """Look into files, one after the other.

    Args:
        memory_mb: MB of memory that the process may take that reads them; None for what suits the machine.
        stalled_s: a file, or a video of a shard, that takes longer cannot be read.
        engine: where the process runs.
    """
    found = Inspected()
    # Files of other kinds too: of these nothing is ever skipped.
    waiting = [ShardTask(path) for path in paths]
    with engine.executor(1, make_job, memory_mb=memory_mb or min(default_memory_mb(1), _MEMORY_MB)) as executor:
        while waiting:
            task, progress, rows = waiting.pop(0), _Progress(), list[dict[str, Any]]()
            for event in executor.run([task], stalled_s):
                if event.kind == "progress" and isinstance(event.value, Started):
                    progress.last = event.value.video_id
                    progress.started.add(progress.last)
                elif event.kind == "progress":
                    rows.append(event.value)
                elif event.kind == "result" and isinstance(event.value, Report):
                    found.reports.append(event.value)
                elif event.kind == "result":
                    found.shards.add(task.path)
                else:
                    rows += _failed(event, progress, found)
                    if progress.last:
                        # The rest of the shard is read as well.
                        waiting.insert(0, replace(task, skip=task.skip | progress.started))
            found.rows += rows
            if rows:
                found.shards.add(task.path)
    return found


def _failed(event: Event, progress: _Progress, found: Inspected) -> Iterator[dict[str, Any]]:
    """The row of a video, or adds the report of a file, at which the process ended."""
    path: Path = event.task.path
    why = f"{path}: {event.failure}"
    if progress.last or event.task.skip:
        yield problem_row(path, progress.last, why)
    else:
        found.reports.append(Report(path, None, problem=why))


def make_job() -> jobs.Job:
    """The worker's side: says what a file holds, of a shard video by video."""
    # What reading needs is imported in the worker alone: the command would start a second later.
    from signverse.ingest.captions.files_beside import CaptionFiles
    from signverse.ingest.inspection.kinds import Kind
    from signverse.ingest.inspection.one_file import inspect_file, kind_or_problem
    from signverse.ingest.inspection.shard import inspect_shard

    beside = CaptionFiles()

    def job(task: ShardTask, report: jobs.Report) -> Report | None:
        kind = kind_or_problem(task.path)
        if isinstance(kind, Report):
            return kind
        if kind is not Kind.shard:
            return inspect_file(task.path, kind, beside)
        for row in inspect_shard(task.path, task.skip, lambda video_id: report(Started(video_id))):
            report(row)
        return None

    return job
