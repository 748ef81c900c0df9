"""Ingestion of a folder of videos: run the workers and commit what they return."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.extract.defaults import DETECT_EVERY, STALLED_S
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos.account import Account
from signverse.ingest.videos.plan import Plan, VideoTask
from signverse.ingest.videos.workers import STAGE, extraction_pool
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Engine
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import OUTCOMES
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.integrity.foreign_errors import collect


class ProgressListener(Protocol):
    """Called while videos are ingested; the command line's progress bar is one."""

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        """Frames of a video that are done, and that its duration promises (0 if unknown)."""

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        """A video is done."""

    def failed(self, task: VideoTask, why: str) -> None:
        """A video has failed."""


@dataclass
class Summary:
    """How an extraction went: videos done and failed, frames of those done, seconds; what was taken and left."""

    done: int = 0
    failed: int = 0
    frames: int = 0
    seconds: float = 0.0
    account: Account = field(default_factory=Account)


def ingest_videos(
    lake: Lake,
    plan: Plan,
    models: ModelPair,
    *,
    listener: ProgressListener,
    device: str = "auto",
    workers: int = 1,
    threads: int = 1,
    detect_every: int = DETECT_EVERY,
    stalled_s: float = STALLED_S,
    memory_mb: int | None = None,
    exact: bool = False,
    text: TextSettings = AS_THEY_ARE,
    engine: Engine = LOCAL,
) -> Summary:
    """Extract the videos of a plan in worker processes and commit them as they are finished.

    A video that fails is recorded in `outcomes` and the others go on. After an interrupt the finished ones are kept.

    Args:
        detect_every: run the detector on every Nth frame; 1 is exact.
        stalled_s: a video without progress for this many seconds has failed.
        memory_mb: MB of memory that each worker process may take; None for what suits the machine.
        text: how captions are read.
        engine: where the workers run.

    Raises:
        OSError: the lake cannot be written. What was not committed yet is dropped, and its files are removed.
    """
    # Long because: what may be chosen of an extraction is declared here.
    summary = Summary()
    start = time.monotonic()
    attempts = attempts_so_far(lake)
    with Committer(lake.folder) as committer:
        for name, why in plan.refused:
            committer.record(name, "list", "failed", "bad_id", why, attempt=attempts.get((name, "list"), 0) + 1)
            summary.account.failed(name, "bad_id")
        with extraction_pool(
            workers, models, device, threads, detect_every, exact, text, memory_mb=memory_mb, engine=engine
        ) as pool:
            for event in pool.run(plan.tasks, stalled_s):
                task: VideoTask = event.task
                video_id = task.entry.video_id
                attempt = attempts.get((video_id, STAGE), 0) + 1
                if event.kind == "progress":
                    listener.frames(task, *event.value)
                    committer.flush_if_due()
                elif event.kind == "result":
                    committer.add(event.value, attempt=attempt)
                    summary.done += 1
                    summary.frames += event.value.video["num_frames"]
                    summary.account.took(event.value)
                    listener.finished(task, event.value)
                else:
                    why, reason = describe_failure(event)
                    committer.record(video_id, STAGE, "failed", reason, why, attempt=attempt)
                    summary.failed += 1
                    summary.account.failed(video_id, reason)
                    listener.failed(task, why)
    summary.seconds = time.monotonic() - start
    return summary


def describe_failure(event: Event) -> tuple[str, str]:
    """The message and the reason that `outcomes` records for a failed video."""
    if event.kind in ("died", "stalled", "memory"):
        return f"{event.task.path}: {event.failure}", failure_reason(event)
    if isinstance(event.value, BadCaptionsError):
        return str(event.value), "bad_captions"
    return str(event.value), "bad_video" if isinstance(event.value, BadInputError) else "error"


def failure_reason(event: Event) -> str:
    """The reason in `outcomes` for a task that its worker did not bring to an end."""
    return {"died": "crashed", "stalled": "stalled", "memory": "out_of_memory"}.get(event.kind, "error")


def attempts_so_far(lake: Lake) -> dict[tuple[str, str], int]:
    """How often each stage of each video was tried, as far as that is known: {(video_id, stage): count}."""
    counts = collect(lake.snapshot.raw_table(OUTCOMES.name, skip_lost=True).group_by("video_id", "stage").agg(pl.len()))
    return {(video_id, stage): count for video_id, stage, count in counts.iter_rows()}
