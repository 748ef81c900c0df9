"""Downloading and extracting side by side: each lane has its worker processes, one loop feeds both and commits.

Downloading waits where extraction lags or the disk runs low, and goes on by itself. Media is removed when the lake has
its videos. Whatever is killed, and whenever: the next run goes on from the lake, the media folder and the journals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing.connection import wait
from typing import Any, Final, Protocol

import polars as pl

from signverse.ingest.acquire.account import BLOCKED, DOWNLOADED, FAILED, IN_LAKE, UNAVAILABLE, account, tries_so_far
from signverse.ingest.acquire.job import CAPTIONS, DOWNLOAD, Attempt, DownloadTask
from signverse.ingest.acquire.media import Fetched, Media
from signverse.ingest.acquire.queue import MOST_PAUSES, Queue, pause_after
from signverse.ingest.acquire.runs import Run
from signverse.ingest.acquire.settings import ATTEMPTS, PAUSE_S, STALLED_S
from signverse.ingest.acquire.verdict import Verdict
from signverse.ingest.extract.defaults import STALLED_S as EXTRACTION_STALLED_S
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.run import STAGE, VideoTask, attempts_so_far, what_failed
from signverse.lake.jobs.pool import Event, Pool
from signverse.lake.lake import Lake
from signverse.lake.model.schema import OUTCOMES
from signverse.lake.model.wording import counted, size_of
from signverse.lake.storage import delta
from signverse.lake.storage.committer import COMMIT_SECONDS, Committer, VideoRows
from signverse.lake.storage.sources import add_sources

LIST: Final = "list"

POLL_S: Final = 1.0
"""How often the loop looks at the disk and at its clocks when nothing happens."""

LEASED_S: Final = 10.0
"""After so long a video is looked at again that another run has the lease of."""

IDLE_SAVE_S: Final = 5.0
"""Where nothing is under way, what is finished is committed after so long, and its leases are free for others."""


class Listener(Protocol):
    """What is told while the lanes run; the command line draws its screen from it."""

    def begun(self, settled: int) -> None:
        """So many of the videos needed nothing."""

    def downloading(self, video_id: str, what: str, there: int, expected: int) -> None:
        """What a worker does with a video: looking, captions, video; with bytes."""

    def downloaded(self, video_id: str, attempt: Attempt, again: bool) -> None:
        """A try to fetch a video has ended; `again` where it is tried again in this run."""

    def frames(self, task: VideoTask, done: int, expected: int) -> None:
        """So many frames of a video are extracted."""

    def finished(self, task: VideoTask, rows: VideoRows) -> None:
        """A video is extracted."""

    def failed(self, task: VideoTask, why: str) -> None:
        """A video could not be extracted."""

    def held(self, why: str) -> None:
        """Why nothing more is downloaded for now; "" where something is."""


@dataclass
class Limits:
    """When downloading waits.

    Attributes:
        ahead: bytes of finished videos that may wait for extraction.
        keep_free: bytes that stay free on the media's disk.
        attempts: tries of a video in this run.
        first_pause_s: after the first of them.
        keep_going: whether to go on where a site keeps blocking.
    """

    ahead: int
    keep_free: int
    attempts: int = ATTEMPTS
    first_pause_s: float = PAUSE_S
    keep_going: bool = False


@dataclass
class Tally:
    """How a run went: videos by what became of them in it."""

    downloaded: int = 0
    size: int = 0
    extracted: int = 0
    frames: int = 0
    came_back: int = 0
    removed: int = 0
    """Videos of the media folder that the lake had before this run, and that were cleared away."""
    ended: dict[str, str] = field(default_factory=dict)
    """The outcome of each video that was given up in this run: unavailable, blocked or failed."""
    before: dict[str, int] = field(default_factory=dict)
    """Videos that needed nothing, by their state."""
    elsewhere: set[str] = field(default_factory=set)
    """Videos that another run has the lease of."""
    stopped: str = ""
    """Why the run ended early; "" where it did not."""


@dataclass(frozen=True)
class Work:
    """What a run is about.

    Attributes:
        entries: every video that was asked for, by id, with its language.
        urls: where each is.
        retry: outcomes (blocked, failed, unavailable) to take up at once, and nothing else; none for all that is due.
        refused: rows of the manifest that can be none: a printable form of the id, and why.
    """

    entries: Mapping[str, Entry]
    urls: Mapping[str, str]
    retry: Sequence[str] = ()
    refused: Sequence[tuple[str, str]] = ()


class Lanes:
    """The loop over both lanes.

    Args:
        downloads: a pool whose workers have `ingest.acquire.job`.
        extraction: a pool whose workers extract, or None where that is done elsewhere.
        keep_media: leave the media where it is after its commit.
        stalled_s: a video of which extraction tells nothing for so long is given up.
    """

    def __init__(
        self,
        lake: Lake,
        media: Media,
        run: Run,
        work: Work,
        downloads: Pool,
        extraction: Pool | None,
        limits: Limits,
        listener: Listener,
        *,
        keep_media: bool = False,
        stalled_s: float = EXTRACTION_STALLED_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._lake, self._media, self._run, self._work = lake, media, run, work
        self._downloads, self._extraction = downloads, extraction
        self._limits, self._listener = limits, listener
        self._keep, self._stalled = keep_media, stalled_s
        self._now = now
        self._waiting: list[tuple[str, Fetched]] = []
        self._waiting_bytes = 0
        self._sizes: dict[str, int] = {}
        self._extracting: dict[str, Fetched] = {}
        self._to_remove: list[tuple[str, Fetched]] = []
        self._to_release: set[str] = set()
        self._told: list[dict[str, Any]] = []
        self._settled: set[str] = set()
        self._tried_by_others: dict[str, float] = {}
        self._seen = -1
        self._began = now()
        self._is_held = False
        self._flushed = time.monotonic()
        self._unsaved = False
        self.tally = Tally()

    def go(self) -> Tally:
        """Does all there is to do.

        Raises:
            OSError: the lake or the media folder cannot be written.
        """
        with Committer(self._lake.folder) as committer:
            self._take_over(committer)
            self._prepare()
            self._listener.begun(sum(self.tally.before.values()))
            while True:
                self._feed(committer)
                if not (self._downloads.busy or self._extracting or self._waiting) and self._is_over():
                    self._save(committer)
                    if not self._found_more():
                        break
                self._listen(committer)
                self._run.beat()
                busy = self._downloads.busy or self._extracting or self._waiting
                if self._unsaved and time.monotonic() - self._flushed >= (COMMIT_SECONDS if busy else IDLE_SAVE_S):
                    self._save(committer)
        return self.tally

    def _take_over(self, committer: Committer) -> None:
        """What runs that were killed had written down and the lake does not know."""
        self._attempts = attempts_so_far(self._lake)
        self._record_left_behind(committer)
        for shown, why in self._work.refused:
            if (shown, LIST) not in self._attempts:
                self._record(committer, shown, LIST, Verdict("failed", "bad_id", why))
        if self._unsaved:
            self._save(committer)
            self._lake.refresh()

    def _record_left_behind(self, committer: Committer) -> None:
        for row in self._run.left_behind():
            try:
                key, attempt = (str(row["video_id"]), str(row["stage"])), int(row["attempt"])
                outcome, reason, message = (str(row[name] or "") for name in ("outcome", "reason", "message"))
            except (KeyError, TypeError, ValueError, OverflowError):
                continue
            if attempt > self._attempts.get(key, 0):
                self._attempts[key] = attempt
                committer.record(*key, outcome, reason, message, attempt=attempt)
                self._unsaved = True

    def _prepare(self) -> None:
        """Sorts the videos: what is done, what waits for extraction, what is to be fetched."""
        fetched = self._media.fetched()
        rows = account(self._lake, list(self._work.entries), fetched.keys())
        states = dict(rows.select("video_id", "state").iter_rows())
        reasons = dict(rows.select("video_id", "reason").iter_rows())
        stages = dict(rows.select("video_id", "stage").iter_rows())
        self._were = {key: state for key, state in states.items() if state in {BLOCKED, FAILED, UNAVAILABLE}}
        for video_id in self._media.partials():
            # Of a run that was killed between the two: what is finished needs no beginning.
            if (video_id in fetched or states.get(video_id) == IN_LAKE) and self._run.take(video_id):
                self._media.drop_partial(video_id)
                self._run.release(video_id)
        to_fetch = []
        for video_id, state in states.items():
            there = fetched.get(video_id)
            if state in {IN_LAKE, UNAVAILABLE} and state not in self._work.retry:
                self.tally.before[state] = self.tally.before.get(state, 0) + 1
            if state == IN_LAKE:
                if there is not None and not self._keep and self._extraction is not None:
                    # Committed by a run that was killed before it could clear away, or kept by one that was to keep.
                    self.tally.removed += there.ours
                    there.remove()
                continue
            if self._work.retry and state not in self._work.retry:
                continue
            if state == UNAVAILABLE and UNAVAILABLE not in self._work.retry:
                continue
            unread = there is not None and state == FAILED and stages[video_id] == STAGE
            # What came and could not be read is fetched anew; somebody's own file is read again, and never replaced.
            anew = there is not None and there.ours and unread and reasons[video_id] == "bad_video"
            if there is not None and (state == DOWNLOADED or unread) and not anew:
                # Under another run's lease it is that run's.
                if self._extraction is None:
                    self.tally.before[DOWNLOADED] = self.tally.before.get(DOWNLOADED, 0) + 1
                elif self._run.take(video_id):
                    self._queue_extraction(video_id, there)
                else:
                    self.tally.elsewhere.add(video_id)
                continue
            if there is not None and anew and self._run.take(video_id):
                there.remove()
                self._run.release(video_id)
            to_fetch.append(video_id)
        tried = {key: (tries, at.timestamp()) for key, (tries, at) in tries_so_far(rows).items()}
        self._queue = Queue(
            to_fetch,
            tried,
            self._now(),
            first_pause_s=self._limits.first_pause_s,
            attempts=self._limits.attempts,
            at_once=bool(self._work.retry),
        )

    def _found_more(self) -> bool:
        """Whether others have left videos in the media folder meanwhile that nobody is extracting."""
        if self._extraction is None:
            return False
        self._lake.refresh()
        fetched = self._media.fetched()
        rows = account(self._lake, [key for key in self._work.entries if key in fetched], fetched.keys())
        for video_id in rows.filter(pl.col("state") == DOWNLOADED)["video_id"]:
            if self._run.take(video_id):
                self._queue_extraction(video_id, fetched[video_id])
        return bool(self._waiting)

    def _is_over(self) -> bool:
        if self.tally.stopped or self._queue.due() is None:
            return True
        if self._queue.pauses > MOST_PAUSES and not self._limits.keep_going:
            self.tally.stopped = (
                f"a site still blocks after {MOST_PAUSES} pauses; {len(self._queue):,} videos are left for a later run "
                "(--keep-going waits on, --sleep and --cookies may help)"
            )
            return True
        return False

    def _feed(self, committer: Committer) -> None:
        while self._extraction is not None and self._waiting and self._extraction.free:
            video_id, fetched = self._waiting.pop(0)
            self._waiting_bytes -= self._sizes.pop(video_id)
            self._extracting[video_id] = fetched
            entry = completed(self._work.entries[video_id], fetched.info)
            self._extraction.give(VideoTask(fetched.path, entry, fetched.captions))
        why = self._held()
        self._is_held = bool(why)
        while not why and self._downloads.free and (wanted := self._queue.next(self._now())) is not None:
            if not self._run.take(wanted):
                self.tally.elsewhere.add(wanted)
                self._queue.put_back(wanted, self._now(), LEASED_S)
                continue
            self.tally.elsewhere.discard(wanted)
            # With the lease in hand: what others had of it is in the lake by now.
            self._look_at_others()
            if wanted in self._settled:
                self._queue.skip(wanted)
                self._run.release(wanted)
                continue
            if (there := self._media.find(wanted)) is not None:
                # Whole, and left by a run that was killed meanwhile.
                self._queue.skip(wanted)
                if self._extraction is not None:
                    self._queue_extraction(wanted, there)
                else:
                    self._to_release.add(wanted)
                continue
            if (later := self._tried_by_others.get(wanted, 0.0) - self._now()) > 0:
                self._queue.put_back(wanted, self._now(), later)
                self._run.release(wanted)
                continue
            self._to_release.discard(wanted)
            last = self._queue.tries_here(wanted) + 1 >= self._limits.attempts
            self._downloads.give(DownloadTask(wanted, self._work.urls[wanted], last))
        if not why and not self._downloads.busy and (due := self._queue.due()) is not None:
            at = datetime.fromtimestamp(due).strftime("%H:%M:%S")
            whom = "those that are left wait for their next try"
            if self._queue.pauses:
                whom = "the site blocks: all wait"
            elif len(self.tally.elsewhere) >= len(self._queue):
                whom = f"{counted(len(self.tally.elsewhere), 'video')} with another run, looked at again:"
            why = f"{whom} until {at}"
        self._listener.held(why)

    def _held(self) -> str:
        """Why no download may begin; "" where one may."""
        if self.tally.stopped or (self._queue.pauses > MOST_PAUSES and not self._limits.keep_going):
            return "the site keeps blocking"
        if self._extraction is not None and self._waiting_bytes >= self._limits.ahead:
            count = len(self._waiting)
            return f"{counted(count, 'video')} {'waits' if count == 1 else 'wait'} for extraction"
        if self._queue.due() is not None and self._media.free < self._limits.keep_free:
            half = sum(self._media.partials().values())
            unfinished = f" ({size_of(half)} are in {self._media.partial_folder})" if half else ""
            return f"the disk is low: downloading goes on when there is room{unfinished}"
        return ""

    def _look_at_others(self) -> None:
        """Takes note of what other runs have committed since this one last looked; does little where none has."""
        version = delta.newest_version(self._lake.folder / OUTCOMES.name)
        if version == self._seen:
            return
        self._seen = version
        self._lake.refresh()
        rows = account(self._lake, list(self._work.entries), None)
        states = dict(rows.select("video_id", "state").iter_rows())
        recent = rows.filter(pl.col("at").dt.epoch("us") > self._began * 1e6)["video_id"]
        self._settled = {key for key, state in states.items() if state == IN_LAKE}
        self._settled |= {key for key in recent if states[key] in {DOWNLOADED, UNAVAILABLE}}
        self._tried_by_others = {
            key: at.timestamp() + pause_after(tries, self._limits.first_pause_s)
            for key, (tries, at) in tries_so_far(rows).items()
            if at.timestamp() > self._began and states[key] != UNAVAILABLE
        }

    def _listen(self, committer: Committer) -> None:
        pools = [pool for pool in (self._downloads, self._extraction) if pool is not None]
        free = self._downloads.free and not self._is_held
        quiet = min(POLL_S, self._queue.wait(self._now())) if free else POLL_S
        wait([pipe for pool in pools for pipe in pool.pipes], quiet)
        for event in self._downloads.hear(STALLED_S, 0.0):
            self._on_download(event, committer)
        if self._extraction is not None:
            for event in self._extraction.hear(self._stalled, 0.0):
                self._on_extraction(event, committer)

    def _on_download(self, event: Event, committer: Committer) -> None:
        task: DownloadTask = event.task
        if event.kind == "progress":
            self._listener.downloading(task.video_id, *event.value)
            return
        attempt: Attempt
        if event.kind == "result":
            attempt = event.value
        elif event.kind == "stalled":
            attempt = Attempt(Verdict("failed", "stalled", f"nothing came for {event.value:g} seconds"))
        else:
            why = f"the process that fetched it ended with {event.value}" if event.kind == "died" else str(event.value)
            attempt = Attempt(Verdict("failed", "crashed", why))
        verdict = attempt.verdict
        if attempt.captions is not None:
            self._record(committer, task.video_id, CAPTIONS, attempt.captions)
        if verdict.outcome == "done" and self._were.get(task.video_id) == UNAVAILABLE:
            self.tally.came_back += 1
            verdict = replace(verdict, reason="came_back", message="it was unavailable before")
        self._record(committer, task.video_id, DOWNLOAD, verdict)
        again = self._queue.settle(task.video_id, verdict, self._now())
        if attempt.info:
            self._told.append(told_of(self._work.entries[task.video_id], attempt.info))
        if verdict.outcome == "done" and attempt.fetched is not None:
            self.tally.downloaded += 1
            self.tally.size += attempt.size
            if self._extraction is not None:
                self._queue_extraction(task.video_id, attempt.fetched)
            else:
                self._to_release.add(task.video_id)
            self._listener.downloaded(task.video_id, attempt, again)
            return
        self._to_release.add(task.video_id)
        if verdict.outcome == "unavailable" or verdict.reason == "disk":
            self._media.drop_partial(task.video_id)
        if not again:
            self.tally.ended[task.video_id] = verdict.outcome
        self._listener.downloaded(task.video_id, attempt, again)

    def _queue_extraction(self, video_id: str, fetched: Fetched) -> None:
        self._sizes[video_id] = fetched.size
        self._waiting_bytes += self._sizes[video_id]
        self._waiting.append((video_id, fetched))

    def _on_extraction(self, event: Event, committer: Committer) -> None:
        task: VideoTask = event.task
        video_id = task.entry.video_id
        if event.kind == "progress":
            self._listener.frames(task, *event.value)
            return
        fetched = self._extracting.pop(video_id)
        attempt = self._attempts.get((video_id, STAGE), 0) + 1
        self._attempts[video_id, STAGE] = attempt
        self._unsaved = True
        self._to_release.add(video_id)
        if event.kind == "result":
            committer.add(event.value, attempt=attempt)
            self.tally.extracted += 1
            self.tally.frames += event.value.video["num_frames"]
            if not self._keep:
                self._to_remove.append((video_id, fetched))
            self._listener.finished(task, event.value)
        else:
            why, reason = what_failed(event)
            committer.record(video_id, STAGE, "failed", reason, why, attempt=attempt)
            self.tally.ended[video_id] = "failed"
            self._listener.failed(task, why)
        if committer.pending == 0:
            # 128 MB had gathered, and were committed.
            self._reclaim()

    def _record(self, committer: Committer, video_id: str, stage: str, verdict: Verdict) -> None:
        attempt = self._attempts.get((video_id, stage), 0) + 1
        self._attempts[video_id, stage] = attempt
        row = {
            "video_id": video_id,
            "stage": stage,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "message": verdict.message,
        }
        self._run.note({**row, "attempt": attempt})
        committer.record(**row, attempt=attempt)
        self._unsaved = True

    def _save(self, committer: Committer) -> None:
        """Commits what there is; then it is neither in the journal nor in the media folder any more."""
        self._record_left_behind(committer)
        if self._told:
            add_sources(self._lake, self._told)
            self._told = []
        committer.flush()
        self._run.noted()
        self._reclaim()
        for video_id in self._to_release:
            self._run.release(video_id)
        self._to_release.clear()
        self._unsaved = False
        self._flushed = time.monotonic()

    def _reclaim(self) -> None:
        for _, fetched in self._to_remove:
            fetched.remove()
        self._to_remove = []


def completed(entry: Entry, info: Mapping[str, Any]) -> Entry:
    """What the manifest told of a video, with what the site told where the manifest is silent."""

    def word(name: str) -> str | None:
        return str(info[name]) if info.get(name) not in (None, "") else None

    own_channel = entry.channel or entry.channel_id
    return replace(
        entry,
        title=entry.title or word("title"),
        channel=entry.channel if own_channel else word("channel"),
        channel_id=entry.channel_id if own_channel else word("channel_id"),
        url=entry.url or word("webpage_url"),
    )


def told_of(entry: Entry, info: Mapping[str, Any]) -> dict[str, Any]:
    """A row for `sources`."""
    return vars(completed(entry, info))
