"""Migrations: what brings a lake of an older format to today's, each small, named, and safe to be broken off.

A lake of an older format is read and written without them. `signverse maintain` carries them out with all else,
`--migrate` nothing but them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from signverse.lake.model.schema import FORMAT_VERSION, TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.lake_format import format_of
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.plan import OLDER_FORMAT, Plan, make_plan

_FOR_EVER: Final = timedelta(days=36_500)


@dataclass(frozen=True)
class Migration:
    """A step from an older format to today's.

    Attributes:
        name: as it is shown.
        about: what it does, in a sentence.
        count: how many things are left for it in a lake; 0 where it is not due.
    """

    name: str
    about: str
    count: Callable[[Snapshot, Plan], int]


def _tables_without_columns(snapshot: Snapshot, _: Plan) -> int:
    opened = ((table, delta.open_table(snapshot.folder / table.name)) for table in TABLES)
    return sum(not set(table.schema.names) <= set(lake.schema().to_arrow().names) for table, lake in opened)


def _older_files(_: Snapshot, plan: Plan) -> int:
    return sum(len(rewrite.files) for rewrite in plan.older)


def _older_format(snapshot: Snapshot, _: Plan) -> int:
    return int(format_of(snapshot.folder) < FORMAT_VERSION)


MIGRATIONS: Final = (
    Migration("columns", "adds the columns that the schema of a table lacks; its files stay", _tables_without_columns),
    Migration("pages", "rewrites keypoints files of format 1 in small pages with checksums", _older_files),
    Migration("format-2", "states format 2, which older installations refuse to open", _older_format),
)
"""In the order in which they are carried out."""


def migration_plan(snapshot: Snapshot) -> Plan:
    """The plan of maintenance that migrates a lake and does nothing else.

    Raises:
        DamagedLakeError: see `make_plan`.
    """
    # With an endless retention nothing is dropped.
    plan = make_plan(snapshot, retention=_FOR_EVER, migrations_only=True)
    assert all(rewrite.why == OLDER_FORMAT for rewrite in plan.rewrites)
    return plan


def due_migrations(snapshot: Snapshot) -> list[tuple[Migration, int]]:
    """The migrations that are due, each with how many things are left for it.

    Raises:
        DamagedLakeError: see `make_plan`.
    """
    plan = migration_plan(snapshot)
    return [(each, count) for each in MIGRATIONS if (count := each.count(snapshot, plan))]
