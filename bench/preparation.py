"""Clips for training, beside pose-format on the same points: normalization, and the frame rate from 24 to 30.

uv run --with scipy python -m bench preparation    # pose-format interpolates with scipy
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderDimensions

import signverse
from signverse.export.formats.posefile import VERSION, components

FRAMES: Final = 96
ROUNDS: Final = 30


def main() -> None:
    random = np.random.default_rng(0)
    points = random.uniform((0, 0, 0.1), (1280, 720, 1), (FRAMES, 128, 3)).astype(np.float32)
    poses = [_pose(points) for _ in range(ROUNDS + 1)]
    print(f"preparation: a clip of {FRAMES} frames, medians of {ROUNDS}")
    _compare("normalize", lambda: signverse.normalize(points), lambda: poses.pop().normalize())
    body = _pose(points).body
    try:
        body.interpolate(30, kind="linear")
    except ImportError:
        print("  pose-format's interpolation is left out: uv run --with scipy python -m bench preparation")
    else:
        _compare("24 to 30", lambda: signverse.resample(points, 30), lambda: body.interpolate(30, kind="linear"))
    print(f"  windows of 32 every 16: {_ms(lambda: signverse.cut_windows(points, 32, 16)):.2f} ms")


def _pose(points: np.ndarray) -> Any:
    header = PoseHeader(VERSION, PoseHeaderDimensions(1280, 720), components())
    return Pose(header, NumPyPoseBody(24, points[:, None, :, :2].copy(), points[:, None, :, 2].copy()))


def _compare(what: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    mine, other = _ms(ours), _ms(theirs)
    print(f"  {what}: {mine:.2f} ms, pose-format {other:.2f} ms ({other / mine:.0f} times)")


def _ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3
