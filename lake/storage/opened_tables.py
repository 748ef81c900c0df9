"""Tables that this process has opened: while their logs stay the same, nothing of them is read a second time.

A session, a selection and a report each open the lake, often many times in a process; the logs of a large lake take
longer to read than most questions to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from deltalake import DeltaTable

from signverse.lake.model.schema import Table
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.digests import has_digest
from signverse.lake.storage.integrity.log_entries import LogState, log_state
from signverse.lake.storage.stores.cached_lake import lake_of

_Made = TypeVar("_Made")

_AT_MOST: Final = 32
"""Tables that are remembered: those of four lakes."""


class OpenedTable:
    """A table at a version. Several snapshots may share it: nothing may change `delta`."""

    def __init__(self, opened: DeltaTable, table: Table, folder: Path) -> None:
        self.delta = opened
        self._table = table
        self._folder = folder

    @cached_property
    def files(self) -> list[delta.ActiveFile]:
        """Its Parquet files, in the order of their names; those of a lake in a store can be read from now on."""
        found = sorted(delta.active_files(self.delta, self._table), key=lambda file: file.name)
        lake = lake_of(self._folder)
        if lake is not None:
            lake.bring(self._table.name, found)
        return found


_opened: Final[dict[Path, tuple[LogState, OpenedTable]]] = {}
_made: Final[dict[tuple[str, Path], tuple[tuple[str, ...], Any]]] = {}


def opened_table(folder: Path, table: Table, version: int | None = None) -> OpenedTable:
    """A table at its newest version, or at another one.

    Raises:
        NotALakeError, NewerLakeError, BadInputError, DamagedLakeError: see `delta.open_table`.
    """
    if version is not None:
        return OpenedTable(delta.open_table(folder, version=version), table, folder)
    # First: what another process commits while the log is read makes the next call read it again.
    state = log_state(folder)
    known = _opened.get(folder)
    if known is not None and state and known[0] == state:
        delta.refuse_newer(folder, known[1].delta)
        return known[1]
    found = OpenedTable(delta.open_table(folder), table, folder)
    _remember(_opened, folder, (state, found))
    return found


def made_of_files(what: str, folder: Path, names: Sequence[str], make: Callable[[], _Made]) -> _Made:
    """What is made of the rows of files, made once for the same files.

    Args:
        what: names it among all that is made of the files of a table.
        folder: of the table.
        names: of the files, paths inside the folder. They are known to be whole: where their names have digests, the
            same names mean the same rows.
    """
    files = tuple(names)
    known = _made.get((what, folder))
    if known is not None and known[0] == files:
        made: _Made = known[1]
        return made
    made = make()
    if all(map(has_digest, files)):
        _remember(_made, (what, folder), (files, made))
    return made


def _remember(kept: dict[Any, Any], key: Any, value: Any) -> None:
    kept.pop(key, None)
    kept[key] = value
    # The first is the one that was read longest ago.
    for oldest in list(kept)[:-_AT_MOST]:
        kept.pop(oldest, None)
