"""The body of a signer: build, arms, hands and trunk, from where the wrists are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from signverse.ingest.sample.handshapes import Array, Vector
from signverse.lake.model.skeleton import joint_index

_UPPER_ARM: Final = 0.80
_FOREARM: Final = 0.70
_PALM: Final = 0.25
_SHOULDER: Final[Vector] = (-0.5, 0.0, 0.0)
# Where the elbow goes when the bones leave it a choice: down, outwards and a little back.
_ELBOW: Final[Vector] = (-0.75, 0.75, -0.25)

# Index, middle, ring, little finger: the knuckle (along the palm, towards the thumb) and bone lengths, in palms.
_KNUCKLES: Final = ((0.97, 0.28), (1.00, 0.05), (0.93, -0.17), (0.82, -0.38))
_BONES: Final = ((0.45, 0.27, 0.22), (0.50, 0.31, 0.23), (0.46, 0.28, 0.22), (0.35, 0.21, 0.19))
_SPREAD: Final = (9.0, 0.0, -8.0, -18.0)
_THUMB_ROOT: Final[Vector] = (0.24, 0.30, 0.10)
_THUMB_BONES: Final = (0.40, 0.33, 0.27)


@dataclass(frozen=True)
class Build:
    """What tells one person from another."""

    size: float
    height: float
    face_width: float
    face_length: float
    hand: float
    mouth: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Build:
        return cls(
            size=rng.uniform(0.92, 1.05),
            height=rng.uniform(-1, 1),
            face_width=rng.uniform(0.190, 0.215),
            face_length=rng.uniform(0.95, 1.08),
            hand=rng.uniform(0.92, 1.06),
            mouth=rng.uniform(0.9, 1.12),
        )


def normalised(vectors: Array) -> Array:
    result: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return result


def place_arm(path: Array, build: Build) -> tuple[tuple[Array, Array, Array], Array]:
    """Place shoulder, elbow, wrist and the 21 points of a right hand along a path."""
    wrist = path[:, :3].copy()
    shoulder = np.tile(np.array(_SHOULDER), (len(wrist), 1))
    # Shoulders rise with raised hands.
    shoulder[:, 1] -= 0.05 * np.clip(0.6 - wrist[:, 1], 0, 1)
    reach = wrist - shoulder
    distance = np.clip(np.linalg.norm(reach, axis=1), 0.25, 0.985 * (_UPPER_ARM + _FOREARM))
    along = normalised(reach)
    wrist = shoulder + along * distance[:, None]
    towards = (_UPPER_ARM**2 - _FOREARM**2 + distance**2) / (2 * distance)
    aside = np.sqrt(np.maximum(_UPPER_ARM**2 - towards**2, 0))
    pole = np.array(_ELBOW) - along * (along @ np.array(_ELBOW))[:, None]
    elbow = shoulder + along * towards[:, None] + normalised(pole) * aside[:, None]

    finger = _bend_at_most(normalised(wrist - elbow), normalised(path[:, 3:6]), np.radians(55))
    palm = path[:, 6:9] - finger * (path[:, 6:9] * finger).sum(axis=1, keepdims=True)
    palm = normalised(palm)
    thumb = np.cross(palm, finger)
    return (shoulder, elbow, wrist), _hand(wrist, finger, thumb, palm, path[:, 9:], build.hand)


def _bend_at_most(forearm: Array, hand: Array, limit: float) -> Array:
    """Turn hands back towards their forearms: a wrist bends only so far."""
    cosine = (forearm * hand).sum(axis=1, keepdims=True)
    aside = normalised(hand - forearm * cosine)
    angle = np.minimum(0.8 * np.arccos(np.clip(cosine, -1, 1)), limit)
    result: Array = np.cos(angle) * forearm + np.sin(angle) * aside
    return result


def _hand(wrist: Array, finger: Array, thumb: Array, palm: Array, shape: Array, size: float) -> Array:
    unit = _PALM * size
    hand = np.empty((len(wrist), 21, 3))
    hand[:, 0] = wrist + 0.03 * finger
    bends = np.radians(shape[:, :12].reshape(-1, 4, 3))
    spread = shape[:, 12]
    for number in range(4):
        up, side = _KNUCKLES[number]
        place = hand[:, 0] + unit * (up * finger + side * thumb)
        hand[:, 5 + 4 * number] = place
        angle = np.radians(_SPREAD[number] * spread)[:, None]
        straight = np.cos(angle) * finger + np.sin(angle) * thumb
        for bone in range(3):
            bend = bends[:, number, : bone + 1].sum(axis=1)[:, None]
            place = place + unit * _BONES[number][bone] * (np.cos(bend) * straight + np.sin(bend) * palm)
            hand[:, 6 + 4 * number + bone] = place
    root = _THUMB_ROOT
    place = hand[:, 0] + unit * (root[0] * finger + root[1] * thumb + root[2] * palm)
    hand[:, 1] = place
    directions = shape[:, 13:].reshape(-1, 3, 3)
    for bone in range(3):
        ahead, side_, out = (directions[:, bone, axis, None] for axis in range(3))
        place = place + unit * _THUMB_BONES[bone] * normalised(ahead * finger + side_ * thumb + out * palm)
        hand[:, 2 + bone] = place
    return hand


def place_trunk(points: Array) -> None:
    for side, mirror in (("right", -1.0), ("left", 1.0)):
        points[:, joint_index(f"{side}_hip")] = (0.29 * mirror, 1.42, 0.0)
        points[:, joint_index(f"{side}_knee")] = (0.33 * mirror, 2.45, 0.25)
        points[:, joint_index(f"{side}_ankle")] = (0.33 * mirror, 3.5, 0.0)
