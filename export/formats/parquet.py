"""Clips as Parquet: one row per clip, the keypoints as plain lists of floats that every engine reads.

Engines hold a row in memory, this writer too: a clip of more than 22 minutes has several rows that follow each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.export.formats.clip_content import ABOUT, LANGUAGE_FOLDER, Chunk, Clip, read_clips, update_digest
from signverse.export.formats.format import ClipFormat, File, FolderRules, Written, folder_in
from signverse.export.formats.index_rows import INDEX, ClipRow
from signverse.export.formats.read_tar import unreadable
from signverse.export.writers.tar_writer import HashingSink
from signverse.lake.lake import Lake
from signverse.lake.lists.parquet_footer import check_footer
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.schema import FLOAT
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS
from signverse.lake.model.wording import counted
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.temporary.whole_file import whole_file

NAME: Final = "part-{:05d}.parquet"
FOLDER: Final = "data"
"""Of the files, apart from index.csv and SHA256SUMS: readers that take a folder take every file in it for Parquet."""

FRAME_BYTES: Final = 700
"""Of a person in a frame: coordinates on the lake's grid take 460, those in full precision more."""
CLIP_BYTES: Final = 1_024

_FRAMES_PER_GROUP: Final = 16_384
"""Frames of a person after which a row group is closed: 25 MB in memory."""

LONGEST_ROW: Final = 32_768
"""Frames of a person in a row, at most: 22 minutes of one person, 50 MB in memory."""

_MOST_VALUES: Final = 1 << 25
"""Numbers of a column in a row group that are read: five times what an export writes of the face, 130 MB."""

_LISTS: Final = [name for part in PARTS for name in (part.xy, part.score)]
SCHEMA: Final = pa.schema(
    [*ABOUT, *((name, pa.list_(FLOAT)) for name in _LISTS), ("body_visible", pa.list_(pa.bool_()))]
)


def write_part(lake: Lake, out: Path, chunk: Chunk, *, all_people: bool) -> Written[ClipRow]:
    """Writes one file.

    `body_xy` holds T*P*18*2 floats, frame by frame: numpy.reshape(xy, (-1, num_people, 18, 2)); `body_score` T*P*18;
    the other parts alike. As in the lake nan is never stored: x and y of an absent point, unknown scores and people
    who are not in a frame are null. A clip of more than LONGEST_ROW frames, counted for each person, has several rows
    with its segment_id, in order; frames and times of a row are its own.
    """
    index: list[ClipRow] = []
    folder = chunk.folder or FOLDER
    name = f"{folder}/{chunk.name}"
    with whole_file(folder_in(out, folder) / chunk.name) as file:
        hashed = HashingSink(file)
        with part_writer(hashed) as writer:
            group: list[_Row] = []
            for clip in read_clips(lake, chunk.clips, all_people=all_people):
                digest = hashlib.sha256()
                for row in _rows_of(clip):
                    update_digest(digest, row.points)
                    group.append(row)
                    if sum(waiting.points[..., 0, 0].size for waiting in group) >= _FRAMES_PER_GROUP:
                        writer.write_table(_table(group), row_group_size=len(group))
                        group = []
                index.append(clip.row(name, digest.hexdigest()))
            if group:
                writer.write_table(_table(group), row_group_size=len(group))
    return Written(chunk.name, [File(name, hashed.size, hashed.sha256())], index)


def part_writer(sink: Any, schema: pa.Schema = SCHEMA) -> pq.ParquetWriter:
    """A writer of such a file."""
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[item.name for item in ABOUT if item.type == pa.string()],
        column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in _LISTS},
        write_statistics=ABOUT.names,
        write_page_checksum=True,
        # The hub's viewer reads the rows of a page, and refuses large row groups without an index of pages.
        write_page_index=True,
    )


@dataclass(frozen=True)
class _Row:
    """A row of a file: a clip, or some frames of a long one."""

    about: dict[str, Any]
    points: Points
    visible: npt.NDArray[np.int8] | None


def _rows_of(clip: Clip) -> Iterator[_Row]:
    if clip.frames * clip.people <= LONGEST_ROW:
        yield _Row(clip.about, clip.points, clip.visible)
        return
    step, about = max(1, LONGEST_ROW // clip.people), clip.about
    for first in range(0, clip.frames, step):
        last = min(first + step, clip.frames)
        start, end = about["start_frame"] + first, about["start_frame"] + last
        changed = {
            "start_frame": start,
            "end_frame": end,
            "num_frames": last - first,
            "start_s": start / FPS if first else about["start_s"],
            "end_s": end / FPS if last < clip.frames else about["end_s"],
            "absent_frames": [frame for frame in about["absent_frames"] if start <= frame < end],
        }
        yield _Row(
            {**about, **changed},
            clip.read(first, last),
            None if clip.visible is None else clip.visible[first:last],
        )


def remarks(rows: Sequence[ClipRow]) -> list[str]:
    """What a person should know of the clips that were written."""
    long = sum(row.frames * row.people > LONGEST_ROW for row in rows)
    if not long:
        return []
    lie = "lies" if long == 1 else "lie"
    return [
        f"{counted(long, 'clip')} of more than {LONGEST_ROW:,} frames (22 minutes of one person) {lie} in several rows "
        "of one segment_id: start_frame and end_frame say which frames are in each"
    ]


def _table(clips: Sequence[_Row]) -> pa.Table:
    columns = pa.Table.from_pylist([clip.about for clip in clips], schema=ABOUT).to_pydict()
    arrays = [pa.array(columns[item.name], item.type) for item in ABOUT]
    for part in PARTS:
        arrays.append(_floats([clip.points[..., part.slice, :2] for clip in clips]))
        arrays.append(_floats([clip.points[..., part.slice, 2] for clip in clips]))
    arrays.append(_booleans([clip.visible for clip in clips]))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _floats(clips: Sequence[npt.NDArray[np.float32]]) -> pa.Array:
    values = np.concatenate([clip.reshape(-1) for clip in clips])
    return pa.ListArray.from_arrays(_offsets([clip.size for clip in clips]), pa.array(values, mask=np.isnan(values)))


def _booleans(clips: Sequence[npt.NDArray[np.int8] | None]) -> pa.Array:
    known = [np.empty(0, np.int8) if clip is None else clip.reshape(-1) for clip in clips]
    values = np.concatenate(known)
    elements = pa.array(values == 1, mask=values < 0)
    unknown = pa.array([clip is None for clip in clips])
    return pa.ListArray.from_arrays(_offsets([clip.size for clip in known]), elements, mask=unknown)


def _offsets(sizes: Sequence[int]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())


def _points_of(row: Callable[[str], Any]) -> Points:
    """The points of a row, float32 [T, P, 128, 3].

    Args:
        row: reads a cell of the row by its column's name; each is asked for once.
    """
    people, frames = row("num_people").as_py(), row("num_frames").as_py()
    points = None
    for part in PARTS:
        for name, where, width in ((part.xy, slice(0, 2), 2), (part.score, slice(2, 3), 1)):
            values = row(name).values
            # A row that says it has millions of frames, and lists a few, makes no room for them.
            if len(values) != frames * people * part.size * width:
                raise ValueError("lists of another length than num_frames and num_people say")
            if points is None:
                points = np.empty((frames, people, NUM_JOINTS, 3), np.float32)
            points[:, :, part.slice, where] = values.to_numpy(zero_copy_only=False).reshape(
                -1, people, part.size, width
            )
    assert points is not None
    return points


def read_digests(path: Path) -> dict[str, str]:
    """The sha256 of the points of each clip of a file, by segment id."""
    digests: dict[str, Any] = {}
    ends: dict[str, int] = {}
    names = ["segment_id", "start_frame", "end_frame", "num_frames", "num_people", *_LISTS]
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        check_footer(file.metadata, path.stat().st_size)
        for group in range(file.num_row_groups):
            _check_size(file.metadata.row_group(group))
            # A column at a time: rows of 22 minutes take 50 MB, and while Arrow decodes them several times that.
            columns = {name: file.iter_batches(1, row_groups=[group], columns=[name]) for name in names}

            def cell(name: str, columns: dict[str, Iterator[Any]] = columns) -> Any:
                if (batch := next(columns[name], None)) is None:
                    raise ValueError(f"{name} has fewer rows than the file says")
                return batch.column(0)[0]

            for _ in range(file.metadata.row_group(group).num_rows):
                segment_id, start = cast(str, cell("segment_id").as_py()), cell("start_frame").as_py()
                digest = digests.setdefault(segment_id, hashlib.sha256())
                if ends.setdefault(segment_id, start) != start:
                    digest.update(b"the rows of a clip follow each other")
                update_digest(digest, _points_of(cell))
                ends[segment_id] = cell("end_frame").as_py()
    return {segment_id: digest.hexdigest() for segment_id, digest in digests.items()}


def _check_size(group: Any) -> None:
    """Raises ValueError where a row group says that a column has more numbers than are read."""
    for index in range(group.num_columns):
        column = group.column(index)
        if column.num_values > _MOST_VALUES:
            raise ValueError(f"{column.path_in_schema} has {column.num_values:,} values in a row group")


def verify(path: Path, _: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """Yield what of a file differs from its rows of the index; see `ClipFormat.verify`."""
    try:
        found = read_digests(path)
    except Exception as error:
        if not unreadable(error):
            raise
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    for row in rows:
        if row.segment_id not in found:
            yield f"{path} lacks {row.segment_id}"
        elif found[row.segment_id] != row.sha256:
            yield f"{path}: the points of {row.segment_id} are not those of {INDEX}"
    for segment_id in sorted(found.keys() - {row.segment_id for row in rows}):
        yield f"{path} holds {segment_id}, which is not in {INDEX}"


_FILE: Final = r"part-\d{5}\.parquet"

FORMAT: Final = ClipFormat(
    name="parquet",
    # Exports of earlier checkouts have the files beside index.csv.
    folder=FolderRules(unit=_FILE, file=rf"(?:(?:{FOLDER}|{LANGUAGE_FOLDER})/)?{_FILE}", row=ClipRow),
    chunk_name=NAME,
    frame_bytes=FRAME_BYTES,
    clip_bytes=CLIP_BYTES,
    write=write_part,
    verify=verify,
    revision=4,
    remarks=remarks,
)
