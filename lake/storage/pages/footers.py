"""Footers of keypoints files: what finding a clip needs, kept as arrays for every file that was read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.storage.integrity.chunk_checksums import checksums_of
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as
from signverse.lake.storage.keypoints import list_columns
from signverse.lake.storage.pages.page_table import SEVERAL

_FOOTERS: Final = 4096
"""Files whose footers are kept as arrays: about 70 kB for a file of 128 MB, 300 MB for a lake of 500 GB."""

_PARSED_BYTES: Final = 8_000_000
"""Bytes of footers kept as pyarrow parses them, which take ten times that in memory (measured: 5.7 MB for 560 kB)."""


@dataclass(frozen=True)
class Footer:
    """The row groups of a file, G of them.

    Attributes:
        video_ids: the video of each group; None where it is unknown, or of several.
        rows: int64 [G].
        frames: int64 [G, 2], the first and the last frame.
        person: int64 [G], the only person in it, or SEVERAL.
        chunks: int64 [G, 8, 2], where the columns of `list_columns()` lie: first byte and number of bytes; 0 of 0 where
            there is more than one page of data.
    """

    video_ids: list[str | None]
    rows: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    person: npt.NDArray[np.int64]
    chunks: npt.NDArray[np.int64]


class Footers:
    """Reads and caches the footers of files in a folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, Footer] = OrderedDict()
        self._parsed: OrderedDict[str, pq.FileMetaData] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._parsed.clear()

    def get(self, name: str) -> Footer:
        """The footer of a file.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with self._lock:
            footer = self._kept.get(name)
            if footer is None:
                with foreign_errors_as(unreadable(self.folder / name)):
                    footer = self._kept[name] = _footer(self._parse(name))
                if len(self._kept) > _FOOTERS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return footer

    def open(self, name: str) -> pq.ParquetFile:
        """The file for pyarrow, to be closed by the caller; its footer is parsed unless it is cached.

        Raises:
            DamagedLakeError: the file cannot be read.
        """
        with self._lock:
            metadata = self._parse(name)
        with foreign_errors_as(unreadable(self.folder / name)):
            # A corrupted byte must not become a keypoint: 4 % of the time of a clip.
            return pq.ParquetFile(self.folder / name, metadata=metadata, page_checksum_verification=True)

    def compare(self, name: str, file: pq.ParquetFile, groups: list[int], columns: Sequence[str]) -> None:
        """Compares columns of row groups with their checksums, before pyarrow reads them.

        Raises:
            DamagedLakeError: they differ.
        """
        path, names = self.folder / name, file.schema_arrow.names
        with foreign_errors_as(unreadable(path)):
            places = [names.index(column) for column in columns if column in names]
            checksums_of(path, whole=False).compare_groups(path, groups, places)

    def _parse(self, name: str) -> pq.FileMetaData:
        if name in self._parsed:
            self._parsed.move_to_end(name)
            return self._parsed[name]
        with foreign_errors_as(unreadable(self.folder / name)):
            # Of one of the first files of format 1, which has no checksums of its parts, each page has one.
            checksums_of(self.folder / name, whole=False)
            metadata = pq.read_metadata(self.folder / name)
        self._parsed[name] = metadata
        while len(self._parsed) > 1 and sum(footer.serialized_size for footer in self._parsed.values()) > _PARSED_BYTES:
            self._parsed.popitem(last=False)
        return metadata


def unreadable(path: Path) -> Callable[[str], DamagedLakeError]:
    """For `foreign_errors_as`: a keypoints file cannot be read."""
    return damaged(f"keypoints file {path}")


def _footer(metadata: pq.FileMetaData) -> Footer:
    count = metadata.num_row_groups
    leaves = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    lists = [leaves[f"{column}.list.element"] for column in list_columns()]
    video_ids: list[str | None] = []
    rows, person = np.zeros(count, np.int64), np.full(count, SEVERAL, np.int64)
    # Without statistics a group is taken to hold every frame.
    frames = np.tile(np.array([0, np.iinfo(np.int64).max]), (count, 1))
    chunks = np.zeros((count, len(lists), 2), np.int64)
    for index in range(count):
        group = metadata.row_group(index)
        rows[index] = group.num_rows
        video_id = _only(group.column(leaves["video_id"]).statistics)
        # One string per video, not one per row group.
        video_ids.append(video_ids[-1] if video_ids and video_ids[-1] == video_id else video_id)
        whose = _only(group.column(leaves["person"]).statistics)
        person[index] = SEVERAL if whose is None else whose
        span = group.column(leaves["frame"]).statistics
        if span is not None and span.has_min_max:
            frames[index] = span.min, span.max
            if not 0 <= span.min <= span.max or (whose is not None and span.max - span.min + 1 < group.num_rows):
                # One person has a row a frame. A clip looks for its groups by these numbers alone.
                raise ValueError(f"row group {index} cannot have frames {span.min} to {span.max}")
        for place, leaf in enumerate(lists):
            chunk = group.column(leaf)
            if not chunk.has_dictionary_page:
                chunks[index, place] = chunk.data_page_offset, chunk.total_compressed_size
    return Footer(video_ids, rows, frames, person, chunks)


def _only(statistics: Any) -> Any:
    if statistics is None or not statistics.has_min_max or statistics.min != statistics.max:
        return None
    return statistics.min
