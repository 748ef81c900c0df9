"""The sample videos and models that benchmarks and tests of extraction share; not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from signverse.lake.media.decode import Decoder
from signverse.lake.model.frame_ranges import FPS

ROOT = Path(__file__).parents[1]


def data_folder() -> Path | None:
    """The folder with videos and models, or None if there is none."""
    named = os.environ.get("SIGNVERSE_TEST_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if (folder / "videos").is_dir() and (folder / "models").is_dir() else None


def sample_videos(data: Path) -> list[Path]:
    """All the videos, the smallest first."""
    videos = [path for path in (data / "videos").iterdir() if path.suffix in {".mp4", ".webm"}]
    return sorted(videos, key=lambda path: path.stat().st_size)


def has_people(video: Path) -> bool:
    return not video.stem.startswith("no_person")


def spread_frames(video: Path, count: int, seconds: float = 10.0) -> tuple[list[int], np.ndarray]:
    """Up to `count` frames, evenly spread over the first `seconds` of a video.

    Returns:
        Their numbers, and the images uint8 [T, H, W, 3], BGR.
    """
    numbers, images = [], []
    with Decoder(video) as frames:
        last = round(min(seconds, frames.facts.duration_s or seconds) * FPS) - 1
        wanted = set(np.linspace(0, last, count).round().astype(int).tolist())
        for number, image in enumerate(frames):
            if number in wanted:
                numbers.append(number)
                images.append(image)
            if number == last:
                break
    return numbers, np.stack(images)
