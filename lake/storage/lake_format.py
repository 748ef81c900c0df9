"""The format of a lake: what software of an older one would misread has a higher one, and is refused by it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from deltalake.exceptions import CommitFailedError

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.schema import FORMAT_PROPERTY, FORMAT_VERSION, TABLES, VIDEOS
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import commit_info
from signverse.lake.storage.integrity.log_entries import is_made


def format_of(lake: Path) -> int:
    """The format of a lake, that of its table `videos`; of one that is made now, today's.

    Raises:
        NewerLakeError, DamagedLakeError: `videos` cannot be read.
    """
    if not is_made(lake / VIDEOS.name):
        return FORMAT_VERSION
    return int(delta.format_property(delta.open_table(lake / VIDEOS.name)))


def format_beside(folder: Path) -> int:
    """The format of a table that is made again in a lake; today's, where `videos` cannot say."""
    with suppress(SignverseError):
        return format_of(folder.parent)
    return FORMAT_VERSION


def raise_format(lake: Path) -> None:
    """Makes a lake of an older format one of today's: older software refuses it from now on.

    `videos` comes last, so that a raising that was broken off is seen, and done again.

    Raises:
        CommitFailedError: other processes committed first each time.
    """
    if format_of(lake) >= FORMAT_VERSION:
        return
    for table in sorted(TABLES, key=lambda table: table is VIDEOS):
        folder = lake / table.name
        for left in reversed(range(delta.RETRIES)):
            opened = delta.open_table(folder)
            if int(delta.format_property(opened)) >= FORMAT_VERSION:
                break
            try:
                opened.alter.set_table_properties(
                    {FORMAT_PROPERTY: str(FORMAT_VERSION)},
                    # The format is a property of ours, which Delta does not know.
                    raise_if_not_exists=False,
                    commit_properties=commit_info.properties(1, 0),
                )
                delta.end_commit(folder)
            except CommitFailedError:
                if not left:
                    raise
