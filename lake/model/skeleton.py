"""The 128 points of a person, as data: parts, joint names, slices and limbs.

The order is that of the SignVerse-2M release (OpenPose): body 18, face 68, left hand 21, right hand 21. Limbs follow
OpenPose's own drawing, which is what users expect a skeleton to look like; export/draw/colours.py has its colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NUM_JOINTS: Final = 128

NECK: Final = 1
"""Body joint 1. Computed from the shoulders; its score is a flag (0 or 1), not a confidence."""


@dataclass(frozen=True)
class Part:
    """A part of the body: its joints are points `start` to `start + size` of the 128."""

    name: str
    start: int
    size: int

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + self.size)

    @property
    def xy(self) -> str:
        """Column of the keypoints table: x0, y0, x1, y1, ... in pixels."""
        return f"{self.name}_xy"

    @property
    def score(self) -> str:
        return f"{self.name}_score"

    @property
    def confidence(self) -> str:
        return f"{self.name}_confidence"


BODY: Final = Part("body", 0, 18)
FACE: Final = Part("face", 18, 68)
LEFT_HAND: Final = Part("left_hand", 86, 21)
RIGHT_HAND: Final = Part("right_hand", 107, 21)
PARTS: Final = (BODY, FACE, LEFT_HAND, RIGHT_HAND)
"""The four parts: body, face, left_hand and right_hand, in the order of the points."""

PART_BY_NAME: Final = {part.name: part for part in PARTS}
PART_NAMES: Final = tuple(PART_BY_NAME)

BODY_JOINTS: Final = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip

FINGERS: Final = ("thumb", "index", "middle", "ring", "pinky")


def _hand(side: str) -> tuple[str, ...]:
    return (f"{side}_hand_root", *(f"{side}_{finger}_{i}" for finger in FINGERS for i in range(1, 5)))


JOINTS: Final = (*BODY_JOINTS, *(f"face_{i}" for i in range(68)), *_hand("left"), *_hand("right"))
"""Names of the 128 points, in order; each name is unique."""

COCO133_TO_BODY: Final = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""COCO-WholeBody index of each body joint; -1 is the neck, which COCO does not have."""

COCO133_SHOULDERS: Final = (5, 6)
COCO133_FACE: Final = slice(23, 91)
COCO133_LEFT_HAND: Final = slice(91, 112)
COCO133_RIGHT_HAND: Final = slice(112, 133)

BODY_LIMBS: Final = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip

HAND_LIMBS: Final = tuple(
    (0 if j == 0 else 4 * finger + j, 4 * finger + j + 1) for finger in range(5) for j in range(4)
)

_INDEX: Final = {name: i for i, name in enumerate(JOINTS)}


def joint_index(name: str) -> int:
    """The place of a named joint among the 128 points.

    Raises:
        KeyError: no joint is called that.
    """
    return _INDEX[name]
