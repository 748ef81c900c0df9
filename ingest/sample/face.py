"""The head of a signer: face points, mouth, blinks and nods."""

from __future__ import annotations

from typing import Final

import numpy as np

from signverse.ingest.sample.body import Build
from signverse.ingest.sample.handshapes import Array
from signverse.ingest.sample.motion import drift
from signverse.lake.model.skeleton import FACE, joint_index


def _face() -> Array:
    """Give 68 points in the iBUG layout, in half face widths from between the eyes."""
    face = np.zeros((68, 3))
    t = np.linspace(-1, 1, 17)
    face[:17, 0] = np.sign(t) * (1 - (1 - np.abs(t)) ** 2.5)
    face[:17, 1] = -0.05 + 1.72 * (1 - np.abs(t) ** 1.5)
    face[:17, 2] = 0.10 - 0.95 * np.abs(t) ** 1.4
    brow = np.linspace(0, 1, 5)
    face[17:22, 0] = -0.82 + 0.62 * brow
    face[22:27, 0] = 0.20 + 0.62 * brow
    face[17:22, 1] = -0.24 - 0.13 * np.sin(np.pi * (0.15 + 0.75 * brow))
    face[22:27, 1] = face[17:22, 1][::-1]
    face[17:27, 2] = 0.30 - 0.35 * np.abs(face[17:27, 0])
    face[27:31] = np.column_stack([np.zeros(4), np.linspace(0.02, 0.60, 4), np.linspace(0.32, 0.62, 4)])
    nostril = np.linspace(-1, 1, 5)
    face[31:36] = np.column_stack([0.24 * nostril, 0.80 - 0.07 * np.abs(nostril), 0.42 - 0.14 * nostril**2])
    eye = np.array([(-1, 0), (-0.4, -1), (0.4, -1), (1, 0), (0.4, 1), (-0.4, 1)]) * (0.185, 0.085)
    for start, x in ((36, -0.46), (42, 0.46)):
        face[start : start + 6, :2] = eye + np.array((x, 0.03))
        face[start : start + 6, 2] = 0.12
    return face


_EYES: Final = (slice(36, 42), slice(42, 48))
_MOUTH_Y: Final = 1.16


def _mouth(opened: Array, wide: Array) -> Array:
    """Give points 48 to 67 for each frame: 12 on the outer lips, 8 on the inner."""
    mouth = np.zeros((len(opened), 20, 3))
    outer = np.linspace(-1, 1, 7)
    inner = np.linspace(-1, 1, 5)
    half = (0.33 * wide)[:, None]
    mouth[:, 0:7, 0] = half * outer
    # The upper lip has its bow, the lower is fuller.
    bow = np.array([0, -0.085, -0.125, -0.105, -0.125, -0.085, 0])
    full = np.array([0.10, 0.145, 0.155, 0.145, 0.10])
    mouth[:, 0:7, 1] = bow * (1 + 0.6 * opened[:, None])
    mouth[:, 7:12, 0] = half * outer[5:0:-1]
    mouth[:, 7:12, 1] = full + 0.34 * opened[:, None] * np.sqrt(1 - outer[5:0:-1] ** 2)
    mouth[:, 12:17, 0] = 0.85 * half * inner
    mouth[:, 12:17, 1] = -0.015 - 0.05 * opened[:, None] * (1 - inner**2)
    mouth[:, 17:20, 0] = 0.85 * half * inner[3:0:-1]
    mouth[:, 17:20, 1] = 0.015 + 0.36 * opened[:, None] * (1 - inner[3:0:-1] ** 2)
    mouth[..., 1] += _MOUTH_Y
    mouth[..., 2] = 0.28 - 0.25 * np.abs(mouth[..., 0])
    return mouth


def place_head(points: Array, rng: np.random.Generator, build: Build, sway: Array, lean: Array, busy: Array) -> None:
    """Turn the head, move mouth, eyes and brows, and set the face and the body's five points of the head."""
    num = len(points)
    frames = np.arange(num)
    face = np.tile(_face(), (num, 1, 1))
    syllables = np.abs(np.sin(np.pi * frames / 7.3 + rng.uniform(0, 3))) * (0.5 + drift(rng, num, 12, 0.5))
    opened = np.clip(syllables, 0, 1) * busy + 0.02
    wide = build.mouth * (1 + drift(rng, num, 10, 0.14) * busy)
    face[:, 48:68] = _mouth(opened, wide)
    face[:, 4:13, 1] += 0.16 * opened[:, None] * np.sin(np.pi * np.arange(9) / 8)

    lids = np.ones(num)
    blink = float(rng.integers(12, 40))
    while blink < num:
        lids = np.minimum(lids, np.clip(np.abs(frames - blink) / 2.5, 0.08, 1))
        blink += float(rng.integers(40, 85))
    for eye in _EYES:
        middle = face[:, eye, 1].mean(axis=1, keepdims=True)
        face[:, eye, 1] = middle + (face[:, eye, 1] - middle) * lids[:, None]
    face[:, 17:27, 1] -= np.clip(drift(rng, num, 30, 0.10), -0.05, 0.2)[:, None]

    face[..., 1] *= build.face_length
    ears = np.tile(np.array([(-1.04, 0.18, -0.95), (1.04, 0.18, -0.95)]), (num, 1, 1))
    head = np.concatenate([face, ears], axis=1)

    nods = 0.10 * np.sin(2 * np.pi * frames / 15) * np.clip(drift(rng, num, 40, 1.0), 0, 1)
    pitch = drift(rng, num, 35, 0.07) + nods
    yaw = drift(rng, num, 30, 0.16)
    roll = drift(rng, num, 40, 0.06)
    # The head turns about the top of the spine, which is below and behind the eyes.
    pivot = np.array((0.0, 1.0, -0.8))
    head = _turn(head - pivot, pitch, yaw, roll) + pivot
    eyes_y = -0.27 - 1.67 * build.face_width * 0.97
    head = head * build.face_width + (0.0, eyes_y, 0.12)
    head[..., 0] += (sway + lean * (0.5 - eyes_y))[:, None]

    points[:, FACE.slice] = head[:, :68]
    points[:, joint_index("nose")] = head[:, 30]
    points[:, joint_index("right_eye")] = head[:, _EYES[0]].mean(axis=1)
    points[:, joint_index("left_eye")] = head[:, _EYES[1]].mean(axis=1)
    points[:, joint_index("right_ear")] = head[:, 68]
    points[:, joint_index("left_ear")] = head[:, 69]


def _turn(points: Array, pitch: Array, yaw: Array, roll: Array) -> Array:
    x, y, z = (points[..., axis] for axis in range(3))
    for first, angle in (("pitch", pitch), ("yaw", yaw), ("roll", roll)):
        c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
        if first == "pitch":
            y, z = c * y + s * z, c * z - s * y
        elif first == "yaw":
            x, z = c * x + s * z, c * z - s * x
        else:
            x, y = c * x - s * y, s * x + c * y
    return np.stack([x, y, z], axis=-1)
