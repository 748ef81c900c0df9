"""The clips to read, checked against the lake; small enough to be sent to other processes."""

from __future__ import annotations

import difflib
import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.model.skeleton import JOINTS, PART_BY_NAME, PART_NAMES, Part
from signverse.lake.model.wording import counted, some
from signverse.lake.query.engines import nothing_selected, select_clips
from signverse.lake.query.selection import KEY, Selection
from signverse.lake.query.selection_file import checked, read_selection_file, version_of_selection
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.reader import Joints, Placement, placement_of
from signverse.lake.storage.snapshot import Snapshot


@runtime_checkable
class ArrowRows(Protocol):
    """Rows that can be handed over as Arrow: of pandas, pyarrow or DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Clips = Selection | pl.DataFrame | pl.LazyFrame | ArrowRows | Sequence[str] | pl.Series | str | Path
"""Which clips: conditions; rows with the columns `signverse.lake.query.selection.KEY`, of Polars, pandas, pyarrow or
DuckDB; ids of segments; or the path of a file of such rows."""

_ABOUT = ("text", "sign_language")


@dataclass(frozen=True)
class ClipTable:
    """N clips, in the order in which they were given. It can be pickled, and needs no lake.

    Attributes:
        folder: of the keypoints table.
        rows: segment_id, and text and sign_language where they are known.
        places: the placements of the videos, by video id.
        video: int32 [N], the index in `places` of each clip's video.
        frames: int64 [N, 2], start and end, half-open.
        fingerprint: of the clips and their order; the same wherever the lake's files lie.
        windows: int64 [N, 2] where these are windows of clips: their first and last frames in the clip, half-open, at
            the frame rate that was requested.
        uncovered: how many frames of the clips are in no window, at that rate.
    """

    folder: Path
    rows: pa.Table = field(repr=False)
    places: list[Placement] = field(repr=False)
    video: npt.NDArray[np.int32] = field(repr=False)
    frames: npt.NDArray[np.int64] = field(repr=False)
    fingerprint: str
    windows: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    uncovered: int = 0

    def __len__(self) -> int:
        return len(self.video)

    def about(self, index: int) -> dict[str, Any]:
        """The metadata of a clip: the fields of `signverse.Clip` but its points."""
        names = self.rows.column_names
        start, end = self.frames[index].tolist()
        return {
            "segment_id": self.rows.column("segment_id")[index].as_py(),
            "video_id": self.places[self.video[index]].video_id,
            "start_frame": start,
            "end_frame": end,
            **{name: self.rows.column(name)[index].as_py() if name in names else None for name in _ABOUT},
        }


def clip_table(snapshot: Snapshot, clips: Clips) -> ClipTable:
    """Makes the table of the clips.

    Raises:
        BadInputError: the rows lack columns; or a clip is not in the lake as it was selected, as its video may have
            been ingested again.
        EmptySelectionError: there is no clip.
    """
    rows = selected_rows(snapshot, clips)
    placements = snapshot.placements
    # Rows may carry a num_frames of their own: of the clip.
    rows = rows.select(*KEY, *(name for name in _ABOUT if name in rows.columns))
    known = pl.DataFrame(
        {
            "video_id": list(placements),
            **{name: [row[name] for row in placements.values()] for name in ("num_frames", "ingest_id")},
        },
        {"video_id": pl.String, "num_frames": pl.Int64, "ingest_id": pl.String},
    )
    found = rows.join(known, on=["video_id", "ingest_id"], how="left", maintain_order="left")
    gone = found.filter(pl.col("num_frames").is_null())
    _refuse(gone, clips, "the lake no longer has", "of the selection as chosen")
    start, end = pl.col("start_frame"), pl.col("end_frame")
    outside = found.filter((start < 0) | (end < start) | (end > pl.col("num_frames")))
    _refuse(outside, clips, "the frames of", "of the selection are not in their videos")
    videos = found["video_id"].unique().sort()
    return ClipTable(
        folder=snapshot.folder / KEYPOINTS.name,
        rows=found.drop(*KEY[1:], "num_frames").to_arrow(),
        places=[placement_of({"video_id": video_id, **placements[video_id]}) for video_id in videos.to_list()],
        video=videos.search_sorted(found["video_id"]).cast(pl.Int32).to_numpy(),
        frames=found.select("start_frame", "end_frame").to_numpy(),
        fingerprint=_fingerprint(found),
    )


def joints_of(parts: Iterable[str | Part]) -> Joints:
    """The joints of parts of the body, by name or as `Part`.

    Raises:
        BadInputError: a part is unknown, or there is none.
    """
    chosen = []
    for part in [parts] if isinstance(parts, str) else parts:
        if not isinstance(part, Part):
            if part not in PART_BY_NAME:
                raise BadInputError(f"'{part}' is not a part of the body", f"Parts: {', '.join(PART_NAMES)}.")
            part = PART_BY_NAME[part]
        chosen.append(part)
    if not chosen:
        raise BadInputError("no part of the body was given", f"Parts: {', '.join(PART_NAMES)}.")
    return Joints.only(chosen)


def joint_names(joints: Joints) -> tuple[str, ...]:
    """The names of the K joints, in order."""
    return tuple(name for part, _ in joints.places for name in JOINTS[part.slice])


def selected_rows(snapshot: Snapshot, clips: Clips) -> pl.DataFrame:
    """The rows of the clips, in the order in which they were given: the columns of `KEY`, and others.

    Raises:
        BadInputError: these are not clips, or an id is of no clip of the lake.
        EmptySelectionError: there is no clip.
    """
    if isinstance(clips, str | Path):
        remarks: list[str] = []
        rows = read_selection_file(Path(clips).expanduser(), remarks)
        for line in remarks:
            warnings.warn(line, stacklevel=2)
        return rows
    if isinstance(clips, Selection):
        rows = collect(select_clips(snapshot, clips).select(*KEY, *_ABOUT))
        if rows.is_empty():
            raise nothing_selected(snapshot, clips)
        return checked(rows, "the selection")
    if isinstance(clips, pl.LazyFrame):
        names = clips.collect_schema().names()
        clips = collect(clips.select(name for name in (*KEY, *_ABOUT) if name in names))
    # A Series, and a pandas one, are Arrow too: a single column of ids.
    ids = clips.to_list() if hasattr(clips, "to_list") and not hasattr(clips, "columns") else clips
    if isinstance(ids, Sequence | np.ndarray):
        return _rows_of_ids(snapshot, list(ids))
    if not isinstance(clips, pl.DataFrame):
        if not isinstance(clips, ArrowRows):
            raise BadInputError(
                f"a {type(clips).__name__} is not a selection",
                "Give a Selection, a frame of Polars or pandas, a list of segment ids or a path.",
            )
        clips = pl.DataFrame(clips)
    return checked(clips, "the selection")


def _rows_of_ids(snapshot: Snapshot, ids: list[Any]) -> pl.DataFrame:
    wrong = [value for value in ids if not isinstance(value, str)]
    if wrong:
        raise BadInputError(f"{wrong[0]!r:.60} is not a segment id", "Ids are texts, such as VIDEO_ID-00000.")
    known = collect(snapshot.unfiltered_clips().select(*KEY, *_ABOUT))
    rows = pl.DataFrame({"segment_id": ids}, {"segment_id": pl.String}).join(
        known, on="segment_id", how="left", maintain_order="left"
    )
    unknown = rows.filter(pl.col("video_id").is_null())["segment_id"].to_list()
    if unknown:
        near = difflib.get_close_matches(unknown[0][:200], known["segment_id"].to_list(), n=3)
        raise BadInputError(
            f"{counted(len(unknown), 'segment id')} not in the lake: {some(unknown)}",
            f"Nearest: {', '.join(near)}." if near else "List them: lake.clips().",
        )
    return checked(rows, "the selection")


def _refuse(rows: pl.DataFrame, clips: Clips, before: str, after: str) -> None:
    if rows.height:
        version = version_of_selection(Path(clips).expanduser()) if isinstance(clips, str | Path) else "N"
        raise BadInputError(
            f"{before} {counted(rows.height, 'clip')} {after}: {some(rows['segment_id'].to_list())}",
            f"Select again, or open the lake as it was: signverse.open(LAKE, version={version}).",
        )


def _fingerprint(rows: pl.DataFrame) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in KEY:
        if rows[name].dtype == pl.String:
            digest.update("\0".join(rows[name].to_list()).encode())
        else:
            digest.update(rows[name].to_numpy().astype("<i8").tobytes())
    return digest.hexdigest()
