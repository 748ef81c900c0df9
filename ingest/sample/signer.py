"""Synthetic signers: keypoints of people who never existed, the same ones every time.

The package needs something to show and to test on, and footage of real signers is not ours to ship. A signer here is a
small puppet: arms with fixed bone lengths reach for places in front of the body, hands change between handshapes, the
head nods and the mouth moves. Nothing it does is a sentence of any language.

Lengths are in shoulder widths, in a space whose x grows to the right of the picture, y downwards and z towards the
camera, with the neck at the origin. Everything is written for the right arm, which is on the left of the picture; the
left arm is its mirror image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.sample.body import Build, place_arm, place_trunk
from signverse.ingest.sample.face import place_head
from signverse.ingest.sample.handshapes import Array
from signverse.ingest.sample.motion import drift, follow, script
from signverse.ingest.sample.scores import scores
from signverse.lake.model.skeleton import LEFT_HAND, NECK, NUM_JOINTS, RIGHT_HAND, joint_index
from signverse.lake.model.thresholds import SEEN


def make_signer(
    seed: int,
    num_frames: int,
    width: int,
    height: int,
    *,
    centre: float = 0.5,
    size: float = 1.0,
    unclear_right_hand: bool = False,
) -> NDArray[np.float32]:
    """Make a person who moves like a signer, at 24 frames a second.

    Args:
        seed: the same seed gives the same person and the same movement.
        num_frames: how long.
        width: width of the frame in pixels.
        height: height of the frame in pixels.
        centre: where the person stands, as a share of the width.
        size: how large the person is; 1 fills the height from head to hips.
        unclear_right_hand: give the right hand scores that stay below the threshold of what counts as seen.

    Returns:
        [num_frames, 128, 3]: x and y in pixels, score. An absent point has x and y NaN and score 0.
    """
    rng = np.random.default_rng(seed)
    frames = np.arange(num_frames, dtype=np.float64)
    right_keys, left_keys, busy = script(rng, num_frames)
    build = Build.draw(rng)

    sway = drift(rng, num_frames, 60, 0.025)
    lean = drift(rng, num_frames, 70, 0.030)
    points = np.zeros((num_frames, NUM_JOINTS, 3))
    wrists: dict[str, Array] = {}
    for part, keys, mirror in ((RIGHT_HAND, right_keys, 1.0), (LEFT_HAND, left_keys, -1.0)):
        arm, hand = place_arm(follow(keys, frames), build)
        points[:, part.slice] = hand
        names = ("right_shoulder", "right_elbow", "right_wrist")
        if mirror < 0:
            names = ("left_shoulder", "left_elbow", "left_wrist")
        for name, place in zip(names, arm, strict=True):
            points[:, joint_index(name)] = place
        points[:, part.slice, 0] *= mirror
        points[:, [joint_index(name) for name in names], 0] *= mirror
        wrists[part.name] = points[:, joint_index(names[2])]
    place_trunk(points)
    # Nobody keeps both shoulders level; the hips stay where they are.
    tilt = drift(rng, num_frames, 45, 0.07)[:, None]
    points[:, :, 1] += tilt * points[:, :, 0] * np.clip(1 - points[:, :, 1] / 1.42, 0, 1)
    points[:, :, 0] += sway[:, None] + lean[:, None] * (0.5 - points[:, :, 1])
    place_head(points, rng, build, sway, lean, busy)
    points[:, NECK] = (points[:, joint_index("right_shoulder")] + points[:, joint_index("left_shoulder")]) / 2

    shoulder = 0.345 * height * size * build.size
    xy = _project(points, centre * width, (0.465 + 0.015 * build.height) * height, shoulder)
    score = scores(rng, wrists, xy, shoulder, unclear_right_hand)
    jitter = rng.normal(0, 1, xy.shape) * shoulder * 0.0022 * (1 + 2.5 * (1 - score[..., None]))
    return _as_model_output(xy + jitter, score)


def _project(points: Array, neck_x: float, neck_y: float, shoulder: float) -> Array:
    """Project points [T, 128, 3] in shoulder widths to pixels [T, 128, 2]."""
    # What is nearer to the camera is a little larger.
    nearer = 1 + 0.10 * points[:, :, 2]
    xy = np.empty((*points.shape[:2], 2))
    xy[..., 0] = neck_x + shoulder * points[..., 0] * nearer
    xy[..., 1] = neck_y + shoulder * points[..., 1] * nearer
    return xy


def _as_model_output(xy: Array, score: Array) -> NDArray[np.float32]:
    """Join places and scores to [T, 128, 3]: the neck lies between the shoulders, absent points are NaN."""
    result = np.concatenate([xy, score[..., None]], axis=-1)
    shoulders = result[:, [joint_index("right_shoulder"), joint_index("left_shoulder")]]
    result[:, NECK, :2] = shoulders[..., :2].mean(axis=1)
    result[:, NECK, 2] = (shoulders[..., 2] > SEEN).all(axis=1)
    result[result[..., 2] <= 0] = (np.nan, np.nan, 0.0)
    return result.astype(np.float32)
