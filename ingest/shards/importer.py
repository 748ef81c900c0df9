"""Importing released shards: worker processes read tars, and what they report is committed to the lake as it comes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from signverse.ingest.extract.defaults import STALLED_S
from signverse.ingest.shards.reader import STAGE, Failure, Options, TarSummary, make_job
from signverse.ingest.shards.tar_files import ShardTask, Started
from signverse.ingest.videos.run import Summary, attempts_so_far, failure_reason
from signverse.lake.jobs.executor import Engine
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model import languages as sign_languages
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.integrity.lost_files import videos_to_take_again


@dataclass
class ImportSummary(Summary):
    """How an import went.

    Attributes:
        repaired: by repair, how many videos had it.
        other_languages: by language, how many videos were skipped because of it.
        absent: videos that the state JSON lists and the tars lack.
        repeated: videos that came in two tars: the one read first is imported.
        in_lake: videos that the lake has already.
        undetermined: videos of which no sign language is known.
        other_files: by name, how many tars hold such a file beside the folders of videos; they are not read.
    """

    repaired: Counter[str] = field(default_factory=Counter)
    other_languages: Counter[str] = field(default_factory=Counter)
    absent: int = 0
    repeated: int = 0
    in_lake: int = 0
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
        there = set(lake.snapshot.visible()["video_id"]) - videos_to_take_again(lake.snapshot)
        options = replace(options, skip=frozenset(there))
    attempts = attempts_so_far(lake)
    waiting = [ShardTask(path) for path in shards]
    with Committer(lake.folder) as committer, engine.executor(workers, make_job, options, memory_mb=memory_mb) as pool:
        importing = _Import(committer, options, attempts, listed or {})
        while waiting:
            again: list[ShardTask] = []
            progress: dict[Path, _Progress] = defaultdict(_Progress)
            for event in pool.run(waiting, stalled_s):
                path, item = event.task.path, event.value
                at = progress[path]
                if event.kind in ("died", "stalled", "memory"):
                    # The tar is read again, from the next video on.
                    if at.last:
                        again.append(replace(event.task, skip=event.task.skip | at.started))
                    item = Failure(at.last or path.name, f"{path}: {event.failure}", failure_reason(event))
                    # Should the next process end before it starts a video, it is the tar's own doing.
                    at.last = ""
                elif event.kind == "error":
                    item = Failure(path.name, str(item))
                importing.handle(path, item, at)
                if isinstance(item, VideoRows | Failure) and on_video is not None:
                    on_video(item)
                if event.kind in {"result", "error"} and on_shard is not None:
                    on_shard(path)
            waiting = again
    return importing.summary


@dataclass
class _Progress:
    """How far the reading of a tar is: the videos that it started, and the last of them."""

    started: set[str] = field(default_factory=set)
    last: str = ""


class _Import:
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
            self._record(item.video_id, "failed", item.reason, item.why)
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
        self.summary.other_files += tar.other_files
        for video_id in sorted(self._listed.get(path.name, frozenset()) - tar.video_ids):
            if self._is_of_another_language(video_id):
                continue
            if tar.damage:
                # It may lie behind the damage: another copy of the tar may have it.
                self._record(video_id, "failed", "bad_shard", f"{path.name} is said to hold it; {tar.damage}")
                self.summary.failed += 1
                self.summary.account.failed(video_id, "bad_shard")
            else:
                why = f"{path.name} is said to hold it, and does not"
                self._record(video_id, "unavailable", "absent_from_shard", why)
                self.summary.absent += 1

    def _is_of_another_language(self, video_id: str) -> bool:
        entry = self._options.entries.get(video_id)
        return bool(self._options.languages and entry and entry.sign_language not in self._options.languages)

    def _record(self, video_id: str, outcome: str, reason: str, why: str) -> None:
        self._committer.record(video_id, STAGE, outcome, reason, why, attempt=self._attempt(video_id))

    def _attempt(self, video_id: str) -> int:
        return self._attempts.get((video_id, STAGE), 0) + 1
