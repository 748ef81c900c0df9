"""A version of a lake's tables: opening, creating, and reading rows. `signverse.lake.storage.committer` writes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from signverse.lake.model.errors import BadInputError, UnknownVideoError
from signverse.lake.model.frame_ranges import FPS, clip_range
from signverse.lake.model.schema import (
    CAPTIONS,
    KEYPOINTS,
    OUTCOMES,
    PLACEMENT,
    SEGMENTS,
    SOURCES,
    SPLITS,
    TABLES,
    VIDEOS,
    WRITTEN_AT,
    Table,
)
from signverse.lake.model.times import version_at
from signverse.lake.model.wording import as_argument
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_files import LostFile, find_lost, refuse_lost
from signverse.lake.storage.integrity.scan import scan
from signverse.lake.storage.keypoints import Points, Rows
from signverse.lake.storage.location import bring_up_to_date, existing_lake, made_lake
from signverse.lake.storage.opened_tables import OpenedTable, made_of_files, opened_table
from signverse.lake.storage.reader import KeypointsReader, placement_of
from signverse.lake.storage.stores.cached_lake import lake_of

_TABLE_BY_NAME = {table.name: table for table in TABLES}

_BY_INGESTION = {VIDEOS.name, SEGMENTS.name, CAPTIONS.name, KEYPOINTS.name}
"""Tables whose rows are visible through the ingestion that wrote them."""


class Snapshot:
    """A lake as it was when it was opened, or at an older version; `refresh()` moves on to the newest one.

    Use `Snapshot.open` or `Snapshot.create`; users hold a `signverse.Lake`, which has one.

    Attributes:
        folder: of the lake.
        reader: reads keypoints by their placement.
    """

    def __init__(self, folder: Path, *, version: int | None = None, as_of: datetime | None = None) -> None:
        self.folder = folder
        self.reader = KeypointsReader(folder / KEYPOINTS.name)
        self._requested_version = version
        self._requested_time = as_of
        self._tables: dict[str, OpenedTable] = {}
        self._lost: dict[str, list[LostFile]] = {}
        self._opened(VIDEOS)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        version: int | None = None,
        as_of: datetime | None = None,
        check_log: bool = True,
    ) -> Snapshot:
        """Opens a lake; see `signverse.Lake.open`.

        Args:
            check_log: refuse a lake whose logs lack something. Those who look for damage or mend it do not.

        Raises:
            DamagedLakeError: entries of a log are empty, cut or missing.
            NotALakeError: there is no lake at the path.
            NewerLakeError: a later version of this package wrote it.
            BadInputError: it never had that version, or did not exist at that time.
        """
        if version is not None and as_of is not None:
            raise BadInputError("both a version and a time were given", "Give one of them.")
        folder = existing_lake(path, check_log=check_log)
        if as_of is not None:
            version = version_at(as_of, delta.commit_times(folder / VIDEOS.name), folder)
        return cls(folder, version=version, as_of=as_of)

    @classmethod
    def create(cls, path: str | Path) -> Snapshot:
        """Opens the lake at the path to write to it, making it where there is none yet.

        The tables of a lake of an older version get the columns that they lack.

        Raises:
            NotALakeError: the path is a file, or a folder that holds other things.
            DamagedLakeError: entries of a log are empty, cut or missing, or `videos` is lost.
        """
        folder = made_lake(path)
        for table in TABLES:
            delta.add_missing_columns(folder / table.name, table)
        return cls(folder)

    def close(self) -> None:
        """Closes the files that were kept open for reading clips."""
        self.reader.close()

    def refresh(self) -> None:
        """Moves on to the newest version; a lake that was opened at a version or a time stays there.

        Raises:
            DamagedLakeError: entries of a log are empty, cut or missing; the lake stays where it is.
        """
        bring_up_to_date(self.folder)
        self.close()
        self._tables.clear()
        self._lost.clear()
        for name in [name for name, value in vars(type(self)).items() if isinstance(value, cached_property)]:
            self.__dict__.pop(name, None)

    @property
    def version(self) -> int:
        """The lake's version: that of its `videos` table."""
        return int(self._opened(VIDEOS).delta.version())

    @property
    def is_older(self) -> bool:
        """Whether it was opened at a version or a time: what is newer is not seen."""
        return self._requested_version is not None

    def _opened(self, table: Table) -> OpenedTable:
        if table.name not in self._tables:
            # Only `videos` is read at a version: the others are reached through its ingest ids.
            version = self._requested_version if table is VIDEOS else None
            self._tables[table.name] = opened_table(self.folder / table.name, table, version)
        return self._tables[table.name]

    def read_until(self, name: str) -> datetime | None:
        """The time up to which a table without ingestions is read; None where all of it is.

        A version stands until the next one: splits and sources that were written until then belong to it. Outcomes are
        written with their videos, those of the next version before it is committed.
        """
        if self._requested_version is None or name not in WRITTEN_AT:
            return None
        if self._requested_time is not None:
            return self._requested_time
        later = self._requested_version + 1
        if later not in self._commit_times:
            return None
        return self._commit_times.get(self._requested_version if name == OUTCOMES.name else later)

    @cached_property
    def _commit_times(self) -> dict[int, datetime]:
        return delta.commit_times(self.folder / VIDEOS.name)

    def table_version(self, name: str) -> int:
        """The version of a table's own log that is read."""
        return int(self._opened(_TABLE_BY_NAME[name]).delta.version())

    def stored_files(self, name: str) -> list[delta.ActiveFile]:
        """The Parquet files of a table, in the order of their names."""
        return self._opened(_TABLE_BY_NAME[name]).files

    def files(self, name: str) -> list[str]:
        """Paths of the Parquet files of a table, in the order of their names."""
        # Not file_uris(): it spells a blank or a # of the lake's folder as in a URL, and no reader finds the file then.
        return [f"{self.folder / name}/{file.name}" for file in self.stored_files(name)]

    def schema(self, name: str) -> pa.Schema:
        """The columns of a table: those of today, and those that a later version of this package added."""
        return delta.full_schema(self._opened(_TABLE_BY_NAME[name]).delta, _TABLE_BY_NAME[name])

    def lost(self, name: str) -> list[LostFile]:
        """The files of a table that are missing or cut, with the videos that they cost."""
        if name not in self._lost:
            self._lost[name] = find_lost(self, _TABLE_BY_NAME[name])
        return self._lost[name]

    def raw_table(
        self, name: str, *, languages: Collection[str] | None = None, skip_lost: bool = False
    ) -> pl.LazyFrame:
        """All rows of a table, those of replaced ingestions too, in the columns' documented order.

        Args:
            languages: of a table that is partitioned by language, only the files of these codes.
            skip_lost: leave out the files that are lost, where fewer rows do no harm.

        Raises:
            DamagedLakeError: a file is lost.
        """
        table, schema = _TABLE_BY_NAME[name], self.schema(name)
        # What an older version of `videos` lacks, maintenance may have dropped: `_visible` says so.
        lost = self.lost(name) if table is not VIDEOS or self._requested_version is None else []
        gone = {file.file.name for file in lost}
        # Where the log was lost with the files, only placements name them.
        files = sorted({*(file.name for file in self.stored_files(name)), *gone})
        if languages is not None and table.partition is not None:
            wanted = {f"{table.partition}={code}" for code in languages}
            files = [file for file in files if file.rsplit("/", 2)[-2] in wanted]
        if gone and not skip_lost:
            refuse_lost(self, table, files)
        files = [file for file in files if file not in gone]
        if not files:
            return pl.Schema(schema).to_frame().lazy()
        rows = scan([f"{self.folder / name}/{file}" for file in files], table, schema)
        return rows.select(schema.names)

    def table(self, name: str, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """The visible rows of a table: those of the newest ingestion of each video.

        Of `sources` the newest row of each id, of `splits` the newest split of each name, of `outcomes` every attempt.

        Args:
            languages: see `raw_table`.
        """
        rows = self.raw_table(name, languages=languages)
        until = self.read_until(name)
        if until is not None:
            rows = rows.filter(pl.col(WRITTEN_AT[name]) <= until)
        if name == SPLITS.name:
            return rows.filter(pl.col("made_at") == pl.col("made_at").max().over("name"))
        if name == SOURCES.name:
            return (
                rows.sort("listed_at", "ingest_id")
                .unique("video_id", keep="last", maintain_order=True)
                .sort("video_id")
            )
        if name not in _BY_INGESTION:
            return rows
        # By ingest_id alone, which no two videos share: a join on two columns takes twice the time.
        if name == KEYPOINTS.name:
            return rows.join(self._visible.lazy(), left_on="ingest_id", right_on="keypoints_ingest_id", how="semi")
        return rows.join(self._visible.lazy(), on="ingest_id", how="semi")

    def visible(self) -> pl.DataFrame:
        """video_id, ingest_id and keypoints_ingest_id of every visible video, by video_id.

        The last is the ingestion that wrote its keypoints: another one where only its captions were ingested since.

        Raises:
            BadInputError: maintenance dropped files or ingestions of the version that was opened.
        """
        return self._visible

    @cached_property
    def _visible(self) -> pl.DataFrame:
        if self._requested_version is not None and not all(Path(file).exists() for file in self.files(VIDEOS.name)):
            raise self._past_retention()
        if self._requested_version is None and not self.lost(VIDEOS.name):
            names = [file.name for file in self.stored_files(VIDEOS.name)]
            return made_of_files("visible", self.folder / VIDEOS.name, names, self._newest_ingestions)
        newest = self._newest_ingestions()
        if self._requested_version is not None:
            missing = newest.join(self._current_placements, on="ingest_id", how="anti")
            if not missing.is_empty():
                raise self._past_retention()
        return newest

    def _newest_ingestions(self) -> pl.DataFrame:
        wrote = pl.coalesce("keypoints_ingest_id", "ingest_id").alias("keypoints_ingest_id")
        ids = collect(self.raw_table(VIDEOS.name).select("video_id", "ingest_id", wrote, "ingested_at"))
        # After maintenance each video has one row, and to sort by text takes half of the time of a session's start.
        if ids["video_id"].n_unique() < ids.height:
            ids = ids.sort("ingested_at", "ingest_id").unique("video_id", keep="last", maintain_order=True)
        return ids.select("video_id", "ingest_id", "keypoints_ingest_id").sort("video_id")

    @cached_property
    def _current_placements(self) -> pl.DataFrame:
        """Every ingestion of the newest version with its placement; needed where an older version is read."""
        newest = Snapshot(self.folder)
        return collect(newest.raw_table(VIDEOS.name).select("video_id", "ingest_id", *PLACEMENT))

    def _past_retention(self) -> BadInputError:
        return BadInputError(
            f"version {self._requested_version} of {self.folder} is past the retention: maintenance dropped some of it",
            "Read a later version.",
        )

    def videos(self) -> pl.LazyFrame:
        """One row per visible video, by video_id."""
        return self.table(VIDEOS.name).sort("video_id")

    def unfiltered_clips(self, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """Every visible segment with the metadata of its video.

        Args:
            languages: codes; segments of other languages may be left out unread.
        """
        # By a column of 24s: by a number Polars multiplies with 1/24, and 112 frames are 4.666666666666666 s.
        frames = pl.col("num_frames")
        segments = self.table(SEGMENTS.name, languages=languages).with_columns(duration_s=frames / (frames * 0 + FPS))
        return segments.join(self._clip_metadata.lazy(), on="video_id", how="left")

    @cached_property
    def _clip_metadata(self) -> pl.DataFrame:
        """The columns of `videos` that clips carry."""
        names = ["video_id", "title", "channel", "channel_id", "width", "height", "url", "ingested_at"]
        return collect(self.table(VIDEOS.name).select(names))

    @cached_property
    def placement_rows(self) -> pl.DataFrame:
        """A row a visible video: num_frames, video_id, ingest_id and the columns that say where its keypoints lie."""
        if lake_of(self.folder) is not None:
            self.stored_files(KEYPOINTS.name)  # Makes them readable: clips are found without the log of their table.
        rows = collect(self.table(VIDEOS.name).select("num_frames", "video_id", "ingest_id", *PLACEMENT))
        if self._requested_version is not None:
            # Maintenance may have moved the keypoints since, and removed the files that they were in.
            rows = rows.update(self._current_placements, on=["video_id", "ingest_id"])
        return rows

    @cached_property
    def placements(self) -> dict[str, dict[str, Any]]:
        """The same by video_id."""
        return {row["video_id"]: row for row in self.placement_rows.iter_rows(named=True)}

    @cached_property
    def _row_of_video(self) -> dict[str, int]:
        return {video_id: row for row, video_id in enumerate(self.placement_rows["video_id"].to_list())}

    def placement_row(self, video_id: str) -> dict[str, Any]:
        """One of `placements`, for who needs few of them: those of 40,000 videos take 30 MB.

        Raises:
            UnknownVideoError: there is no such video.
        """
        row = self._row_of_video.get(video_id)
        if row is None:
            near = difflib.get_close_matches(video_id[:200], self._row_of_video, n=3)
            listing = f'List them: signverse sql "select video_id from videos" --lake {as_argument(self.folder)}'  # noqa: S608 (to type)
            raise UnknownVideoError(
                f"no video {video_id[:60]!r} in {self.folder}", f"Nearest: {', '.join(near)}." if near else listing
            )
        return self.placement_rows.row(row, named=True)

    def video(self, video_id: str) -> dict[str, Any]:
        """The `videos` row of a visible video.

        Raises:
            UnknownVideoError: there is no such video.
        """
        self.placement_row(video_id)
        return collect(self.table(VIDEOS.name).filter(pl.col("video_id") == video_id)).row(0, named=True)

    def num_frames(self, video_id: str) -> int:
        """How many frames a visible video has.

        Raises:
            UnknownVideoError: there is no such video.
        """
        return int(self.placement_row(video_id)["num_frames"])

    def keypoints(
        self,
        video_id: str,
        *,
        start_frame: int = 0,
        end_frame: int | None = None,
        person: int = 0,
        mask_hidden: bool = False,
    ) -> Points:
        """One person's keypoints over a range of frames, float32 [T, 128, 3]; see `signverse.Lake.keypoints`.

        Raises:
            UnknownVideoError: there is no such video.
            DamagedLakeError: the lake's files do not hold what its tables say.
        """
        row = self.placement_row(video_id)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        return self.reader.clip(placement_of(row), start, end, person, mask_hidden=mask_hidden)

    def keypoint_rows(
        self, video_id: str, columns: Sequence[str], *, start_frame: int = 0, end_frame: int | None = None
    ) -> Any:
        """Keypoints rows of a video, as an Arrow table with `frame`, `person` and the requested columns.

        Args:
            start_frame, end_frame: half-open range, clipped to the video; only its row groups are read.
        """
        row = self.placement_row(video_id)
        place = placement_of(row)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        if place.file is None or start == end:
            return KEYPOINTS.schema.empty_table().select(["frame", "person", *columns])
        return self.reader.rows(place, columns, start, end)

    def people(self, video_id: str, *, start_frame: int = 0, end_frame: int | None = None) -> Iterator[Rows]:
        """The keypoints of all people in a video, a row group (at most 1,024 rows) at a time: memory stays flat.

        Args:
            start_frame, end_frame: only the row groups that hold frames of this range, whole.
        """
        row = self.placement_row(video_id)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        yield from self.reader.people(placement_of(row), start, end)
