"""Lakes whose captions were there from the start, or come later, and what each then holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from signverse.ingest.captions.files_beside import captions_beside, read_track
from signverse.ingest.captions.tracks import unique
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer
from tests.ingest.videos.conftest import clip, ingest

__all__ = ["clip", "ingest"]

APART = {"ingest_id", "ingested_at", "keypoints_ingest_id", "keypoints_file", "first_row_group"}
"""Columns that differ between two ingestions of the same."""


def vtt(*cues: tuple[float, float, str]) -> str:
    """A WebVTT file of cues: start and end in seconds, text."""

    def stamp(seconds: float) -> str:
        return f"{int(seconds // 60):02d}:{seconds % 60:06.3f}"

    return "WEBVTT\n\n" + "\n".join(f"{stamp(start)} --> {stamp(end)}\n{text}\n" for start, end, text in cues)


def extracted(lake: Path, folder: Path, frames: Mapping[str, int], *, sentences: bool = False) -> Path:
    """A lake of videos of so many frames with the captions of the folder, as extraction makes it."""
    Lake.create(lake).close()
    with Committer(lake) as committer:
        for video_id, count in frames.items():
            random = np.random.default_rng(sum(video_id.encode()))
            rows = [(frame, person) for frame in range(count) for person in range(1 + frame % 3 // 2) if frame % 5]
            points = random.uniform(0, 1, (len(rows), 128, 3)).astype(np.float32)
            files = captions_beside(folder / f"{video_id}.mp4", video_id, [path.name for path in folder.iterdir()])
            committer.add(
                build_rows(
                    Entry(video_id, "ASL", "ase", title=f"Title of {video_id}"),
                    stage="extract",
                    width=640,
                    height=480,
                    num_frames=count,
                    frames=np.array([frame for frame, _ in rows], np.int32),
                    persons=np.array([person for _, person in rows], np.int8),
                    points=points,
                    tracks=unique([read_track(path, video_id) for path in files]),
                    about={"source": "video", "detector": "d.onnx", "detect_every": 2, "repairs": ["a:1"]},
                    sentences=sentences,
                )
            )
    return lake


def everything(lake: Path) -> dict[str, pl.DataFrame]:
    """All that a lake says of its videos, row by row, through Polars and through SQL."""
    opened = Lake.open(lake)
    orders: dict[str, Any] = {
        "videos": ["video_id"],
        "segments": ["segment_id"],
        "captions": ["video_id", "track", "ordinal"],
        "keypoints": ["video_id", "frame", "person"],
    }
    found = {name: opened.table(name).drop(APART, strict=False).sort(by).collect() for name, by in orders.items()}
    found["clips"] = opened.clips().drop(APART, strict=False).collect()
    with opened.duckdb() as con:
        for name, by in orders.items():
            rows = con.sql(f"from {name} order by {', '.join(by)}").pl()
            assert_frame_equal(rows.drop(APART, strict=False).select(found[name].columns), found[name])
    return found


def assert_same(one: Path, other: Path) -> None:
    """Both lakes hold the same, but for when it was ingested."""
    first, second = everything(one), everything(other)
    for name, rows in first.items():
        assert_frame_equal(rows, second[name])
