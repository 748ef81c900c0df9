"""People with the defects of the published tars."""

from __future__ import annotations

import numpy as np

from signverse.ingest.shards.point_rows import PointRows
from signverse.ingest.shards.poses import Poses
from signverse.lake.model.skeleton import BODY, LEFT_HAND, NUM_JOINTS, RIGHT_HAND, joint_index

WIDTH, HEIGHT = 640, 480


RIGHT_WRIST, LEFT_WRIST = joint_index("right_wrist"), joint_index("left_wrist")


CODES = np.arange(BODY.size, dtype=np.float32)


def person(x: float, seed: int = 0, size: float = 60) -> np.ndarray:
    """Somebody standing at x, hands at the wrists, in pixels, real scores."""
    random = np.random.default_rng(seed)
    points = np.empty((NUM_JOINTS, 3), np.float32)
    points[:, 0] = x + random.uniform(-size, size, NUM_JOINTS)
    points[:, 1] = 240 + random.uniform(-2 * size, 2 * size, NUM_JOINTS)
    for wrist, hand, side in ((LEFT_WRIST, LEFT_HAND, 1), (RIGHT_WRIST, RIGHT_HAND, -1)):
        points[wrist, :2] = x + side * size, 260
        points[hand.slice, :2] = points[wrist, :2] + random.uniform(-9, 9, (hand.size, 2))
        points[hand.start, :2] = points[wrist, :2] + random.uniform(-3, 3, 2)
    points[:, 2] = random.uniform(0.4, 1.1, NUM_JOINTS)
    return points


def poses_of(frames: list[list[np.ndarray]], dialect: str = "consolidated") -> Poses:
    rows = [(f, slot, points) for f, people in enumerate(frames) for slot, points in enumerate(people)]
    return Poses(
        dialect=dialect,
        width=WIDTH,
        height=HEIGHT,
        numbers=np.arange(len(frames), dtype=np.int64),
        frames=np.array([f for f, _, _ in rows], np.int32),
        slots=np.array([slot for _, slot, _ in rows], np.int8),
        rows=PointRows.of(np.array([points for _, _, points in rows], np.float32).reshape(-1, NUM_JOINTS, 3)),
    )


def coded(people: list[np.ndarray], seen: float = 1.0, seed: int = 0) -> list[np.ndarray]:
    """As the published writer left body scores: 18 * person + joint where it was sure, else -1 and no place."""
    found = []
    for i, points in enumerate(people):
        body = points.copy()
        sure = np.random.default_rng(seed + i).uniform(size=BODY.size) < seen
        body[BODY.slice, 2] = np.where(sure, 18 * i + CODES, -1)
        body[BODY.slice, :2][~sure] = (-WIDTH, -HEIGHT)
        found.append(body)
    return found


def permuted(people: list[np.ndarray]) -> list[np.ndarray]:
    """The published writer's bug: hands stacked [L0..Ln-1, R0..Rn-1], and slots 2i and 2i+1 read from it."""
    stack = [points[LEFT_HAND.slice] for points in people] + [points[RIGHT_HAND.slice] for points in people]
    found = []
    for i, points in enumerate(people):
        mixed = points.copy()
        mixed[LEFT_HAND.slice], mixed[RIGHT_HAND.slice] = stack[2 * i], stack[2 * i + 1]
        found.append(mixed)
    return found


def found_in(poses: Poses) -> list[str]:
    return [word.split(":")[0] for word in poses.repairs]
