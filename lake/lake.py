"""A lake: opening, and what can be asked of it. Reading only; `lake.commit` writes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from deltalake import DeltaTable
from polars.exceptions import PolarsError

from lake import delta
from lake.errors import DamagedLakeError, NotALakeError, UnknownVideoError
from lake.keypoints import Points
from lake.ranges import clip_range
from lake.reader import KeypointsReader, placement_of
from lake.schema import CAPTIONS, KEYPOINTS, SEGMENTS, SOURCES, TABLES, VIDEOS, Table
from lake.selection import Selection
from lake.skeleton import FPS

if TYPE_CHECKING:
    import duckdb

_BY_NAME = {table.name: table for table in TABLES}

_BY_INGESTION = {VIDEOS.name, SEGMENTS.name, CAPTIONS.name, KEYPOINTS.name}
"""Tables whose rows are visible through the ingestion that wrote them."""


class Lake:
    """A lake as it was when it was opened; `refresh()` moves on to what was committed since.

    Use `Lake.open`, `Lake.create` or `signverse.open`.
    """

    def __init__(self, folder: Path, *, version: int | None = None) -> None:
        self.folder = folder
        self._asked_version = version
        self._tables: dict[str, DeltaTable] = {}
        self._reader = KeypointsReader(folder / KEYPOINTS.name)
        self._delta(VIDEOS)

    @classmethod
    def open(cls, path: str | Path, *, version: int | None = None) -> Lake:
        """Opens a lake.

        Args:
            path: the folder of the lake.
            version: the lake's version to read, which is that of its `videos` table; the newest by default.

        Raises:
            NotALakeError: there is no lake at the path.
            NewerLakeError: a later version of this package wrote it.
        """
        folder = _folder(path)
        if not folder.exists():
            raise NotALakeError(
                f"there is no lake at {folder}", "Make one: signverse ingest videos FOLDER --lake LAKE."
            )
        if not (folder / VIDEOS.name / "_delta_log").is_dir():
            raise NotALakeError(
                f"{folder} is not a lake", "A lake holds folders such as videos, segments and keypoints."
            )
        return cls(folder, version=version)

    @classmethod
    def create(cls, path: str | Path) -> Lake:
        """Opens the lake at the path, making it where there is none yet.

        Raises:
            NotALakeError: the path is a file, or a folder that holds other things.
        """
        folder = _folder(path)
        if folder.exists() and not folder.is_dir():
            raise NotALakeError(f"{folder} is a file", "Name a folder for the lake.")
        ours = {table.name for table in TABLES}
        if not (folder / VIDEOS.name / "_delta_log").is_dir():
            if folder.is_dir() and any(child.name not in ours for child in folder.iterdir()):
                raise NotALakeError(f"{folder} holds other things and is not a lake", "Name a new or an empty folder.")
            # `videos` comes last: while it is missing this is no lake, and making it anew completes it.
            for table in (*(t for t in TABLES if t is not VIDEOS), VIDEOS):
                delta.create(folder / table.name, table)
        return cls(folder)

    def __repr__(self) -> str:
        return f"Lake({str(self.folder)!r}, version={self.version}, videos={self._visible.height})"

    def close(self) -> None:
        """Closes the files that were kept open for reading clips."""
        self._reader.close()

    def refresh(self) -> None:
        """Moves on to the newest version."""
        self.close()
        self._tables.clear()
        for cached in ("_visible", "_placed"):
            self.__dict__.pop(cached, None)

    @property
    def version(self) -> int:
        """The lake's version: that of its `videos` table."""
        return int(self._delta(VIDEOS).version())

    def _delta(self, table: Table) -> DeltaTable:
        if table.name not in self._tables:
            # Only `videos` is read at a version: the others are reached through its ingest ids.
            version = self._asked_version if table is VIDEOS else None
            self._tables[table.name] = delta.open_table(self.folder / table.name, version=version)
        return self._tables[table.name]

    def files(self, name: str) -> list[str]:
        """Paths of the Parquet files of a table, in the order of their names."""
        # Not file_uris(): it spells a blank or a # of the lake's folder as in a URL, and no reader finds the file then.
        actions: Any = self._delta(_BY_NAME[name]).get_add_actions()
        return sorted(str(self.folder / name / path) for path in actions.column("path").to_pylist())

    def table(self, name: str) -> pl.LazyFrame:
        """All rows of a table, of dead ingestions too, in the columns' documented order."""
        table = _BY_NAME[name]
        files = self.files(name)
        if not files:
            return pl.DataFrame(table.schema.empty_table()).lazy()
        # Without hive_schema: Polars refuses one where a folder above the lake is called run=3.
        frame = pl.scan_parquet(
            files, glob=False, hive_partitioning=table.partition is not None, try_parse_hive_dates=False
        )
        return frame.select(table.schema.names)

    @cached_property
    def _visible(self) -> pl.DataFrame:
        """video_id and ingest_id of the newest ingestion of every video."""
        ids = self.table(VIDEOS.name).select("video_id", "ingest_id", "ingested_at").pipe(collect)
        return (
            ids.sort("ingested_at", "ingest_id")
            .unique("video_id", keep="last", maintain_order=True)
            .select("video_id", "ingest_id")
            .sort("video_id")
        )

    def visible(self) -> pl.DataFrame:
        """video_id and ingest_id of every visible video, by video_id."""
        return self._visible

    def frame(self, name: str) -> pl.LazyFrame:
        """The visible rows of a table. Of `sources` the newest row an id, of `outcomes` every attempt."""
        rows = self.table(name)
        if name == SOURCES.name:
            return (
                rows.sort("listed_at", "ingest_id")
                .unique("video_id", keep="last", maintain_order=True)
                .sort("video_id")
            )
        if name not in _BY_INGESTION:
            return rows
        return rows.join(self._visible.lazy(), on=["video_id", "ingest_id"], how="semi")

    def videos(self) -> pl.LazyFrame:
        """One row a visible video, by video_id."""
        return self.frame(VIDEOS.name).sort("video_id")

    def clips(
        self,
        *,
        languages: Sequence[str] = (),
        min_confidence: Mapping[str, float] | None = None,
        min_duration: float | None = None,
        max_duration: float | None = None,
        text: str | None = None,
        captioned: bool | None = None,
        min_coverage: float | None = None,
        max_people: int | None = None,
        videos: Sequence[str] = (),
        limit: int | None = None,
    ) -> pl.LazyFrame:
        """The segments that fit, with the metadata of their videos; by video_id and start.

        Args:
            languages: sign languages by code, alias, abbreviation or name; any of them.
            min_confidence: least mean score by part, such as {"right_hand": 0.5}.
            min_duration, max_duration: seconds.
            text: words that the caption contains, in any case.
            captioned: True for segments with text, False for those without.
            min_coverage: least share of frames with the primary signer, 0 to 1.
            max_people: most people in any of its frames.
            videos: only of these video ids.
            limit: at most so many, the first by video_id and start.

        Raises:
            UnknownLanguageError, BadInputError: a language or a part is not known.
        """
        selection = Selection(
            languages=tuple(languages),
            min_confidence=dict(min_confidence or {}),
            min_duration=min_duration,
            max_duration=max_duration,
            text=text,
            captioned=captioned,
            min_coverage=min_coverage,
            max_people=max_people,
            videos=tuple(videos),
            limit=limit,
        )
        return self.select(selection)

    def all_clips(self) -> pl.LazyFrame:
        """Every visible segment with the metadata of its video."""
        about = self.frame(VIDEOS.name).select("video_id", "title", "channel", "width", "height", "url")
        segments = self.frame(SEGMENTS.name).with_columns(duration_s=pl.col("num_frames") / FPS)
        return segments.join(about, on="video_id", how="left")

    def select(self, selection: Selection) -> pl.LazyFrame:
        """The clips of a selection, by video_id and start."""
        return selection.apply(self.all_clips())

    @cached_property
    def _placed(self) -> dict[str, dict[str, Any]]:
        columns = ["video_id", "num_frames", "keypoints_file", "first_row_group", "row_group_count"]
        rows = collect(self.frame(VIDEOS.name).select(columns))
        return {row["video_id"]: row for row in rows.iter_rows(named=True)}

    def _video(self, video_id: str) -> dict[str, Any]:
        row = self._placed.get(video_id)
        if row is None:
            near = difflib.get_close_matches(video_id[:200], self._placed, n=3)
            raise UnknownVideoError(
                f"no video {video_id[:60]!r} in {self.folder}",
                f"Nearest: {', '.join(near)}." if near else 'List them: signverse sql "select video_id from videos".',
            )
        return row

    def video(self, video_id: str) -> dict[str, Any]:
        """The `videos` row of a visible video.

        Raises:
            UnknownVideoError: there is none.
        """
        self._video(video_id)
        return collect(self.frame(VIDEOS.name).filter(pl.col("video_id") == video_id)).row(0, named=True)

    def num_frames(self, video_id: str) -> int:
        """How many frames a visible video has.

        Raises:
            UnknownVideoError: there is no such video.
        """
        return int(self._video(video_id)["num_frames"])

    def keypoints(
        self, video_id: str, *, start_frame: int = 0, end_frame: int | None = None, person: int = 0
    ) -> Points:
        """One person's keypoints over a range of frames.

        Args:
            video_id: a visible video.
            start_frame, end_frame: half-open range, 0-based at 24 frames/s, clipped to the video.
            person: 0 is the primary signer.

        Returns:
            float32 [T, 128, 3]: x and y in pixels of the video's width and height, score. Absent points are
            (nan, nan, 0); a frame without this person is nan throughout, and so is an unknown score.

        Raises:
            UnknownVideoError: there is no such video.
            DamagedLakeError: the lake's files do not hold what its tables say.
        """
        row = self._video(video_id)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        return self._reader.clip(placement_of(row), start, end, person)

    def keypoint_rows(self, video_id: str, columns: Sequence[str]) -> Any:
        """All keypoints rows of a video, as an Arrow table with `frame`, `person` and the columns asked for."""
        row = self._video(video_id)
        place = placement_of(row)
        if place.file is None:
            return KEYPOINTS.schema.empty_table().select(["frame", "person", *columns])
        return self._reader.rows(place, columns, 0, row["num_frames"])

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of its own, in memory, with the lake's views and macros (see the folder sql/)."""
        from lake.session import connect

        return connect(self)


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """The rows of a frame over a lake.

    Raises:
        DamagedLakeError: a file cannot be read.
    """
    try:
        return frame.collect()
    except (PolarsError, FileNotFoundError) as error:
        raise DamagedLakeError(
            f"a file of the lake cannot be read: {str(error).splitlines()[0]}", "Run: signverse verify LAKE."
        ) from None


def _folder(path: str | Path) -> Path:
    # Path("s3://bucket") is s3:/bucket.
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.I):
        raise NotALakeError(f"{path} is a URL", "Lakes are folders for now; mount or copy it.")
    folder = Path(path).expanduser().absolute()
    if re.search("%[0-9a-f]{2}", str(folder), re.I):
        # The Delta library would take a%20b for "a b" and read or write there.
        raise NotALakeError(f"{folder} has a % code in its name", "Name a folder without.")
    return folder
