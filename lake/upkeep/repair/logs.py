"""Mending logs: entries that are empty, cut or missing, damaged checkpoints, and tables whose log is lost."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.schema import CAPTIONS, SOURCES, SPLITS, TABLES, Table
from signverse.lake.model.wording import counted
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_entries, log_records, writers
from signverse.lake.storage.integrity.commit_info import ACTIONS
from signverse.lake.storage.integrity.digests import refuse_no_file
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_file, sync_folder
from signverse.lake.storage.location import create
from signverse.lake.storage.temporary.leftovers import temporary_folder
from signverse.lake.upkeep.repair.report import Commands, Report
from signverse.lake.upkeep.vacuum import data_files

DAMAGED: Final = "_damaged"
"""The folder of a lake that keeps what a repair has taken out, under the path that it had."""

_NOT_SEEN_ELSEWHERE: Final = (SOURCES, CAPTIONS, SPLITS)
"""Tables of which no other tells what they held."""

_ACTIONS: Final = {"add", "remove", "metaData", "protocol", "txn", "domainMetadata", "cdc"}


def mend_logs(lake: Path, named: Path, report: Report) -> None:
    """Makes every table of a lake one that can be opened; what entries added is then found by its files.

    Args:
        named: the lake that commands are to name; in a dry run the other is its shadow.
    """
    for table in TABLES:
        folder = lake / table.name
        for path in (folder, folder / "_delta_log"):
            if path.exists() and not path.is_dir():
                set_aside(lake, path)
                report.add(f"log of {table.name}", f"{path.relative_to(lake)} is not a folder")
        for problem in list(log_entries.problems(folder, thorough=True)) if folder.is_dir() else []:
            if problem.versions is None:
                set_aside(lake, problem.path)
                report.add(f"log of {table.name}", f"{problem.path.name} {problem.what}")
                continue
            first, last = problem.versions
            if not log_entries.entries(folder):
                break
            report.add(f"log of {table.name}", f"{problem.path.name} {problem.what}")
            if first > log_entries.newest_version(folder):
                # The log ends before: what comes back is committed after that.
                _report_lost_files(lake, named, table, last - first + 1, report)
                continue
            for version in range(first, last + 1):
                _replace_entry(lake, table, version)
        if not _opens(folder):
            _make_again(lake, named, table, report)
        _end_records(lake, folder)


def _report_lost_files(lake: Path, typed: Path, table: Table, count: int, report: Report) -> None:
    """Finds fewer files than entries that are lost, of a table of which no other tells what it held."""
    if table not in _NOT_SEEN_ELSEWHERE:
        return
    folder = lake / table.name
    named: set[str] = set()
    for path in (folder / "_delta_log").glob("*.json"):
        named |= log_entries.names_in(_readable(path))
    for path in (folder / "_delta_log").glob("*.checkpoint*.parquet"):
        named |= log_entries.names_in_checkpoint(path)
    left = len(data_files(folder, links=True).keys() - named)
    if left < count:
        found = f"rows of {table.name} may be lost: of {counted(count, 'lost version')}, {counted(left, 'file')} left"
        report.add(table.name, found, "lost")
        report.commands += Commands(typed).for_table(table)


def _end_records(lake: Path, folder: Path) -> None:
    """Makes what is recorded of a table fit its log: the entries after its end are known to be lost from now on."""
    newest = log_entries.newest_version(folder)
    above = log_records.records_above(folder, newest)
    for path in above:
        set_aside(lake, path)
    if above:
        log_records.record_version(folder, newest)


def set_aside(lake: Path, path: Path) -> None:
    """Moves a file of a lake into its folder of damaged files, under the path that it had."""
    to = lake / DAMAGED / path.relative_to(lake)
    if not os.path.lexists(path):
        return
    make_durable_folder(to.parent)
    while os.path.lexists(to):
        to = to.with_name(f"{to.name}.again")
    path.rename(to)
    sync_folder(to.parent)
    sync_folder(path.parent)


def keep_copy(lake: Path, path: Path) -> None:
    """Copies a file of a lake into its folder of damaged files, under the path that it has."""
    to = lake / DAMAGED / path.relative_to(lake)
    make_durable_folder(to.parent)
    while to.exists():
        to = to.with_name(f"{to.name}.again")
    shutil.copy2(path, to)
    sync_file(to)


def _replace_entry(lake: Path, table: Table, version: int) -> None:
    """Puts an entry in the place of a damaged one, with those of its actions that can be read."""
    path = log_entries.entry_path(lake / table.name, version)
    actions = _trusted(path)
    if version == 0 and not log_entries.makes_a_table(actions):
        made = _first_entry(table)
        actions = [*made, *(action for action in actions if not action.keys() & {"protocol", "metaData"})]
    info = {
        "timestamp": time.time_ns() // 1_000_000,
        "operation": "REPAIR",
        ACTIONS: str(len(actions)),
    }
    text = "\n".join(json.dumps(action) for action in [{"commitInfo": info}, *actions]) + "\n"
    with writers.working_folder(lake) as work:
        new = work / path.name
        new.write_text(text, "utf-8")
        sync_file(new)
        if path.is_file():
            keep_copy(lake, path)
        else:
            set_aside(lake, path)
        new.replace(path)
    sync_folder(path.parent)


def _trusted(path: Path) -> list[dict[str, Any]]:
    """The actions of a damaged entry that count; what else it added or removed is found by the files.

    No name counts where one may have been changed, nor of an entry that replaces files: where one that was to be
    removed stays, its rows would be there twice.
    """
    actions = _readable(path)
    try:
        log_entries.read_entry(path)
        changed = False
    except (log_entries.BadEntryError, OSError) as error:
        changed = isinstance(error, log_entries.ChangedEntryError)
    added = [action["add"] for action in actions if isinstance(action.get("add"), dict)]
    if changed or any("remove" in action for action in actions) or any(add.get("dataChange") is False for add in added):
        return [action for action in actions if action.keys().isdisjoint(log_entries.CHANGES)]
    return actions


def _readable(path: Path) -> list[dict[str, Any]]:
    """The whole lines of an entry that are actions."""
    try:
        refuse_no_file(path)
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    actions = []
    for line in lines:
        try:
            action = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(action, dict) and len(action) == 1 and action.keys() <= _ACTIONS:
            actions.append(action)
    return actions


def _first_entry(table: Table) -> list[dict[str, Any]]:
    """The actions that make a table."""
    with temporary_folder("log") as folder:
        create(folder / table.name, table)
        return _readable(log_entries.entry_path(folder / table.name, 0))


def _opens(folder: Path) -> bool:
    try:
        delta.open_table(folder)
    except SignverseError:
        return False
    return True


def _make_again(lake: Path, named: Path, table: Table, report: Report) -> None:
    """Makes a table whose log is lost or cannot be read, empty; its files are then found by their names."""
    folder = lake / table.name
    log = folder / "_delta_log"
    removed = removed_files(folder)
    if log.is_dir():
        set_aside(lake, log)
    create(folder, table)
    files = len(data_files(folder, links=True).keys() - removed)
    if files:
        report.add(f"log of {table.name}", f"is lost: made again, for {counted(files, 'data file')}")
        return
    report.add(f"log of {table.name}", "is lost with the table's rows: made again")
    if table in _NOT_SEEN_ELSEWHERE:
        report.add(table.name, f"all rows of {table.name} are lost", "lost")
        report.commands += Commands(named).for_table(table)


def removed_files(folder: Path) -> set[str]:
    """The data files that a log says were removed, as far as it can be read; those of logs that were set aside too."""
    names: set[str] = set()
    logs = [folder / "_delta_log", *(folder.parent / DAMAGED / folder.name).glob("_delta_log*")]
    for log in logs:
        for path in log.glob("*.json*"):
            names |= log_entries.names_in(_readable(path), ["remove"])
        for path in log.glob("*.checkpoint*.parquet"):
            names |= log_entries.names_in_checkpoint(path, ["remove"])
    return names
