"""Reading many clips: each page once, with prefetching in threads, resumable at any clip."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from signverse.lake.clips.order import (
    Order,
    Share,
    group_by_length,
    order_digest,
    shuffle_windows,
    shuffled_order,
    stored_order,
)
from signverse.lake.clips.output import FLOAT16_MAX, ClipPoints, Output, as_requested
from signverse.lake.clips.preparation import Preparation, prepared, window_mask
from signverse.lake.clips.table import ClipTable, joint_names
from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.model.skeleton import BODY
from signverse.lake.storage.reader import Joints, KeypointsReader

OrderName = Literal["stored", "given", "shuffled"]

READ_AHEAD: Final = 256
"""Clips to prefetch: 40 MB of them, at 4 seconds each."""

_CLIPS_PER_TASK: Final = 32
"""Clips that a thread reads at a time: what is paid once a batch is little then, and the batch stays in the cache."""


@dataclass(frozen=True)
class Clip:
    """A clip and its points.

    Attributes:
        start_frame, end_frame: half-open, 0-based at 24 frames/s; of a window the frames that it was made of.
        points: float32 [T, K, 3], x and y in pixels of the video and score; absent points are (nan, nan, 0), frames
            without the person nan. K are the joints of the requested parts, in the order of the 128. With `fill` that
            number stands for nan; with `dtype="float16"` they are float16.
        text, sign_language: of the segment; None where the selection lacks the column.
        mask: of a window, bool [T], False in padding.
        valid: with `valid=True`, bool [T, K]: which points are there; False for absent ones and in padding.
    """

    segment_id: str
    video_id: str
    start_frame: int
    end_frame: int
    text: str | None
    sign_language: str | None
    points: npt.NDArray[np.floating[Any]]
    mask: npt.NDArray[np.bool_] | None = None
    valid: npt.NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        """On one line, as in a notebook: the shape of the points, not thousands of numbers."""
        frames = f"frames {self.start_frame} to {self.end_frame}"
        return f"Clip({self.segment_id!r}, {frames}, points={list(self.points.shape)}, text={self.text!r})"


@dataclass(frozen=True)
class Reading:
    """The options of reading clips; see `Lake.read_clips`.

    Attributes:
        share: the part of this reader, where several divide the clips.
        group_by_length: whether a batch of a shuffled order holds clips of similar length.
    """

    joints: Joints
    person: int = 0
    order: OrderName = "stored"
    seed: int = 0
    epoch: int = 0
    read_ahead: int = READ_AHEAD
    threads: int | None = None
    share: Share = field(default_factory=Share)
    prepare: Preparation = field(default_factory=Preparation)
    output: Output = field(default_factory=Output)
    group_by_length: bool = False

    def __post_init__(self) -> None:
        if self.order not in get_args(OrderName):
            raise BadInputError(f"unknown order '{self.order}'", f"Orders: {', '.join(get_args(OrderName))}.")
        for name, value, least in (
            ("read_ahead", self.read_ahead, 1),
            ("threads", 1 if self.threads is None else self.threads, 1),
            ("seed", self.seed, 0),
            ("epoch", self.epoch, 0),
            ("person", self.person, 0),
        ):
            if value < least:
                raise BadInputError(f"{name} is {value}", f"It takes {least} or more.")

    @property
    def read_joints(self) -> Joints:
        """The joints to read: those requested, and for normalizing the body."""
        parts = [part for part, _ in self.joints.places]
        return Joints.only([BODY, *parts]) if self.prepare.normalize and BODY not in parts else self.joints

    def clip_order(self, table: ClipTable) -> Order:
        """The clips of this reader, in order."""
        if self.order == "shuffled":
            part = self.share.of(shuffled_order(table, self.seed, self.epoch))
            part = shuffle_windows(part, self.read_ahead, self.seed, self.epoch, self.share.number)
            if self.group_by_length:
                part = group_by_length(table, part, self.read_ahead, self.share.batch_size, self.seed, self.epoch)
            return part
        order = stored_order(table) if self.order == "stored" else np.arange(len(table))
        return self.share.of(order)


def read_points(
    table: ClipTable, indices: Sequence[int], reading: Reading, reader: KeypointsReader
) -> dict[int, ClipPoints]:
    """The points [T, K, 3] of clips, prepared and as they were requested, by the index of the clip.

    Raises:
        DamagedLakeError: they cannot be read.
        BadInputError: they do not fit the type that was requested.
    """
    joints = reading.read_joints
    wanted = [(table.places[table.video[index]], *table.frames[index].tolist()) for index in indices]
    clips = reader.clips(wanted, reading.person, joints, mask_hidden=reading.prepare.mask_hidden)
    names = joint_names(joints)
    # The body comes first, where it was read besides.
    unwanted = joints.size - reading.joints.size
    found = {}
    for index, points in zip(indices, clips, strict=True):
        points = np.ascontiguousarray(prepared(points, reading.prepare, table, index, names)[:, unwanted:])
        try:
            found[index] = as_requested(points, reading.output)
        except OverflowError as error:
            raise BadInputError(
                f"{table.about(index)['segment_id']}: a coordinate of {error.args[0]:,.0f} does not fit float16, which "
                f"ends at {FLOAT16_MAX:,.0f}",
                "Use bfloat16 or float32.",
            ) from None
    return found


class ClipReader(Iterator[Clip]):
    """An iterator over clips; `Lake.read_clips` makes it.

    `state_dict()` returns its position; a reader of the same clips that loads it by `load_state_dict` continues with
    exactly the next clip. Memory holds at most twice `read_ahead` clips and a few row groups. Close it, or use `with`,
    if it is not read to its end.

    Attributes:
        joints: names of the K joints of the points.
        uncovered: how many frames are in no window, where windows were requested.
    """

    def __init__(self, table: ClipTable, reading: Reading, reader: KeypointsReader | None = None) -> None:
        self._table = table
        self._reading = reading
        self._threads = reading.threads or min(4, os.cpu_count() or 1)
        self._reader = reader or KeypointsReader(table.folder)
        self.joints = joint_names(reading.joints)
        self.uncovered = table.uncovered
        self._order = reading.clip_order(table)
        self._digest: str | None = None
        self._position = 0
        self._prefetched: dict[int, Future[dict[int, ClipPoints | SignverseError]]] = {}
        self._requested = 0
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        """The number of clips, with those that were read already."""
        return len(self._order)

    def __repr__(self) -> str:
        kind = "clips" if self._reading.prepare is None or self._reading.prepare.window is None else "windows"
        return f"ClipReader({self._position} of {len(self)} {kind} read)"

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads. What was prefetched is read again if the reader continues."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._prefetched.clear()
        self._requested = self._position

    def __next__(self) -> Clip:
        """The next clip.

        Raises:
            DamagedLakeError: its keypoints cannot be read.
            BadInputError: they do not fit the type that was requested.
        """
        position = self._position
        if position >= len(self._order):
            self.close()
            raise StopIteration
        window = self._reading.read_ahead
        # The window of the clip and the next one: a window is read while the one before it is used.
        while self._requested < min(len(self._order), (position // window + 2) * window):
            self._request_window()
        index = int(self._order[position])
        try:
            found = self._prefetched.pop(position).result().pop(index)
            if isinstance(found, SignverseError):
                raise found
        except BaseException:
            # The next call tries again.
            self.close()
            raise
        self._position = position + 1
        mask = window_mask(self._reading.prepare, self._table, index)
        return Clip(**self._table.about(index), points=found.points, mask=mask, valid=found.valid)

    def _request_window(self) -> None:
        """Submits the reading of the next window, or of what is left of it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="clips")
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        first, window = self._requested, self._reading.read_ahead
        last = min(len(self._order), (first // window + 1) * window)
        positions = list(range(first, last))
        if self._reading.order == "shuffled":
            # Clips of one row group come within one window: together they read each of its pages once.
            positions.sort(key=lambda position: self._place_of(int(self._order[position])))
        for batch in (positions[at : at + _CLIPS_PER_TASK] for at in range(0, len(positions), _CLIPS_PER_TASK)):
            future = self._pool.submit(self._read, [int(self._order[position]) for position in batch])
            self._prefetched.update(dict.fromkeys(batch, future))
        self._requested = last

    def _place_of(self, index: int) -> tuple[int, int]:
        return int(self._table.video[index]), int(self._table.frames[index, 0])

    def _read(self, indices: list[int]) -> dict[int, ClipPoints | SignverseError]:
        try:
            return {**read_points(self._table, indices, self._reading, self._reader)}
        except (DamagedLakeError, BadInputError) as error:
            if len(indices) == 1:
                return {indices[0]: error}
        # One of them is at fault: the others are whole.
        return {index: found for one in indices for index, found in self._read([one]).items()}

    def state_dict(self) -> dict[str, Any]:
        """The position: a few plain values, valid in every process."""
        if self._digest is None:
            self._digest = order_digest(self._order)
        state = {"epoch": self._reading.epoch, "position": self._position, "order_digest": self._digest}
        return {**self._identity(), **state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues at the position of the reader that returned the state.

        Raises:
            BadInputError: it is the state of other clips, or of another order of them.
        """
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise BadInputError(
                    f"the state is of {name} {state.get(name)}, this reads {name} {value}",
                    "Resume with the same clips and options, or start again.",
                )
        position, epoch = state.get("position"), state.get("epoch")
        if not isinstance(epoch, int) or not isinstance(position, int) or not 0 <= position <= len(self._order):
            raise BadInputError("the state has no valid position", "Give what state_dict() returned.")
        reading, order = self._reading, self._order
        if epoch != reading.epoch:
            reading = replace(reading, epoch=epoch)
            order = reading.clip_order(self._table)
        # States of earlier versions have none, and the orders are still theirs.
        if state.get("order_digest") not in (None, digest := order_digest(order)):
            raise BadInputError(
                "the state is of another order of these clips, as other versions of numpy or signverse-lake make it",
                "Resume with the versions that saved it, or start again.",
            )
        self.close()
        self._reading, self._order, self._digest = reading, order, digest
        self._position = self._requested = position

    def _identity(self) -> dict[str, Any]:
        reading = self._reading
        shuffled = reading.order == "shuffled"
        return {
            "clips": self._table.fingerprint,
            "order": reading.order,
            "seed": reading.seed if shuffled else None,
            # Clips are shuffled within windows of this size.
            "read_ahead": reading.read_ahead if shuffled else None,
            # None, as in the states of versions that did not have it.
            "group_by_length": reading.group_by_length or None,
            **asdict(reading.share),
        }
