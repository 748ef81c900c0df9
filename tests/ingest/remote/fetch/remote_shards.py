"""Tars of a made-up release in every dialect, and what a lake says of the videos that came in from them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from signverse.lake.lake import Lake
from tests.ingest.shards import dialect_files, made_shards
from tests.ingest.shards.test_frame_dicts import files as frame_dict_files
from tests.ingest.shards.test_frame_dicts import of_people

LANGUAGES = ("asf", "bfi", "ase", "gsg")


@functools.cache
def _card() -> dict[str, bytes]:
    return made_shards.video("ID")


@functools.cache
def _consolidated() -> dict[str, bytes]:
    return dialect_files.video("ID", dialect_files.consolidated(dialect_files.FRAMES[:3]))


@functools.cache
def _per_frame() -> dict[str, bytes]:
    return dialect_files.video("ID", dialect_files.per_frame(dialect_files.FRAMES[:3]))


@functools.cache
def _frame_dicts() -> dict[str, bytes]:
    people = {number: of_people([dialect_files.person(number)]) for number in (1, 2, 3)}
    return dialect_files.video("ID", frame_dict_files(people))


MAKERS = {
    "card": _card,
    "consolidated": _consolidated,
    "per-frame": _per_frame,
    "per-frame-dicts": _frame_dicts,
}


def members(video_id: str, dialect: str = "consolidated", captions: bool = True) -> dict[str, bytes]:
    """The files of a video, with a caption track."""
    found = {name.replace("ID", video_id): data for name, data in MAKERS[dialect]().items()}
    if captions and dialect != "card":
        text = f"WEBVTT\n\n00:00.000 --> 00:00.100\nhello {video_id}\n"
        found[f"{video_id}/captions/{video_id}.en.vtt"] = text.encode()
    return found


def release(folder: Path, tars: int, videos: int, dialects: Sequence[str] = ("consolidated",)) -> dict[str, str]:
    """Writes tars of videos into a folder; gives each video's language, by id."""
    folder.mkdir(parents=True, exist_ok=True)
    languages = {}
    for tar in range(tars):
        found: dict[str, bytes] = {}
        for place in range(videos):
            video_id = f"v{tar:02d}x{place:02d}"
            languages[video_id] = LANGUAGES[(tar + place) % len(LANGUAGES)]
            found |= members(video_id, dialects[(tar + place) % len(dialects)])
        made_shards.pack(folder / f"Sign_DWPose_NPZ_{tar + 1:06d}.tar", found)
    return languages


def manifest(path: Path, languages: dict[str, str]) -> Path:
    """A manifest of videos and their languages."""
    path.write_text("".join(f"{video_id},{code}\n" for video_id, code in languages.items()))
    return path


def listed(path: Path, ids: Iterable[str]) -> Path:
    """A list of ids."""
    path.write_text("".join(f"{video_id}\n" for video_id in ids))
    return path


NOT_CARRIED = {
    *("ingest_id", "ingested_at", "source_shard"),
    *("keypoints_file", "first_row_group", "row_group_count", "keypoints_ingest_id"),
}
"""Columns of an ingestion, not of what was ingested; `source_shard` says where the tar lay."""


def content(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All that a lake says of its videos."""
    lake = Lake.open(folder)
    found = {}
    for table in ("videos", "segments", "captions", "keypoints"):
        rows = lake.table(table).collect()
        kept = rows.drop([name for name in NOT_CARRIED if name in rows.columns])
        order = [name for name in ("video_id", "frame", "person", "track", "ordinal") if name in kept.columns]
        found[table] = kept.select(sorted(kept.columns)).sort(order).to_dicts()
    return found


def outcomes(folder: Path) -> dict[str, tuple[str, str | None]]:
    """The newest outcome of each video, and its reason."""
    rows = Lake.open(folder).raw_table("outcomes").sort("attempted_at").collect()
    return {row["video_id"]: (row["outcome"], row["reason"]) for row in rows.iter_rows(named=True)}


def ids_in(folder: Path) -> set[str]:
    """The videos of a lake."""
    return set(Lake.open(folder).videos().select(pl.col("video_id")).collect()["video_id"])
