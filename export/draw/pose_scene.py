"""A .pose file as something to draw."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np

from signverse.export.draw.scene import Scene
from signverse.export.draw.skeleton import Points
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS, MAX_SIDE, frames_in_video
from signverse.lake.model.skeleton import BODY, FACE, LEFT_HAND, NUM_JOINTS, PARTS, RIGHT_HAND
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import printable, some

COMPONENTS: Final = {
    BODY: "pose_keypoints_2d",
    FACE: "face_keypoints_2d",
    LEFT_HAND: "hand_left_keypoints_2d",
    RIGHT_HAND: "hand_right_keypoints_2d",
}
"""The component of each part, under OpenPose's names: by these the utilities of pose-format know what they may do."""

_MAX_BYTES: Final = 1 << 30

_MALFORMED: Final = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, EOFError, struct.error, MemoryError,
    NotImplementedError,
)  # fmt: skip
"""What pose-format raises over bytes that are not a .pose file."""


def pose_scene(path: Path, *, start_s: float = 0.0, end_s: float | None = None, person: int | None = None) -> Scene:
    """The people of a .pose file with the four components that `signverse export pose` writes.

    Raises:
        BadInputError: it is not such a file, has another frame rate, or lacks the person or the range.
    """
    # Imported in functions, for speed of start.
    from pose_format import Pose

    data = read_regular(path, _MAX_BYTES)
    try:
        pose = Pose.read(data)
        names = [component.name for component in pose.header.components]
        sizes = [len(component.points) for component in pose.header.components]
        values = np.ma.filled(np.ma.asarray(pose.body.data, np.float32), np.nan)
        confidence = np.asarray(pose.body.confidence, np.float32)
        fps, width, height = float(pose.body.fps), pose.header.dimensions.width, pose.header.dimensions.height
    except _MALFORMED as error:
        raise BadInputError(f"{path} is not a .pose file that can be read: {type(error).__name__}: {error}") from None
    expected = [COMPONENTS[part] for part in PARTS]
    if names != expected or sizes != [part.size for part in PARTS] or values.shape[2:] != (NUM_JOINTS, 2):
        raise BadInputError(
            f"{path} has the components {some([printable(name) for name in names], 4)}, not {', '.join(expected)}",
            "Only files with OpenPose's 128 points can be drawn.",
        )
    if fps != FPS:
        raise BadInputError(f"{path} has {fps:g} frames a second, not {FPS:g}", "Resample it with pose-format.")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE) or not len(values):
        raise BadInputError(f"{path} has {len(values)} frames of {width}x{height}, which cannot be drawn")
    points: Points = np.concatenate([values, confidence[..., None]], axis=-1)
    points[~(confidence > 0)] = (np.nan, np.nan, 0)
    count = points.shape[1]
    if person is not None and person >= count:
        raise BadInputError(f"{path} has no person {person}", f"It has {count}.")
    drawn = list(range(count)) if person is None else [person]
    start, end = frames_in_video(path.stem, start_s, end_s, len(points))
    return Scene(
        path.stem,
        path.stem,
        width,
        height,
        start,
        end,
        lambda first, last: points[first:last, drawn],
        people=drawn,
    )
