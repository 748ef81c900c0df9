"""A file that takes more than the process that reads it may costs itself: the others are looked into."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from signverse.ingest.inspection.run import inspect_files
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Executor, Job
from tests.ingest.shards.made_shards import pack, video
from tests.lake.jobs.test_executor import HereExecutor


class SwellingError(Exception):
    """Stands for the end of a process."""


class FragileEngine:
    """Its worker dies of memory where it reports that it reads a certain video, or reads a certain file."""

    def __init__(self, fatal: str) -> None:
        self.fatal = fatal

    def executor(
        self,
        size: int,
        make_job: Callable[..., Job],
        *arguments: Any,
        per_process: Sequence[tuple[Any, ...]] = (),
        memory_mb: int | None = None,
    ) -> Executor:
        fatal, job = self.fatal, make_job(*arguments)

        class Fragile(HereExecutor):
            def poll(self, stalled_s: float = math.inf, timeout_s: float = math.inf) -> Iterator[Event]:
                task = self.tasks.pop()
                reports: list[Any] = []

                def report(value: Any) -> None:
                    reports.append(value)
                    if fatal in str(value) and "Started" in type(value).__name__:
                        raise SwellingError

                try:
                    if fatal in task.path.name:
                        raise SwellingError
                    last = Event("result", task, job(task, report))
                except SwellingError:
                    last = Event("memory", task, "needs more than 300 MB of memory")
                yield from (Event("progress", task, value) for value in reports)
                yield last

        return Fragile(job)


def test_the_videos_around_one_that_takes_too_much_are_shown_each_once(tmp_path: Path) -> None:
    one = pack(tmp_path / "a.tar", video("first") | video("bomb") | video("last"))
    other = pack(tmp_path / "b.tar", video("other"))
    found = inspect_files([one, other], engine=FragileEngine("bomb"))
    assert [(row["shard"], row["video_id"], row["problem"]) for row in found.rows] == [
        ("a.tar", "first", ""),
        ("a.tar", "bomb", f"{one}: needs more than 300 MB of memory"),
        ("a.tar", "last", ""),
        ("b.tar", "other", ""),
    ]
    assert found.shards == {one, other}


def test_a_file_that_takes_too_much_has_a_problem_and_the_next_is_shown(tmp_path: Path) -> None:
    paths = [tmp_path / "bomb.vtt", tmp_path / "good.vtt"]
    for path in paths:
        path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n")
    found = inspect_files(paths, engine=FragileEngine("bomb"))
    assert [report.problem for report in found.reports] == [f"{paths[0]}: needs more than 300 MB of memory", ""]
    assert found.reports[1].values["cues"] == 1


def test_a_process_of_its_own_reads_and_has_a_limit(tmp_path: Path) -> None:
    """So little memory that no reader starts with it: each file says so, and the command comes to its end."""
    paths = [pack(tmp_path / "a.tar", video("one") | video("two")), tmp_path / "b.vtt"]
    paths[1].write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n")
    found = inspect_files(paths, memory_mb=8)
    problems = [row["problem"] for row in found.rows] + [report.problem for report in found.reports]
    assert problems
    assert all(problem.endswith(": needs more than 8 MB of memory") for problem in problems)


def test_neither_the_command_nor_the_process_that_reads_shards_loads_what_only_a_lake_needs() -> None:
    """Both start for each `inspect`, which would take twice as long."""
    code = (
        "import sys\n"
        "from signverse.ingest.inspection import files, run\n"
        "run.make_job()\n"
        "assert not {'polars', 'deltalake', 'duckdb', 'av', 'cv2'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
