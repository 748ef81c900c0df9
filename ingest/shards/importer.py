"""Importing released shards: worker processes read tars, and what they report is committed to the lake as it comes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from signverse.ingest.extract.defaults import STALLED_S
from signverse.ingest.shards.reader import STAGE, Failure, Options, TarSummary, make_job
from signverse.ingest.shards.tar_files import ShardTask, Started
from signverse.ingest.videos.run import Summary, attempts_so_far, failure_reason
from signverse.lake.jobs.events import Event
from signverse.lake.jobs.executor import Engine
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model import languages as sign_languages
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.forgotten.tombstones import Tombstones
from signverse.lake.storage.integrity.lost_files import videos_to_take_again

_NO_MORE: Final = object()

_LOOK_UP_S: Final = 0.2
"""How long events are waited for where a worker is free, and the next tar may come."""


@dataclass
class ImportSummary(Summary):
    """How an import went.

    Attributes:
        repaired: by repair, how many videos had it.
        other_languages: by language, how many videos were skipped because of it.
        absent: videos that the state JSON lists and the tars lack.
        repeated: videos that came in two tars: the one read first is imported.
        in_lake: videos that the lake has already.
        forgotten: videos that the lake has forgotten, and does not take.
        undetermined: videos of which no sign language is known.
        other_files: by name, how many tars hold such a file beside the folders of videos; they are not read.
    """

    repaired: Counter[str] = field(default_factory=Counter)
    other_languages: Counter[str] = field(default_factory=Counter)
    absent: int = 0
    repeated: int = 0
    in_lake: int = 0
    forgotten: int = 0
    undetermined: int = 0
    other_files: Counter[str] = field(default_factory=Counter)


def import_shards(
    lake: Lake,
    shards: Sequence[Path],
    options: Options,
    *,
    workers: int = 1,
    memory_mb: int | None = None,
    stalled_s: float = STALLED_S,
    engine: Engine = LOCAL,
    redo: bool = False,
    listed: Mapping[str, frozenset[str]] | None = None,
    on_video: Callable[[VideoRows | Failure], None] | None = None,
    on_shard: Callable[[Path], None] | None = None,
) -> ImportSummary:
    """Imports tars in worker processes, committing videos as they come.

    Args:
        workers: tars that are read in parallel.
        memory_mb: MB of memory that each worker may take; None for what suits the machine.
        stalled_s: a video that takes longer has failed.
        engine: where the workers run.
        redo: also videos that the lake has already. Those whose keypoints are lost are imported in any case.
        listed: by the name of a tar, the videos that a state JSON says it holds; what it lacks of them is recorded.
        on_video: called with each VideoRows or Failure.
        on_shard: called with the path of each finished tar.
    """
    if not redo:
        options = replace(options, skip=in_lake(lake))
    with ShardImport(
        lake, options, workers=workers, memory_mb=memory_mb, stalled_s=stalled_s, engine=engine, listed=listed
    ) as importing:
        for event in importing.run(ShardTask(path) for path in shards):
            if isinstance(event, Path):
                if on_shard is not None:
                    on_shard(event)
            elif on_video is not None:
                on_video(event)
    return importing.summary


def in_lake(lake: Lake) -> frozenset[str]:
    """The videos that a lake has and need not be imported again: not those whose keypoints are lost."""
    return frozenset(set(lake.snapshot.visible()["video_id"]) - videos_to_take_again(lake.snapshot))


class ShardImport:
    """An import of tars that come one after the other. Use as a context manager; leaving it commits what is finished.

    Attributes:
        summary: how it went so far.
    """

    def __init__(
        self,
        lake: Lake,
        options: Options,
        *,
        workers: int = 1,
        memory_mb: int | None = None,
        stalled_s: float = STALLED_S,
        engine: Engine = LOCAL,
        listed: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Prepares an import; for the arguments see `import_shards`."""
        options = replace(options, forgotten=Tombstones.of(lake.folder))
        self._committer = Committer(lake.folder)
        self._recorder = _Recorder(self._committer, options, attempts_so_far(lake), listed or {})
        self._stalled_s = stalled_s
        self._make_pool = partial(engine.executor, workers, make_job, options, memory_mb=memory_mb)
        self.summary = self._recorder.summary

    def __enter__(self) -> Self:
        self._committer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._committer.__exit__(kind, error, trace)

    @property
    def committed(self) -> bool:
        """Whether all that was imported and recorded so far is in the lake for good."""
        return not self._committer.waiting

    def commit(self) -> None:
        """Commits what was imported and recorded so far."""
        self._committer.flush()

    def record(self, video_id: str, outcome: str, reason: str, why: str) -> None:
        """Records a video that cannot be imported, for `outcomes`."""
        self._recorder.record(video_id, outcome, reason, why)

    def run(self, tasks: Iterable[ShardTask | None]) -> Iterator[VideoRows | Failure | Path]:
        """Imports tars, and gives each video or failure, and the path of each tar that is finished.

        Args:
            tasks: asked for when a worker is free; None where the next one is not there yet.
        """
        coming = iter(tasks)
        ended = False
        again: list[ShardTask] = []
        progress: dict[Path, _Progress] = defaultdict(_Progress)
        with self._make_pool() as pool:
            while True:
                while pool.free and not ended:
                    task = next(coming, _NO_MORE)
                    if isinstance(task, ShardTask):
                        pool.submit(task)
                        continue
                    ended = task is _NO_MORE
                    break
                if ended and not pool.busy:
                    if not again:
                        return
                    coming, ended, again = iter(again), False, []
                    continue
                for event in pool.poll(self._stalled_s, math.inf if ended or not pool.free else _LOOK_UP_S):
                    path = event.task.path
                    item, next_task = _what_happened(event, progress[path])
                    again += next_task
                    self._recorder.handle(path, item, progress[path])
                    if isinstance(item, VideoRows | Failure):
                        yield item
                    if event.kind in {"result", "error"}:
                        yield path
                self._committer.flush_if_due()


def _what_happened(event: Event, at: _Progress) -> tuple[Any, list[ShardTask]]:
    """What an event says of a tar, and the task that goes on with it where its process has ended."""
    path, item = event.task.path, event.value
    if event.kind in ("died", "stalled", "memory"):
        # The tar is read again, from the next video on.
        again = [replace(event.task, skip=event.task.skip | at.started)] if at.last else []
        item = Failure(at.last or path.name, f"{path}: {event.failure}", failure_reason(event))
        # Should the next process end before it starts a video, it is the tar's own doing.
        at.last = ""
        return item, again
    return (Failure(path.name, str(item)) if event.kind == "error" else item), []


@dataclass
class _Progress:
    """How far the reading of a tar is: the videos that it started, and the last of them."""

    started: set[str] = field(default_factory=set)
    last: str = ""


class _Recorder:
    """The committing side: records what the workers report."""

    def __init__(
        self,
        committer: Committer,
        options: Options,
        attempts: Mapping[tuple[str, str], int],
        listed: Mapping[str, frozenset[str]],
    ) -> None:
        self.summary = ImportSummary()
        self._committer = committer
        self._options = options
        self._attempts = attempts
        self._listed = listed
        self._imported: set[str] = set()

    def handle(self, path: Path, item: Any, at: _Progress) -> None:
        """Records an item that a worker reported of the tar at `path`."""
        if isinstance(item, Started):
            at.last = item.video_id
            at.started.add(item.video_id)
        elif isinstance(item, TarSummary):
            self._end_of_tar(path, item)
        elif isinstance(item, Failure):
            at.started.add(item.video_id)
            self.record(item.video_id, "failed", item.reason, item.why)
            self.summary.failed += 1
            self.summary.account.failed(item.video_id, item.reason)
        elif isinstance(item, VideoRows):
            self._add(item)

    def _add(self, rows: VideoRows) -> None:
        video = rows.video
        if video["video_id"] in self._imported:
            self.summary.repeated += 1
            return
        self._imported.add(video["video_id"])
        self._committer.add(rows, attempt=self._attempt(video["video_id"]))
        self.summary.done += 1
        self.summary.frames += video["num_frames"]
        self.summary.account.took(rows)
        self.summary.undetermined += video["sign_language"] == sign_languages.UNDETERMINED
        self.summary.repaired.update({word.split(":")[0] for word in video["repairs"]})

    def _end_of_tar(self, path: Path, tar: TarSummary) -> None:
        self.summary.other_languages += tar.other_languages
        self.summary.in_lake += tar.in_lake
        self.summary.forgotten += tar.forgotten
        self.summary.other_files += tar.other_files
        for video_id in sorted(self._listed.get(path.name, frozenset()) - tar.video_ids):
            if self._is_of_another_language(video_id) or video_id in self._options.forgotten:
                continue
            if tar.damage:
                # It may lie behind the damage: another copy of the tar may have it.
                self.record(video_id, "failed", "bad_shard", f"{path.name} is said to hold it; {tar.damage}")
                self.summary.failed += 1
                self.summary.account.failed(video_id, "bad_shard")
            else:
                why = f"{path.name} is said to hold it, and does not"
                self.record(video_id, "unavailable", "absent_from_shard", why)
                self.summary.absent += 1

    def _is_of_another_language(self, video_id: str) -> bool:
        entry = self._options.entries.get(video_id)
        return bool(self._options.languages and entry and entry.sign_language not in self._options.languages)

    def record(self, video_id: str, outcome: str, reason: str, why: str) -> None:
        """Records a video that was not imported."""
        self._committer.record(video_id, STAGE, outcome, reason, why, attempt=self._attempt(video_id))

    def _attempt(self, video_id: str) -> int:
        return self._attempts.get((video_id, STAGE), 0) + 1
