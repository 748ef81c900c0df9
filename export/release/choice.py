"""Which videos and clips go into an export: those of a file that `select` wrote, or those that meet conditions."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.model.wording import counted, some
from signverse.lake.query.engines import nothing_selected
from signverse.lake.query.selection import KEY, Selection
from signverse.lake.query.selection_file import read_selection_file, version_of_selection
from signverse.lake.storage.integrity.foreign_errors import collect


def choose(
    lake: Lake, path: Path | None, conditions: Selection, remarks: list[str] | None = None
) -> pl.DataFrame | None:
    """The clips of a selection file, or those that meet the conditions; None where neither is given.

    Args:
        remarks: takes what a person should know of how the file was read.

    Raises:
        BadInputError: the file is not a selection, or conditions are given too.
        EmptySelectionError: no clip meets the conditions; says what each condition alone leaves.
    """
    if path is not None:
        if not conditions.empty:
            raise BadInputError("both --selection and conditions were given", "Put the conditions into `select`.")
        return read_selection_file(path, remarks).select(KEY)
    if conditions.empty:
        return None
    clips = collect(lake.select(conditions).select(KEY))
    if clips.is_empty():
        raise nothing_selected(lake.snapshot, conditions)
    return clips


def chosen_videos(
    lake: Lake, selection: pl.DataFrame | None, *, order: str = "video_id", path: Path | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """The rows of `videos` to export, and remarks.

    Args:
        selection: clips, of which the videos are taken; None for all videos.
        order: video_id, or source for the order of the shards that the videos came from.
        path: the file that the selection comes from, which knows its lake's version.

    Raises:
        BadInputError: a video of the selection is not in the lake.
        EmptySelectionError: the lake has no video to export.
    """
    videos = collect(lake.videos())
    remarks: list[str] = []
    if selection is not None:
        if repeated := selection.height - selection.n_unique():
            remarks.append(f"{counted(repeated, 'row')} of the selection repeated: each clip is exported once")
        wanted = selection.select("video_id", "ingest_id").unique("video_id", maintain_order=True)
        found = wanted.join(videos.select("video_id", now="ingest_id"), on="video_id", how="left")
        gone = found.filter(pl.col("now").is_null())["video_id"].to_list()
        if gone:
            raise BadInputError(f"{counted(len(gone), 'video')} of the selection not in the lake: {some(gone)}")
        newer = found.filter(pl.col("now").ne_missing(pl.col("ingest_id"))).height
        if newer:
            remarks.append(
                f"{counted(newer, 'video')} ingested again since the selection was made: the newest is exported "
                f"(--version {_version(path)} exports the lake as it was)"
            )
        videos = videos.join(wanted, on="video_id", how="semi")
    if videos.is_empty():
        raise EmptySelectionError(f"the lake {lake.folder} holds no video to export")
    by = ["source_shard", "source_position", "video_id"] if order == "source" else ["video_id"]
    return videos.sort(by, nulls_last=True), remarks


def chosen_clips(lake: Lake, selection: pl.DataFrame | None, *, path: Path | None = None) -> pl.DataFrame:
    """The clips to export, as `Lake.unfiltered_clips` has them, by video_id and start.

    Args:
        selection: clips; None for all.
        path: see `chosen_videos`.

    Raises:
        BadInputError: a chosen clip is not in the lake as it was: its video may have been ingested again.
        EmptySelectionError: the lake has no clip to export.
    """
    clips = collect(lake.unfiltered_clips())
    if selection is not None:
        clip_key = ["segment_id", "video_id"]
        chosen = clips.join(selection, on=clip_key, how="semi")
        in_lake = chosen.select(*clip_key, start="start_frame", end="end_frame")
        same = (pl.col(name) == pl.col(name.removesuffix("_frame")) for name in KEY[3:])
        found = selection.join(in_lake, on=clip_key).filter(pl.all_horizontal(same))
        gone = selection.join(found, on=clip_key, how="anti")
        if gone.height:
            raise BadInputError(
                f"the lake no longer has {counted(gone.height, 'clip')} of the selection as chosen: "
                f"{some(gone['segment_id'].to_list())}",
                f"Select again, or read the lake as it was: --version {_version(path)}.",
            )
        clips = chosen
    if clips.is_empty():
        raise EmptySelectionError(f"the lake {lake.folder} holds no clip to export")
    return clips.sort("video_id", "start_frame", "ordinal")


def _version(path: Path | None) -> str:
    return version_of_selection(path) if path is not None else "N"


def clips_to_write(
    lake: Lake, selection: pl.DataFrame | None, *, path: Path | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """The clips to export with `absent_frames` of their videos, and remarks; see `chosen_clips` and `chosen_videos`."""
    videos, remarks = chosen_videos(lake, selection, path=path)
    absent = videos.select("video_id", "absent_frames")
    return chosen_clips(lake, selection, path=path).join(
        absent, on="video_id", how="left", maintain_order="left"
    ), remarks


def frames_of(clips: pl.DataFrame) -> dict[str, int]:
    """How many frames of each video lie in its clips, those of several counted once.

    Args:
        clips: video_id, start_frame and end_frame, by video_id and start.
    """
    before = pl.col("end_frame").cum_max().shift(1, fill_value=0).over("video_id")
    new = pl.col("end_frame") - pl.max_horizontal("start_frame", before)
    return dict(clips.select("video_id", new=new.clip(0)).group_by("video_id").agg(pl.col("new").sum()).iter_rows())


def chosen_segments(selection: pl.DataFrame) -> dict[str, frozenset[str]]:
    """The ids of the chosen segments by video id."""
    grouped = selection.group_by("video_id").agg(pl.col("segment_id"))
    return {video_id: frozenset(ids) for video_id, ids in grouped.iter_rows()}
