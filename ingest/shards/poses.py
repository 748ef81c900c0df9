"""The keypoints of one released video as arrays, whatever its dialect; and the limits of what is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.ingest.tracking.identities import MAX_PEOPLE
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import MAX_FRAMES, MAX_SIDE
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.storage.keypoints import Points

MAX_ROWS: Final = 4_000_000
"""Rows (a person in a frame) of one video: 46 hours of one person, 6 GB."""

MAX_GAPS: Final = 24 * 3600
"""Frames that may be absent: an hour, plus a hundred times the frames that are there."""


@dataclass
class Poses:
    """The keypoints of a video. A row is a person in a frame; rows are sorted by frame and slot.

    Attributes:
        dialect: card, consolidated or per-frame.
        width, height: pixels of the first frame.
        numbers: int64 [F], the number of each frame that is there, from 0.
        frames: int32 [N], the frame of each row; one of `numbers`.
        slots: int8 [N], the person's place in the file; after `repairs.repair` the person's number.
        points: float32 [N, 128, 3] in pixels; nan where absent or unknown.
        body_visible: bool [N, 18], where body scores are flags of visibility; else None.
        repairs: the defects that were found and repaired, a word each, some with a count.
    """

    dialect: str
    width: int
    height: int
    numbers: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int32]
    slots: npt.NDArray[np.int8]
    points: Points
    body_visible: npt.NDArray[np.bool_] | None = None
    repairs: list[str] = field(default_factory=list)

    @property
    def num_frames(self) -> int:
        """The last frame + 1."""
        return int(self.numbers[-1]) + 1 if len(self.numbers) else 0

    @property
    def absent_frames(self) -> list[int]:
        """Frames below num_frames that are not there."""
        present = np.zeros(self.num_frames, bool)
        present[self.numbers] = True
        absent: list[int] = np.flatnonzero(~present).tolist()
        return absent

    def keep(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> None:
        """Keeps the given rows, in the given order."""
        self.frames, self.slots, self.points = self.frames[rows], self.slots[rows], self.points[rows]
        if self.body_visible is not None:
            self.body_visible = self.body_visible[rows]


def concatenate(
    blocks: Sequence[Block], numbers: npt.NDArray[np.int64], people_of: Callable[[Block], Points]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8], Points]:
    """Joins blocks of frames to rows: frames [N], slots [N] and points [N, 128, 3].

    Args:
        numbers: int64 [F], the number of each frame of the blocks.
        people_of: returns a block's people, float32 [count, people, 128, 3].
    """
    frames, slots = [np.empty(0, np.int32)], [np.empty(0, np.int8)]
    points = [np.empty((0, NUM_JOINTS, 3), np.float32)]
    at = 0
    for block in blocks:
        people = people_of(block)
        frames.append(np.repeat(numbers[at : at + block.count].astype(np.int32), people.shape[1]))
        slots.append(np.tile(np.arange(people.shape[1], dtype=np.int8), block.count))
        points.append(people.reshape(-1, NUM_JOINTS, 3))
        at += block.count
    return np.concatenate(frames), np.concatenate(slots), np.concatenate(points)


def check_size(width: int, height: int, name: str) -> None:
    """Raises BadInputError where a frame's size is out of bounds."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise BadInputError(f"{name} has frames of {width} x {height} pixels")


def check_numbers(numbers: npt.NDArray[np.int64], name: str) -> None:
    """Raises BadInputError where frame numbers are out of bounds."""
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= MAX_FRAMES):
        raise BadInputError(f"{name} has frame numbers from {numbers.min()} to {numbers.max()}")
    if len(numbers) and numbers.max() > MAX_GAPS + 100 * len(numbers):
        raise BadInputError(f"{name} has {len(numbers):,} frames and the last is numbered {numbers.max():,}")


def check_people(count: int, present: int, frames: int, name: str) -> None:
    """Raises BadInputError where a frame has too many people, or their numbers have gaps.

    Args:
        count: the highest number + 1.
        present: how many different numbers there are.
        frames: how many frames have these people.
    """
    if count > MAX_PEOPLE:
        raise BadInputError(f"{name} has {count} people in a frame, at most {MAX_PEOPLE} are read")
    if present != count:
        raise BadInputError(f"{name} has {present} people in a frame, numbered up to {count - 1}")
    if count * frames > MAX_ROWS:
        raise BadInputError(f"{name} has {count * frames:,} people in frames, at most {MAX_ROWS:,} are read at once")
