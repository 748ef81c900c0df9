"""Extraction in worker processes: how many there are, and what each does with a video."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, Final

from signverse.ingest.captions.embedded import embedded_tracks
from signverse.ingest.captions.files_beside import read_track
from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.captions.tracks import Track, unique
from signverse.ingest.models.devices import GPU_DEVICES, parse_device, process_devices
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos.caption_times import as_events, on_video_clock
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.rows import build_rows
from signverse.lake.jobs.executor import Engine, Executor, Job, Report
from signverse.lake.jobs.memory import default_memory_mb
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.media.facts import VideoFacts
from signverse.lake.media.opening import open_video
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.wording import counted
from signverse.lake.storage.committer import VideoRows
from signverse.lake.storage.keypoints import Points

STAGE: Final = "extract"
"""The stage of extraction in `outcomes`."""

GPU_VIDEOS: Final = 8
"""Videos at once on one card, at most: each holds up to a gigabyte of decoded images."""

_VIDEO_MB: Final = 3072
"""Memory of a video: models, decoder, half a gigabyte of pictures; with the largest pictures it is 1.5 GB."""

_THREAD_MB: Final = 512
"""Memory of each thread that runs the models beside."""


def available_cores() -> int:
    """Cores that this process may use, which a container or a scheduler may limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers(videos: int | None, device: str, requested: int | None = None) -> tuple[int, int]:
    """How many videos to extract at once, and with how many threads each.

    On the CPU one single-threaded process a core: two sessions of one thread do 1.5 times the frames of one session of
    two (measured with both stand-in models). On a GPU one video a core, because one core decodes fewer frames
    than a card can process; two threads each, so that one crops while the other waits for the card.

    Args:
        videos: how many there are; None if that is not known yet.
        requested: this many at once, whatever suits the machine.

    Returns:
        Workers and threads.
    """
    cores = available_cores()
    limit = cores if videos is None else min(cores, videos)
    if parse_device(device).kind in GPU_DEVICES:
        workers, threads = max(1, min(limit, GPU_VIDEOS * len(process_devices(device, cores)))), 2
    else:
        workers = max(1, limit)
        threads = max(1, cores // workers)
    return (workers, threads) if requested is None else (requested, max(1, workers * threads // requested))


def extraction_pool(
    workers: int,
    models: ModelPair,
    device: str,
    threads: int,
    *settings: Any,
    memory_mb: int | None = None,
    engine: Engine = LOCAL,
) -> Executor:
    """A pool of extraction workers: a process each on the CPU, threads of one process for each card on GPUs.

    Args:
        workers: videos at once.
        threads: of a video.
        settings: the arguments of `make_job` after these.
        memory_mb: MB of memory that each process may take; None for what suits the machine.
        engine: where the processes run.
    """
    devices = process_devices(device, workers)
    # On a card a process has many videos, and CUDA's own buffers in the machine's memory.
    if memory_mb is None and parse_device(device).kind not in GPU_DEVICES:
        memory_mb = min(default_memory_mb(len(devices)), _VIDEO_MB + threads * _THREAD_MB)
    return engine.executor(
        workers,
        make_job,
        per_process=[(models, process_device, threads, *settings) for process_device in devices],
        memory_mb=memory_mb,
    )


def make_job(
    models: ModelPair,
    device: str,
    threads: int,
    detect_every: int,
    exact: bool,
    text: TextSettings = AS_THEY_ARE,
) -> Job:
    """Load the models, once in a worker; the job extracts a video and returns its rows."""
    # Imported here, not at the top: its libraries are heavy, and only workers need them.
    from signverse.ingest.extract.extractor import Extractor

    extractor = Extractor(models, device, threads, detect_every)

    def job(task: VideoTask, report: Report) -> VideoRows:
        return extract_video(extractor, task, report, exact=exact, text=text)

    return job


def extract_video(
    extractor: Any,
    task: VideoTask,
    report: Report,
    *,
    exact: bool = False,
    text: TextSettings = AS_THEY_ARE,
) -> VideoRows:
    """Extract a video; it and its captions as rows.

    Raises:
        BadInputError: the video or a caption file cannot be read. Nothing of the video is kept then, so that it comes
            in complete once the file is repaired.
    """
    # Captions first: an unreadable file is reported before minutes of extraction.
    tracks, remarks = _tracks(task, text)
    progress = _Progress(report)
    found = extractor.extract(task.path, on_frame=progress.on_frame, on_open=progress.on_open)

    def points() -> Iterator[Points]:
        # The rows of many hours take minutes as well: report that it is not stalled.
        for chunk in found.chunks():
            progress.on_frame(found.num_frames)
            yield chunk

    remarks += [("video_changed", repair) for repair in found.repairs]
    if found.damaged_frames:
        remarks.append(("damaged", found.remark or counted(found.damaged_frames, "damaged frame")))
    return build_rows(
        task.entry,
        stage=STAGE,
        width=found.facts.width,
        height=found.facts.height,
        num_frames=found.num_frames,
        frames=found.frames,
        persons=found.person,
        points=points(),
        tracks=[on_video_clock(track, found.joins, found.num_frames / FPS) for track in tracks],
        remarks=remarks,
        exact=exact,
        sentences=text.sentences,
        about={
            "source": "video",
            "repairs": found.repairs,
            "events": [*found.events, *as_events(found.joins)],
            "detector": found.detector,
            "detector_sha256": found.detector_sha256,
            "pose_model": found.pose_model,
            "pose_sha256": found.pose_sha256,
            "provider": found.provider,
            "detect_every": found.detect_every,
            "codec": found.facts.codec,
            "source_fps": found.facts.source_fps,
            "rotation": found.facts.rotation,
            "damaged_frames": found.damaged_frames,
        },
    )


def _tracks(task: VideoTask, text: TextSettings) -> tuple[list[Track], list[tuple[str, str]]]:
    """The caption tracks beside a video and inside it; (reason, remark) for streams that are not taken."""
    beside = [read_track(path, task.entry.video_id, sound_marks=text.sound_marks) for path in task.captions]
    with open_video(task.path) as container:
        inside, remarks = embedded_tracks(container, task.path.name, beside, sound_marks=text.sound_marks)
    return unique([*beside, *inside]), remarks


class _Progress:
    """Reports (frames done, frames expected) four times a second; a message for each frame would be too expensive."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._expected = 0
        self._last_report = time.monotonic()

    def on_open(self, facts: VideoFacts) -> None:
        self._expected = round((facts.duration_s or 0.0) * FPS)
        self._report((0, self._expected))

    def on_frame(self, count: int) -> None:
        now = time.monotonic()
        if now - self._last_report >= 0.25:
            self._report((count, self._expected))
            self._last_report = now
