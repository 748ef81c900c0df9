"""A lake: opening, and what can be asked of it. Reading only; `lake.storage.committer` writes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from deltalake import DeltaTable
from polars.exceptions import PolarsError

from signverse.lake.model.errors import BadInputError, DamagedLakeError, NotALakeError, UnknownVideoError
from signverse.lake.model.frame_ranges import clip_range
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
from signverse.lake.model.skeleton import FPS, PARTS, Part
from signverse.lake.query.engines import Engine, choose
from signverse.lake.query.selection import Selection
from signverse.lake.storage import delta
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.reader import KeypointsReader, Rows, placement_of

if TYPE_CHECKING:
    import duckdb

    from signverse.lake.clips.stream import ClipReader, OrderName
    from signverse.lake.clips.table import Clips

_BY_NAME = {table.name: table for table in TABLES}

_BY_INGESTION = {VIDEOS.name, SEGMENTS.name, CAPTIONS.name, KEYPOINTS.name}
"""Tables whose rows are visible through the ingestion that wrote them."""


class Lake:
    """A lake as it was when it was opened; `refresh()` moves on to what was committed since.

    Use `Lake.open`, `Lake.create` or `signverse.open`.
    """

    def __init__(self, folder: Path, *, version: int | None = None, as_of: datetime | None = None) -> None:
        self.folder = folder
        self._asked_time = as_of
        self._asked_version = version
        self._tables: dict[str, DeltaTable] = {}
        self._reader = KeypointsReader(folder / KEYPOINTS.name)
        self._delta(VIDEOS)

    @classmethod
    def open(cls, path: str | Path, *, version: int | None = None, as_of: datetime | None = None) -> Lake:
        """Opens a lake.

        Args:
            path: the folder of the lake.
            version: the lake's version to read, which is that of its `videos` table; the newest by default.
            as_of: the version that was the newest then; with a time zone.

        Raises:
            NotALakeError: there is no lake at the path.
            NewerLakeError: a later version of this package wrote it.
            BadInputError: it never had that version, or did not exist at that time.
        """
        if version is not None and as_of is not None:
            raise BadInputError("both a version and a time were given", "Give one of them.")
        folder = _folder(path)
        if not folder.exists():
            raise NotALakeError(
                f"there is no lake at {folder}", "Make one: signverse ingest videos FOLDER --lake LAKE."
            )
        if not is_lake(folder):
            raise NotALakeError(
                f"{folder} is not a lake", "A lake holds folders such as videos, segments and keypoints."
            )
        if as_of is not None:
            version = _version_at(folder, as_of)
        return cls(folder, version=version, as_of=as_of)

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
        if not is_lake(folder):
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
        for cached in ("_visible", "_now", "_placed", "_about", "_moments"):
            self.__dict__.pop(cached, None)

    def until(self, name: str) -> datetime | None:
        """The moment up to which a table beside the ingestions is read; None where all of it is.

        A version stands until the next one: splits and sources that were written until then belong to it. Outcomes are
        written with their videos, those of the next version before it is committed.
        """
        if self._asked_version is None or name not in WRITTEN_AT:
            return None
        if self._asked_time is not None:
            return self._asked_time
        later = self._asked_version + 1
        if later not in self._moments:
            return None
        return self._moments.get(self._asked_version if name == OUTCOMES.name else later)

    @cached_property
    def _moments(self) -> dict[int, datetime]:
        return delta.moments(self.folder / VIDEOS.name)

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
        folder = str(self.folder / name)
        return sorted(f"{folder}/{path}" for path in actions.column("path").to_pylist())

    def table(self, name: str, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """All rows of a table, of dead ingestions too, in the columns' documented order.

        Args:
            languages: of a table that is partitioned by language, only the files of these codes.
        """
        table = _BY_NAME[name]
        files = self.files(name)
        if languages is not None and table.partition is not None:
            wanted = {f"{table.partition}={code}" for code in languages}
            files = [file for file in files if file.rsplit("/", 2)[-2] in wanted]
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
        if self._asked_version is not None and not all(Path(file).exists() for file in self.files(VIDEOS.name)):
            raise self._past_retention()
        ids = collect(self.table(VIDEOS.name).select("video_id", "ingest_id", "ingested_at"))
        newest = (
            ids.sort("ingested_at", "ingest_id")
            .unique("video_id", keep="last", maintain_order=True)
            .select("video_id", "ingest_id")
            .sort("video_id")
        )
        if self._asked_version is not None and not newest.join(self._now, on="ingest_id", how="anti").is_empty():
            raise self._past_retention()
        return newest

    @cached_property
    def _now(self) -> pl.DataFrame:
        """Every ingestion that the lake has now, and where it lies: for who asked for an older version."""
        return collect(Lake(self.folder).table(VIDEOS.name).select("video_id", "ingest_id", *PLACEMENT))

    def _past_retention(self) -> BadInputError:
        return BadInputError(
            f"version {self._asked_version} of {self.folder} is past the retention: upkeep dropped some of it",
            "Read a later version.",
        )

    def visible(self) -> pl.DataFrame:
        """video_id and ingest_id of every visible video, by video_id."""
        return self._visible

    def frame(self, name: str, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """The visible rows of a table.

        Of `sources` the newest row an id, of `splits` the newest making of each name, of `outcomes` every attempt.

        Args:
            languages: see `table`.
        """
        rows = self.table(name, languages=languages)
        until = self.until(name)
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
        # By ingest_id alone, which is no other video's: a join of two texts takes twice the time.
        return rows.join(self._visible.lazy(), on="ingest_id", how="semi")

    def videos(self) -> pl.LazyFrame:
        """One row a visible video, by video_id."""
        return self.frame(VIDEOS.name).sort("video_id")

    def clips(self, **asked: Any) -> pl.LazyFrame:
        """The clips that fit, with the metadata of their videos; by video_id and start.

            lake.clips(languages=["Polish"], min_confidence={"right_hand": 0.5}, min_duration=2)

        Args:
            asked: the attributes of `lake.query.selection.Selection`: languages, min_confidence, text and so on.

        Raises:
            UnknownLanguageError, BadInputError: a language or a part is not known, a bound is out of range.
        """
        return self.select(Selection.of(**asked))

    def all_clips(self, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """Every visible segment with the metadata of its video.

        Args:
            languages: codes; segments of other languages may be left out unread.
        """
        # By a column of 24s: by a number Polars multiplies with 1/24, and 112 frames are 4.666666666666666 s.
        frames = pl.col("num_frames")
        segments = self.frame(SEGMENTS.name, languages=languages).with_columns(duration_s=frames / (frames * 0 + FPS))
        return segments.join(self._about.lazy(), on="video_id", how="left")

    @cached_property
    def _about(self) -> pl.DataFrame:
        """What clips tell of their videos."""
        names = ["video_id", "title", "channel", "channel_id", "width", "height", "url", "ingested_at"]
        return collect(self.frame(VIDEOS.name).select(names))

    def select(self, selection: Selection, *, engine: Engine = "polars") -> pl.LazyFrame:
        """The clips of a selection, by video_id and start.

        Args:
            engine: polars or duckdb; they take the same clips.

        Raises:
            UnknownLanguageError, BadInputError: see `Selection.check`.
        """
        return choose(self, selection, engine)

    def split_videos(self, name: str, part: str) -> list[str]:
        """The videos of a part of a stored split.

        Raises:
            BadInputError: there is no such split or part.
        """
        rows = collect(self.frame(SPLITS.name).select("name", "part", "video_id"))
        names = sorted(rows["name"].unique())
        if name not in names:
            raise BadInputError(
                f"the lake has no split '{name[:60]}'",
                f"It has: {', '.join(names)}." if names else "Make one: signverse split --lake LAKE.",
            )
        mine = rows.filter(pl.col("name") == name)
        parts = sorted(mine["part"].unique())
        if part not in parts:
            raise BadInputError(f"split '{name}' has no part '{part[:60]}'", f"It has: {', '.join(parts)}.")
        return mine.filter(pl.col("part") == part)["video_id"].to_list()

    @cached_property
    def _placed(self) -> dict[str, dict[str, Any]]:
        rows = collect(self.frame(VIDEOS.name).select("num_frames", "video_id", "ingest_id", *PLACEMENT))
        if self._asked_version is not None:
            # Upkeep may have moved the keypoints since, and removed the files that they were in.
            rows = rows.update(self._now, on=["video_id", "ingest_id"])
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

    def keypoint_rows(
        self, video_id: str, columns: Sequence[str], *, start_frame: int = 0, end_frame: int | None = None
    ) -> Any:
        """Keypoints rows of a video, as an Arrow table with `frame`, `person` and the columns asked for.

        Args:
            start_frame, end_frame: half-open range, clipped to the video; the row groups of it are read.
        """
        row = self._video(video_id)
        place = placement_of(row)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        if place.file is None or start == end:
            return KEYPOINTS.schema.empty_table().select(["frame", "person", *columns])
        return self._reader.rows(place, columns, start, end)

    def everybody(self, video_id: str, *, start_frame: int = 0, end_frame: int | None = None) -> Iterator[Rows]:
        """All keypoints of a video as arrays, some thousand rows at a time, for a video of any length.

        Args:
            start_frame, end_frame: only the row groups that hold frames of this range, whole.
        """
        row = self._video(video_id)
        start, end = clip_range(start_frame, end_frame, row["num_frames"])
        yield from self._reader.everybody(placement_of(row), start, end)

    def read_clips(
        self,
        clips: Clips,
        *,
        parts: Iterable[str | Part] = PARTS,
        person: int = 0,
        order: OrderName = "stored",
        seed: int = 0,
        read_ahead: int = 256,
        threads: int | None = None,
    ) -> ClipReader:
        """Iterates over clips, each with its points as numpy; every row group is read once where the order allows it.

        Args:
            clips: a Selection, a Polars frame with the columns segment_id, video_id, ingest_id, start_frame and
                end_frame, such as `clips()` gives, or the path of a file that `signverse select -o` wrote.
            parts: parts of the body, whose joints the points then have: [T, K, 3].
            person: 0 is the primary signer.
            order: stored, by language, video and frame; given, as in `clips`; or shuffled, where row groups come at
                random and `read_ahead` clips at a time are mixed.
            seed: of the shuffled order.
            read_ahead: clips that are read ahead. Memory holds at most twice as many.
            threads: that read; the number of cores, of which at most 4, by default.

        Raises:
            BadInputError: the rows are no selection; or a clip is not in the lake as it was chosen, its video may have
                been ingested anew.
            EmptySelectionError: there is no clip.
        """
        from signverse.lake.clips.stream import ClipReader, Reading
        from signverse.lake.clips.table import clip_table, joints_of

        reading = Reading(joints_of(parts), person, order, seed, 0, read_ahead, threads)
        return ClipReader(clip_table(self, clips, self._placed), reading, self._reader)

    def torch_dataset(
        self,
        clips: Clips,
        *,
        map_style: bool = False,
        parts: Iterable[str | Part] = PARTS,
        person: int = 0,
        shuffle: bool = False,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        fill: float | None = None,
        read_ahead: int = 256,
        threads: int | None = None,
    ) -> Any:
        """Clips for PyTorch: a `ClipStream`, or by index a `ClipDataset`; see `lake.clips.torch_dataset`.

        A sample is a dict of points, a float32 tensor [T, K, 3], and segment_id, video_id, start_frame, end_frame, text
        and sign_language. `lake.clips.torch_dataset.collate` makes batches of them.

        Args:
            clips, parts, person, read_ahead: see `read_clips`.
            map_style: by index; the DataLoader shuffles and shares out then.
            shuffle: by the seed and what `set_epoch` was told.
            rank, world_size: who of how many this is; as torch.distributed says by default.
            transform: takes a sample and returns what is yielded.
            fill: in place of nan.
            threads: that read; one in a worker process by default.

        Raises:
            BadInputError: torch is missing; or see `read_clips`.
            EmptySelectionError: there is no clip.
        """
        try:
            from signverse.lake.clips.torch_dataset import ClipDataset, ClipStream
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "torch":
                raise
            raise BadInputError("PyTorch is not installed", 'Run: pip install "signverse-lake[torch]".') from None
        from signverse.lake.clips.stream import Reading
        from signverse.lake.clips.table import clip_table, joints_of

        if map_style and (shuffle or rank is not None or world_size is not None):
            raise BadInputError(
                "a dataset by index neither shuffles nor shares out",
                "Give the DataLoader shuffle=True or a DistributedSampler.",
            )
        order: OrderName = "shuffled" if shuffle else "stored"
        reading = Reading(joints_of(parts), person, order, seed, 0, read_ahead, threads)
        table = clip_table(self, clips, self._placed)
        if map_style:
            return ClipDataset(table, reading, transform, fill)
        return ClipStream(table, reading, transform, fill, rank, world_size)

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of its own, in memory, with the lake's views and macros (see the folder sql/)."""
        from signverse.lake.query.session import connect

        return connect(self)


def is_lake(folder: Path) -> bool:
    """Whether a folder is a lake, whatever it holds besides."""
    return (folder / VIDEOS.name / "_delta_log").is_dir()


def _version_at(folder: Path, when: datetime) -> int:
    if when.tzinfo is None:
        raise BadInputError(f"the time {when} has no time zone", "Such as 2026-11-22T08:00Z.")
    moments = delta.moments(folder / VIDEOS.name)
    before = [version for version, moment in moments.items() if moment <= when]
    if not before:
        first = min(moments.values(), default=None)
        raise BadInputError(
            f"the lake {folder} has no version of {when.isoformat()}",
            f"Its oldest is of {first.isoformat()}." if first else "",
        )
    return max(before)


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
