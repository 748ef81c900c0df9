"""Which videos and clips go into an export: the file that `select` wrote, or a selection made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from lake.errors import BadInputError, EmptySelectionError
from lake.lake import Lake
from lake.selection import KEY, Selection
from lake.text import counted, some


def read_selection(path: Path) -> pl.DataFrame:
    """The clips that a file chose: segment_id, video_id, ingest_id, start_frame, end_frame.

    Raises:
        BadInputError: it cannot be read or is no selection.
        EmptySelectionError: it chooses nothing.
    """
    hint = "Make one: signverse select --lake LAKE -o clips.parquet."
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        # All as text: an id of digits is an id, and 00123 is not 123.
        ".csv": lambda path: pl.read_csv(path, infer_schema=False),
        ".json": pl.read_json,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"selection {path} is no .parquet, .csv or .json", hint)
    try:
        clips = read(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInputError(f"selection {path} cannot be read: {error}", hint) from None
    missing = [name for name in KEY if name not in clips.columns]
    if missing:
        raise BadInputError(f"selection {path} lacks the columns {', '.join(missing)}", hint)
    if clips.is_empty():
        raise EmptySelectionError(f"selection {path} chooses no clip", hint)
    unnamed = clips["video_id"].null_count()
    if unnamed or not {clips[name].dtype for name in ("video_id", "ingest_id")} <= {pl.String, pl.Null}:
        raise BadInputError(f"selection {path} names no video in {unnamed or clips.height} of its rows", hint)
    return clips.select(KEY)


def choose_clips(lake: Lake, selection: Selection) -> pl.DataFrame:
    """The clips of a selection made on the spot, as `read_selection` gives those of a file.

    Raises:
        EmptySelectionError: nothing fits; says what each condition alone leaves.
    """
    clips = lake.select(selection).select(KEY).collect()
    if clips.is_empty():
        raise EmptySelectionError(selection.explain_nothing(lake.all_clips()), "Loosen a condition.")
    return clips


def chosen_videos(
    lake: Lake, selection: pl.DataFrame | None, *, order: str = "video_id"
) -> tuple[pl.DataFrame, list[str]]:
    """The rows of `videos` to export, and remarks.

    Args:
        selection: clips, of which the videos are taken; None for all videos.
        order: video_id, or source for the order of the shards that the videos came from.

    Raises:
        BadInputError: a video of the selection is not in the lake.
        EmptySelectionError: there is no video to export.
    """
    videos = lake.videos().collect()
    remarks: list[str] = []
    if selection is not None:
        wanted = selection.select("video_id", "ingest_id").unique("video_id", maintain_order=True)
        found = wanted.join(videos.select("video_id", now="ingest_id"), on="video_id", how="left")
        gone = found.filter(pl.col("now").is_null())["video_id"].to_list()
        if gone:
            raise BadInputError(f"{counted(len(gone), 'video')} of the selection not in the lake: {some(gone)}")
        newer = found.filter(pl.col("now").ne_missing(pl.col("ingest_id"))).height
        if newer:
            remarks.append(
                f"{counted(newer, 'video')} ingested again since the selection was made: the newest is exported"
            )
        videos = videos.join(wanted, on="video_id", how="semi")
    if videos.is_empty():
        raise EmptySelectionError(f"the lake {lake.folder} holds no video to export")
    by = ["source_shard", "source_position", "video_id"] if order == "source" else ["video_id"]
    return videos.sort(by, nulls_last=True), remarks


def check_clips(lake: Lake, selection: pl.DataFrame) -> None:
    """Raises BadInputError where a chosen clip is not in the lake as it was: a video may have been ingested anew."""
    clips = lake.all_clips().select("segment_id", start="start_frame", end="end_frame").collect()
    same = (pl.col(name).cast(pl.Int64, strict=False) == pl.col(name.removesuffix("_frame")) for name in KEY[3:])
    found = selection.join(clips, on="segment_id", how="left").filter(pl.all_horizontal(same))
    gone = selection.join(found, on="segment_id", how="anti")["segment_id"].to_list()
    if gone:
        raise BadInputError(
            f"the lake no longer has {counted(len(gone), 'clip')} of the selection as chosen: "
            f"{some([str(name) for name in gone])}",
            "Select again, or write whole videos.",
        )


def chosen_segments(selection: pl.DataFrame) -> dict[str, frozenset[str]]:
    """The ids of the chosen segments by video id."""
    grouped = selection.group_by("video_id").agg(pl.col("segment_id"))
    return {video_id: frozenset(ids) for video_id, ids in grouped.iter_rows()}
