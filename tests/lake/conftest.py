"""Lakes for these tests: small, real, and the same at every run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer, VideoRows
from signverse.lake.storage.keypoints import snap, to_table


def _points(rows: int, seed: int) -> np.ndarray:
    """Points on the stored grid: some absent, some scores unknown, in every seventh row no right hand at all."""
    random = np.random.default_rng(seed)
    points = random.uniform((-20, -20, 0), (1300, 740, 1.13), (rows, 128, 3)).astype(np.float32)
    absent = random.random((rows, 128)) < 0.1
    points[absent] = (np.nan, np.nan, 0)
    points[random.random((rows, 128)) < 0.002, 2] = np.nan
    points[::7, 107:128] = np.nan
    return snap(points)


def _video(
    video_id: str,
    language: str = "ase",
    frames: int = 50,
    *,
    people: int = 1,
    absent: tuple[int, ...] = (),
    empty: tuple[int, ...] = (),
    texts: tuple[str | None, ...] = ("Hello there.", "How are you?"),
    seed: int | None = None,
    video: dict[str, Any] | None = None,
    segment: dict[str, Any] | None = None,
) -> VideoRows:
    """A finished video. `absent` frames are listed as such, `empty` frames only have nobody in them."""
    seed = sum(video_id.encode()) + frames if seed is None else seed
    present = [frame for frame in range(frames) if frame not in (*absent, *empty)]
    rows = [(frame, person) for frame in present for person in range(people)]
    points = _points(len(rows), seed)
    edges = np.linspace(0, frames, len(texts) + 1).astype(int).tolist()
    random = np.random.default_rng(seed)
    segments = [
        {
            "segment_id": f"{video_id}-{i:05d}",
            "ordinal": i,
            "start_s": first / 24,
            "end_s": last / 24,
            "start_frame": first,
            "end_frame": last,
            "num_frames": last - first,
            "text": text,
            "text_language": "en" if text else None,
            "caption_kind": "manual" if text else "none",
            "english_source": "native" if text else "none",
            "people_max": people,
            "coverage": float(random.random()),
            "body_confidence": float(random.random()),
            "face_confidence": float(random.random()),
            "left_hand_confidence": None if i % 3 == 2 else float(random.random()),
            "right_hand_confidence": float(random.random()),
            "hands_seen": float(random.random()),
            **(segment or {}),
        }
        for i, (text, first, last) in enumerate(zip(texts, edges, edges[1:], strict=False))
        if last > first
    ]
    captions = [
        {
            "track": "en",
            "kind": "manual",
            "language": "en",
            "ordinal": item["ordinal"],
            "start_s": item["start_s"],
            "end_s": item["end_s"],
            "text": item["text"],
        }
        for item in segments
        if item["text"]
    ]
    return VideoRows(
        video={
            "video_id": video_id,
            "sign_language": language,
            "language_label": language,
            "title": f"Video {video_id}",
            "channel": "A channel",
            "channel_id": "UC0",
            "url": f"https://example.org/{video_id}",
            "source": "video",
            "duration_s": frames / 24,
            "fps": 24.0,
            "width": 1280,
            "height": 720,
            "num_frames": frames,
            "absent_frames": list(absent),
            "people_max": people,
            "text_language": "en",
            "english_source": "native",
            "repairs": [],
            **(video or {}),
        },
        keypoints=to_table(
            np.array([frame for frame, _ in rows], np.int32), np.array([person for _, person in rows], np.int8), points
        ),
        segments=segments,
        captions=captions,
        stage="extract",
    )


@pytest.fixture(scope="session")
def points() -> Callable[[int, int], np.ndarray]:
    """points(rows, seed): [rows, 128, 3] on the grid."""
    return _points


@pytest.fixture(scope="session")
def video() -> Callable[..., VideoRows]:
    """video("id", "ase", 50, ...): a finished video, not committed."""
    return _video


@pytest.fixture(scope="session")
def fill() -> Callable[..., Path]:
    """fill(folder, video, ...): makes the lake where there is none and commits the videos together."""

    def fill(folder: Path, *videos: VideoRows) -> Path:
        Lake.create(folder).close()
        with Committer(folder) as committer:
            for rows in videos:
                committer.add(rows)
        return folder

    return fill


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, fill: Callable[..., Path]) -> Path:
    """A lake that is only read: five videos of four languages, in sizes around the 1,024 rows of a row group."""
    return fill(
        tmp_path_factory.mktemp("town") / "lake",
        _video("one-frame-0", "sgn-SI", 1, texts=("A",)),
        _video("-dash_first", "ase", 1025, texts=("Good morning!", "A question?", None)),
        _video("exactly1024", "pso", 1024, texts=("Dzie\u0144 dobry",)),
        _video(
            "two-people0", "ase", 700, people=2, absent=(3, 4), empty=(0, 10, 699), texts=("Ask", "Answer", "50% off_")
        ),
        _video("nobody-here", "und", 30, people=0, texts=(None,)),
    )


@pytest.fixture
def open_town(town: Path) -> Any:
    """The read-only lake, opened."""
    opened = Lake.open(town)
    yield opened
    opened.close()
