"""Synthetic videos of known people, as keypoints: people cross, leave, return, take turns, and there are cuts.

People are `make_signer`'s, moved about, with a detector's errors: their order is shuffled in each frame, points and
boxes jitter, one person in thirty is missed, and a person close behind another is not found at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from signverse.ingest.models.detector import NMS_IOU
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.tracking.detections import iou
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import joint_index

WIDTH, HEIGHT = 1280, 720
JITTER_PX = 2.0
MISSED = 1 / 30
_LEFT = 5.0


@dataclass
class Scene:
    """A video whose people are known.

    Attributes:
        boxes, points: frame by frame, [P, 4] and [P, 128, 3], in a detector's order.
        truth: frame by frame int [P], who each one is.
        primary: who is the primary signer.
    """

    name: str
    primary: int
    boxes: list[np.ndarray] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        return len(self.truth) / FPS / 60


@dataclass
class Actor:
    """A person by frame: `x` and `y` as shares of the picture and `size`; nan is not in the picture.

    Who is larger stands in front. An actor who `rests` keeps its hands still at those frames.
    """

    seed: int
    x: np.ndarray
    size: np.ndarray
    y: np.ndarray
    rests: np.ndarray


def actor(
    seed: int,
    x: np.ndarray | float,
    frames: int,
    size: np.ndarray | float = 0.6,
    y: np.ndarray | float = 0.0,
    rests: np.ndarray | bool = False,
) -> Actor:
    """An actor; a single number holds for all frames."""
    filled = [np.broadcast_to(np.asarray(value), frames).copy() for value in (x, size, y, rests)]
    return Actor(seed, filled[0], filled[1], filled[2], filled[3])


def play(name: str, actors: list[Actor], primary: int = 0, seed: int = 1) -> Scene:
    """The scene that the actors make, with a detector's errors."""
    random = np.random.default_rng(seed)
    frames = len(actors[0].x)
    poses = [_pose(one) for one in actors]
    scene = Scene(name, primary)
    for t in range(frames):
        who = [n for n, one in enumerate(actors) if np.isfinite(one.x[t])]
        boxes = {n: _box(poses[n][t]) for n in who}
        # The nearest have a detector's highest scores: others are suppressed where they overlap with one of them.
        kept: list[int] = []
        for n in sorted(who, key=lambda n: -actors[n].size[t]):
            if all(iou(boxes[n], boxes[other]) <= NMS_IOU for other in kept):
                kept.append(n)
        seen = [n for n in kept if random.uniform() >= MISSED and boxes[n][2] > _LEFT and boxes[n][0] < WIDTH - _LEFT]
        random.shuffle(seen)
        points = np.array([poses[n][t] for n in seen], np.float32).reshape(-1, 128, 3)
        points[..., :2] += random.normal(0, JITTER_PX, points[..., :2].shape)
        corners = np.array([boxes[n] for n in seen], np.float32).reshape(-1, 4)
        scene.boxes.append((corners + random.normal(0, 2 * JITTER_PX, corners.shape)).astype(np.float32))
        scene.points.append(points)
        scene.truth.append(np.array(seen, np.int64))
    return scene


def _pose(one: Actor) -> np.ndarray:
    frames = len(one.x)
    points = make_signer(one.seed, frames, WIDTH, HEIGHT, centre=0.0)
    # The first frames of a signer are at rest.
    still = points[0]
    points[one.rests] = still
    points[..., :2] *= one.size[:, None, None]
    points[..., 0] += (one.x * WIDTH)[:, None]
    points[..., 1] += ((one.y + 0.5 * (1 - one.size)) * HEIGHT)[:, None]
    return points


def _box(points: np.ndarray) -> np.ndarray:
    """Around the head, the trunk and the hands, as a detector draws it."""
    knees = [joint_index(name) for name in ("right_knee", "left_knee", "right_ankle", "left_ankle")]
    trunk = np.delete(points, knees, axis=0)
    there = trunk[trunk[:, 2] > 0, :2]
    return np.r_[np.nanmin(there, axis=0), np.nanmax(there, axis=0)].astype(np.float32)


def scenes(seed: int = 0) -> list[Scene]:
    """The scenes, each 20 to 30 seconds long; another seed has other people, paces and misses."""
    random = np.random.default_rng(seed)
    n = int(24 * FPS)
    t = np.arange(n) / FPS
    pace = random.uniform(0.9, 1.1)
    seeds = [int(s) for s in random.integers(0, 10**6, 4)]
    swing = 0.5 + 0.3 * np.sin(2 * np.pi * t / 8 * pace)

    away = np.full(n, 0.72)
    # Walks out to the right at 6 s, comes in again from there at 14 s.
    away[(t > 6) & (t < 14)] = np.nan
    walk = (t > 4.5) & (t <= 6)
    away[walk] = 0.72 + 0.4 * (t[walk] - 4.5) / 1.5
    walk = (t >= 14) & (t < 15.5)
    away[walk] = 1.12 - 0.4 * (t[walk] - 14) / 1.5

    walker = np.full(n, np.nan)
    for start, way in ((3, 1), (10, -1), (17, 1)):
        walk = (t >= start) & (t < start + 5)
        share = (t[walk] - start) / 5
        walker[walk] = -0.1 + 1.2 * share if way > 0 else 1.1 - 1.2 * share

    turn = (t % 8) < 5.5
    shot = (t // 4).astype(int) % 3
    both, alone = shot != 2, shot == 2
    first = np.where(shot == 0, 0.3, np.where(alone, 0.5, 0.4))
    second = np.where(shot == 0, 0.7, np.where(alone, np.nan, 0.75))
    zoom = np.where(shot == 0, 0.55, np.where(alone, 0.95, 0.45))
    return [
        play("two cross", [actor(seeds[0], swing, n, 0.62), actor(seeds[1], 1 - swing, n, 0.55)], seed=seed),
        play("one leaves and returns", [actor(seeds[0], 0.3, n), actor(seeds[1], away, n, rests=True)], seed=seed),
        play(
            "three, one walks behind two",
            [actor(seeds[0], 0.3, n, 0.65), actor(seeds[1], 0.68, n, 0.6, rests=True), actor(seeds[2], walker, n, 0.5)],
            seed=seed,
        ),
        play(
            "two take turns",
            [actor(seeds[0], 0.3, n, rests=~turn), actor(seeds[1], 0.7, n, rests=turn)],
            seed=seed,
        ),
        play(
            "cuts between both and one",
            [actor(seeds[0], first, n, zoom), actor(seeds[1], second, n, zoom * 0.95, rests=both)],
            seed=seed,
        ),
    ]
