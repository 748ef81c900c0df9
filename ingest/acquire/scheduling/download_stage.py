"""The download half of a run: starts downloads while nothing speaks against it, and takes their outcomes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.download.worker import CAPTIONS, DOWNLOAD, Attempt, DownloadTask
from signverse.ingest.acquire.media_folder import FinishedVideo
from signverse.ingest.acquire.scheduling.context import RunContext
from signverse.ingest.acquire.scheduling.extraction_stage import ExtractionStage
from signverse.ingest.acquire.scheduling.limits import LEASED_S, POLL_S, disk_low_message
from signverse.ingest.acquire.scheduling.other_runs import OtherRuns
from signverse.ingest.acquire.scheduling.recorder import Recorder
from signverse.ingest.acquire.scheduling.retry_queue import RetryQueue
from signverse.ingest.acquire.scheduling.site_breaker import MAX_PAUSES
from signverse.ingest.acquire.scheduling.state_machine import VideoEvent
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Executor
from signverse.lake.model.wording import counted


class DownloadStage:
    """Feeds the download workers.

    Args:
        workers: an executor whose workers run `signverse.ingest.acquire.download.worker`.
        queue: the videos to download.
        extraction: takes what is downloaded; None in a run that only downloads.
        were_unavailable: videos that were unavailable before this run.
    """

    def __init__(
        self,
        context: RunContext,
        recorder: Recorder,
        workers: Executor,
        queue: RetryQueue,
        extraction: ExtractionStage | None,
        were_unavailable: Collection[str],
    ) -> None:
        self._context, self._recorder, self._workers = context, recorder, workers
        self._queue, self._extraction = queue, extraction
        self._were_unavailable = were_unavailable
        self._others = OtherRuns(context)
        self._is_paused = False

    @property
    def busy(self) -> bool:
        """Whether a download is under way."""
        return bool(self._workers.busy)

    @property
    def is_blocked(self) -> bool:
        """Whether a site has blocked us for so long that the run ends."""
        return self._queue.pauses > MAX_PAUSES and not self._context.limits.keep_going

    @property
    def left(self) -> int:
        """How many videos are still to be downloaded."""
        return len(self._queue)

    @property
    def wait_s(self) -> float:
        """How long the scheduler may sleep before it feeds the workers again: POLL_S at most."""
        if not self._workers.free or self._is_paused:
            return POLL_S
        return min(POLL_S, self._queue.seconds_left(self._context.now()))

    def feed(self) -> None:
        """Starts downloads while workers are free, videos are due and no limit is reached."""
        reason = self._limit_reached()
        self._is_paused = bool(reason)
        while not reason and self._workers.free and (video_id := self._queue.pop(self._context.now())) is not None:
            self._start(video_id)
        if not reason and not self._workers.busy:
            reason = self._why_none_is_due()
        self._context.listener.waiting(reason)

    def _limit_reached(self) -> str:
        """Why no download may start; "" where one may."""
        context = self._context
        if context.summary.stopped or self.is_blocked:
            return "the site keeps blocking"
        if self._extraction is not None and (full := context.limits.backlog_full(*self._extraction.backlog)):
            return full
        if self._queue.next_due() is not None and context.limits.disk_low(context.media.free):
            return disk_low_message(sum(context.media.partials().values()), context.media.partial_folder)
        return ""

    def _why_none_is_due(self) -> str:
        """What the videos that are left wait for; "" where none is left."""
        due = self._queue.next_due()
        if due is None:
            return ""
        time = datetime.fromtimestamp(due).strftime("%H:%M:%S")
        if self._queue.pauses:
            return f"the site blocks, no download until {time}"
        elsewhere = len(self._context.summary.elsewhere)
        if elsewhere >= self.left:
            return f"{counted(elsewhere, 'video')} with another run, checked again at {time}"
        return f"{counted(self.left, 'video')} to retry, the first at {time}"

    def _start(self, video_id: str) -> None:
        """Starts the download of a video whose turn has come, unless another run has it or has finished it."""
        context, queue = self._context, self._queue
        if not context.run.take_lease(video_id):
            context.summary.elsewhere.add(video_id)
            context.states.apply(video_id, VideoEvent.LEASE_DENIED)
            queue.requeue(video_id, context.now(), LEASED_S)
            return
        context.summary.elsewhere.discard(video_id)
        # After the lease is taken: whatever another run did with the video is in the lake by now.
        self._others.refresh()
        if video_id in self._others.settled:
            context.states.apply(video_id, VideoEvent.SETTLED_ELSEWHERE)
            queue.drop(video_id)
            context.run.release_lease(video_id)
            return
        if (media := context.media.find(video_id)) is not None:
            # Whole, and left by a run that was killed meanwhile.
            context.states.apply(video_id, VideoEvent.MEDIA_FOUND)
            queue.drop(video_id)
            self._hand_over(video_id, media)
            return
        if (pause := self._others.retry_at.get(video_id, 0.0) - context.now()) > 0:
            context.states.apply(video_id, VideoEvent.POSTPONED)
            queue.requeue(video_id, context.now(), pause)
            context.run.release_lease(video_id)
            return
        self._recorder.keep_lease(video_id)
        context.states.apply(video_id, VideoEvent.DOWNLOAD_STARTED)
        is_last = queue.tries_in_run(video_id) + 1 >= context.limits.attempts
        self._workers.submit(DownloadTask(video_id, context.worklist.urls[video_id], is_last))

    def _hand_over(self, video_id: str, media: FinishedVideo) -> None:
        if self._extraction is not None:
            self._extraction.add(video_id, media)
        else:
            self._recorder.release_after_commit(video_id)

    def handle_events(self) -> None:
        """Takes what the workers report, without waiting for them."""
        for event in self._workers.poll(self._context.limits.stalled_s, 0.0):
            if event.kind == "progress":
                self._context.listener.download_progress(event.task.video_id, *event.value)
            else:
                self._end(event.task, _attempt(event))

    def _end(self, task: DownloadTask, attempt: Attempt) -> None:
        """Records an attempt, and decides what comes next."""
        context, video_id, outcome = self._context, task.video_id, attempt.outcome
        if attempt.captions is not None:
            self._recorder.record(video_id, CAPTIONS, attempt.captions)
        if outcome.kind == "done" and video_id in self._were_unavailable:
            context.summary.came_back += 1
            message = "; ".join(filter(None, ["it was unavailable before", outcome.message]))
            outcome = replace(outcome, reason="came_back", message=message)
        self._recorder.record(video_id, DOWNLOAD, outcome)
        retried = self._queue.record(video_id, outcome, context.now())
        if attempt.info:
            self._recorder.record_source(context.worklist.entries[video_id], attempt.info)
        if outcome.kind == "done" and attempt.media is not None:
            context.states.apply(video_id, VideoEvent.DOWNLOAD_DONE)
            context.summary.downloaded += 1
            context.summary.size += attempt.size
            self._hand_over(video_id, attempt.media)
        else:
            context.states.apply(video_id, _event(outcome, retried=retried))
            self._recorder.release_after_commit(video_id)
            if outcome.kind == "unavailable" or outcome.reason == "disk":
                context.media.drop_partial(video_id)
            if not retried:
                context.summary.ended[video_id] = outcome.kind
                context.summary.account.failed(video_id, outcome.reason, outcome.kind)
        context.listener.download_ended(video_id, attempt, retried)


def _attempt(event: Event) -> Attempt:
    """The attempt that a worker's last event stands for."""
    match event.kind:
        case "result":
            attempt: Attempt = event.value
            return attempt
        case "memory":
            return Attempt(Outcome("failed", "out_of_memory", event.failure))
        case "stalled":
            return Attempt(Outcome("failed", "stalled", f"nothing came for {event.value:g} seconds"))
        case "died":
            return Attempt(Outcome("failed", "crashed", f"the download process ended with {event.value}"))
    return Attempt(Outcome("failed", "crashed", str(event.value)))


def _event(outcome: Outcome, *, retried: bool) -> VideoEvent:
    """The event of a download that gave no video."""
    if outcome.kind == "unavailable":
        return VideoEvent.DOWNLOAD_UNAVAILABLE
    return VideoEvent.DOWNLOAD_RETRY if retried else VideoEvent.DOWNLOAD_GIVEN_UP
