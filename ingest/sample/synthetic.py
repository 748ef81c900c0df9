"""Synthetic signers: keypoints of people who never existed, the same ones every time.

The package needs something to show and to test on, and footage of real signers is not ours to ship. A signer here is a
small puppet: arms with fixed bone lengths reach for places in front of the body, hands change between handshapes, the
head nods and the mouth moves. Nothing it does is a sentence of any language.

Lengths are in shoulder widths, in a space whose x grows to the right of the picture, y downwards and z towards the
camera, with the neck at the origin. Everything is written for the right arm, which is on the left of the picture; the
left arm is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from signverse.lake.model.skeleton import BODY, FACE, FPS, LEFT_HAND, NECK, NUM_JOINTS, RIGHT_HAND, SEEN, joint_index

Array = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]

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

_STRAIGHT: Final[Vector] = (4.0, 6.0, 4.0)
_CURLED: Final[Vector] = (78.0, 95.0, 60.0)
_CLAW: Final[Vector] = (22.0, 55.0, 35.0)
_ROUND: Final[Vector] = (42.0, 52.0, 30.0)
_LOOSE: Final[Vector] = (22.0, 30.0, 18.0)

# Directions of the thumb's three bones: along the palm, towards the thumb's side, out of the palm.
_THUMB_OUT: Final[tuple[Vector, ...]] = ((0.55, 0.80, 0.20), (0.62, 0.76, 0.15), (0.72, 0.66, 0.10))
_THUMB_BESIDE: Final[tuple[Vector, ...]] = ((0.78, 0.45, 0.35), (0.95, 0.15, 0.25), (0.97, 0.00, 0.20))
_THUMB_ACROSS: Final[tuple[Vector, ...]] = ((0.60, 0.45, 0.65), (0.60, -0.35, 0.70), (0.35, -0.80, 0.45))
_THUMB_MEETS: Final[tuple[Vector, ...]] = ((0.50, 0.45, 0.75), (0.78, 0.10, 0.62), (0.88, -0.10, 0.35))


@dataclass(frozen=True)
class _Shape:
    """A handshape: bends of the four fingers' joints in degrees, how far fingers spread, where the thumb goes."""

    fingers: tuple[Vector, Vector, Vector, Vector]
    spread: float
    thumb: tuple[Vector, ...]

    def numbers(self) -> Array:
        return np.concatenate([np.ravel(self.fingers), [self.spread], np.ravel(self.thumb)])


_SHAPES: Final[dict[str, _Shape]] = {
    "flat": _Shape((_STRAIGHT,) * 4, 0.2, _THUMB_BESIDE),
    "spread": _Shape((_STRAIGHT,) * 4, 1.4, _THUMB_OUT),
    "fist": _Shape((_CURLED,) * 4, 0.0, _THUMB_ACROSS),
    "index": _Shape((_STRAIGHT, _CURLED, _CURLED, _CURLED), 0.0, _THUMB_ACROSS),
    "two": _Shape((_STRAIGHT, _STRAIGHT, _CURLED, _CURLED), 1.2, _THUMB_ACROSS),
    "claw": _Shape((_CLAW,) * 4, 1.2, _THUMB_OUT),
    "round": _Shape((_ROUND,) * 4, 0.0, _THUMB_MEETS),
    "angle": _Shape((_STRAIGHT, _CURLED, _CURLED, _CURLED), 0.0, _THUMB_OUT),
    "horns": _Shape((_CURLED, _CURLED, _CURLED, _STRAIGHT), 0.6, _THUMB_OUT),
    "loose": _Shape((_LOOSE,) * 4, 0.5, _THUMB_BESIDE),
}
_SIGNING_SHAPES: Final = tuple(name for name in _SHAPES if name != "loose")

# Places of the right wrist, and the ways a hand can point (fingers) and face (palm) there.
_PLACES: Final[dict[str, Vector]] = {
    "chest": (-0.22, 0.55, 0.45),
    "front": (-0.40, 0.45, 0.75),
    "chin": (-0.22, 0.10, 0.50),
    "temple": (-0.50, -0.25, 0.35),
    "side": (-0.85, 0.25, 0.50),
    "centre": (-0.15, 0.35, 0.65),
    "low": (-0.35, 0.80, 0.65),
    "shoulder": (-0.55, 0.15, 0.50),
}
_REST_PLACE: Final[Vector] = (-0.17, 1.16, 0.38)
_POINTING: Final[dict[str, Vector]] = {
    "up": (0.05, -1.0, 0.15),
    "up and in": (0.55, -0.80, 0.10),
    "in": (0.95, -0.20, 0.20),
    "up and forward": (0.10, -0.75, 0.60),
}
_FACING: Final[dict[str, Vector]] = {
    "camera": (0.15, 0.10, 1.0),
    "signer": (0.15, 0.10, -1.0),
    "in": (1.0, 0.0, 0.35),
    "down": (0.1, 0.9, 0.45),
}


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
    right_keys, left_keys, busy = _script(rng, num_frames)
    build = _Build.draw(rng)

    sway = _drift(rng, num_frames, 60, 0.025)
    lean = _drift(rng, num_frames, 70, 0.030)
    points = np.zeros((num_frames, NUM_JOINTS, 3))
    wrists: dict[str, Array] = {}
    for part, keys, mirror in ((RIGHT_HAND, right_keys, 1.0), (LEFT_HAND, left_keys, -1.0)):
        arm, hand = _arm(_follow(keys, frames), build)
        points[:, part.slice] = hand
        names = ("right_shoulder", "right_elbow", "right_wrist")
        if mirror < 0:
            names = ("left_shoulder", "left_elbow", "left_wrist")
        for name, place in zip(names, arm, strict=True):
            points[:, joint_index(name)] = place
        points[:, part.slice, 0] *= mirror
        points[:, [joint_index(name) for name in names], 0] *= mirror
        wrists[part.name] = points[:, joint_index(names[2])]
    _trunk(points)
    # Nobody keeps both shoulders level; the hips stay where they are.
    tilt = _drift(rng, num_frames, 45, 0.07)[:, None]
    points[:, :, 1] += tilt * points[:, :, 0] * np.clip(1 - points[:, :, 1] / 1.42, 0, 1)
    points[:, :, 0] += sway[:, None] + lean[:, None] * (0.5 - points[:, :, 1])
    _head(points, rng, build, sway, lean, busy)
    points[:, NECK] = (points[:, joint_index("right_shoulder")] + points[:, joint_index("left_shoulder")]) / 2

    shoulder = 0.345 * height * size * build.size
    # What is nearer to the camera is a little larger.
    nearer = 1 + 0.10 * points[:, :, 2]
    xy = np.empty((num_frames, NUM_JOINTS, 2))
    xy[..., 0] = centre * width + shoulder * points[..., 0] * nearer
    xy[..., 1] = (0.465 + 0.015 * build.height) * height + shoulder * points[..., 1] * nearer

    score = _scores(rng, wrists, xy, shoulder, unclear_right_hand)
    jitter = rng.normal(0, 1, xy.shape) * shoulder * 0.0022 * (1 + 2.5 * (1 - score[..., None]))
    result = np.concatenate([xy + jitter, score[..., None]], axis=-1)
    shoulders = result[:, [joint_index("right_shoulder"), joint_index("left_shoulder")]]
    result[:, NECK, :2] = shoulders[..., :2].mean(axis=1)
    result[:, NECK, 2] = (shoulders[..., 2] > SEEN).all(axis=1)
    result[result[..., 2] <= 0] = (np.nan, np.nan, 0.0)
    return result.astype(np.float32)


@dataclass(frozen=True)
class _Build:
    """What tells one person from another."""

    size: float
    height: float
    face_width: float
    face_length: float
    hand: float
    mouth: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Build:
        return cls(
            size=rng.uniform(0.92, 1.05),
            height=rng.uniform(-1, 1),
            face_width=rng.uniform(0.190, 0.215),
            face_length=rng.uniform(0.95, 1.08),
            hand=rng.uniform(0.92, 1.06),
            mouth=rng.uniform(0.9, 1.12),
        )


Keys = list[tuple[float, Array]]


def _key(place: Vector | Array, pointing: str, facing: str, shape: str) -> Array:
    return np.concatenate([place, _POINTING[pointing], _FACING[facing], _SHAPES[shape].numbers()])


_REST: Final = np.concatenate([_REST_PLACE, (0.92, 0.30, 0.15), (0.1, 0.35, -0.9), _SHAPES["loose"].numbers()])


def _pick(rng: np.random.Generator, names: tuple[str, ...] | dict[str, Any]) -> str:
    return str(rng.choice(list(names)))


def _script(rng: np.random.Generator, num_frames: int) -> tuple[Keys, Keys, Array]:
    """Say where both hands are when: from rest through a row of signs, each a stroke and a hold, back to rest."""
    right: Keys = [(0.0, _REST)]
    left: Keys = [(0.0, _REST)]
    busy = np.zeros(num_frames)
    time = float(rng.integers(3, 7))
    right.append((time, _REST))
    left.append((time, _REST))
    while time < num_frames - 34:
        began = time
        kind = _pick(rng, ("one", "one", "both", "both", "base"))
        pointing, facing = _pick(rng, _POINTING), _pick(rng, _FACING)
        shape = _pick(rng, _SIGNING_SHAPES)
        place = np.array(_PLACES[_pick(rng, _PLACES)]) + rng.normal(0, 0.04, 3)
        travel = float(rng.integers(7, 10))
        strokes = _strokes(rng, _key(place, pointing, facing, shape))
        time += travel
        # The hand arrives a little before the sign begins, as it does in signing.
        keys = [(time + after, key) for after, key in strokes]
        right += keys
        if kind == "both":
            lag = float(rng.choice([0.0, 0.0, 1.0]))
            left += [(at + lag, key) for at, key in keys]
        elif kind == "base":
            base = _key(np.array((-0.12, 0.78, 0.55)), "in", _pick(rng, ("signer", "down")), "flat")
            left += [(time - 1, base), (keys[-1][0], base)]
        else:
            left += [(time, _REST), (keys[-1][0], _REST)]
        time = keys[-1][0] + 1
        busy[round(began) : round(time)] = 1
    right += [(time + 11, _REST)]
    left += [(time + 11, _REST)]
    return right, left, np.convolve(busy, np.ones(9) / 9, mode="same")[:num_frames]


def _strokes(rng: np.random.Generator, first: Array) -> Keys:
    """Give the key positions of one sign, counted in frames from its beginning."""
    movement = _pick(rng, ("away", "tap", "circle", "turn", "open", "sideways"))
    hold = float(rng.integers(3, 7))
    last = first.copy()
    if movement in ("tap", "circle"):
        keys: Keys = []
        radius = rng.uniform(0.11, 0.16)
        steps = 4 if movement == "tap" else 9
        for step in range(steps + 1):
            key = first.copy()
            if movement == "tap":
                key[1:3] += (0.14 * (step % 2), 0.10 * (step % 2))
            else:
                angle = 2 * np.pi * step / 6
                key[0] += radius * np.sin(angle)
                key[1] += radius * (1 - np.cos(angle))
            keys.append((step * (3.5 if movement == "tap" else 2.2), key))
        return [*keys, (keys[-1][0] + hold, keys[-1][1])]
    if movement == "away":
        last[:3] += (rng.uniform(-0.25, 0.05), rng.uniform(0.10, 0.30), 0.20)
    elif movement == "sideways":
        last[:3] += (rng.uniform(-0.40, -0.25), rng.uniform(-0.10, 0.15), 0.05)
    elif movement == "turn":
        last[6:9] = _FACING[_pick(rng, ("camera", "signer", "down"))]
        last[:3] += rng.normal(0, 0.08, 3)
    else:
        last[9:] = _SHAPES[_pick(rng, ("spread", "flat", "round", "claw"))].numbers()
        last[:3] += (-0.08, -0.06, 0.08)
    # Signing happens above the belt.
    last[1] = min(last[1], 0.85)
    stroke = float(rng.integers(6, 10))
    return [(0.0, first), (2.0, first), (2 + stroke, last), (2 + stroke + hold, last)]


def _follow(keys: Keys, frames: Array) -> Array:
    """Move from key to key as a hand does: without a jerk at either end."""
    times = np.array([time for time, _ in keys])
    values = np.array([value for _, value in keys])
    index = np.clip(np.searchsorted(times, frames, side="right") - 1, 0, len(times) - 2)
    span = np.maximum(times[index + 1] - times[index], 1e-6)
    share = np.clip((frames - times[index]) / span, 0, 1)
    # Between neighbouring keys of one movement a full stop would look like a robot.
    ease = np.where(span < 3, share, share**3 * (10 - 15 * share + 6 * share**2))[:, None]
    path = values[index] * (1 - ease) + values[index + 1] * ease
    soft = np.array([0.25, 0.5, 0.25])
    padded = np.pad(path, ((1, 1), (0, 0)), mode="edge")
    smooth: Array = soft[0] * padded[:-2] + soft[1] * padded[1:-1] + soft[2] * padded[2:]
    # A hand takes the way round the trunk and not through it.
    smooth[:, 2] += 0.25 * (4 * ease * (1 - ease) * (span > 6)[:, None])[:, 0]
    return smooth


def _unit(vectors: Array) -> Array:
    result: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return result


def _arm(path: Array, build: _Build) -> tuple[tuple[Array, Array, Array], Array]:
    """Place shoulder, elbow, wrist and the 21 points of a right hand along a path."""
    wrist = path[:, :3].copy()
    shoulder = np.tile(np.array(_SHOULDER), (len(wrist), 1))
    # Shoulders rise with raised hands.
    shoulder[:, 1] -= 0.05 * np.clip(0.6 - wrist[:, 1], 0, 1)
    reach = wrist - shoulder
    distance = np.clip(np.linalg.norm(reach, axis=1), 0.25, 0.985 * (_UPPER_ARM + _FOREARM))
    along = _unit(reach)
    wrist = shoulder + along * distance[:, None]
    towards = (_UPPER_ARM**2 - _FOREARM**2 + distance**2) / (2 * distance)
    aside = np.sqrt(np.maximum(_UPPER_ARM**2 - towards**2, 0))
    pole = np.array(_ELBOW) - along * (along @ np.array(_ELBOW))[:, None]
    elbow = shoulder + along * towards[:, None] + _unit(pole) * aside[:, None]

    finger = _bend_at_most(_unit(wrist - elbow), _unit(path[:, 3:6]), np.radians(55))
    palm = path[:, 6:9] - finger * (path[:, 6:9] * finger).sum(axis=1, keepdims=True)
    palm = _unit(palm)
    thumb = np.cross(palm, finger)
    return (shoulder, elbow, wrist), _hand(wrist, finger, thumb, palm, path[:, 9:], build.hand)


def _bend_at_most(forearm: Array, hand: Array, limit: float) -> Array:
    """Turn hands back towards their forearms: a wrist bends only so far."""
    cosine = (forearm * hand).sum(axis=1, keepdims=True)
    aside = _unit(hand - forearm * cosine)
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
        place = place + unit * _THUMB_BONES[bone] * _unit(ahead * finger + side_ * thumb + out * palm)
        hand[:, 2 + bone] = place
    return hand


def _trunk(points: Array) -> None:
    for side, mirror in (("right", -1.0), ("left", 1.0)):
        points[:, joint_index(f"{side}_hip")] = (0.29 * mirror, 1.42, 0.0)
        points[:, joint_index(f"{side}_knee")] = (0.33 * mirror, 2.45, 0.25)
        points[:, joint_index(f"{side}_ankle")] = (0.33 * mirror, 3.5, 0.0)


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


def _head(points: Array, rng: np.random.Generator, build: _Build, sway: Array, lean: Array, busy: Array) -> None:
    """Turn the head, move mouth, eyes and brows, and set the face and the body's five points of the head."""
    num = len(points)
    frames = np.arange(num)
    face = np.tile(_face(), (num, 1, 1))
    syllables = np.abs(np.sin(np.pi * frames / 7.3 + rng.uniform(0, 3))) * (0.5 + _drift(rng, num, 12, 0.5))
    opened = np.clip(syllables, 0, 1) * busy + 0.02
    wide = build.mouth * (1 + _drift(rng, num, 10, 0.14) * busy)
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
    face[:, 17:27, 1] -= np.clip(_drift(rng, num, 30, 0.10), -0.05, 0.2)[:, None]

    face[..., 1] *= build.face_length
    ears = np.tile(np.array([(-1.04, 0.18, -0.95), (1.04, 0.18, -0.95)]), (num, 1, 1))
    head = np.concatenate([face, ears], axis=1)

    nods = 0.10 * np.sin(2 * np.pi * frames / 15) * np.clip(_drift(rng, num, 40, 1.0), 0, 1)
    pitch = _drift(rng, num, 35, 0.07) + nods
    yaw = _drift(rng, num, 30, 0.16)
    roll = _drift(rng, num, 40, 0.06)
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


def _drift(rng: np.random.Generator, num_frames: int, every: int, amount: float) -> Array:
    """Wander smoothly about zero, with a new aim about each `every` frames."""
    count = num_frames // every + 4
    aims = rng.uniform(-1, 1, count) * amount
    at = np.arange(num_frames) / every + rng.uniform(0, 1)
    index = at.astype(int)
    share = at - index
    ease = share * share * (3 - 2 * share)
    result: Array = aims[index] * (1 - ease) + aims[index + 1] * ease
    return result


def _scores(
    rng: np.random.Generator, wrists: dict[str, Array], xy: Array, shoulder: float, unclear_right_hand: bool
) -> Array:
    """Give each point the score a model would: less for what moves fast, is small, or leaves the frame."""
    num = len(xy)
    score = np.empty((num, NUM_JOINTS))
    score[:, BODY.slice] = rng.normal(0.90, 0.02, (num, BODY.size))
    score[:, FACE.slice] = rng.normal(0.94, 0.02, (num, FACE.size))
    for side in ("right", "left"):
        score[:, joint_index(f"{side}_hip")] = 0.48 + _drift(rng, num, 25, 0.12)
        score[:, joint_index(f"{side}_knee")] = np.clip(0.12 + _drift(rng, num, 20, 0.10), 0.02, None)
        score[:, joint_index(f"{side}_ankle")] = 0
    for part, side in ((RIGHT_HAND, "right"), (LEFT_HAND, "left")):
        moved = np.linalg.norm(np.diff(wrists[part.name], axis=0, prepend=wrists[part.name][:1]), axis=1)
        speed = (moved + np.append(moved[1:], 0.0)) / 2
        elbow, wrist = joint_index(f"{side}_elbow"), joint_index(f"{side}_wrist")
        score[:, wrist] -= 0.8 * speed
        score[:, elbow] -= 0.3 * speed
        # Tips are harder to place than knuckles.
        outwards = np.concatenate([[0.0], np.tile([0.02, 0.04, 0.07, 0.10], 5)])
        hand = 0.90 - 2.0 * speed[:, None] - outwards + _drift(rng, num, 18, 0.05)[:, None]
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


@dataclass(frozen=True)
class SampleVideo:
    """A synthetic video: what a released shard says of a video, and its people.

    Attributes:
        people: the first is the primary signer; each [T, 128, 3], NaN with score 0 where that person is absent.
        segments: (start in seconds, end in seconds, text).
    """

    video_id: str
    sign_language: str
    title: str
    width: int
    height: int
    people: list[NDArray[np.float32]]
    segments: list[tuple[float, float, str]]
    english_source: str

    @property
    def num_frames(self) -> int:
        return len(self.people[0])

    @property
    def duration_s(self) -> float:
        return self.num_frames / FPS


def make_videos() -> list[SampleVideo]:
    """Make the six sample videos; the same six every time, about 850 people in frames altogether."""
    return [
        SampleVideo(
            video_id="synthASE001",
            sign_language="ase",
            title="Synthetic signer, not a person: greetings",
            width=1280,
            height=720,
            people=[make_signer(1, 144, 1280, 720)],
            segments=[
                (0.2, 2.0, "Synthetic example: good morning."),
                (2.0, 4.1, "Synthetic example: my name is on the screen."),
                (4.1, 5.8, "Synthetic example: nice to meet you."),
            ],
            english_source="native",
        ),
        SampleVideo(
            video_id="synthASE002",
            sign_language="ase",
            title="Synthetic signers, not people: two in one picture",
            width=1280,
            height=720,
            people=[
                make_signer(2, 120, 1280, 720, centre=0.30, size=0.85),
                _hidden(make_signer(3, 120, 1280, 720, centre=0.71, size=0.82), 0, 30),
            ],
            segments=[
                (0.3, 2.4, "Synthetic example: where is the station?"),
                (2.4, 4.8, "Synthetic example: turn left at the bridge."),
            ],
            english_source="native",
        ),
        SampleVideo(
            video_id="synthGSG001",
            sign_language="gsg",
            title="Synthetic signer, not a person: the right hand is unclear",
            width=1280,
            height=720,
            people=[make_signer(4, 120, 1280, 720, unclear_right_hand=True)],
            segments=[
                (0.2, 2.5, "Synthetic example: the weather will be fine."),
                (2.5, 4.9, "Synthetic example: rain comes in the evening."),
            ],
            english_source="translated_from:de",
        ),
        SampleVideo(
            # An id that begins with a hyphen, as YouTube's may: it must not be taken for an option.
            video_id="-synthGSG02",
            sign_language="gsg",
            title="Synthetic signer, not a person: numbers",
            width=960,
            height=720,
            people=[make_signer(5, 168, 960, 720, centre=0.52)],
            segments=[
                (0.2, 2.2, "Synthetic example: the train leaves at nine."),
                (2.2, 4.3, "Synthetic example: two tickets, please."),
                (4.3, 6.8, "Synthetic example: thank you, good night."),
            ],
            english_source="translated_from:de",
        ),
        SampleVideo(
            video_id="synthBZS001",
            sign_language="bzs",
            title="Synthetic signer, not a person: nobody is there for a while",
            width=1280,
            height=720,
            people=[_hidden(make_signer(6, 144, 1280, 720), 60, 96)],
            segments=[
                (0.1, 2.4, "Synthetic example: today we cook together."),
                (4.1, 5.9, "Synthetic example: the soup is ready."),
            ],
            english_source="translated_from:pt",
        ),
        SampleVideo(
            video_id="synthBZS_02",
            sign_language="bzs",
            title="Synthetic signer, not a person: a small picture",
            width=640,
            height=360,
            people=[make_signer(7, 108, 640, 360, centre=0.48)],
            segments=[
                (0.2, 2.1, "Synthetic example: the library opens tomorrow."),
                (2.1, 4.4, "Synthetic example: bring a book for your friend."),
            ],
            english_source="translated_from:pt",
        ),
    ]


def _hidden(clip: NDArray[np.float32], start: int, end: int) -> NDArray[np.float32]:
    clip[start:end] = (np.nan, np.nan, 0.0)
    return clip
