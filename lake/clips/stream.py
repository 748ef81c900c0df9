"""Reading many clips: every row group once, some clips ahead in threads, and from any sample on."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import numpy as np

from signverse.lake.clips.order import Order, mix, share, shuffled, stored
from signverse.lake.clips.table import ClipTable, joint_names
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.keypoints import Points
from signverse.lake.storage.parquet_layout import ROWS_PER_GROUP
from signverse.lake.storage.reader import Joints, KeypointsReader, RowGroup

OrderName = Literal["stored", "given", "shuffled"]

READ_AHEAD: Final = 256
"""Clips read ahead: 40 MB of them, at 4 seconds each."""

_CLIPS_PER_TASK: Final = 32
"""Of one row group, so that a video of a thousand short clips keeps more than one thread busy."""


@dataclass(frozen=True)
class Clip:
    """A clip and its points.

    Attributes:
        start_frame, end_frame: half-open, 0-based at 24 frames/s.
        points: float32 [T, K, 3], x and y in pixels of the video and score; absent points are (nan, nan, 0), frames
            without the person nan. K are the joints of the parts asked for, in the order of the 128.
        text, sign_language: of the segment; None where the rows that chose it did not say.
    """

    segment_id: str
    video_id: str
    start_frame: int
    end_frame: int
    text: str | None
    sign_language: str | None
    points: Points


@dataclass(frozen=True)
class Reading:
    """How clips are to be read; see `Lake.read_clips`.

    Attributes:
        share: (number, count): this reader's part, where several share the clips.
    """

    joints: Joints
    person: int = 0
    order: OrderName = "stored"
    seed: int = 0
    epoch: int = 0
    read_ahead: int = READ_AHEAD
    threads: int | None = None
    share: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if self.order not in get_args(OrderName):
            raise BadInputError(f"no order is called '{self.order}'", f"Orders: {', '.join(get_args(OrderName))}.")
        for name, value, least in (
            ("read_ahead", self.read_ahead, 1),
            ("threads", 1 if self.threads is None else self.threads, 1),
            ("seed", self.seed, 0),
            ("epoch", self.epoch, 0),
            ("person", self.person, 0),
        ):
            if value < least:
                raise BadInputError(f"{name} is {value}", f"It takes {least} or more.")

    def places(self, table: ClipTable) -> Order:
        """The clips of this reader, in order."""
        if self.order == "shuffled":
            mine = share(shuffled(table, self.seed, self.epoch), *self.share)
            return mix(mine, self.read_ahead, self.seed, self.epoch, self.share[0])
        whole = stored(table) if self.order == "stored" else np.arange(len(table))
        return share(whole, *self.share)


class RowGroups:
    """The row groups used last, shared by threads: clips over an edge, and those of two tasks, find theirs there."""

    def __init__(self, reader: KeypointsReader, most: int) -> None:
        self.reader = reader
        self._most = most
        self._kept: OrderedDict[tuple[str, int], RowGroup] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file: str, index: int) -> RowGroup:
        with self._lock:
            found = self._kept.get((file, index))
            if found is None:
                found = self._kept[file, index] = self.reader.row_group(file, index)
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end((file, index))
            return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def read_points(table: ClipTable, index: int, reading: Reading, row_groups: RowGroups) -> Points:
    """The points of one clip, float32 [T, K, 3].

    Raises:
        DamagedLakeError: they cannot be read.
    """
    place = table.places[table.video[index]]
    start, end = table.frames[index].tolist()
    points = np.full((end - start, reading.joints.size, 3), np.nan, np.float32)
    if place.file is not None and end > start:
        for group in row_groups.reader.row_groups(place, start, end):
            row_groups.get(place.file, group).fill(points, start, reading.person, reading.joints)
    return points


class ClipReader(Iterator[Clip]):
    """An iterator over clips; `Lake.read_clips` makes it.

    `state_dict()` says where it is, and a reader of the same clips that is given it by `load_state_dict` goes on with
    exactly the next clip. Memory holds at most twice `read_ahead` clips and a few row groups. Close it, or use `with`,
    where it is not read to its end.

    Attributes:
        joints: names of the K joints of the points.
    """

    def __init__(self, table: ClipTable, reading: Reading, reader: KeypointsReader | None = None) -> None:
        self._table = table
        self._reading = reading
        self._threads = reading.threads or min(4, os.cpu_count() or 1)
        self._row_groups = RowGroups(reader or KeypointsReader(table.folder), 2 * self._threads + 2)
        self.joints = joint_names(reading.joints)
        self._order = reading.places(table)
        self._position = 0
        self._ahead: dict[int, Future[dict[int, Points]]] = {}
        self._asked_to = 0
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        """How many clips there are in all, those that were read too."""
        return len(self._order)

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads. What was read ahead is read again if one goes on."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._ahead.clear()
        self._asked_to = self._position
        self._row_groups.clear()

    def __next__(self) -> Clip:
        """The next clip.

        Raises:
            DamagedLakeError: its keypoints cannot be read.
        """
        at = self._position
        if at >= len(self._order):
            self.close()
            raise StopIteration
        window = self._reading.read_ahead
        # The window that it lies in, and the one after: so a window is read while the one before is used up.
        while self._asked_to < min(len(self._order), (at // window + 2) * window):
            self._ask()
        index = int(self._order[at])
        try:
            points = self._ahead.pop(at).result().pop(index)
        except BaseException:
            # Asked again, it tries again.
            self.close()
            raise
        self._position = at + 1
        return Clip(**self._table.about(index), points=points)

    def _ask(self) -> None:
        """Has the next window read, or what is left of it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="clips")
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        first, window = self._asked_to, self._reading.read_ahead
        last = min(len(self._order), (first // window + 1) * window)
        tasks: dict[tuple[int, int], list[list[int]]] = {}
        for at in range(first, last):
            index = self._order[at]
            unit = int(self._table.video[index]), int(self._table.frames[index, 0]) // ROWS_PER_GROUP
            batches = tasks.setdefault(unit, [[]])
            if len(batches[-1]) == _CLIPS_PER_TASK:
                batches.append([])
            batches[-1].append(at)
        # A dict keeps the order: what is wanted first is read first.
        for batches in tasks.values():
            for batch in batches:
                future = self._pool.submit(self._read, [int(self._order[at]) for at in batch])
                self._ahead.update(dict.fromkeys(batch, future))
        self._asked_to = last

    def _read(self, indices: list[int]) -> dict[int, Points]:
        return {index: read_points(self._table, index, self._reading, self._row_groups) for index in indices}

    def state_dict(self) -> dict[str, Any]:
        """Where it is: a few plain values, the same for every process."""
        return {**self._identity(), "epoch": self._reading.epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where the reader was that gave the state.

        Raises:
            BadInputError: it is the state of other clips, or of another order of them.
        """
        mine = self._identity()
        for name, value in mine.items():
            if state.get(name) != value:
                raise BadInputError(
                    f"the state is of {name} {state.get(name)}, this reads {name} {value}",
                    "Resume with the same clips and options, or begin anew.",
                )
        position, epoch = state.get("position"), state.get("epoch")
        if not isinstance(epoch, int) or not isinstance(position, int) or not 0 <= position <= len(self._order):
            raise BadInputError("the state does not say where to go on", "Give what state_dict() returned.")
        self.close()
        if epoch != self._reading.epoch:
            self._reading = replace(self._reading, epoch=epoch)
            self._order = self._reading.places(self._table)
        self._position = self._asked_to = position

    def _identity(self) -> dict[str, Any]:
        reading = self._reading
        shuffled = reading.order == "shuffled"
        return {
            "clips": self._table.fingerprint,
            "order": reading.order,
            "seed": reading.seed if shuffled else None,
            # It says which clips are mixed with one another.
            "read_ahead": reading.read_ahead if shuffled else None,
            "share": list(reading.share),
        }
