"""Clips as Parquet: one row per clip, the keypoints as plain lists of floats that every engine reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.export.formats.clip_content import ABOUT, Chunk, Clip, digest_of, read_clips
from signverse.export.formats.format import ClipFormat, File, FolderRules, Written, folder_in
from signverse.export.formats.index_rows import INDEX, ClipRow
from signverse.export.writers.tar_writer import HashingWriter
from signverse.lake.lake import Lake
from signverse.lake.model.schema import FLOAT
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS
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

_LISTS: Final = [name for part in PARTS for name in (part.xy, part.score)]
_SCHEMA: Final = pa.schema(
    [*ABOUT, *((name, pa.list_(FLOAT)) for name in _LISTS), ("body_visible", pa.list_(pa.bool_()))]
)


def write_part(lake: Lake, out: Path, chunk: Chunk, *, all_people: bool) -> Written[ClipRow]:
    """Writes one file.

    `body_xy` holds T*P*18*2 floats, frame by frame: numpy.reshape(xy, (-1, num_people, 18, 2)); `body_score` T*P*18;
    the other parts alike. As in the lake nan is never stored: x and y of an absent point, unknown scores and people
    who are not in a frame are null.
    """
    index: list[ClipRow] = []
    name = f"{FOLDER}/{chunk.name}"
    with whole_file(folder_in(out, FOLDER) / chunk.name) as file:
        hashed = _Sink(file)
        with pq.ParquetWriter(
            hashed,
            _SCHEMA,
            compression="zstd",
            compression_level=1,
            use_dictionary=[item.name for item in ABOUT if item.type == pa.string()],
            column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in _LISTS},
            write_statistics=ABOUT.names,
            write_page_checksum=True,
        ) as writer:
            group: list[Clip] = []
            for clip in read_clips(lake, chunk.clips, all_people=all_people):
                group.append(clip)
                index.append(clip.row(name, digest_of(clip.points)))
                if sum(waiting.points[..., 0, 0].size for waiting in group) >= _FRAMES_PER_GROUP:
                    writer.write_table(_table(group), row_group_size=len(group))
                    group = []
            if group:
                writer.write_table(_table(group), row_group_size=len(group))
    return Written(chunk.name, [File(name, hashed.size, hashed.sha256())], index)


class _Sink(HashingWriter):
    """With the other methods of a file that pyarrow calls."""

    closed = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is buffered here."""


def _table(clips: Sequence[Clip]) -> pa.Table:
    columns = pa.Table.from_pylist([clip.about for clip in clips], schema=ABOUT).to_pydict()
    arrays = [pa.array(columns[item.name], item.type) for item in ABOUT]
    for part in PARTS:
        arrays.append(_floats([clip.points[..., part.slice, :2] for clip in clips]))
        arrays.append(_floats([clip.points[..., part.slice, 2] for clip in clips]))
    arrays.append(_booleans([clip.visible for clip in clips]))
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


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


def points_of(row: dict[str, Any]) -> Points:
    """The points of a clip, float32 [T, P, 128, 3], from the columns of its row as Arrow lists."""
    people = row["num_people"].as_py()
    points = np.full((row["num_frames"].as_py(), people, NUM_JOINTS, 3), np.nan, np.float32)
    for part in PARTS:
        for name, where, width in ((part.xy, slice(0, 2), 2), (part.score, slice(2, 3), 1)):
            values = row[name].values.to_numpy(zero_copy_only=False)
            points[:, :, part.slice, where] = values.reshape(-1, people, part.size, width)
    return points


def read_points(path: Path) -> list[tuple[str, str]]:
    """The segment id of each row of a file, and the sha256 of its points."""
    found = []
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(1, columns=["segment_id", "num_frames", "num_people", *_LISTS]):
            row = {name: batch.column(name)[0] for name in batch.schema.names}
            found.append((cast(str, row["segment_id"].as_py()), digest_of(points_of(row))))
    return found


def verify(path: Path, _: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """Yield what of a file differs from its rows of the index; see `ClipFormat.verify`."""
    try:
        found = dict(read_points(path))
    # Arrow's errors are these; a column that is missing is a KeyError.
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
    folder=FolderRules(unit=_FILE, file=rf"(?:{FOLDER}/)?{_FILE}", row=ClipRow),
    chunk_name=NAME,
    frame_bytes=FRAME_BYTES,
    clip_bytes=CLIP_BYTES,
    write=write_part,
    verify=verify,
    revision=2,
)
