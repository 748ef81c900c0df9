"""Runs downloading and extraction side by side: one loop feeds the workers of both and commits what they finish.

Downloading waits where extraction lags or the disk is low, and goes on by itself. Media is removed when the lake has
its videos. Whatever is killed, and whenever: the next run goes on from the lake, the media folder and the journals.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from signverse.ingest.acquire.media_folder import FinishedVideo
from signverse.ingest.acquire.scheduling.context import RunContext
from signverse.ingest.acquire.scheduling.download_stage import DownloadStage
from signverse.ingest.acquire.scheduling.extraction_stage import ExtractionStage
from signverse.ingest.acquire.scheduling.progress import Summary
from signverse.ingest.acquire.scheduling.recorder import Recorder
from signverse.ingest.acquire.scheduling.retry_queue import RetryQueue
from signverse.ingest.acquire.scheduling.site_breaker import MAX_PAUSES
from signverse.ingest.acquire.scheduling.state_machine import (
    FirstStep,
    Known,
    VideoEvent,
    VideoState,
    first_step,
    initial_state,
)
from signverse.ingest.extract.defaults import STALLED_S as EXTRACTION_STALLED_S
from signverse.lake.jobs.executor import Executor, wait_for_events
from signverse.lake.outcomes.states import DOWNLOADED, IN_LAKE, UNAVAILABLE, tries_so_far, video_states
from signverse.lake.storage.committer import Committer


class Scheduler:
    """The loop of `ingest download` and `ingest run`.

    Args:
        download_workers: an executor whose workers run `signverse.ingest.acquire.download.worker`.
        extraction_workers: an executor whose workers extract; None in a run that only downloads.
        keep_media: whether media stays after its commit.
        stalled_s: a video whose extraction reports nothing for so long is given up.
    """

    def __init__(
        self,
        context: RunContext,
        download_workers: Executor,
        extraction_workers: Executor | None,
        *,
        keep_media: bool = False,
        stalled_s: float = EXTRACTION_STALLED_S,
    ) -> None:
        self._context = context
        self._download_workers, self._extraction_workers = download_workers, extraction_workers
        self._keep_media, self._stalled_s = keep_media, stalled_s

    def run(self) -> Summary:
        """Downloads and extracts all there is to do.

        Raises:
            OSError: the lake or the media folder cannot be written.
        """
        context = self._context
        with Committer(context.lake.folder) as committer:
            recorder = Recorder(
                context.lake, context.run, committer, lambda key: context.states.apply(key, VideoEvent.COMMITTED)
            )
            recorder.recover(context.worklist.invalid)
            downloads, extraction = self._prepare(recorder)
            context.listener.started(sum(context.summary.before.values()))
            while True:
                if extraction is not None:
                    extraction.feed()
                downloads.feed()
                idle = not (downloads.busy or (extraction is not None and extraction.busy))
                if idle and self._is_over(downloads):
                    recorder.commit()
                    if extraction is None or not extraction.add_found():
                        break
                self._wait(downloads)
                downloads.handle_events()
                if extraction is not None:
                    extraction.handle_events()
                context.run.heartbeat()
                recorder.commit_if_due(idle=not (downloads.busy or (extraction is not None and extraction.busy)))
        return context.summary

    def _is_over(self, downloads: DownloadStage) -> bool:
        """Whether no download is left, or a site blocks for so long that the run gives up. For when all are idle."""
        summary = self._context.summary
        if downloads.left and downloads.is_blocked and not summary.stopped:
            summary.stopped = (
                f"a site still blocks after {MAX_PAUSES} pauses; {downloads.left:,} videos are left for a later run "
                "(--keep-going waits on, --sleep and --cookies may help)"
            )
        return bool(summary.stopped or not downloads.left)

    def _wait(self, downloads: DownloadStage) -> None:
        """Waits until a worker reports something, a download is due, or it is time to look at the disk again."""
        pools = [workers for workers in (self._download_workers, self._extraction_workers) if workers is not None]
        wait_for_events(pools, downloads.wait_s)

    def _prepare(self, recorder: Recorder) -> tuple[DownloadStage, ExtractionStage | None]:
        """Sorts the videos: which are done, which are to be extracted, which are to be downloaded."""
        context = self._context
        finished = context.media.finished()
        rows = video_states(context.lake.snapshot, list(context.worklist.entries), finished.keys())
        self._drop_finished_partials(finished, rows)
        extraction = None
        if self._extraction_workers is not None:
            extraction = ExtractionStage(
                context, recorder, self._extraction_workers, keep_media=self._keep_media, stalled_s=self._stalled_s
            )
        states = {}
        for video_id, state, stage, reason in rows.select("video_id", "state", "stage", "reason").iter_rows():
            media = finished.get(video_id)
            known = Known(
                corpus_state=state,
                stage=stage,
                reason=reason,
                has_media=media is not None,
                was_downloaded=media is not None and media.was_downloaded,
            )
            states[video_id] = self._start(known, video_id, media, extraction)
        context.states.start(states)
        queue = RetryQueue(
            [video_id for video_id, state in states.items() if state == VideoState.QUEUED],
            {key: (tries, at.timestamp()) for key, (tries, at) in tries_so_far(rows).items()},
            context.now(),
            first_pause_s=context.limits.first_pause_s,
            attempts=context.limits.attempts,
            at_once=bool(context.worklist.retry),
        )
        unavailable = set(rows.filter(pl.col("state") == UNAVAILABLE)["video_id"])
        downloads = DownloadStage(context, recorder, self._download_workers, queue, extraction, unavailable)
        return downloads, extraction

    def _drop_finished_partials(self, finished: Mapping[str, FinishedVideo], rows: pl.DataFrame) -> None:
        """Removes the partial downloads of finished videos, which a run leaves that is killed between the two."""
        context = self._context
        in_lake = set(rows.filter(pl.col("state") == IN_LAKE)["video_id"])
        for video_id in context.media.partials():
            if (video_id in finished or video_id in in_lake) and context.run.take_lease(video_id):
                context.media.drop_partial(video_id)
                context.run.release_lease(video_id)

    def _start(
        self, known: Known, video_id: str, media: FinishedVideo | None, extraction: ExtractionStage | None
    ) -> VideoState:
        """Does the first step of a video; returns its initial state."""
        context, summary = self._context, self._context.summary
        leased = True
        step = first_step(
            known, retry=context.worklist.retry, extracts=extraction is not None, keep_media=self._keep_media
        )
        if step in {FirstStep.NOTHING, FirstStep.REMOVE_MEDIA}:
            state = known.corpus_state if known.corpus_state in {IN_LAKE, UNAVAILABLE} else DOWNLOADED
            summary.before[state] = summary.before.get(state, 0) + 1
        if step == FirstStep.REMOVE_MEDIA and media is not None:
            summary.removed += media.was_downloaded
            media.remove()
        if step == FirstStep.DOWNLOAD_ANEW and media is not None and context.run.take_lease(video_id):
            media.remove()
            context.run.release_lease(video_id)
        if step == FirstStep.EXTRACT and media is not None and extraction is not None:
            leased = context.run.take_lease(video_id)
            if leased:
                extraction.add(video_id, media)
            else:
                summary.elsewhere.add(video_id)
        return initial_state(step, known, leased=leased)
