"""Reading clips: the row groups that a video's placement names, and no others."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.skeleton import BODY, NUM_JOINTS, PARTS, Part
from signverse.lake.storage.clip_reader.batch import fill
from signverse.lake.storage.clip_reader.plan import PagedFile, Span
from signverse.lake.storage.clip_reader.row_group import RowGroup
from signverse.lake.storage.clip_reader.spans import spans_of
from signverse.lake.storage.clip_reader.whole_chunks import pages_of_chunks
from signverse.lake.storage.integrity.chunk_checksums import KEPT_BYTES, Checksums, checksums_of
from signverse.lake.storage.integrity.foreign_errors import VERIFY, foreign_errors_as
from signverse.lake.storage.keypoints import Points, Rows
from signverse.lake.storage.pages.footers import Footer, Footers, unreadable
from signverse.lake.storage.pages.page_table import PageTable
from signverse.lake.storage.stores.cached_lake import recognize, want_ends

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

    @property
    def parts(self) -> list[Part]:
        return [part for part, _ in self.places]

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


class KeypointsReader:
    """Reads keypoints by placement, caching the footers of files. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # In a process that was started to read, the folder is all that is known of the lake.
        recognize(folder.parent)
        self._footers = Footers(folder)
        self._files: dict[str, tuple[Checksums, PagedFile | None]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Clears the caches; no file is kept open."""
        self._footers.clear()
        self._files.clear()

    def row_groups(self, place: Placement, start: int, end: int) -> list[int]:
        """The row groups of the placement that hold frames of [start, end).

        Raises:
            DamagedLakeError: the row groups hold another video, or the file is shorter than the placement says.
        """
        assert place.file is not None
        paged = self._pages_of(place.file)
        return _row_groups(paged.pages if paged else self._footers.get(place.file), place, start, end)

    def row_group(self, file: str, index: int) -> RowGroup:
        """A row group, for reading several clips from it."""
        return RowGroup(self._footers, file, index)

    def people(self, place: Placement, start: int, end: int) -> Iterator[Rows]:
        """All rows of the row groups that hold frames of [start, end), a group at a time: memory stays flat."""
        if place.file is None:
            return
        for index in self.row_groups(place, start, end):
            paged = self._pages_of(place.file)
            yield self._people(paged, place.file, index) if paged else self.row_group(place.file, index).people()

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

    def clip(
        self,
        place: Placement,
        start: int,
        end: int,
        person: int,
        parts: Sequence[Part] = PARTS,
        *,
        mask_hidden: bool = False,
    ) -> Points:
        """Frames [start, end) of one person, float32 [end - start, 128, 3], nan where absent; see `clips`."""
        return self.clips([(place, start, end)], person, Joints.in_place(parts), mask_hidden=mask_hidden)[0]

    def clips(
        self,
        wanted: Sequence[tuple[Placement, int, int]],
        person: int,
        joints: Joints,
        *,
        mask_hidden: bool = False,
    ) -> list[Points]:
        """Clips of one person: frames [start, end) of placements, many at a time.

        Args:
            mask_hidden: make body joints that are known to be hidden absent; see `keypoints.hide_unseen`. The body is
                then the first of the joints.

        Returns:
            float32 [end - start, K, 3] of the joints, nan where absent.

        Raises:
            DamagedLakeError: they cannot be read.
        """
        # Each file is looked at once a batch.
        want_ends(self._folder / name for name in {place.file for place, *_ in wanted} if name is not None)
        files = {name: self._pages_of(name) for name in {place.file for place, *_ in wanted} if name is not None}
        spans: list[Span] = []
        groups: dict[tuple[str, int], RowGroup] = {}
        clips = []
        for place, start, end in wanted:
            length = max(0, end - start)
            if place.file is None or not length:
                clips.append(np.full((length, joints.size, 3), np.nan, np.float32))
                continue
            file = files[place.file]
            if file is not None:
                chosen = _row_groups(file.pages, place, start, end)
                points, mine = spans_of(file, chosen, start, length, person, joints.size, joints.parts)
                spans += mine
            else:
                points = np.full((length, joints.size, 3), np.nan, np.float32)
                for index in self.row_groups(place, start, end):
                    key = place.file, index
                    if key not in groups:
                        groups[key] = self.row_group(*key)
                    groups[key].fill(points, start, person, joints.places)
            clips.append(points)
        fill(spans, joints.places)
        if mask_hidden and joints.places[0][0] is BODY:
            for (place, start, end), points in zip(wanted, clips, strict=True):
                self._hide_unseen(place, start, end, person, points)
        return clips

    def _hide_unseen(self, place: Placement, start: int, end: int, person: int, points: Points) -> None:
        if place.file is None or end <= start or not np.isnan(points[:, : BODY.size, 2]).any():
            return
        paged = self._pages_of(place.file)
        for index in self.row_groups(place, start, end):
            if paged is None or paged.pages.has_visible[index]:
                self.row_group(place.file, index).hide_unseen(points, start, person)

    def _people(self, paged: PagedFile, file: str, group: int) -> Rows:
        frames, persons = paged.pages.rows_of(group)
        points = np.empty((len(frames), NUM_JOINTS, 3), np.float32)
        fill([Span(paged, group, 0, len(frames), points)], Joints.in_place(PARTS).places)
        unknown = paged.pages.has_visible[group] and np.isnan(points[:, BODY.slice, 2]).any()
        visible = self.row_group(file, group).visible_body() if unknown else None
        return Rows(frames, persons, points, visible)

    def _pages_of(self, file: str) -> PagedFile | None:
        """None where it is not known where pages of the file lie."""
        path = self._folder / file
        with foreign_errors_as(unreadable(path)):
            checksums = checksums_of(path, whole=False)
            kept = self._files.get(file)
            if kept is None or kept[0] is not checksums:
                pages = checksums.pages or pages_of_chunks(self._footers, file, checksums)
                kept = checksums, PagedFile(path, pages, checksums) if pages else None
                self._keep(file, kept)
        return kept[1]

    def _keep(self, file: str, found: tuple[Checksums, PagedFile | None]) -> None:
        with self._lock:
            self._files.pop(file, None)
            self._files[file] = found
            held = sum(checksums.nbytes for checksums, _ in self._files.values())
            # The first are those that were found first.
            for oldest in list(self._files)[:-1]:
                if held <= KEPT_BYTES:
                    return
                held -= self._files.pop(oldest)[0].nbytes


def _row_groups(groups: PageTable | Footer, place: Placement, start: int, end: int) -> list[int]:
    """See `KeypointsReader.row_groups`."""
    last = place.first + place.count
    if place.first < 0 or last > len(groups.rows):
        raise DamagedLakeError(
            f"{place.file} has {len(groups.rows)} row groups, '{place.video_id}' is placed at {place.first} to {last}",
            VERIFY,
        )
    for index in range(place.first, last):
        if groups.video_ids[index] != place.video_id:
            raise DamagedLakeError(f"row group {index} of {place.file} does not hold '{place.video_id}'", VERIFY)
    frames = groups.frames[place.first : last]
    return [place.first + i for i in np.flatnonzero((frames[:, 0] < end) & (frames[:, 1] >= start)).tolist()]
