"""Transaction logs without the ids of forgotten videos.

Entries keep their numbers and what they add and remove, so that a version keeps its time and writers go on. What names
an id in them is the statistics, the smallest and the largest id of a file; and what other tools wrote of a commit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from signverse.lake.storage.integrity import commit_info, log_entries
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.storage.integrity.foreign_errors import is_foreign
from signverse.lake.storage.integrity.sync import sync_folder
from signverse.lake.storage.temporary.whole_file import whole_file
from signverse.lake.upkeep.forget.needles import Ids
from signverse.lake.upkeep.forget.search import UnreadableError, found_in_file

GONE: Final = "(forgotten)"
"""Stands in the place of an id, where a text must stay."""


def logs_that_name(folder: Path, ids: Ids) -> list[Path]:
    """The files of a table's log that name one of the videos."""
    found = []
    for entry in sorted(os.scandir(folder / "_delta_log"), key=lambda entry: entry.name):
        with suppress(FileNotFoundError):
            path = Path(entry.path)
            if path.is_file() and _names(path, ids):
                found.append(path)
    return found


def clean_log(folder: Path, ids: Ids) -> int:
    """Takes the ids out of a table's log; returns how many of its files were changed or removed.

    Data files that hold them must not be of its newest version any more. Readers and writers may be at work.

    Raises:
        OSError, deltalake.exceptions.DeltaError: it cannot be written. Run again, it goes on.
    """
    named = logs_that_name(folder, ids)
    if not named:
        return 0
    # First: what the older checkpoints hold is then read from this one.
    write_checkpoints(folder)
    newest = max(log_entries.checkpoints(folder), default=-1)
    kept = set(log_entries.checkpoints(folder).get(newest, []))
    entries = {Path(entry.path) for entry in log_entries.entries(folder).values()}
    for path in named:
        if path in entries:
            _clean_entry(path, ids)
        elif path not in kept and path.name != "_last_checkpoint":
            # Older checkpoints, and names that killed writers have left.
            path.unlink(missing_ok=True)
    sync_folder(folder / "_delta_log")
    return len(named)


def _names(path: Path, ids: Ids) -> bool:
    try:
        if path.suffix == ".json" or path.name == "_last_checkpoint":
            text = path.read_text("utf-8", errors="replace")
            return bool(ids.in_text(text) or ids.in_values(_texts_of(text)))
        return bool(found_in_file(path, ids))
    except UnreadableError:
        return True
    except Exception as error:
        if not is_foreign(error):
            raise
        return True


def _texts_of(text: str) -> list[str]:
    """The texts in the lines of an entry, those in the JSON of its statistics too."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(key)
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str):
            found.append(value)
            if value[:1] in ("{", "["):
                with suppress(ValueError, RecursionError):
                    walk(json.loads(value))

    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            walk(json.loads(line))
    return found


def _clean_entry(path: Path, ids: Ids) -> None:
    about = path.stat()
    actions = [json.loads(line) for line in path.read_bytes().split(b"\n") if line.strip()]
    info = next((action["commitInfo"] for action in actions if "commitInfo" in action), None)
    whole = isinstance(info, dict) and commit_info.DIGEST in info and commit_info.is_as_committed(info, actions)
    cleaned: list[Any] = [_cleaned(action, ids) for action in actions]
    if whole:
        changes = [commit_info.change_of(action) for action in cleaned if "commitInfo" not in action]
        for action in cleaned:
            if "commitInfo" in action:
                action["commitInfo"][commit_info.DIGEST] = commit_info.digest_of(changes)
    with whole_file(path) as file:
        file.write(b"".join(json.dumps(action, separators=(",", ":")).encode() + b"\n" for action in cleaned))
    # Maintenance goes by the age of an entry.
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _cleaned(value: Any, ids: Ids) -> Any:
    """JSON without ids: statistics that name one say the number of rows only, other texts have a word in its place."""
    if isinstance(value, dict):
        return {
            ids.replaced(key, GONE): _fewer(item, ids) if key == "stats" else _cleaned(item, ids)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(item, ids) for item in value]
    return ids.replaced(value, GONE) if isinstance(value, str) else value


def _fewer(statistics: Any, ids: Ids) -> Any:
    if not isinstance(statistics, str) or not (ids.in_text(statistics) or ids.in_values(_texts_of(statistics))):
        return statistics
    rows: Any = None
    with suppress(ValueError, RecursionError, AttributeError):
        rows = json.loads(statistics).get("numRecords")
    return json.dumps({"numRecords": rows} if isinstance(rows, int) else {})
