"""The extraction half of a run: extracts what is downloaded, in the order in which it comes."""

from __future__ import annotations

import polars as pl

from signverse.ingest.acquire.media_folder import FinishedVideo
from signverse.ingest.acquire.scheduling.context import RunContext
from signverse.ingest.acquire.scheduling.recorder import Recorder
from signverse.ingest.acquire.scheduling.state_machine import VideoEvent
from signverse.ingest.acquire.worklist import complete
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.run import describe_failure
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Executor
from signverse.lake.outcomes.states import DOWNLOADED, video_states


class ExtractionStage:
    """Feeds the extraction workers.

    Args:
        workers: an executor whose workers extract.
        keep_media: whether media stays after its commit.
        stalled_s: a video whose extraction reports nothing for so long is given up.
    """

    def __init__(
        self, context: RunContext, recorder: Recorder, workers: Executor, *, keep_media: bool, stalled_s: float
    ) -> None:
        self._context, self._recorder, self._workers = context, recorder, workers
        self._keep_media, self._stalled_s = keep_media, stalled_s
        self._waiting: list[tuple[str, FinishedVideo, int]] = []
        self._waiting_bytes = 0
        self._extracting: dict[str, FinishedVideo] = {}

    @property
    def busy(self) -> bool:
        """Whether a video is being extracted or waits for it."""
        return bool(self._waiting or self._extracting)

    @property
    def backlog(self) -> tuple[int, int]:
        """How many videos wait, and their bytes."""
        return len(self._waiting), self._waiting_bytes

    def add(self, video_id: str, media: FinishedVideo) -> None:
        """Queues a video that is in the media folder."""
        size = media.size
        self._waiting.append((video_id, media, size))
        self._waiting_bytes += size

    def add_found(self) -> bool:
        """Queues videos that other runs have left in the media folder; returns whether there were any."""
        context = self._context
        context.lake.refresh()
        finished = context.media.finished()
        rows = video_states(
            context.lake.snapshot, [key for key in context.worklist.entries if key in finished], finished.keys()
        )
        for video_id in rows.filter(pl.col("state") == DOWNLOADED)["video_id"]:
            if context.run.take_lease(video_id):
                context.states.apply(video_id, VideoEvent.MEDIA_FOUND)
                self.add(video_id, finished[video_id])
        return bool(self._waiting)

    def feed(self) -> None:
        """Starts extractions while workers are free."""
        while self._waiting and self._workers.free:
            video_id, media, size = self._waiting.pop(0)
            self._waiting_bytes -= size
            self._extracting[video_id] = media
            self._context.states.apply(video_id, VideoEvent.EXTRACTION_STARTED)
            entry = complete(self._context.worklist.entries[video_id], media.info)
            self._workers.submit(VideoTask(media.path, entry, media.captions))

    def handle_events(self) -> None:
        """Takes what the workers report, without waiting for them."""
        for event in self._workers.poll(self._stalled_s, 0.0):
            if event.kind == "progress":
                self._context.listener.extraction_progress(event.task, *event.value)
            else:
                self._end(event)

    def _end(self, event: Event) -> None:
        context = self._context
        task: VideoTask = event.task
        video_id = task.entry.video_id
        media = self._extracting.pop(video_id)
        if event.kind == "result":
            context.states.apply(video_id, VideoEvent.EXTRACTION_DONE)
            self._recorder.record_extracted(video_id, event.value, None if self._keep_media else media)
            context.summary.extracted += 1
            context.summary.account.took(event.value)
            context.summary.frames += event.value.video["num_frames"]
            context.listener.extracted(task, event.value)
        else:
            message, reason = describe_failure(event)
            context.states.apply(video_id, VideoEvent.EXTRACTION_FAILED)
            self._recorder.record_extraction_failed(video_id, reason, message)
            context.summary.ended[video_id] = "failed"
            context.summary.account.failed(video_id, reason)
            context.listener.extraction_failed(task, message)
