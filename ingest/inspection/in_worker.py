"""Inspects files in a worker process: one that ends it, or needs too much memory, costs its own report only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.inspection.files import inspect_file
from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.ingest.inspection.shard import failed_shard, inspect_shard
from signverse.lake.jobs import executor
from signverse.lake.jobs.executor import Engine, Job
from signverse.lake.jobs.memory import default_memory_mb
from signverse.lake.jobs.pool import LOCAL

IN_WORKER: Final = (Kind.shard, Kind.subtitles, Kind.video)
"""Kinds whose reading takes much, or libraries that a damaged file may end. Texts are read here: they are small."""

MEMORY_MB: Final = 4096

_STALLED_S: Final = 1800
"""Seconds without a video of a tar; all timestamps of a video of any length are read within it."""

Task = tuple[Path, Kind]


def inspect_all(files: Sequence[Task], engine: Engine = LOCAL) -> tuple[list[dict[str, Any]], list[Report]]:
    """What would be read from files of known kinds.

    Returns:
        A row for each video of the shards, see `inspect_shard`; a report for each other file, in order.
    """
    rows: list[dict[str, Any]] = []
    reports: dict[Path, Report] = {}
    tasks = [task for task in files if task[1] in IN_WORKER]
    beside = CaptionFiles()
    memory_mb = min(default_memory_mb(1), MEMORY_MB)
    with engine.executor(1, make_job, memory_mb=memory_mb) as worker:
        for event in worker.run(tasks, _STALLED_S):
            path, kind = event.task
            if event.kind == "progress":
                continue
            if kind is Kind.shard:
                rows += event.value if event.kind == "result" else failed_shard(path, event.failure)
            elif event.kind == "result":
                reports[path] = event.value
            else:
                reports[path] = Report(path, kind, problem=f"{path}: {event.failure}")
    for path, kind in files:
        if kind not in IN_WORKER:
            reports[path] = inspect_file(path, kind, beside)
    return rows, [reports[path] for path, kind in files if kind is not Kind.shard]


def make_job() -> Job:
    """Inspects a file of one of the kinds IN_WORKER; the result is a list of rows for a shard, else a report."""
    beside = CaptionFiles()

    def job(task: Task, report: executor.Report) -> list[dict[str, Any]] | Report:
        path, kind = task
        if kind is not Kind.shard:
            return inspect_file(path, kind, beside)
        rows = []
        for row in inspect_shard(path):
            rows.append(row)
            report(None)
        return rows

    return job
