"""After an ingestion: its many small files are gathered into few."""

from __future__ import annotations

from typing import Final

from signverse.lake.cli.shared import say
from signverse.lake.lake import Lake
from signverse.lake.model.errors import SignverseError

MOST_SMALL_FILES: Final = 64
"""A partition with more of them is gathered: every commit leaves one, and a reader opens each."""


def tidy(lake: Lake) -> None:
    """Gathers small files where many have come together; says so. What hinders it is a remark: the videos are in."""
    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.upkeep.maintain import extent, has_many_small_files, maintain
    from signverse.lake.upkeep.plan import make_plan

    try:
        if not has_many_small_files(lake.snapshot, MOST_SMALL_FILES):
            return
        before = extent(lake.snapshot)
        plan = make_plan(lake.snapshot, small_only=True)
        with byte_bar("gathering small files", sum(rewrite.size for rewrite in plan.rewrites)) as advance:
            maintain(lake.snapshot, plan, on_bytes=advance)
        say(f"small files gathered: {before.files:,} files became {extent(lake.snapshot).files:,}")
    except SignverseError as error:
        say(f"small files were not gathered: {error}")
