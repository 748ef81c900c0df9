"""Composed videos held out from the tuning of the tracker: other signers, speeds, sizes, directions and exits.

The constants of ingest/tracking/tracker.py and ingest/tracking/reid.py were chosen while looking at
bench/synthetic_scenes.py and at the stories of bench/composed_videos.py. These were written afterwards, and nothing was
tuned on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.composed_videos import Role, cut_out, mirrored
from signverse.lake.model.frame_ranges import FPS


def _white(image: np.ndarray) -> np.ndarray:
    return image.min(axis=-1) < 215


def _blue(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(int) - image[..., 2] < 10


def _orange(image: np.ndarray) -> np.ndarray:
    return image[..., 2].astype(int) - image[..., 0] < 100


SIGNERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "football_360p2997.mp4": _white,
    "word_192p30.mp4": _white,
    "bsl_360p25.mp4": _blue,
    "house_240p25.mp4": _orange,
}
"""The videos, and what in them is not background."""


def held_out_stories(data: Path) -> Iterator[tuple[str, list[Role]]]:
    """Composed videos of 8 seconds, each by name."""
    woman, tall, seated, young = (cut_out(data / "videos" / name, key) for name, key in SIGNERS.items())
    n = int(8 * FPS)
    t = np.arange(n) / FPS
    still = np.ones(n)

    # There and back in two seconds: half the picture's width in 0.6 s at the quickest.
    quick = 0.5 + 0.3 * np.cos(np.pi * t)
    yield "two cross quickly, of one size", [Role(tall, quick, 0.92 * still), Role(young, 1 - quick, 0.9 * still)]

    # Two seconds apart, then both in the middle for a moment, then back to where each came from.
    near = 0.5 + 0.5 * np.cos(2 * np.pi * t / 4)
    yield (
        "two meet and turn back",
        [Role(mirrored(woman), 0.46 - 0.26 * near, 1.05 * still), Role(tall, 0.56 + 0.26 * near, 0.8 * still)],
    )

    across = np.clip((t - 1) / 3, 0, 1)
    back = np.clip((t - 4.5) / 2, 0, 1)
    yield (
        "three: two cross before a third",
        [
            Role(mirrored(seated), 0.5 * still, 0.9 * still),
            Role(woman, 0.15 + 0.7 * (across - back), 0.75 * still),
            Role(young, 0.85 - 0.7 * (across - back), 0.6 * still),
        ],
    )

    leaves = _path(t, (0, 0.25), (1.5, 0.25), (2.2, -0.25), (2.3, np.nan), (4.5, np.nan), (4.6, 1.25), (5.6, 0.8))
    comes = _path(t, (0, 0.75), (3, 0.75), (3.6, 1.25), (3.7, np.nan), (6, np.nan), (6.1, -0.25), (7, 0.2))
    yield (
        "three: two leave at one side and return at the other",
        [
            Role(seated, 0.5 * still, 0.95 * still),
            Role(tall, leaves, 0.7 * still),
            Role(mirrored(young), comes, 0.75 * still),
        ],
    )

    shot = (t // 1.6).astype(int)
    of_shot = np.array
    yield (
        "cuts among three",
        [
            Role(woman, of_shot([0.25, 0.5, 0.3, 0.7, 0.35])[shot], of_shot([0.8, 1.15, 0.7, 0.9, 1.0])[shot]),
            Role(young, of_shot([0.7, np.nan, 0.75, 0.25, np.nan])[shot], of_shot([0.75, 1, 0.6, 0.8, 1])[shot]),
            Role(tall, of_shot([np.nan, np.nan, 0.5, np.nan, 0.75])[shot], of_shot([1, 1, 0.5, 1, 0.8])[shot]),
        ],
    )

    # Comes up from afar, passes before the other and stays.
    yield (
        "one comes near and passes before another",
        [
            Role(woman, 0.6 - 0.15 * np.sin(2 * np.pi * t / 7), 0.85 * still),
            Role(mirrored(tall), np.interp(t, [1, 6], [0.15, 0.85]), np.interp(t, [1, 6], [0.45, 1.15])),
        ],
    )


def _path(t: np.ndarray, *stations: tuple[float, float]) -> np.ndarray:
    """Between stations (second, place); nan from one without a place to the next."""
    seconds, places = np.array(stations).T
    return np.interp(t, seconds, places)
