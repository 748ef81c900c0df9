"""How a signer moves: a script of signs as key positions of both hands, and the path between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from signverse.ingest.sample.handshapes import (
    FACING,
    PLACES,
    POINTING,
    REST,
    SHAPES,
    SIGNING_SHAPES,
    Array,
    key_position,
)

Keys = list[tuple[float, Array]]


def _pick(rng: np.random.Generator, names: tuple[str, ...] | dict[str, Any]) -> str:
    return str(rng.choice(list(names)))


def script(rng: np.random.Generator, num_frames: int) -> tuple[Keys, Keys, Array]:
    """Say where both hands are when: from rest through a row of signs, each a stroke and a hold, back to rest."""
    right: Keys = [(0.0, REST)]
    left: Keys = [(0.0, REST)]
    busy = np.zeros(num_frames)
    time = float(rng.integers(3, 7))
    right.append((time, REST))
    left.append((time, REST))
    while time < num_frames - 34:
        began = time
        kind = _pick(rng, ("one", "one", "both", "both", "base"))
        pointing, facing = _pick(rng, POINTING), _pick(rng, FACING)
        shape = _pick(rng, SIGNING_SHAPES)
        place = np.array(PLACES[_pick(rng, PLACES)]) + rng.normal(0, 0.04, 3)
        travel = float(rng.integers(7, 10))
        strokes = _strokes(rng, key_position(place, pointing, facing, shape))
        time += travel
        # The hand arrives a little before the sign begins, as it does in signing.
        keys = [(time + after, key) for after, key in strokes]
        right += keys
        if kind == "both":
            lag = float(rng.choice([0.0, 0.0, 1.0]))
            left += [(at + lag, key) for at, key in keys]
        elif kind == "base":
            base = key_position(np.array((-0.12, 0.78, 0.55)), "in", _pick(rng, ("signer", "down")), "flat")
            left += [(time - 1, base), (keys[-1][0], base)]
        else:
            left += [(time, REST), (keys[-1][0], REST)]
        time = keys[-1][0] + 1
        busy[round(began) : round(time)] = 1
    right += [(time + 11, REST)]
    left += [(time + 11, REST)]
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
        last[6:9] = FACING[_pick(rng, ("camera", "signer", "down"))]
        last[:3] += rng.normal(0, 0.08, 3)
    else:
        last[9:] = SHAPES[_pick(rng, ("spread", "flat", "round", "claw"))].numbers()
        last[:3] += (-0.08, -0.06, 0.08)
    # Signing happens above the belt.
    last[1] = min(last[1], 0.85)
    stroke = float(rng.integers(6, 10))
    return [(0.0, first), (2.0, first), (2 + stroke, last), (2 + stroke + hold, last)]


def follow(keys: Keys, frames: Array) -> Array:
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


def drift(rng: np.random.Generator, num_frames: int, every: int, amount: float) -> Array:
    """Wander smoothly about zero, with a new aim about each `every` frames."""
    count = num_frames // every + 4
    aims = rng.uniform(-1, 1, count) * amount
    at = np.arange(num_frames) / every + rng.uniform(0, 1)
    index = at.astype(int)
    share = at - index
    ease = share * share * (3 - 2 * share)
    result: Array = aims[index] * (1 - ease) + aims[index + 1] * ease
    return result
