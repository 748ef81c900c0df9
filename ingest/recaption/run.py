"""Captions that come later, are corrected or are in another format: their rows, from the keypoints that the lake has.

Nothing is extracted and no keypoints are written: a video's row names the ingestion that wrote them. The rows are those
that extraction would have made, had it had these captions from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from signverse.ingest.captions.files_beside import read_track
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.segments import Summary as KeypointsSummary
from signverse.ingest.captions.segments import stored_means
from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.captions.tracks import Track
from signverse.ingest.recaption.find import FoundCaptions
from signverse.ingest.shards.caption_tracks import subtitles_tracks
from signverse.ingest.videos.caption_times import joins_in, on_video_clock
from signverse.ingest.videos.rows import TextRows, build_text
from signverse.ingest.videos.run import attempts_so_far, failure_reason
from signverse.ingest.videos.stored_captions import AT_ONCE, TrackChanges, merge, stored_tracks
from signverse.lake.jobs.executor import UNLIMITED, Engine, Job, Report, WorkerLimits
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.schema import SEGMENTS, VIDEOS
from signverse.lake.model.skeleton import PARTS
from signverse.lake.model.wording import counted
from signverse.lake.storage.committer import Committer, StoredKeypoints, VideoRows
from signverse.lake.storage.integrity.foreign_errors import collect

STAGE: Final = "captions"
"""The stage of captions in `outcomes`."""

_READ_HERE: Final = 4 << 20
"""Bytes of captions of a video that are read without a process of their own, which takes a second to start: they take
0.1 GB and two seconds whatever they hold, and ten hours of dense captions are 2 MB."""


@dataclass(frozen=True)
class Recaptioned:
    """What became of the captions of a video.

    Attributes:
        change: what is new, such as "en.manual new (12 cues)"; "" where the lake has all of it.
        remarks: of the caption files, a line each.
        failed: why the files cannot be read; the video stays as it is.
    """

    video_id: str
    change: str = ""
    remarks: tuple[str, ...] = ()
    failed: str = ""
    tracks: TrackChanges | None = None


@dataclass
class Summary:
    """How many videos got captions, of how many tracks, and which are as they were.

    Attributes:
        changed, unchanged, failed: videos.
        new, replaced, removed: tracks.
    """

    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    new: int = 0
    replaced: int = 0
    removed: int = 0
    videos: list[Recaptioned] = field(default_factory=list)

    def add(self, video: Recaptioned) -> None:
        """Counts a video."""
        self.videos.append(video)
        self.changed += bool(video.change)
        self.failed += bool(video.failed)
        self.unchanged += not video.change and not video.failed
        if video.tracks is not None and video.change:
            self.new += len(video.tracks.new)
            self.replaced += len(video.tracks.replaced)
            self.removed += len(video.tracks.removed)


def ingest_captions(
    lake: Lake,
    found: FoundCaptions,
    *,
    text: TextSettings = AS_THEY_ARE,
    only: bool = False,
    dry_run: bool = False,
    limits: WorkerLimits = UNLIMITED,
    engine: Engine = LOCAL,
) -> Summary:
    """Take captions into a lake for videos that it has; large ones are read in a process of their own.

    A video whose captions cannot be read is recorded in `outcomes` and stays as it is; the others go on.

    Args:
        text: how captions are read.
        only: tracks that the lake has of these videos and that were not found are removed.
        dry_run: say what would change, and write nothing.
        limits: of the process that reads; a video that takes more has failed.
        engine: where it runs.
    """
    summary = Summary()
    attempts = attempts_so_far(lake)
    where = lake.folder, lake.version, text, only
    with Committer(lake.folder) as committer, engine.executor(1, make_job, *where, memory_mb=limits.memory_mb) as pool:
        for start in range(0, len(found.video_ids), AT_ONCE):
            ids = found.video_ids[start : start + AT_ONCE]
            stored = _stored(lake, ids)
            tasks = [Task(stored[video_id], found.of(video_id)) for video_id in ids]
            for video_id, task in zip(ids, tasks, strict=True):
                reason = "bad_captions"
                if task.found.size <= _READ_HERE:
                    result, rows = _recaption(lake, task.found, task.stored, text, only)
                else:
                    # Nothing is reported on the way: the only event is how it ended.
                    (event,) = pool.run([task], limits.stalled_s)
                    if event.kind == "result":
                        result, rows = event.value
                    else:
                        result, rows = Recaptioned(video_id, failed=event.failure), None
                        reason = failure_reason(event)
                summary.add(result)
                if dry_run:
                    continue
                attempt = attempts.get((video_id, STAGE), 0) + 1
                if rows is not None:
                    committer.add(rows, attempt=attempt)
                elif result.failed:
                    committer.record(video_id, STAGE, "failed", reason, result.failed, attempt=attempt)
    lake.refresh()
    return summary


@dataclass(frozen=True)
class Stored:
    """What a lake holds of a video: its row of `videos`, those of `segments` in order, and its caption tracks."""

    video: dict[str, Any]
    segments: list[dict[str, Any]]
    tracks: list[Track]


@dataclass(frozen=True)
class Task:
    """A video to read captions for: what the lake holds of it, and its files alone of all that were found."""

    stored: Stored
    found: FoundCaptions


def make_job(folder: Path, version: int, text: TextSettings, only: bool) -> Job:
    """Reads the captions of videos of a lake's version; a task's result is a Recaptioned, and rows where it has any."""
    lake = Lake.open(folder, version=version)

    def job(task: Task, _: Report) -> tuple[Recaptioned, VideoRows | None]:
        return _recaption(lake, task.found, task.stored, text, only)

    return job


def _stored(lake: Lake, video_ids: Sequence[str]) -> dict[str, Stored]:
    """What a lake holds of visible videos, by video id."""
    of_videos = pl.col("video_id").is_in(list(video_ids))
    tracks = stored_tracks(lake, video_ids)
    segments: dict[str, list[dict[str, Any]]] = {}
    for row in collect(lake.table(SEGMENTS.name).filter(of_videos).sort("video_id", "ordinal")).iter_rows(named=True):
        segments.setdefault(row["video_id"], []).append(row)
    return {
        row["video_id"]: Stored(row, segments.get(row["video_id"], []), tracks.get(row["video_id"], []))
        for row in collect(lake.table(VIDEOS.name).filter(of_videos)).iter_rows(named=True)
    }


def _recaption(
    lake: Lake, found: FoundCaptions, stored: Stored, text: TextSettings, only: bool
) -> tuple[Recaptioned, VideoRows | None]:
    """What becomes of a video, and its new rows where there are any."""
    video, video_id = stored.video, stored.video["video_id"]
    try:
        read = [
            read_track(path, path.stem.removesuffix(f".{tag}" if tag else ""), sound_marks=text.sound_marks)
            for path, tag in found.files.get(video_id, ())
        ]
    except BadCaptionsError as error:
        return Recaptioned(video_id, failed=str(error)), None
    bad: list[tuple[str, str]] = []
    added = subtitles_tracks(
        found.tars, video_id, lambda error: bad.append(("bad_captions", f"skipped: {error.message}"))
    )
    joins, duration_s = joins_in(video["events"]), video["num_frames"] / FPS
    read = [on_video_clock(track, joins, duration_s) for track in read]
    added = [on_video_clock(track, joins, duration_s) for track in added]
    changes = merge(stored.tracks, read, added, only=only)
    change = _describe(changes, stored.tracks)
    if not changes.any:
        nothing = KeypointsSummary(video["num_frames"], *_NO_ROWS)
        planned = build_text(video_id, video["num_frames"], changes.tracks, nothing, sentences=text.sentences)
        if _cut(planned.segments) == _cut(stored.segments):
            return Recaptioned(video_id, tracks=changes), None
        change = f"{counted(len(stored.segments), 'segment')} before, {len(planned.segments):,} now"
    new = build_text(
        video_id, video["num_frames"], changes.tracks, _keypoints_summary(lake, video), sentences=text.sentences
    )
    new.remarks.extend(bad)
    if (
        not joins
        and any(repair.endswith(": joined") for repair in video["repairs"] or ())
        and changes.new + changes.replaced
    ):
        why = "its clock leaps: captions that count on the file's own clock are moved by extraction only (--redo)"
        new.remarks.append(("clock_leaps", why))
    remarks = tuple(message for _, message in new.remarks)
    return Recaptioned(video_id, change, remarks, tracks=changes), _rows(video, new, change)


_NO_ROWS: Final = (np.empty(0, np.int32), np.empty(0, np.int8), np.empty((0, len(PARTS)), np.float32))


def _cut(segments: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the settings of text decide of segments."""
    names = ("start_s", "end_s", "text", "text_language", "caption_kind", "english_source")
    return [tuple(segment[name] for name in names) for segment in segments]


def _describe(changes: TrackChanges, stored: Sequence[Track]) -> str:
    cues = {track.name: len(track.cues) for track in changes.tracks}
    before = {track.name: len(track.cues) for track in stored}
    return ", ".join(
        [
            *(f"{name} new ({counted(cues[name], 'cue')})" for name in changes.new),
            *(
                f"{name} replaced ({counted(before[name], 'cue')} before, {cues[name]:,} now)"
                for name in changes.replaced
            ),
            *(f"{name} removed ({counted(before[name], 'cue')})" for name in changes.removed),
        ]
    )


def _keypoints_summary(lake: Lake, video: dict[str, Any]) -> KeypointsSummary:
    table = lake.snapshot.keypoint_rows(video["video_id"], [part.confidence for part in PARTS])
    return KeypointsSummary(
        video["num_frames"],
        table.column("frame").to_numpy().astype(np.int32, copy=False),
        table.column("person").to_numpy().astype(np.int8, copy=False),
        stored_means(table),
    )


def _rows(video: dict[str, Any], text: TextRows, change: str) -> VideoRows:
    return VideoRows(
        # All that extraction or import said of the video stays.
        video={**video, **text.columns},
        keypoints=StoredKeypoints.of(video),
        segments=text.segments,
        captions=text.captions,
        stage=STAGE,
        reason=",".join(dict.fromkeys(["recaptioned", *(reason for reason, _ in text.remarks)])),
        message="; ".join([change, *(message for _, message in text.remarks)]),
    )
