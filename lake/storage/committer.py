"""The committer: the one place where finished videos become rows of a lake."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import polars as pl
import pyarrow as pa

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.ids import check_video_id, new_ingest_id
from signverse.lake.model.interrupt import held
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, PLACEMENT, SEGMENTS, VIDEOS, Table
from signverse.lake.storage import delta, parquet_layout
from signverse.lake.storage.file_writer import KeypointsFile
from signverse.lake.storage.forgotten.commit_lock import committing
from signverse.lake.storage.forgotten.leaving_out import forgotten_in, without_videos
from signverse.lake.storage.forgotten.tombstones import Tombstones
from signverse.lake.storage.integrity import log_entries, writers
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_outcomes import lost_outcomes
from signverse.lake.storage.lake_format import raise_format
from signverse.lake.storage.merging.small_files import merge_after_commit
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.spill import Spill

COMMIT_SECONDS: Final = 60.0
"""Finished videos are committed together after at most this long: a crash costs a minute, the log stays short."""


_NOWHERE: Final = {
    "keypoints_ingest_id": None,
    "keypoints_file": None,
    "first_row_group": None,
    "row_group_count": 0,
}
"""The placement of a video without people."""


@dataclass(frozen=True)
class StoredKeypoints:
    """Keypoints that the lake holds: those of a video of which only the captions are new. They are not written again.

    Attributes:
        replaces: the ingestion whose rows are replaced. Where it is not the newest any more at the commit, the video is
            left as it is.
        placement: keypoints_ingest_id, the ingestion that wrote them, and the columns that say where they lie.
    """

    replaces: str
    placement: dict[str, Any]

    @classmethod
    def of(cls, video: dict[str, Any]) -> StoredKeypoints:
        """Those of a row of `videos`."""
        wrote = video["keypoints_ingest_id"] or video["ingest_id"]
        return cls(video["ingest_id"], {**{name: video[name] for name in PLACEMENT}, "keypoints_ingest_id": wrote})


@dataclass
class VideoRows:
    """A finished video, ready to be committed.

    Attributes:
        video: a row of `videos` without the placement and the ingestion, which the committer fills in; `events` is
            empty by default.
        keypoints: rows of `signverse.lake.storage.keypoints.to_table`, sorted by frame and person; those of a
            long video as a Spill of tables of a multiple of ROWS_PER_GROUP rows, but for the last; or those that the
            lake holds already.
        segments, captions: rows of those tables without video_id, ingest_id and sign_language.
        stage: "extract", "import", "captions" or "list", for the outcome.
        reason, message: of the outcome; may be empty.
    """

    video: dict[str, Any]
    keypoints: pa.Table | Spill | StoredKeypoints
    segments: list[dict[str, Any]]
    captions: list[dict[str, Any]]
    stage: str
    reason: str = ""
    message: str = ""


class Committer:
    """Takes finished videos and commits them together, at 128 MB of keypoints or after a minute.

    Keypoints are written as they come, so memory stays flat: a thread writes those of one video while the caller makes
    the next one. Where it fails, the next `add` or `flush` raises the error and uncommitted videos are dropped. Nothing
    is visible before the `videos` row, which is committed after everything it refers to. Where a commit fails, what it
    was of is kept: the next `flush` commits those very files, unless the log names them already. One committer per
    process; several processes may write to one lake.

        with Committer(folder) as committer:
            committer.add(rows)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, KeypointsFile] = {}
        self._written: dict[str, list[delta.DataFile]] = {}
        self._failed: set[str] = set()
        self._recovered = False
        self._rows: dict[str, list[dict[str, Any]]] = {t.name: [] for t in (SEGMENTS, CAPTIONS, VIDEOS, OUTCOMES)}
        self._replaces: dict[str, str] = {}
        self._since: float | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._writing: tuple[dict[str, Any], Future[dict[str, Any]]] | None = None

    def __enter__(self) -> Committer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an interrupt (Ctrl-C) finished videos are kept; a failed write must not be committed in part.
        if kind is None or issubclass(kind, KeyboardInterrupt):
            try:
                with held():
                    self._flush()
            except BaseException:
                # On a disk that fails: what was not committed is not left behind.
                self.abort()
                raise
            if kind is None:
                merge_after_commit(self._folder)
        else:
            self.abort()

    @property
    def pending(self) -> int:
        """Number of finished videos that are not committed yet."""
        return len(self._rows[VIDEOS.name]) + sum(file.num_rows for file in self._written.get(VIDEOS.name, ()))

    @property
    def waiting(self) -> bool:
        """Whether anything waits for the next commit: a finished video, or the record of an attempt."""
        return self._since is not None

    def add(self, rows: VideoRows, *, attempt: int = 1) -> None:
        """Writes a finished video's keypoints in a thread, and keeps its other rows for the next commit."""
        with held():
            self._end_writing()
            self._add(rows, attempt)
            full = sum(file.size for file in self._open.values()) >= parquet_layout.FILE_BYTES
            if full:
                self._flush()
        if full:
            merge_after_commit(self._folder)
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Commits if the last commit was a minute ago. Call it regularly while a long video delays `add`."""
        if self._since is not None and time.monotonic() - self._since >= COMMIT_SECONDS:
            self.flush()

    def _add(self, rows: VideoRows, attempt: int) -> None:
        video_id = check_video_id(rows.video["video_id"])
        if video_id in Tombstones.of(self._folder):
            return
        language = rows.video["sign_language"]
        ids = {"video_id": video_id, "ingest_id": new_ingest_id()}
        now = datetime.now(UTC)
        # `videos` is not partitioned by language and the others are; all carry it as a column.
        for table, extra in ((SEGMENTS, rows.segments), (CAPTIONS, rows.captions)):
            self._rows[table.name] += [{**row, **ids, "sign_language": language} for row in extra]
        video = {"events": [], **rows.video, **ids, **_NOWHERE, "ingested_at": now}
        self._rows[VIDEOS.name].append(video)
        if isinstance(rows.keypoints, StoredKeypoints):
            video.update(rows.keypoints.placement)
            self._replaces[ids["ingest_id"]] = rows.keypoints.replaces
        else:
            self._write_keypoints(video, rows.keypoints)
        self.record(
            video_id, rows.stage, "done", rows.reason, rows.message, attempt=attempt, ingest_id=ids["ingest_id"]
        )

    def record(
        self,
        video_id: str,
        stage: str,
        outcome: str,
        reason: str = "",
        message: str = "",
        *,
        attempt: int = 1,
        ingest_id: str | None = None,
    ) -> None:
        """Records one attempt at one stage of one video, for the next commit.

        Args:
            outcome: done, unavailable, blocked or failed.
        """
        if self._since is None:
            self._since = time.monotonic()
        self._rows[OUTCOMES.name].append(
            {
                "video_id": video_id,
                "ingest_id": ingest_id,
                "stage": stage,
                "outcome": outcome,
                "reason": reason or None,
                "message": message or None,
                "attempt": attempt,
                "attempted_at": datetime.now(UTC),
            }
        )

    def flush(self) -> None:
        """Commits what is pending: keypoints, segments and captions, then videos, then outcomes."""
        with held():
            self._flush()
        merge_after_commit(self._folder)

    def _flush(self) -> None:
        self._end_writing()
        self._end_thread()
        for language in list(self._open):
            self._close(language)
        with committing(self._folder):
            self._commit_all()

    def _commit_all(self) -> None:
        if self._failed and (why := forgotten_in(self._folder, self._written)):
            self.abort()
            raise why
        self._leave_out_forgotten()
        self._commit(KEYPOINTS)
        self._by_the_clock_of_the_store()
        self._make_newest()
        self._add_lost_outcomes()
        if self._replaces:
            # Older software would take these videos for ones without people.
            raise_format(self._folder)
        for table in (SEGMENTS, CAPTIONS, VIDEOS, OUTCOMES):
            self._write(table)
        # Outcomes lie on disk while `videos` is committed: they follow at once, and others see that they will.
        for table in (SEGMENTS, CAPTIONS, VIDEOS, OUTCOMES):
            self._commit(table)
        self._replaces.clear()
        self._since = None

    def _leave_out_forgotten(self) -> None:
        """Drops the videos that were forgotten since they were added: a takedown may come at any moment."""
        videos = self._rows[VIDEOS.name]
        gone = Tombstones.of(self._folder).among({row["video_id"] for row in videos})
        if not gone:
            return
        if KEYPOINTS.name not in self._failed:
            folder, files = self._folder / KEYPOINTS.name, self._written.get(KEYPOINTS.name, [])
            files[:] = without_videos(folder, files, videos, gone)
        for rows in self._rows.values():
            rows[:] = [row for row in rows if row["video_id"] not in gone]

    def _write(self, table: Table) -> None:
        """Writes the rows of a table into files that wait to be committed."""
        rows = sorted(self._rows[table.name], key=lambda row: row["video_id"])
        self._written.setdefault(table.name, []).extend(delta.write_files(self._folder / table.name, table, rows))
        self._rows[table.name].clear()

    def _commit(self, table: Table) -> None:
        """Commits the files of a table; where that fails they are kept."""
        files = self._written.get(table.name)
        if files:
            again = table.name in self._failed
            self._failed.add(table.name)
            delta.commit(self._folder / table.name, table, files, again=again)
            self._failed.discard(table.name)
            files.clear()

    def _by_the_clock_of_the_store(self) -> None:
        """Corrects the times of what is committed, where the clock of this machine is wrong."""
        rows = [(row, "ingested_at") for row in self._rows[VIDEOS.name]]
        rows += [(row, "attempted_at") for row in self._rows[OUTCOMES.name]]
        if not rows:
            return
        wrong_by = writers.clock_error(self._folder)
        for row, name in rows:
            row[name] -= wrong_by

    def _add_lost_outcomes(self) -> None:
        """Records, once, that videos are done whose outcome a killed process did not record."""
        if self._recovered or VIDEOS.name in self._failed or OUTCOMES.name in self._failed:
            return
        # What cannot be read is said by those who need it.
        with suppress(DamagedLakeError):
            self._rows[OUTCOMES.name] += lost_outcomes(Snapshot(self._folder))
        self._recovered = True

    def _make_newest(self) -> None:
        """Makes the ingestion times later than those of earlier ingestions of the same videos.

        The newest ingestion is the visible one, and clocks of machines differ: a video that was ingested again must
        replace the earlier ingestion. Captions that were read for an ingestion which is not the newest any more are
        dropped: its keypoints may be of other frames, and may be removed soon.
        """
        rows = self._rows[VIDEOS.name]
        if not rows:
            return
        ids = [row["video_id"] for row in rows]
        earlier = Snapshot(self._folder).raw_table(VIDEOS.name).filter(pl.col("video_id").is_in(ids))
        newest = collect(
            earlier.select("video_id", "ingested_at", "ingest_id", *PLACEMENT).sort("ingested_at", "ingest_id")
        ).unique("video_id", keep="last")
        self._drop_outdated(dict(newest.select("video_id", "ingest_id").rows()))
        # They may have been moved, and the file that they were in may be gone.
        placed = {row["video_id"]: row for row in newest.select("video_id", *PLACEMENT).iter_rows(named=True)}
        for row in rows:
            if row["ingest_id"] in self._replaces:
                row.update(placed[row["video_id"]])
        latest = dict(newest.select("video_id", "ingested_at").rows())
        for row in rows:
            before = latest.get(row["video_id"])
            if before is not None and row["ingested_at"] <= before:
                row["ingested_at"] = before + timedelta(microseconds=1)
            latest[row["video_id"]] = row["ingested_at"]

    def _drop_outdated(self, newest: dict[str, str]) -> None:
        """Drops new captions of videos that another process has ingested again since they were read."""
        ids = {row["ingest_id"]: row["video_id"] for row in self._rows[VIDEOS.name]}
        outdated = {new for new, old in self._replaces.items() if new in ids and newest.get(ids[new]) != old}
        if not outdated:
            return
        for table in (SEGMENTS, CAPTIONS, VIDEOS):
            rows = self._rows[table.name]
            rows[:] = [row for row in rows if row["ingest_id"] not in outdated]
        for row in self._rows[OUTCOMES.name]:
            if row["ingest_id"] in outdated:
                why = "another process ingested the video meanwhile: run it again"
                row["outcome"], row["reason"] = "failed", "ingested_meanwhile"
                row.update(ingest_id=None, message=why)

    def abort(self) -> None:
        """Drops what is not committed, and deletes its files."""
        self._end_thread()
        self._writing = None
        self._discard_open()
        for name, files in self._written.items():
            # A commit that failed may have taken effect all the same: files that the log names stay, and so does all
            # where it cannot be read. Maintenance deletes what no log names.
            with suppress(OSError):
                names = [file.name for file in files]
                named = log_entries.named(self._folder / name, names) if name in self._failed else set()
                delta.discard(self._folder / name, [file for file in files if file.name not in named])
        self._written.clear()
        self._failed.clear()
        for rows in self._rows.values():
            rows.clear()
        self._replaces.clear()

    def _discard_open(self) -> None:
        while self._open:
            self._open.popitem()[1].discard()

    def _write_keypoints(self, video: dict[str, Any], keypoints: pa.Table | Spill) -> None:
        """Submits the writing of a video to the open file of its language."""
        if keypoints.num_rows == 0:
            return
        language = video["sign_language"]
        if language not in self._open:
            self._open[language] = KeypointsFile(self._folder / KEYPOINTS.name, language)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="keypoints")
        tables = keypoints.tables() if isinstance(keypoints, Spill) else [keypoints]
        ids = video["video_id"], video["ingest_id"]
        self._writing = video, self._thread.submit(self._open[language].add_all, *ids, tables)

    def _end_writing(self) -> None:
        """Waits for the video that is being written and fills in its placement: at most two are in memory."""
        if self._writing is None:
            return
        video, placement = self._writing
        self._writing = None
        try:
            video.update(placement.result())
        except BaseException:
            # Its row would say that it has no people.
            self.abort()
            raise

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _close(self, language: str) -> None:
        file = self._open[language]
        before = file.name
        self._written.setdefault(KEYPOINTS.name, []).append(file.close())
        del self._open[language]
        for row in self._rows[VIDEOS.name]:
            if row["keypoints_file"] == before:
                row["keypoints_file"] = file.name
