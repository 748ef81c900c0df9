"""`Lake`, the one object that users hold: it opens a snapshot of the tables and hands on to the packages below."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import polars as pl

from signverse.lake.clips.order import Uneven
from signverse.lake.clips.output import Output
from signverse.lake.clips.preparation import Preparation, windows_of
from signverse.lake.clips.stream import ClipReader, OrderName, Reading
from signverse.lake.clips.table import Clips, clip_table, joints_of
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import seconds_to_frames
from signverse.lake.model.places import as_shown
from signverse.lake.model.skeleton import PARTS, Part
from signverse.lake.query.engines import QueryEngine, select_clips
from signverse.lake.query.selection import Selection
from signverse.lake.storage import stored_splits
from signverse.lake.storage.keypoints import Points, Rows
from signverse.lake.storage.snapshot import Snapshot

# Imported inside functions, for speed of start: DuckDB (0.08 s) and PyTorch (seconds, and it may be missing).
if TYPE_CHECKING:
    import duckdb

    from signverse.lake.clips.torch_dataset import ClipDataset, ClipStream, DatasetOptions


class Lake:
    """A lake as it was when it was opened; `refresh()` moves on to the newest version where none was requested.

    Use `Lake.open`, `Lake.create` or `signverse.open`, and close it or use `with`.

    Attributes:
        snapshot: the version of the tables that is read.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @classmethod
    def open(cls, path: str | Path, *, version: int | None = None, as_of: datetime | None = None) -> Lake:
        """Opens a lake.

        Args:
            path: the folder of the lake, or its address: s3://, gs:// or az://, then the bucket and the path in it.
            version: the lake's version to read, which is that of its `videos` table; the newest by default.
            as_of: the version that was the newest then; with a time zone.

        Raises:
            NotALakeError: there is no lake at the path.
            NewerLakeError: a later version of this package wrote it.
            BadInputError: it never had that version, or did not exist at that time.
            UnreachableError: the store of the address does not answer, or refuses to.
        """
        return cls(Snapshot.open(path, version=version, as_of=as_of))

    @classmethod
    def create(cls, path: str | Path) -> Lake:
        """Opens the lake at the path, making it where there is none yet.

        Raises:
            NotALakeError: the path is a file, or a folder that holds other things.
        """
        return cls(Snapshot.create(path))

    def __repr__(self) -> str:
        return f"Lake({as_shown(str(self.folder))!r}, version={self.version}, videos={self.snapshot.visible().height})"

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files that were kept open for reading clips."""
        self.snapshot.close()

    def refresh(self) -> None:
        """Moves on to the newest version; a lake that was opened at a version or a time stays there.

        Raises:
            DamagedLakeError: entries of a log are empty, cut or missing; the lake stays where it is.
        """
        self.snapshot.refresh()

    @property
    def folder(self) -> Path:
        """The folder of the lake; of one in a store the folder of this machine that has what was read of it."""
        return self.snapshot.folder

    @property
    def version(self) -> int:
        """The lake's version: that of its `videos` table."""
        return self.snapshot.version

    def info(self) -> dict[str, Any]:
        """What the lake holds, how large it is and what made it, as `signverse info` shows it: counts, hours, versions.

        Keypoints are not read: a lake of two million clips takes a second.
        """
        from signverse.lake.upkeep.overview import overview

        return overview(self.snapshot)

    def raw_table(self, name: str, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """All rows of a table, those of replaced ingestions too, in the columns' documented order.

        Args:
            name: sources, videos, segments, captions, keypoints, outcomes or splits.
            languages: of a table that is partitioned by language, only the files of these codes.
        """
        return self.snapshot.raw_table(name, languages=languages)

    def table(self, name: str, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """The visible rows of a table: those of the newest ingestion of each video.

        Of `sources` the newest row of each id, of `splits` the newest split of each name, of `outcomes` every attempt.

        Args:
            name, languages: see `raw_table`.
        """
        return self.snapshot.table(name, languages=languages)

    def videos(self) -> pl.LazyFrame:
        """One row per visible video, by video_id."""
        return self.snapshot.videos()

    def video(self, video_id: str) -> dict[str, Any]:
        """The `videos` row of a visible video.

        Raises:
            UnknownVideoError: there is no such video.
        """
        return self.snapshot.video(video_id)

    def num_frames(self, video_id: str) -> int:
        """How many frames a visible video has.

        Raises:
            UnknownVideoError: there is no such video.
        """
        return self.snapshot.num_frames(video_id)

    def clips(self, **conditions: Any) -> pl.LazyFrame:
        """The clips that meet the conditions, with the metadata of their videos; by video_id and start.

            lake.clips(languages=["Polish"], min_confidence={"right_hand": 0.5}, min_duration=2)

        Args:
            conditions: the attributes of `signverse.Selection`: languages, min_confidence, text and so on.

        Raises:
            UnknownLanguageError, BadInputError: a language or a part is not known, a bound is out of range.
        """
        return self.select(Selection.of(**conditions))

    def select(self, selection: Selection, *, engine: QueryEngine = "polars") -> pl.LazyFrame:
        """The clips of a selection, by video_id and start.

        Args:
            engine: polars or duckdb; they take the same clips.

        Raises:
            UnknownLanguageError, BadInputError: see `Selection.check`.
        """
        return select_clips(self.snapshot, selection, engine)

    def unfiltered_clips(self, *, languages: Collection[str] | None = None) -> pl.LazyFrame:
        """Every visible segment with the metadata of its video.

        Args:
            languages: codes; segments of other languages may be left out unread.
        """
        return self.snapshot.unfiltered_clips(languages=languages)

    def split_videos(self, name: str, part: str) -> list[str]:
        """The ids of the videos in a part of a stored split.

        Raises:
            BadInputError: there is no such split or part.
        """
        return stored_splits.split_videos(self.snapshot, name, part)

    def keypoints(
        self,
        video_id: str,
        *,
        start_frame: int = 0,
        end_frame: int | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        person: int = 0,
        mask_hidden: bool = False,
    ) -> Points:
        """One person's keypoints over a range of frames or seconds.

        Args:
            video_id: a visible video.
            start_frame, end_frame: half-open range, 0-based at 24 frames/s, clipped to the video.
            start_s, end_s: instead of frames, seconds; all frames that they touch.
            person: 0 is the primary signer.
            mask_hidden: make body joints absent that have no score and of which `body_visible` says that they are
                hidden, as pictures and .pose files do. The published tars have no body scores.

        Returns:
            float32 [T, 128, 3]: x and y in pixels of the video's width and height, score. Absent points are
            (nan, nan, 0); a frame without this person is nan throughout, and so is an unknown score.

        Raises:
            UnknownVideoError: there is no such video.
            BadInputError: the range ends before it starts, or frames and seconds are given both.
            DamagedLakeError: the lake's files do not hold what its tables say.
        """
        if start_s is not None or end_s is not None:
            if start_frame or end_frame is not None:
                raise BadInputError("frames and seconds were given both", "Give start_frame and end_frame or seconds.")
            start_frame, end_frame = seconds_to_frames(start_s or 0.0, end_s, self.num_frames(video_id))
        return self.snapshot.keypoints(
            video_id, start_frame=start_frame, end_frame=end_frame, person=person, mask_hidden=mask_hidden
        )

    def people(self, video_id: str, *, start_frame: int = 0, end_frame: int | None = None) -> Iterator[Rows]:
        """The keypoints of all people in a video, a row group (at most 1,024 rows) at a time: memory stays flat.

        Args:
            start_frame, end_frame: only the row groups that hold frames of this range, whole.
        """
        return self.snapshot.people(video_id, start_frame=start_frame, end_frame=end_frame)

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
        prepare: Preparation | None = None,
        fill: float | None = None,
        valid: bool = False,
        dtype: Any = "float32",
    ) -> ClipReader:
        """Iterates over clips, each with its points as numpy; every row group is read once where the order allows it.

        Args:
            clips: a Selection; a frame of Polars, pandas, pyarrow or DuckDB with the columns segment_id, video_id,
                ingest_id, start_frame and end_frame, such as `clips()` gives; a list of segment ids; or the path of a
                file that `signverse select -o` wrote.
            parts: parts of the body, whose joints the points then have: [T, K, 3].
            person: 0 is the primary signer.
            order: stored, by language, video and frame; given, as in `clips`; or shuffled, where row groups come in
                random order and each `read_ahead` clips in a row are shuffled among themselves.
            seed: of the shuffled order.
            read_ahead: clips to prefetch. Memory holds at most twice as many.
            threads: for reading; the number of cores, at most 4, by default.
            prepare: another frame rate, windows of one length, normalization. A window comes as a clip of its own.
            fill: a number in place of nan.
            valid: with each clip `valid`, bool [T, K]: which points are there, as `fill` hides that.
            dtype: float32; or float16, in which pixels are exact to 1/8 up to 256 only: meant for normalized points.
                A number above 65,504, which it cannot hold, is an error.

        Raises:
            BadInputError: the rows are not a selection, or an option is wrong; or a clip is not in the lake as it was
                chosen, as its video may have been ingested again.
            EmptySelectionError: there is no clip.
        """
        prepare = prepare or Preparation()
        output = Output.of(fill, valid, dtype, numpy=True)
        reading = Reading(joints_of(parts), person, order, seed, 0, read_ahead, threads, prepare=prepare, output=output)
        return ClipReader(windows_of(clip_table(self.snapshot, clips), prepare), reading, self.snapshot.reader)

    @overload
    def torch_dataset(
        self, clips: Clips, *, map_style: Literal[False] = False, **options: Unpack[DatasetOptions]
    ) -> ClipStream: ...

    @overload
    def torch_dataset(
        self, clips: Clips, *, map_style: Literal[True], **options: Unpack[DatasetOptions]
    ) -> ClipDataset: ...

    @overload
    def torch_dataset(
        self, clips: Clips, *, map_style: bool, **options: Unpack[DatasetOptions]
    ) -> ClipDataset | ClipStream: ...

    def torch_dataset(
        self,
        clips: Clips,
        *,
        map_style: bool = False,
        parts: Iterable[str | Part] = PARTS,
        person: int = 0,
        shuffle: bool = False,
        group_by_length: bool = False,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: Uneven = "repeat",
        transform: Callable[[dict[str, Any]], Any] | None = None,
        fill: float | None = None,
        valid: bool = False,
        dtype: Any = "float32",
        read_ahead: int = 256,
        threads: int | None = None,
        prepare: Preparation | None = None,
    ) -> ClipDataset | ClipStream:
        """Clips for PyTorch: an iterable `ClipStream`, or a `ClipDataset` by index.

        A sample is a dict of points, a tensor [T, K, 3], and segment_id, video_id, start_frame, end_frame, text and
        sign_language; of windows also mask, a bool tensor [T]. `signverse.collate` makes batches of them.

        Args:
            clips, parts, person, read_ahead, prepare, fill, valid: see `read_clips`.
            dtype: see `read_clips`; of PyTorch, too, such as torch.bfloat16, in which pixels are exact to 1/8 up to 32.
            map_style: by index; the DataLoader then shuffles and distributes.
            shuffle: by the seed and the epoch of `set_epoch`.
            group_by_length: with `shuffle`, a batch of the DataLoader holds clips of similar length, so that it has
                little padding: the clips of each `read_ahead` in a row are sorted by length into batches.
            rank, world_size: of this process among those that divide the clips; by default those of torch.distributed,
                or of the environment variables RANK and WORLD_SIZE that torchrun sets.
            uneven: what becomes of clips that cannot be divided evenly among ranks, all of which have the same number
                of batches: `repeat` takes some twice, `drop` leaves some out, each less than one a rank; with `keep`
                ranks may differ, and training that averages gradients hangs.
            transform: takes a sample and returns what is yielded.
            threads: for reading; one in a worker process by default.

        Raises:
            BadInputError: torch is missing; there are fewer clips than ranks, and they are not repeated; or see
                `read_clips`.
            EmptySelectionError: there is no clip.
        """
        # Long because: its options are declared here.
        from signverse.lake.clips.torch_dataset import ClipDataset, ClipStream

        if map_style and (shuffle or rank is not None or world_size is not None or uneven != "repeat"):
            raise BadInputError(
                "a map-style dataset takes neither shuffle nor rank and world_size, nor uneven",
                "Give the DataLoader shuffle=True or a DistributedSampler.",
            )
        if group_by_length and not shuffle:
            raise BadInputError("group_by_length is of a shuffled order", "Add shuffle=True.")
        order: OrderName = "shuffled" if shuffle else "stored"
        prepare = prepare or Preparation()
        output = Output.of(fill, valid, dtype)
        reading = Reading(
            joints_of(parts),
            person,
            order,
            seed,
            read_ahead=read_ahead,
            threads=threads,
            prepare=prepare,
            output=output,
            group_by_length=group_by_length,
        )
        table = windows_of(clip_table(self.snapshot, clips), prepare)
        if map_style:
            return ClipDataset(table, reading, transform)
        return ClipStream(table, reading, transform, rank, world_size, uneven)

    def duckdb(self, *, files: bool = False) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of its own, in memory, with the lake's views and macros (see the folder sql/).

        Ctrl-C, or a notebook's button, stops a query that runs in the main thread; the connection can be used again.

        Args:
            files: whether statements may read and write files outside the lake: your CSV, `copy ... to`.
        """
        from signverse.lake.model.interrupt import stop_on_interrupt
        from signverse.lake.query.session import connect

        con = connect(self.snapshot, files=files)
        stop_on_interrupt(con)
        return con

    def sql(self, query: str, *, files: bool = False) -> pl.DataFrame:
        """The rows of one SQL statement over the lake's views; Ctrl-C stops it.

            lake.sql("select sign_language, count(*) as clips from clips group by all")

        Args:
            files: whether it may read files outside the lake.

        Raises:
            BadInputError: it does more than read, or the database refused it, with the reason in one line.
        """
        from signverse.lake.query.read_only import run_once

        return run_once(self.snapshot, query, files=files)
