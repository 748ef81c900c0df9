"""Ingesting a folder of videos: what is there, what is to be done, and doing it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import polars as pl

from signverse.ingest.captions.files_beside import captions_beside, is_caption_file, read_track
from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.captions.tracks import unique
from signverse.ingest.captions.webvtt import BadCaptionsError
from signverse.ingest.extract.decode import SUFFIXES, VideoFacts
from signverse.ingest.extract.defaults import DETECT_EVERY, STALLED_S
from signverse.ingest.manifest import Entry, Manifest
from signverse.ingest.models.devices import GPU_DEVICES, parse_device, process_devices
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos.rows import build_rows
from signverse.lake.jobs.pool import Event, Job, Pool, Report
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.schema import OUTCOMES
from signverse.lake.model.skeleton import FPS
from signverse.lake.model.wording import some
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.keypoints import Points

STAGE: Final = "extract"

GPU_VIDEOS: Final = 8
"""Videos at once on a card, at most: each holds up to a gigabyte of decoded images."""


@dataclass(frozen=True)
class VideoTask:
    """A video to extract, with the caption files beside it."""

    path: Path
    entry: Entry
    captions: tuple[Path, ...]


@dataclass
class Plan:
    """What a folder holds and what of it is to be done.

    Attributes:
        tasks: the videos to extract, in the order of their ids.
        done: how many are in the lake already.
        refused: files whose name can be no id: a printable form, and why.
        remarks: a line each.
    """

    tasks: list[VideoTask] = field(default_factory=list)
    done: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def plan_videos(
    source: Path, manifest: Manifest | None, done: set[str], known: Mapping[str, Entry] | None = None
) -> Plan:
    """Finds the videos of a folder (and its subfolders) or the one file, and what is known of them.

    Args:
        done: ids of the videos that are left out, because the lake has them.
        known: what the lake's `sources` tell, this manifest's word included; a title that a site told is in it too.

    Raises:
        BadInputError: there is no such folder, or no video in it.
    """
    if not source.exists():
        raise BadInputError(f"there is no folder {source}", "Name a folder of videos, or one video.")
    paths = [source] if source.is_file() else sorted(_videos_below(source))
    if not paths:
        raise BadInputError(f"no video in {source}", f"Files that end in {' '.join(SUFFIXES)} are looked for.")
    plan = Plan()
    names: dict[Path, list[str]] = {}
    taken: dict[str, Path] = {}
    unlisted: list[str] = []
    for path in paths:
        try:
            video_id = check_video_id(path.stem)
        except BadInputError as error:
            where = str(path) if str(path).isprintable() else ascii(str(path))[1:-1]
            plan.refused.append((ascii(path.stem[:60])[1:-1], f"{where}: {error}"))
            continue
        if video_id in taken:
            plan.remarks.append(f"{path} is left out: {taken[video_id]} has the same id")
            continue
        taken[video_id] = path
        if video_id in done:
            plan.done += 1
            continue
        if path.parent not in names:
            names[path.parent] = [file.name for file in path.parent.iterdir() if is_caption_file(file.name)]
        entry = (known or {}).get(video_id) or (manifest.entries.get(video_id) if manifest else None)
        if entry is None:
            unlisted.append(video_id)
            entry = Entry(video_id)
        plan.tasks.append(VideoTask(path, entry, tuple(captions_beside(path, video_id, names[path.parent]))))
    if unlisted:
        where = f"not in {manifest.path}" if manifest else "no --manifest was given"
        plan.remarks.append(f"language und, {where}: {some(unlisted)}")
    if manifest and (absent := len(manifest.entries.keys() - taken.keys())):
        plan.remarks.append(f"{absent:,} of the manifest's {len(manifest.entries):,} ids have no video in {source}")
    plan.tasks.sort(key=lambda task: task.entry.video_id)
    return plan


def _videos_below(folder: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES and Path(parent, name).is_file()
        ]
    return found


def extraction_pool(workers: int, models: ModelPair, device: str, *settings: Any) -> Pool:
    """Workers for extraction: a process each on the CPU, threads of one process a card on GPUs.

    Args:
        workers: videos that are done at once.
        settings: what `make_job` takes besides the models and the device.
    """
    return Pool(workers, make_job, each=[(models, one, *settings) for one in process_devices(device, workers)])


def make_job(
    models: ModelPair,
    device: str,
    threads: int,
    detect_every: int,
    exact: bool,
    text: TextSettings = AS_THEY_ARE,
) -> Job:
    """The worker's side: opens the models once, then turns tasks into rows."""
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
    """One video and its captions as rows.

    Raises:
        BadInputError: the video or a caption file cannot be read; nothing of the video is kept then, so that
            mending the file and running again brings all of it in.
    """
    # Captions first: what cannot be read is known before minutes of extraction are spent.
    tracks = unique([read_track(path, task.entry.video_id, sound_marks=text.sound_marks) for path in task.captions])
    progress = _Progress(report)
    found = extractor.extract(task.path, on_frame=progress.on_frame, on_open=progress.on_open)

    def points() -> Iterator[Points]:
        # The rows of many hours take minutes as well: it is told that it goes on.
        for chunk in found.chunks():
            progress.on_frame(found.num_frames)
            yield chunk

    remarks = (
        [("damaged", f"{found.remark or f'{found.damaged_frames} damaged frames'}")] if found.damaged_frames else []
    )
    return build_rows(
        task.entry,
        stage=STAGE,
        width=found.facts.width,
        height=found.facts.height,
        num_frames=found.num_frames,
        frames=found.frames,
        persons=found.person,
        points=points(),
        tracks=tracks,
        remarks=remarks,
        exact=exact,
        sentences=text.sentences,
        about={
            "source": "video",
            "repairs": [*found.repairs, *found.events],
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


class _Progress:
    """Reports (frames done, frames expected), four times a second: a message a frame would cost more than it tells."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._expected = 0
        self._told = time.monotonic()

    def on_open(self, facts: VideoFacts) -> None:
        self._expected = round((facts.duration_s or 0.0) * FPS)
        self._report((0, self._expected))

    def on_frame(self, count: int) -> None:
        now = time.monotonic()
        if now - self._told >= 0.25:
            self._report((count, self._expected))
            self._told = now


class Listener(Protocol):
    """What is told while videos are ingested; the command line draws a progress bar from it."""

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        """So many frames of a video are done, of so many that its length promises (0 where it tells none)."""

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        """A video is done."""

    def failed(self, task: VideoTask, why: str) -> None:
        """A video could not be done."""


@dataclass
class Tally:
    """How a run went."""

    done: int = 0
    failed: int = 0
    frames: int = 0
    seconds: float = 0.0


def ingest_videos(
    lake: Lake,
    plan: Plan,
    models: ModelPair,
    *,
    listener: Listener,
    device: str = "auto",
    workers: int = 1,
    threads: int = 1,
    detect_every: int = DETECT_EVERY,
    stalled_s: float = STALLED_S,
    exact: bool = False,
    text: TextSettings = AS_THEY_ARE,
) -> Tally:
    """Extracts the videos of a plan in worker processes and commits them as they are finished.

    A video that fails is noted in `outcomes` and the others go on. After an interrupt the finished ones are kept.

    Args:
        detect_every: frames from one detection to the next; 1 is exact.
        stalled_s: a video of which nothing was heard for so many seconds is given up, and has failed.
        text: what captions become.

    Raises:
        OSError: the lake cannot be written; what was not committed yet is dropped, and its files are removed.
    """
    tally = Tally()
    began = time.monotonic()
    attempts = attempts_so_far(lake)
    with Committer(lake.folder) as committer:
        for shown, why in plan.refused:
            committer.record(shown, "list", "failed", "bad_id", why, attempt=attempts.get((shown, "list"), 0) + 1)
        with extraction_pool(workers, models, device, threads, detect_every, exact, text) as pool:
            for event in pool.run(plan.tasks, stalled_s):
                task: VideoTask = event.task
                video_id = task.entry.video_id
                attempt = attempts.get((video_id, STAGE), 0) + 1
                if event.kind == "progress":
                    listener.frames(task, *event.value)
                    committer.flush_if_due()
                elif event.kind == "result":
                    committer.add(event.value, attempt=attempt)
                    tally.done += 1
                    tally.frames += event.value.video["num_frames"]
                    listener.finished(task, event.value)
                else:
                    why, reason = what_failed(event)
                    committer.record(video_id, STAGE, "failed", reason, why, attempt=attempt)
                    tally.failed += 1
                    listener.failed(task, why)
    tally.seconds = time.monotonic() - began
    return tally


def what_failed(event: Event) -> tuple[str, str]:
    """A line for the person, and the reason for `outcomes`."""
    if event.kind == "died":
        return f"{event.task.path}: the process that read it ended with {event.value}", "crashed"
    if event.kind == "stalled":
        return f"{event.task.path}: no progress for {event.value:g} seconds, given up", "stalled"
    if isinstance(event.value, BadCaptionsError):
        return str(event.value), "bad_captions"
    return str(event.value), "bad_video" if isinstance(event.value, BadInputError) else "error"


def attempts_so_far(lake: Lake) -> dict[tuple[str, str], int]:
    """How often each stage of each video was tried."""
    counts = lake.raw_table(OUTCOMES.name).group_by("video_id", "stage").agg(pl.len()).collect()
    return {(video_id, stage): count for video_id, stage, count in counts.iter_rows()}


def available_cores() -> int:
    """Cores that this process may use, which a container or a scheduler may have bounded."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers(videos: int | None, device: str, asked: int | None = None) -> tuple[int, int]:
    """How many videos are done at once, and with how many threads each.

    On the CPU a single-threaded process a core: two sessions of one thread do 1.5 times the frames of one session of
    two (measured with both stand-in models). On a GPU a video a core, because one core decodes fewer frames than a
    card takes; two threads each, so that one crops while the other waits for the card.

    Args:
        videos: how many there are; None where more come.
        asked: so many at once, whatever suits the machine.
    """
    cores = available_cores()
    most = cores if videos is None else min(cores, videos)
    if parse_device(device).kind in GPU_DEVICES:
        workers, threads = max(1, min(most, GPU_VIDEOS * len(process_devices(device, cores)))), 2
    else:
        workers = max(1, most)
        threads = max(1, cores // workers)
    return (workers, threads) if asked is None else (asked, max(1, workers * threads // asked))
