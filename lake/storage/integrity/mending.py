"""Mending a log: entries that are empty, cut or missing are replaced by entries that change nothing.

What they had added is then in no version of the table; its files lie in the folder until they are registered again or
maintenance removes them. What was damaged stays beside, under its name and `.damaged`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import Table
from signverse.lake.storage.integrity import log_entries, writers
from signverse.lake.storage.integrity.log_entries import LogProblem, entry_path
from signverse.lake.storage.integrity.sync import sync_file, sync_folder
from signverse.lake.storage.location import create

_ROUNDS: Final = 5
"""A checkpoint that is set aside shows which entries are missing before it."""


def mend_log(folder: Path, table: Table) -> list[str]:
    """Mends the log of a table, so that it can be opened. Nothing is deleted.

    Args:
        folder: of the table.

    Returns:
        What was wrong, a line each; empty where nothing was.

    Raises:
        DamagedLakeError: it cannot be mended: a checkpoint is damaged whose entries are gone.
        OSError: the lake cannot be written.
    """
    done: list[str] = []
    with writers.locked(folder.parent):
        for _ in range(_ROUNDS):
            found = list(log_entries.problems(folder, thorough=True))
            if not found:
                return done
            for problem in found:
                done.append(str(problem))
                _mend(folder, table, problem)
    raise log_entries.damaged(folder, found[0])


def _mend(folder: Path, table: Table, problem: LogProblem) -> None:
    if problem.versions is None:
        # Without a checkpoint the entries are read, if they are there.
        if not log_entries.entries(folder).get(0):
            raise DamagedLakeError(
                f"the log of table '{folder.name}' cannot be mended: {problem}, and earlier entries were dropped",
                "Bring the table's folder back from a copy.",
            )
        _set_aside(problem.path)
        _set_aside(folder / "_delta_log" / "_last_checkpoint")
    else:
        for version in range(problem.versions[0], problem.versions[1] + 1):
            path = entry_path(folder, version)
            _set_aside(path)
            _put(folder, path, _first_entry(folder, table) if version == 0 else _empty_entry(folder))
    sync_folder(folder / "_delta_log")


def _set_aside(path: Path) -> None:
    if path.exists():
        path.replace(path.with_name(f"{path.name}.damaged"))


def _put(folder: Path, path: Path, text: str) -> None:
    with writers.working_folder(folder.parent) as work:
        (work / path.name).write_text(text, "utf-8")
        sync_file(work / path.name)
        (work / path.name).replace(path)


def _empty_entry(folder: Path) -> str:
    info: dict[str, Any] = {
        "timestamp": int(writers.store_time(folder.parent) * 1000),
        "operation": "REPAIR",
        "operationParameters": {},
        log_entries.ACTIONS: "0",
    }
    return json.dumps({"commitInfo": info})


def _first_entry(folder: Path, table: Table) -> str:
    """The entry that makes the table, with the columns of today: in older files those are null."""
    with writers.working_folder(folder.parent) as work:
        create(work / table.name, table)
        return entry_path(work / table.name, 0).read_text("utf-8")
