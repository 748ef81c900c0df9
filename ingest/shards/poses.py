"""The keypoints of one released video as arrays, whatever its dialect; and the limits of what is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.point_rows import PointRows
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.ingest.tracking.detections import CHUNK
from signverse.ingest.tracking.identities import MAX_PEOPLE
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import MAX_FRAMES, MAX_SIDE
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.storage.keypoints import Points

MAX_ROWS: Final = 4_000_000
"""Rows (a person in a frame) of one video: 46 hours of one person, 6 GB on disk while it is imported."""

MAX_GAPS: Final = 24 * 3600
"""Frames that may be absent: an hour, plus a hundred times the frames that are there."""


_PART_BYTES: Final = 512
"""Bytes of a row for each array that it is made of: a third of all, where there are four or eight."""

_BATCH_BYTES: Final = 8 * 1024**2
"""Arrays of frames that are turned into rows together."""


@dataclass
class Poses:
    """The keypoints of a video. A row is a person in a frame; rows are sorted by frame and slot.

    Attributes:
        dialect: card, consolidated, per-frame or per-frame-dicts.
        width, height: pixels of the first frame.
        numbers: int64 [F], the number of each frame that is there, from 0.
        frames: int32 [N], the frame of each row; one of `numbers`.
        slots: int8 [N], the person's place in the file; after `repairs.repair` the person's number.
        rows: float32 [N, 128, 3] in pixels; nan where absent or unknown.
        body_visible: bool [N, 18], where body scores are flags of visibility; else None.
        repairs: the defects that were found and repaired, a word each, some with a count.
    """

    dialect: str
    width: int
    height: int
    numbers: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int32]
    slots: npt.NDArray[np.int8]
    rows: PointRows
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

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Keeps the given rows, in the given order."""
        self.frames, self.slots = self.frames[rows], self.slots[rows]
        self.rows.keep(rows)
        if self.body_visible is not None:
            self.body_visible = self.body_visible[rows]


@dataclass(frozen=True)
class Batch:
    """Some frames of a video.

    Attributes:
        blocks: their people.
        numbers: int64 [F], the number of each frame of the blocks.
        unsorted: whether the frames are to be sorted by number: they come in an order of the reader's.
    """

    blocks: Sequence[Block]
    numbers: npt.NDArray[np.int64]
    unsorted: bool = False


def batches_of(blocks: Iterable[Block], numbers: npt.NDArray[np.int64] | None, name: str) -> Iterator[Batch]:
    """Groups blocks into batches of some thousand frames, or of some megabytes.

    Args:
        numbers: int64 [F], the number of each frame; None where they count from 0.

    Raises:
        BadInputError: there are more or fewer frames than numbers, or more than a video may have.
    """
    most = MAX_FRAMES if numbers is None else len(numbers)
    start = end = size = 0
    waiting: list[Block] = []
    for block in blocks:
        waiting.append(block)
        end += block.count
        # Of what is made of them: a whole person is made of one hand.
        size += max(sum(array.nbytes for array in block.arrays.values()), block.count * len(block.arrays) * _PART_BYTES)
        if end > most:
            raise BadInputError(f"{name} has more than {most:,} frames")
        if end - start >= CHUNK or size >= _BATCH_BYTES:
            yield Batch(waiting, _numbers(numbers, start, end))
            start, size, waiting = end, 0, []
    if numbers is not None and end != most:
        raise BadInputError(f"{name} has {most} frame numbers for {end} frames")
    if waiting:
        yield Batch(waiting, _numbers(numbers, start, end))


def _numbers(numbers: npt.NDArray[np.int64] | None, start: int, end: int) -> npt.NDArray[np.int64]:
    return np.arange(start, end, dtype=np.int64) if numbers is None else numbers[start:end]


def collect(
    batches: Iterable[Batch], people_of: Callable[[Block, int], Points], into: PointRows
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Appends the people of all frames to rows of points, batch by batch.

    Args:
        batches: the frames, in their order.
        people_of: returns a block's people, float32 [count, people, 128, 3]; takes how many rows they may have.

    Returns:
        The numbers of the frames int64 [F], and of each row the frame int32 [N] and the slot int8 [N].
    """
    # A number and a count a frame: the frames and slots of all rows are made of these in the end.
    numbers, counts = [np.empty(0, np.int64)], [np.empty(0, np.int16)]
    for batch in batches:
        points, of_batch = [], []
        room = MAX_ROWS - len(into)
        for block in batch.blocks:
            people = people_of(block, room)
            room -= people.shape[0] * people.shape[1]
            points.append(people.reshape(-1, NUM_JOINTS, 3))
            of_batch.append(np.full(block.count, people.shape[1], np.int16))
        rows, count = points[0] if len(points) == 1 else np.concatenate(points), np.concatenate(of_batch)
        number = batch.numbers
        if batch.unsorted:
            order = np.argsort(number, kind="stable")
            first = np.cumsum(count, dtype=np.int64) - count
            number, count, first = number[order], count[order], first[order]
            rows = rows[np.repeat(first, count) + _within(count)]
        into.append(rows)
        numbers.append(number)
        counts.append(count)
    number, count = np.concatenate(numbers), np.concatenate(counts)
    return number, np.repeat(number.astype(np.int32), count), _within(count).astype(np.int8)


def _within(counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """0 to count - 1 for each count, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    return np.arange(ends[-1] if len(ends) else 0, dtype=np.int64) - np.repeat(ends - counts, counts)


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


def check_people(count: int, present: int, frames: int, room: int, name: str) -> None:
    """Raises BadInputError where a frame has too many people, or their numbers have gaps.

    Args:
        count: the highest number + 1.
        present: how many different numbers there are.
        frames: how many frames have these people.
        room: rows that the video may still have.
    """
    if count > MAX_PEOPLE:
        raise BadInputError(f"{name} has {count} people in a frame, at most {MAX_PEOPLE} are read")
    if present != count:
        raise BadInputError(f"{name} has {present} people in a frame, numbered up to {count - 1}")
    if count * frames > room:
        raise BadInputError(f"{name} has more than {MAX_ROWS:,} people in frames, counted frame by frame")
