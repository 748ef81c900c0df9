"""Shards as others write them, for tests to bring in, and what the lake then says of each video."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS


def frame(frame_id: int, *people: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "num_people": len(people),
        "frame_id": frame_id,
        "width": 64,
        "height": 48,
        **{f"person_{i}": parts for i, parts in enumerate(people)},
    }


def parts(value: float = 5.0, score: float = 0.5) -> dict[str, np.ndarray]:
    return {part.name: np.full((part.size, 3), (value, value, score), np.float32) for part in PARTS}


def poses(frames: Sequence[Any] | None = None, **changes: Any) -> bytes:
    """A poses.npz as numpy writes it."""
    entries = [frame(i, parts(i + 1.0)) for i in range(3)] if frames is None else frames
    array = np.empty(len(entries), object)
    array[:] = entries
    arrays = {
        "video_id": np.array("x"),
        "fps": np.array(24.0),
        "num_frames": np.array(len(entries)),
        "frame_ids": np.arange(len(entries)),
        "width": np.array(64),
        "height": np.array(48),
        "frames": array,
        **changes,
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in arrays.items() if value is not None})
    return buffer.getvalue()


def caption(**changes: Any) -> bytes:
    document = {
        "video_id": "x",
        "sign_language": "ase",
        "title": "T",
        "duration_s": 1.0,
        "segments": [{"start": 0.0, "end": 0.1, "text": "hello"}],
        "document_text": "hello",
        "english_source": "native",
    }
    return json.dumps({**document, **changes}).encode()


def pack(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def video(video_id: str, data: bytes | None = None, text: bytes | None = None) -> dict[str, bytes]:
    return {
        f"{video_id}/poses.npz": poses() if data is None else data,
        f"{video_id}/caption.json": caption() if text is None else text,
        f"{video_id}/{video_id}.complete": b"",
    }


def outcomes(lake: Path) -> dict[str, tuple[str, str | None, int]]:
    rows = Lake.open(lake).raw_table("outcomes").sort("attempted_at").collect()
    return {row["video_id"]: (row["outcome"], row["reason"], row["attempt"]) for row in rows.iter_rows(named=True)}
