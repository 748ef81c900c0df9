"""The figures of an export that was written without a card: what its own files say. Models and sources are not in "
"them."""

from __future__ import annotations

import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.export.formats.index_rows import INDEX, ClipRow, VideoRow
from signverse.export.formats.registry import CLIP_FORMATS, SHARD_LAYOUTS
from signverse.export.publish.dataset_card.facts import Facts, figures
from signverse.export.release.index import read_index
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

_OF_CLIPS = [
    "sign_language",
    "video_id",
    "segment_id",
    "num_frames",
    "start_frame",
    "end_frame",
    "text",
    "text_language",
    "caption_kind",
    "english_source",
    "people_max",
    "num_people",
    "body_confidence",
    "face_confidence",
    "left_hand_confidence",
    "right_hand_confidence",
    "hands_seen",
    "channel",
]


def facts_of_folder(folder: Path) -> Facts:
    """The figures of an export, of its index.csv and, where its files are Parquet, of their columns.

    Raises:
        BadInputError: it is not an export, or cannot be read.
    """
    if not (folder / INDEX).exists():
        raise BadInputError(f"{folder} is not an export: it has no {INDEX}", "Name the folder of an export, or a lake.")
    index: list[Any] = read_index(folder / INDEX, VideoRow, ClipRow)
    if not index:
        raise BadInputError(f"{folder / INDEX} lists nothing")
    if isinstance(index[0], VideoRow):
        return _of_shards(folder, index)
    first = index[0].file
    kind = next((name for name, form in CLIP_FORMATS.items() if re.fullmatch(form.folder.file, first)), None)
    if kind is None:
        raise BadInputError(f"{folder / INDEX}: '{first[:60]}' is not the name of an export's file")
    clips = _read_clips(folder, sorted({row.file for row in index})) if kind == "parquet" else _of_index(index)
    people = max(row.people for row in index) > 1
    return figures(
        _videos(clips),
        clips,
        kind=kind,
        by_language=first.startswith("data/") and first.count("/") == 2,
        all_people=people,
    )


def _of_index(index: list[ClipRow]) -> pl.DataFrame:
    rows = [
        {
            "sign_language": row.language,
            "video_id": row.video_id,
            "segment_id": row.segment_id,
            "num_frames": row.frames,
            "start_frame": row.start_frame,
            "end_frame": row.end_frame,
            "people_max": row.people,
        }
        for row in index
    ]
    return _completed(pl.DataFrame(rows, infer_schema_length=None))


_TEXTS = ("text", "text_language", "caption_kind", "english_source", "channel")


def _completed(clips: pl.DataFrame) -> pl.DataFrame:
    """With all columns; those that are not known are null."""
    return clips.with_columns(
        pl.lit(None, pl.String if name in _TEXTS else pl.Float32).alias(name)
        for name in _OF_CLIPS
        if name not in clips.columns
    )


def _read_clips(folder: Path, files: list[str]) -> pl.DataFrame:
    tables = []
    for name in files:
        try:
            with open_regular(folder / name) as opened, pq.ParquetFile(opened) as file:
                there = [column for column in _OF_CLIPS if column in file.schema_arrow.names]
                tables.append(file.read(columns=there))
        except (OSError, pa.ArrowException) as error:
            why = " ".join(str(error).split())[:200]
            raise BadInputError(f"{folder / name} cannot be read: {why}", "`signverse verify` says more.") from None
    clips = pl.from_arrow(pa.concat_tables(tables, promote_options="permissive"))
    assert isinstance(clips, pl.DataFrame)
    return _completed(clips).sort("video_id", "start_frame")


def _videos(clips: pl.DataFrame) -> pl.DataFrame:
    """A row a video: frames that lie in several clips count for each."""
    return clips.group_by("video_id", maintain_order=True).agg(
        pl.col("sign_language").first(), pl.col("channel").first(), num_frames=pl.col("num_frames").sum()
    )


def _of_shards(folder: Path, index: list[VideoRow]) -> Facts:
    videos = pl.DataFrame(
        [{"video_id": row.video_id, "sign_language": row.language, "num_frames": row.frames} for row in index],
        infer_schema_length=None,
    ).with_columns(channel=pl.lit(None, pl.String))
    kind = _layout(folder / index[0].shard, index[0].video_id)
    found = figures(
        videos, _completed(pl.DataFrame(schema={"sign_language": pl.String, "video_id": pl.String})), kind=kind
    )
    segments: dict[str, int] = {}
    for row in index:
        segments[row.language] = segments.get(row.language, 0) + row.segments
    rows = [{**row, "clips": segments.get(row["sign_language"], 0)} for row in found.languages]
    return replace(found, languages=rows, clips=sum(segments.values()), captioned=sum(segments.values()))


def _layout(shard: Path, video_id: str) -> str:
    """The layout of a shard, by where the keypoints of a video lie in it."""
    try:
        with open_regular(shard) as file, tarfile.open(fileobj=file) as tar:
            for member in tar:
                for name, layout in SHARD_LAYOUTS.items():
                    if member.name == f"{video_id}/{layout.keypoints}":
                        return name
    except (OSError, tarfile.TarError) as error:
        why = " ".join(str(error).split())[:200]
        raise BadInputError(f"{shard} cannot be read: {why}", "`signverse verify` says more.") from None
    return next(iter(SHARD_LAYOUTS))
