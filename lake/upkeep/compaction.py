"""When small files are compacted: what a small file is, and how many of them are too many.

The size of a compacted file is FILE_BYTES in lake/storage/parquet_layout.py. plan.py decides which files go together,
rewrite.py writes them.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from signverse.lake.model.schema import TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.parquet_layout import FILE_BYTES
from signverse.lake.storage.snapshot import Snapshot

MAX_SMALL_FILES: Final = 64
"""Small files of a partition after an ingestion before it is compacted; a reader must open each of them."""


def is_small(file: ActiveFile) -> bool:
    """Whether a file has less than half of the size that files are compacted to."""
    return file.size < FILE_BYTES // 2


def has_many_small_files(snapshot: Snapshot, most: int) -> bool:
    """Whether a partition has more than `most` small files, as after a long ingestion."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for table in TABLES:
        files = delta.active_files(delta.open_table(snapshot.folder / table.name), table)
        counts.update((table.name, file.partition) for file in files if is_small(file))
    return max(counts.values(), default=0) > most
