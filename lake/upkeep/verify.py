"""Whether a lake is whole: every visible video where its row says, and every value in its range."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.model.schema import KEYPOINTS, SEGMENTS, TABLES, VIDEOS
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage.integrity.digests import is_as_written, not_as_written
from signverse.lake.storage.integrity.foreign_errors import collect, first_line, is_foreign
from signverse.lake.storage.keypoints import MAX_SCORE
from signverse.lake.storage.location import existing_lake
from signverse.lake.storage.reader import EVERY_FRAME, KeypointsReader, placement_of
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.absence import absences, finished_in_no_version, log_problems


def verify_folder(path: str | Path, broken: set[str] | None = None) -> Iterator[str]:
    """The problems of the lake at a path, one line each, also where its logs are damaged; none where all is well.

    Args:
        broken: takes the paths of the data files that are missing or damaged.

    Raises:
        NotALakeError: there is no lake.
        DamagedLakeError: its table `videos` is lost.
    """
    folder = existing_lake(path, check_log=False)
    logs = list(log_problems(folder))
    yield from logs
    try:
        snapshot = Snapshot.open(folder, check_log=False)
    except DamagedLakeError as error:
        # The log of `videos` cannot be read, and the lines above say why.
        if not logs:
            yield error.message
        yield from _to_the_end(str(missed) for missed in finished_in_no_version(folder))
        return
    yield from verify_lake(snapshot, broken)
    snapshot.close()


def verify_lake(snapshot: Snapshot, broken: set[str] | None = None) -> Iterator[str]:
    """The problems of a lake, one line each, each naming its file; none where all is well.

    Args:
        broken: see `verify_folder`.
    """
    broken = set() if broken is None else broken
    unread: set[str] = set()
    for table in TABLES:
        try:
            files = snapshot.files(table.name)
        except SignverseError as error:
            unread.add(table.name)
            yield str(error)
            continue
        for name in files:
            problem = _unreadable(Path(name))
            if problem:
                broken.add(name)
                yield problem
    if VIDEOS.name in unread or broken & set(snapshot.files(VIDEOS.name)):
        return
    try:
        videos = collect(snapshot.videos())
    except SignverseError as error:
        yield error.message
        return
    yield from _to_the_end(absences(snapshot))
    if KEYPOINTS.name not in unread:
        reader = KeypointsReader(snapshot.folder / KEYPOINTS.name)
        for video in videos.iter_rows(named=True):
            yield from _to_the_end(_misplaced(snapshot, video, reader, broken))
        reader.close()
        for name in snapshot.files(KEYPOINTS.name):
            if name not in broken:
                yield from _to_the_end(_out_of_range(Path(name)))
    if SEGMENTS.name not in unread and not broken & set(snapshot.files(SEGMENTS.name)):
        yield from _to_the_end(_bad_segments(snapshot, videos))


def _to_the_end(problems: Iterator[str]) -> Iterator[str]:
    """Problems, and as the last one the error that ends the search for them: the next search goes on."""
    try:
        yield from problems
    except BaseException as error:
        if not (is_foreign(error) or isinstance(error, SignverseError)):
            raise
        yield first_line(error)


def _unreadable(path: Path) -> str:
    """Compares a file with the digest in its name, or else every page with its checksum; a line where that fails."""
    try:
        as_written = is_as_written(path)
        if as_written is not None:
            return "" if as_written else not_as_written(path).message
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except FileNotFoundError:
        return f"{path} is missing"
    except BaseException as error:
        if not is_foreign(error):
            raise
        return f"{path} is damaged: {first_line(error)}"
    return ""


def _misplaced(snapshot: Snapshot, video: dict[str, Any], reader: KeypointsReader, broken: set[str]) -> Iterator[str]:
    place = placement_of(video)
    if place.file is None or str(snapshot.folder / KEYPOINTS.name / place.file) in broken:
        return
    try:
        # Every row of the placement: what Lake reads is cut to the frames that the video says it has.
        table = reader.rows(place, [], 0, EVERY_FRAME)
    except SignverseError as error:
        yield str(error)
        return
    frames = table.column("frame")
    if table.num_rows == 0 or pc.max(frames).as_py() >= video["num_frames"]:
        yield f"{place.file}: '{video['video_id']}' has keypoints past its {video['num_frames']} frames, or none"


def _out_of_range(path: Path) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        columns = [name for part in PARTS for name in (part.xy, part.score)]
        # Group by group: pyarrow's batches of 65,536 rows take half a gigabyte.
        groups = (file.read_row_group(group, columns=columns) for group in range(file.num_row_groups))
        for batch in (batch for group in groups for batch in group.to_batches()):
            for part in PARTS:
                for column, least, most in ((part.xy, None, None), (part.score, 0.0, MAX_SCORE)):
                    values = batch.column(column).flatten()
                    if not pc.all(pc.is_finite(values), min_count=0).as_py():
                        yield f"{path}: {column} holds values that are not numbers"
                        return
                    span = pc.min_max(values)
                    low, high = span["min"].as_py(), span["max"].as_py()
                    if low is not None and least is not None and (low < least or high > most):
                        yield f"{path}: {column} runs from {low:g} to {high:g}, scores are {least:g} to {most:g}"
                        return


def _bad_segments(snapshot: Snapshot, videos: pl.DataFrame) -> Iterator[str]:
    columns = ["segment_id", "video_id", "start_frame", "end_frame"]
    try:
        segments = collect(snapshot.table(SEGMENTS.name).select(columns))
    except SignverseError as error:
        yield error.message
        return
    repeated = segments.filter(pl.col("segment_id").is_duplicated())
    if repeated.height:
        yield f"segment ids are not unique: {repeated['segment_id'][0]}"
    joined = segments.join(videos.select("video_id", "num_frames"), on="video_id", how="left")
    outside = joined.filter(
        (pl.col("start_frame") < 0)
        | (pl.col("end_frame") <= pl.col("start_frame"))
        | (pl.col("end_frame") > pl.col("num_frames"))
    )
    if outside.height:
        yield f"{outside.height} segments lie outside their video: {outside['segment_id'][0]}"
    # A video too short to have a frame has no segment either.
    bare = videos.filter(pl.col("num_frames") > 0).join(segments, on="video_id", how="anti")
    if bare.height:
        yield f"{bare.height} videos have no segment: {bare['video_id'][0]}"
