"""The flat keys of the released tars: person_000_body_keypoints and so on, normalised to the frame.

The dialects `consolidated` (pickled dicts) and `per-frame` (plain arrays) share them; both arrive as blocks of frames.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.poses import Poses, check_numbers, check_people, check_size, concatenate
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import NUM_JOINTS, PART_BY_NAME

_KEY: Final = re.compile(r"person_(\d{3})_(body|face|left_hand|right_hand)_(keypoints|scores)")


def from_blocks(dialect: str, blocks: Sequence[Block], numbers: npt.NDArray[np.int64], name: str) -> Poses:
    """Keypoints of frames with flat keys, in pixels of the first frame's size, scores as written.

    Args:
        numbers: int64 [F], the number of each frame from 0, as published: neither sorted nor unique.

    Raises:
        BadInputError: an array has the wrong shape for its key, or a size or a number is out of bounds.
    """
    check_numbers(numbers, name)
    if sum(block.count for block in blocks) != len(numbers):
        raise BadInputError(
            f"{name} has {len(numbers)} frame numbers for {sum(block.count for block in blocks)} frames"
        )
    sizes = np.concatenate([_sizes(block, name) for block in blocks]) if blocks else np.empty((0, 2), np.int64)
    if not len(sizes):
        raise BadInputError(f"{name} has no frame")
    # The size of frame 0, wherever it is in the file.
    width, height = (int(side) for side in sizes[np.argmin(numbers)])
    check_size(width, height, name)
    frames, slots, points = concatenate(blocks, numbers, lambda block: _people(block, name))
    poses = Poses(
        dialect=dialect,
        width=width,
        height=height,
        numbers=numbers,
        frames=frames,
        slots=slots,
        points=points,
    )
    if (sizes != (width, height)).any():
        # Coordinates are relative to their own frame, so the size of the first can be used for all.
        poses.repairs.append("frame_size_changes")
    poses.points[..., 0] *= np.float32(width)
    poses.points[..., 1] *= np.float32(height)
    return poses


def _sizes(block: Block, name: str) -> npt.NDArray[np.int64]:
    columns = []
    for key in ("frame_width", "frame_height"):
        value: Any = block.arrays.get(key, block.numbers.get(key))
        if value is None or value.shape != (block.count,):
            raise BadInputError(f"{name} has frames without {key}")
        columns.append(value.astype(np.int64))
    return np.stack(columns, axis=1)


def _people(block: Block, name: str) -> npt.NDArray[np.float32]:
    """The people of a block's frames, float32 [count, P, 128, 3], normalised; absent parts are nan."""
    found = {key: match for key in block.arrays if (match := _KEY.fullmatch(key))}
    count = max((int(match.group(1)) for match in found.values()), default=-1) + 1
    check_people(count, len({match.group(1) for match in found.values()}), block.count, name)
    stated: Any = block.arrays.get("num_persons", block.numbers.get("num_persons"))
    if stated is not None and (stated != count).any():
        raise BadInputError(f"{name} has frames whose num_persons is not the number of people in them")
    people = np.full((block.count, count, NUM_JOINTS, 3), np.nan, np.float32)
    for key, match in found.items():
        part = PART_BY_NAME[match.group(2)]
        values = block.arrays[key]
        counterpart = "scores" if match.group(3) == "keypoints" else "keypoints"
        if key.replace(match.group(3), counterpart) not in found:
            raise BadInputError(f"{name} has {key} without its {counterpart}")
        shape = (part.size, 2) if match.group(3) == "keypoints" else (part.size,)
        if values.shape[1:] != shape:
            raise BadInputError(f"{name}: {key} is {list(values.shape[1:])}, not {list(shape)}")
        target = people[:, int(match.group(1)), part.slice]
        if match.group(3) == "keypoints":
            target[..., :2] = values
        else:
            target[..., 2] = values
    return people
