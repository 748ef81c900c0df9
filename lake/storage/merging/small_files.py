"""Merging the small files of a lake as commits come, so that a lake that nobody maintains is quick to ask.

After each of its commits a committer looks at the names in the logs, merges what levels.py finds, and writes a
checkpoint of the logs that it changed. Other processes may read and write: rows are the same before and after, and the
files that were replaced stay for the retention.
"""

from __future__ import annotations

from pathlib import Path

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.interrupt import held
from signverse.lake.model.schema import KEYPOINTS, TABLES, Table
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile, DataFile
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.storage.integrity.foreign_errors import is_foreign
from signverse.lake.storage.merging.lease import upkeep_lease
from signverse.lake.storage.merging.levels import due
from signverse.lake.storage.merging.replaced import delete_replaced
from signverse.lake.storage.merging.rows import fits_in_memory, merged_rows

MERGED: tuple[Table, ...] = tuple(table for table in TABLES if table is not KEYPOINTS)


def merge_after_commit(lake: Path) -> None:
    """Does `merge_small_files` where it can: the rows that were committed are in the lake all the same.

    What is damaged is said by those who read it, and by `maintain`. Whatever else keeps it from merging, memory that
    does not suffice or a panic of a library, does not fail the commit either; the next one tries again.
    """
    try:
        merge_small_files(lake)
    except BaseException as error:
        if not (isinstance(error, SignverseError | RuntimeError) or is_foreign(error)):
            raise


def merge_small_files(lake: Path) -> int:
    """Merges the small files of the partitions that have many; nothing where another process does that, or none has.

    Returns:
        How many files were replaced.

    Raises:
        SignverseError, DeltaError, OSError: it failed; the lake is as it was.
    """
    if not any(due(table, _files(lake, table)) for table in MERGED):
        return 0
    with upkeep_lease(lake) as free:
        if not free:
            return 0
        replaced = {table: _merge(lake / table.name, table) for table in MERGED}
        changed = [lake / table.name for table, count in replaced.items() if count]
        if changed:
            write_checkpoints(*changed)
        delete_replaced(lake)
    return sum(replaced.values())


def _files(lake: Path, table: Table) -> list[ActiveFile]:
    return delta.active_files(delta.open_table(lake / table.name), table)


def _merge(folder: Path, table: Table) -> int:
    """Merges what is due of a table, in one transaction."""
    opened = delta.open_table(folder)
    groups = [group for group in due(table, delta.active_files(opened, table)) if fits_in_memory(folder, group)]
    schema = delta.full_schema(opened, table)
    new: list[DataFile] = []
    try:
        for group in groups:
            with held():
                new.append(merged_rows(folder, table, group, schema))
        old = [file for group in groups for file in group]
        with held():
            if not new or delta.replace_files(folder, table, old, new):
                return len(old)
    except BaseException:
        _discard_unless_named(folder, new)
        raise
    # Another process has rewritten one of them meanwhile.
    delta.discard(folder, new)
    return 0


def _discard_unless_named(folder: Path, new: list[DataFile]) -> None:
    """Deletes files of a merge that failed, but where its commit may have taken effect."""
    named = log_entries.named(folder, [file.name for file in new])
    delta.discard(folder, [file for file in new if file.name not in named])
