"""Reading clips: the row groups that a video's placement names, and no others."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.skeleton import BODY, NUM_JOINTS, PARTS, Part
from signverse.lake.storage.footers import SEVERAL, Footer, Footers, unreadable
from signverse.lake.storage.integrity.chunk_checksums import checksums_of
from signverse.lake.storage.integrity.foreign_errors import foreign_errors_as
from signverse.lake.storage.keypoints import Points, from_table, hide_unseen, list_columns, visible_from_table
from signverse.lake.storage.page_decoder import Column, Unusual, read_column

EVERY_FRAME: Final = 2**31 - 1
"""As the end of a range: all frames to the last one, whatever its number."""


@dataclass(frozen=True)
class Placement:
    """Where a video's keypoints lie: row groups `first` to `first + count` of one file of the keypoints table.

    Attributes:
        file: path inside the table's folder; None where the video has no people in it.
    """

    video_id: str
    file: str | None
    first: int
    count: int


def placement_of(row: dict[str, Any]) -> Placement:
    """The placement in a videos row."""
    return Placement(row["video_id"], row["keypoints_file"], row["first_row_group"] or 0, row["row_group_count"] or 0)


@dataclass(frozen=True)
class Joints:
    """The joints, of the 128, that an array of points has.

    Attributes:
        places: parts, and the index of their first joint in the array.
        size: K, how many joints the array has.
    """

    places: tuple[tuple[Part, int], ...]
    size: int

    @classmethod
    def in_place(cls, parts: Sequence[Part]) -> Joints:
        """All 128 in their places, of which those of the parts are filled."""
        return cls(tuple((part, part.start) for part in parts), NUM_JOINTS)

    @classmethod
    def only(cls, parts: Sequence[Part]) -> Joints:
        """The joints of the parts alone, in the order of the 128."""
        places, size = [], 0
        for part in PARTS:
            if part in parts:
                places.append((part, size))
                size += part.size
        return cls(tuple(places), size)


@dataclass(frozen=True)
class Rows:
    """Rows of a video: people in frames.

    Attributes:
        frames, persons: int32 [N] and int8 [N], sorted by both.
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: bool [N, 18], where body scores are unknown and visibility is known; else None.
    """

    frames: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int8]
    points: Points
    visible: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, which: slice | npt.NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        visible = self.visible if self.visible is None else self.visible[which]
        return Rows(self.frames[which], self.persons[which], self.points[which], visible)


class RowGroup:
    """One row group of a file: each requested part is read and decoded once. Thread-safe."""

    def __init__(self, footers: Footers, file: str, index: int) -> None:
        self._footers = footers
        self._file = file
        self._index = index
        self._footer: Footer = footers.get(file)
        self._parts: dict[Part, tuple[Column | None, Column | None] | pa.Table] = {}
        self._frames: tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]] | None = None
        # In a tuple once it was read: it may be None.
        self._visible: tuple[npt.NDArray[np.bool_] | None] | None = None
        self._lock = threading.Lock()

    def fill(self, points: Points, start: int, person: int, joints: Joints) -> None:
        """Writes one person's frames into points [T, K, 3] of the frames from `start` on; the others stay as they are.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with self._lock:
            self._load(joints)
        first, last = (int(edge) for edge in self._footer.frames[self._index])
        if self._frames is None:
            # One person in every frame of it, in order: a row is found by counting.
            if self._footer.person[self._index] == person:
                from_frame, to_frame = max(start, first), min(start + len(points), last + 1)
                if from_frame < to_frame:
                    self._copy(points[from_frame - start : to_frame - start], from_frame - first, joints)
            return
        frames, persons = self._frames
        # Sorted by frame, so the range is a slice.
        low, high = np.searchsorted(frames, [start, start + len(points)])
        of_person = persons[low:high] == person
        if of_person.any():
            block = np.full((high - low, *points.shape[1:]), np.nan, np.float32)
            self._copy(block, int(low), joints)
            points[frames[low:high][of_person] - start] = block[of_person]

    def people(self) -> Rows:
        """All rows of the group.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with self._lock:
            self._load(Joints.in_place(PARTS))
        frames, persons = self._rows()
        points = np.full((len(frames), NUM_JOINTS, 3), np.nan, np.float32)
        for part, decoded in self._parts.items():
            if isinstance(decoded, pa.Table):
                points[:, part.slice] = from_table(decoded, [part])[:, part.slice]
                continue
            xy, score = decoded
            if xy is not None:
                values = xy.values()
                # One by one: four times as fast as pairs at once.
                points[:, part.slice, 0], points[:, part.slice, 1] = values[:, ::2], values[:, 1::2]
            if score is not None:
                points[:, part.slice, 2] = score.values()
        visible = self._visible_body() if np.isnan(points[:, BODY.slice, 2]).any() else None
        return Rows(frames, persons, points, visible)

    def hide_unseen(self, points: Points, start: int, person: int) -> None:
        """Makes body joints that are known to be hidden absent, in points [T, K, 3] that `fill` filled.

        The body is the first of their parts; see `signverse.lake.storage.keypoints.hide_unseen`.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with self._lock:
            if self._visible is None:
                self._visible = (self._visible_body(),)
        (visible,) = self._visible
        if visible is None:
            return
        frames, persons = self._rows()
        low, high = np.searchsorted(frames, [start, start + len(points)])
        mine = low + np.flatnonzero(persons[low:high] == person)
        body = points[frames[mine] - start]
        hide_unseen(body, visible[mine])
        points[frames[mine] - start] = body

    def _rows(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """Frame and person of each row, once a part was loaded."""
        if self._frames is not None:
            return self._frames
        first, count = int(self._footer.frames[self._index, 0]), int(self._footer.rows[self._index])
        persons = np.full(count, self._footer.person[self._index], np.int8)
        return np.arange(first, first + count, dtype=np.int32), persons

    def _visible_body(self) -> npt.NDArray[np.bool_] | None:
        with foreign_errors_as(unreadable(self._footers.folder / self._file)):
            return visible_from_table(self._table(["body_visible"]))

    def _copy(self, points: Points, row: int, joints: Joints) -> None:
        """Rows from `row` on into points [T, K, 3], which are one block of memory and nan."""
        raw = points.view(np.uint8).reshape(*points.shape, 4)
        for part, at in joints.places:
            decoded = self._parts[part]
            if isinstance(decoded, pa.Table):
                points[:, at : at + part.size] = from_table(decoded.slice(row, len(points)), [part])[:, part.slice]
                continue
            xy, score = decoded
            if xy is not None:
                xy.write(raw[:, at : at + part.size, :2], row)
            if score is not None:
                score.write(raw[:, at : at + part.size, 2], row)

    def _load(self, joints: Joints) -> None:
        footer, path = self._footer, self._footers.folder / self._file
        first, last = footer.frames[self._index]
        simple = footer.person[self._index] != SEVERAL and last - first + 1 == footer.rows[self._index]
        with foreign_errors_as(unreadable(path)):
            if self._frames is None and not simple:
                table = self._table(["frame", "person"])
                self._frames = table.column("frame").to_numpy(), table.column("person").to_numpy()
            missing = [part for part, _ in joints.places if part not in self._parts]
            if not missing:
                return
            with path.open("rb", buffering=0) as file:
                for part in missing:
                    self._parts[part] = self._decode(file, part)

    def _decode(self, file: Any, part: Part) -> tuple[Column | None, Column | None] | pa.Table:
        place = 2 * PARTS.index(part)
        (offset, size), (next_offset, next_size) = self._footer.chunks[self._index, place : place + 2].tolist()
        try:
            if not size or offset + size != next_offset:
                raise Unusual
            file.seek(offset)
            chunk, rows = file.read(size + next_size), int(self._footer.rows[self._index])
            checksums_of(self._footers.folder / self._file, whole=False).compare(file.fileno(), offset, chunk)
            return read_column(chunk[:size], rows, 2 * part.size), read_column(chunk[size:], rows, part.size)
        except Unusual:
            return self._table(list_columns([part]))

    def _table(self, columns: list[str]) -> pa.Table:
        with self._footers.open(self._file) as file:
            self._footers.compare(self._file, file, [self._index], columns)
            return file.read_row_groups([self._index], columns=columns, use_threads=False)


class KeypointsReader:
    """Reads keypoints by placement, caching the footers of files. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._footers = Footers(folder)

    def close(self) -> None:
        """Clears the cache of footers; no file is kept open."""
        self._footers.clear()

    def row_groups(self, place: Placement, start: int, end: int) -> list[int]:
        """The row groups of the placement that hold frames of [start, end), by the footer's statistics.

        Raises:
            DamagedLakeError: the row groups hold another video, or the file is shorter than the placement says.
        """
        assert place.file is not None
        footer = self._footers.get(place.file)
        last = place.first + place.count
        if place.first < 0 or last > len(footer.rows):
            raise DamagedLakeError(
                f"{place.file} has {len(footer.rows)} row groups, '{place.video_id}' is placed at "
                f"{place.first} to {last}",
                "Run: signverse verify LAKE.",
            )
        for index in range(place.first, last):
            if footer.video_ids[index] != place.video_id:
                raise DamagedLakeError(
                    f"row group {index} of {place.file} does not hold '{place.video_id}'",
                    "Run: signverse verify LAKE.",
                )
        frames = footer.frames[place.first : last]
        return [place.first + int(i) for i in np.flatnonzero((frames[:, 0] < end) & (frames[:, 1] >= start))]

    def row_group(self, file: str, index: int) -> RowGroup:
        """A row group, for reading several clips from it."""
        return RowGroup(self._footers, file, index)

    def people(self, place: Placement, start: int, end: int) -> Iterator[Rows]:
        """All rows of the row groups that hold frames of [start, end), a group at a time: memory stays flat."""
        if place.file is not None:
            for index in self.row_groups(place, start, end):
                yield self.row_group(place.file, index).people()

    def rows(self, place: Placement, columns: Sequence[str], start: int, end: int) -> pa.Table:
        """Rows of frames [start, end), every person, with `frame` and `person` and the requested columns."""
        assert place.file is not None
        chosen = self.row_groups(place, start, end)
        with (
            self._footers.open(place.file) as file,
            foreign_errors_as(unreadable(self._footers.folder / place.file)),
        ):
            wanted = ["frame", "person", *columns]
            self._footers.compare(place.file, file, chosen, wanted)
            table = file.read_row_groups(chosen, columns=wanted, use_threads=False)
            frames = table.column("frame").to_numpy()
        # Sorted by frame, so the range is a slice and no row is copied.
        first, last = np.searchsorted(frames, [start, end])
        return table.slice(first, last - first)

    def clip(self, place: Placement, start: int, end: int, person: int, parts: Sequence[Part] = PARTS) -> Points:
        """Frames [start, end) of one person, float32 [end - start, 128, 3], nan where absent."""
        return self.points(place, start, end, person, Joints.in_place(parts))

    def points(self, place: Placement, start: int, end: int, person: int, joints: Joints) -> Points:
        """Frames [start, end) of one person, float32 [end - start, K, 3] of the joints, nan where absent."""
        points = np.full((max(0, end - start), joints.size, 3), np.nan, np.float32)
        if place.file is not None and end > start:
            for index in self.row_groups(place, start, end):
                self.row_group(place.file, index).fill(points, start, person, joints)
        return points
