"""The confidence scores that a pose model would give a synthetic signer."""

from __future__ import annotations

import numpy as np

from signverse.ingest.sample.handshapes import Array
from signverse.ingest.sample.motion import drift
from signverse.lake.model.skeleton import BODY, FACE, LEFT_HAND, NECK, NUM_JOINTS, RIGHT_HAND, joint_index
from signverse.lake.model.thresholds import SEEN


def scores(
    rng: np.random.Generator, wrists: dict[str, Array], xy: Array, shoulder: float, unclear_right_hand: bool
) -> Array:
    """Give each point the score a model would: less for what moves fast, is small, or leaves the frame."""
    num = len(xy)
    score = np.empty((num, NUM_JOINTS))
    score[:, BODY.slice] = rng.normal(0.90, 0.02, (num, BODY.size))
    score[:, FACE.slice] = rng.normal(0.94, 0.02, (num, FACE.size))
    for side in ("right", "left"):
        score[:, joint_index(f"{side}_hip")] = 0.48 + drift(rng, num, 25, 0.12)
        score[:, joint_index(f"{side}_knee")] = np.clip(0.12 + drift(rng, num, 20, 0.10), 0.02, None)
        score[:, joint_index(f"{side}_ankle")] = 0
    for part, side in ((RIGHT_HAND, "right"), (LEFT_HAND, "left")):
        moved = np.linalg.norm(np.diff(wrists[part.name], axis=0, prepend=wrists[part.name][:1]), axis=1)
        speed = (moved + np.append(moved[1:], 0.0)) / 2
        elbow, wrist = joint_index(f"{side}_elbow"), joint_index(f"{side}_wrist")
        score[:, wrist] -= 0.8 * speed
        score[:, elbow] -= 0.3 * speed
        # Tips are harder to place than knuckles.
        outwards = np.concatenate([[0.0], np.tile([0.02, 0.04, 0.07, 0.10], 5)])
        hand = 0.90 - 2.0 * speed[:, None] - outwards + drift(rng, num, 18, 0.05)[:, None]
        hand = np.clip(hand + rng.normal(0, 0.025, (num, part.size)), 0.12, 0.99)
        if unclear_right_hand and part is RIGHT_HAND:
            hand = np.clip(0.18 * hand / 0.8 + rng.normal(0, 0.02, hand.shape), 0.03, SEEN - 0.02)
        for start in _lost(rng, speed):
            hand[start : start + int(rng.integers(2, 5))] = 0
        score[:, part.slice] = hand
    # A model gives what lies beyond the frame no more than a guess.
    below = xy[..., 1] > xy[:, [NECK], 1] + 1.75 * shoulder
    score[below] = np.minimum(score[below], 0.22)
    result: Array = np.clip(score, 0, 0.995)
    return result


def _lost(rng: np.random.Generator, speed: Array) -> list[int]:
    """Choose the few frames at which a hand gets lost, among those in which it moves fast."""
    fast = np.flatnonzero(speed > 0.085)
    wanted = max(1, len(speed) // 70)
    return sorted(int(f) for f in rng.choice(fast, min(wanted, len(fast)), replace=False)) if len(fast) else []
