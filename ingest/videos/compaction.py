"""Compaction after an ingestion, which leaves a small file for every commit."""

from __future__ import annotations

from typing import Final

from signverse.lake.cli.progress import byte_bar
from signverse.lake.cli.shared import say
from signverse.lake.lake import Lake
from signverse.lake.model.errors import SignverseError
from signverse.lake.upkeep.maintain import extent, has_many_small_files, maintain
from signverse.lake.upkeep.plan import make_plan

MAX_SMALL_FILES: Final = 64
"""Small files of a partition before it is compacted; a reader must open each of them."""


def compact_small_files(lake: Lake) -> None:
    """Compact the partitions with many small files, and say so on stderr.

    An error is reported and not raised: the videos are in the lake.
    """
    try:
        if not has_many_small_files(lake.snapshot, MAX_SMALL_FILES):
            return
        before = extent(lake.snapshot)
        plan = make_plan(lake.snapshot, small_only=True)
        with byte_bar("compacting small files", sum(rewrite.size for rewrite in plan.rewrites)) as advance:
            maintain(lake.snapshot, plan, on_bytes=advance)
        say(f"small files compacted: {before.files:,} files became {extent(lake.snapshot).files:,}")
    except SignverseError as error:
        say(f"small files were not compacted: {error}")
