"""Which small files are merged: as in a log-structured merge tree, files of about the same size, ten at a time.

A row is so rewritten about once for each of two levels, and a partition has at most nine files of each level, and
those that are large enough. Files far apart in size are not merged: a large one would be rewritten for each small one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from signverse.lake.model.schema import KEYPOINTS, Table
from signverse.lake.storage.delta import ActiveFile

FAN_IN: Final = 10
"""Files of a level that are merged."""

_JOINED: Final = 2
"""Files of a level that are merged where another partition is due: then most commits merge nothing."""

_LEVELS: Final = 2

_LARGE: Final = 8 << 20
_LARGE_KEYPOINTS: Final = 64 << 20
"""Bytes of a file that is left as it is; keypoints are 30 times the other tables together."""

_MOST: Final = 4
"""Of that: what is merged into one file at most, as the rows are in memory meanwhile."""


def due(table: Table, files: Iterable[ActiveFile]) -> list[list[ActiveFile]]:
    """The groups of a table's files to merge, each of one partition; none where no partition has too many."""
    partitions: dict[str | None, list[ActiveFile]] = defaultdict(list)
    for file in files:
        partitions[file.partition].append(file)
    if not any(_full(table, each, FAN_IN) for each in partitions.values()):
        return []
    groups = (_full(table, each, _JOINED) for each in partitions.values())
    return [group for group in groups if group]


def most_files(table: Table, size: int) -> int:
    """A bound of the number of files of a partition of so many bytes, when a commit has ended."""
    return _LEVELS * (FAN_IN - 1) + size // _large(table)


def _large(table: Table) -> int:
    return _LARGE_KEYPOINTS if table is KEYPOINTS else _LARGE


def _full(table: Table, files: Sequence[ActiveFile], many: int) -> list[ActiveFile]:
    """The files of the highest level that has many, and all smaller ones, as far as they fit into one file."""
    large = _large(table)
    by_size = sorted((file for file in files if file.size < large), key=lambda file: (file.size, file.name))
    edges = [large // FAN_IN**level for level in range(_LEVELS - 1, -1, -1)]
    counts = [sum(low <= file.size < high for file in by_size) for low, high in zip((0, *edges), edges, strict=False)]
    full = max((level for level, count in enumerate(counts) if count >= many), default=None)
    if full is None:
        return []
    group: list[ActiveFile] = []
    size = 0
    for file in by_size:
        size += file.size
        if file.size >= edges[full] or (len(group) > 1 and size > _MOST * large):
            break
        group.append(file)
    return group
