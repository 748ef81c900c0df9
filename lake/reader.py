"""Reading one clip: the row groups that a video's placement names, and no others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import DamagedLakeError
from lake.keypoints import Points, from_table, list_columns
from lake.skeleton import NUM_JOINTS, PARTS, Part

_OPEN_FILES: Final = 64
"""Files kept open with their footers parsed: a footer of 128 MB of keypoints takes longer to read than a clip."""


@dataclass(frozen=True)
class Placement:
    """Where a video's keypoints lie: row groups `first` to `first + count` of one file of the keypoints table.

    Attributes:
        file: path inside the table's folder; None where the video has nobody in it.
    """

    video_id: str
    file: str | None
    first: int
    count: int


class KeypointsReader:
    """Reads keypoints by placement, keeping recent files open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: OrderedDict[str, tuple[pq.ParquetFile, dict[str, int]]] = OrderedDict()

    def close(self) -> None:
        while self._files:
            self._files.popitem()[1][0].close()

    def _file(self, name: str) -> tuple[pq.ParquetFile, dict[str, int]]:
        if name in self._files:
            self._files.move_to_end(name)
            return self._files[name]
        try:
            # A byte that rotted must not become a keypoint: 4 % of the time of a clip.
            file = pq.ParquetFile(self._folder / name, page_checksum_verification=True)
        except (OSError, pa.ArrowInvalid) as error:
            raise DamagedLakeError(
                f"keypoints file {self._folder / name} cannot be read: {error}", "Run: signverse verify LAKE."
            ) from None
        leaves = {file.metadata.schema.column(i).path: i for i in range(file.metadata.num_columns)}
        self._files[name] = (file, leaves)
        if len(self._files) > _OPEN_FILES:
            self._files.popitem(last=False)[1][0].close()
        return self._files[name]

    def row_groups(self, place: Placement, start: int, end: int) -> list[int]:
        """The row groups of the placement that hold frames of [start, end), by the footer's statistics.

        Raises:
            DamagedLakeError: the row groups hold another video, or the file is shorter than the placement says.
        """
        assert place.file is not None
        file, leaves = self._file(place.file)
        metadata = file.metadata
        if place.first < 0 or place.first + place.count > metadata.num_row_groups:
            raise DamagedLakeError(
                f"{place.file} has {metadata.num_row_groups} row groups, '{place.video_id}' is placed at "
                f"{place.first} to {place.first + place.count}",
                "Run: signverse verify LAKE.",
            )
        chosen = []
        for index in range(place.first, place.first + place.count):
            group = metadata.row_group(index)
            ids = group.column(leaves["video_id"]).statistics
            if ids is None or ids.min != place.video_id or ids.max != place.video_id:
                raise DamagedLakeError(
                    f"row group {index} of {place.file} does not hold '{place.video_id}'",
                    "Run: signverse verify LAKE.",
                )
            frames = group.column(leaves["frame"]).statistics
            if frames.min < end and frames.max >= start:
                chosen.append(index)
        return chosen

    def rows(self, place: Placement, columns: Sequence[str], start: int, end: int) -> pa.Table:
        """Rows of frames [start, end), every person, with `frame` and `person` and the columns asked for."""
        assert place.file is not None
        chosen = self.row_groups(place, start, end)
        file, _ = self._file(place.file)
        try:
            table = file.read_row_groups(chosen, columns=["frame", "person", *columns], use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise DamagedLakeError(
                f"keypoints file {self._folder / place.file} cannot be read: {error}",
                "Run: signverse verify LAKE.",
            ) from None
        frames = table.column("frame").to_numpy()
        # Sorted by frame, so the range is a slice and no row is copied.
        first, last = np.searchsorted(frames, [start, end])
        return table.slice(first, last - first)

    def clip(self, place: Placement, start: int, end: int, person: int, parts: Sequence[Part] = PARTS) -> Points:
        """Frames [start, end) of one person, float32 [end - start, 128, 3], nan where absent."""
        points = np.full((max(0, end - start), NUM_JOINTS, 3), np.nan, np.float32)
        if place.file is None or end <= start:
            return points
        table = self.rows(place, list_columns(parts), start, end)
        mine = table.column("person").to_numpy() == person
        if not mine.all():
            table = table.filter(pa.array(mine))
        points[table.column("frame").to_numpy() - start] = from_table(table, parts)
        return points


def placement_of(row: dict[str, Any]) -> Placement:
    """The placement in a videos row."""
    return Placement(row["video_id"], row["keypoints_file"], row["first_row_group"] or 0, row["row_group_count"] or 0)
