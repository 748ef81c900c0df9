"""Colours of a skeleton: those of OpenPose's own drawing, which users expect."""

from __future__ import annotations

from typing import Final

BODY_COLOURS: Final = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
"""One RGB colour for each body limb, and for each body joint."""

FINGER_COLOURS: Final = ((255, 70, 70), (235, 200, 40), (80, 220, 90), (70, 160, 255), (200, 100, 255))
"""One RGB colour for each finger, from the thumb."""
