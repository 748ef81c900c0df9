"""The flat keys of the released tars: person_000_body_keypoints and so on, normalised to the frame.

The dialects `consolidated` (pickled dicts) and `per-frame` (plain arrays) share them; both arrive as blocks of frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.shards.point_rows import PointRows
from signverse.ingest.shards.poses import Batch, Poses, check_people, check_size, collect
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import NUM_JOINTS, PART_BY_NAME
from signverse.lake.storage.keypoints import Points

_KEY: Final = re.compile(r"person_(\d{3})_(body|face|left_hand|right_hand)_(keypoints|scores)")


def from_batches(dialect: str, batches: Iterable[Batch], lowest: int, name: str) -> Poses:
    """Keypoints of frames with flat keys, in pixels of the first frame's size, scores as written.

    Args:
        batches: the frames with their numbers from 0, as published: neither sorted nor unique.
        lowest: the lowest of these numbers.

    Raises:
        BadInputError: an array has the wrong shape for its key, or a size or a number is out of bounds.
    """
    rows, first = PointRows(), _FirstSize(lowest, name)

    def people_of(block: Block, room: int) -> Points:
        people = _people(block, room, name)
        return first.to_pixels(people) if first.known else people

    def measured() -> Iterator[Batch]:
        for batch in batches:
            first.look_at(batch, len(rows))
            yield batch

    numbers, frames, slots = collect(measured(), people_of, rows)
    if not first.known:
        raise BadInputError(f"{name} has no frame")

    def scale(_: slice, points: Points) -> bool:
        first.to_pixels(points)
        return True

    rows.update(scale, upto=first.rows_before)
    # Coordinates are relative to their own frame, so the size of the first can be used for all.
    repairs = ["frame_size_changes"] if first.changes else []
    return Poses(dialect, first.width, first.height, numbers, frames, slots, rows, repairs=repairs)


class _FirstSize:
    """The size of the frame with the lowest number, wherever it is in the file.

    Attributes:
        known: whether the frame came.
        rows_before: how many rows came before it, in coordinates relative to the frame.
        changes: whether any frame has another size.
    """

    def __init__(self, lowest: int, name: str) -> None:
        self.known, self.changes = False, False
        self.width = self.height = self.rows_before = 0
        self._lowest, self._name = lowest, name
        self._any: npt.NDArray[np.int64] | None = None

    def look_at(self, batch: Batch, rows: int) -> None:
        """Takes the sizes of a batch before which so many rows came."""
        sizes = np.concatenate([_sizes(block, self._name) for block in batch.blocks])
        if not len(sizes):
            return
        if self._any is None:
            self._any = sizes[0]
        self.changes = self.changes or bool((sizes != self._any).any())
        if not self.known and self._lowest in batch.numbers:
            self.width, self.height = (int(side) for side in sizes[np.argmax(batch.numbers == self._lowest)])
            check_size(self.width, self.height, self._name)
            self.known, self.rows_before = True, rows

    def to_pixels(self, points: Points) -> Points:
        """Scales points [..., 128, 3] in place."""
        points[..., 0] *= np.float32(self.width)
        points[..., 1] *= np.float32(self.height)
        return points


def _sizes(block: Block, name: str) -> npt.NDArray[np.int64]:
    columns = []
    for key in ("frame_width", "frame_height"):
        value: Any = block.arrays.get(key, block.numbers.get(key))
        if value is None or value.shape != (block.count,):
            raise BadInputError(f"{name} has frames without {key}")
        columns.append(value.astype(np.int64))
    return np.stack(columns, axis=1)


def _people(block: Block, room: int, name: str) -> npt.NDArray[np.float32]:
    """The people of a block's frames, float32 [count, P, 128, 3], at most so many, normalised; absent parts are nan."""
    found = {key: match for key in block.arrays if (match := _KEY.fullmatch(key))}
    count = max((int(match.group(1)) for match in found.values()), default=-1) + 1
    check_people(count, len({match.group(1) for match in found.values()}), block.count, room, name)
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
