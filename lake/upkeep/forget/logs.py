"""Transaction logs without the ids of forgotten videos.

Entries keep their numbers and what they add and remove, so that a version keeps its time and writers go on. What names
an id in them is the statistics, the smallest and the largest id of a file; and what other tools wrote of a commit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.lake.storage.integrity import commit_info, log_entries
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.storage.integrity.foreign_errors import is_foreign
from signverse.lake.storage.integrity.sync import sync_folder
from signverse.lake.storage.temporary.whole_file import whole_file
from signverse.lake.upkeep.forget.needles import Ids

_OF_A_COMMIT: Final = {"timestamp", "operation", "mode", "partitionBy", "engineInfo", "clientVersion", "isolationLevel"}
"""What every commit says of itself: none of it names a video, though a video may be called Append."""

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
        if path.suffix == ".json":
            return any(_cleaned(action, ids) != action for action in _actions(path))
        if path.suffix == ".parquet":
            return any(_fewer(each, ids) != each for each in _statistics(path))
        # What a killed writer has left: an entry under another name, or a part of one.
        text = path.read_text("utf-8", errors="replace")
        return bool(ids.in_text(text)) or any(f'"{each}"' in text.replace("\\", "") for each in ids.video_ids)
    except Exception as error:
        if not is_foreign(error):
            raise
        return True


def _statistics(checkpoint: Path) -> Iterator[str]:
    """The statistics of the files in a checkpoint."""
    table = pq.read_table(checkpoint)
    for name in ("add", "remove"):
        kind = table.schema.field(name).type if name in table.column_names else None
        if kind is not None and pa.types.is_struct(kind) and kind.get_field_index("stats") >= 0:
            yield from filter(None, pc.struct_field(table.column(name), "stats").to_pylist())


def _actions(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line.strip()]


def _clean_entry(path: Path, ids: Ids) -> None:
    about = path.stat()
    actions = _actions(path)
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


def _cleaned(action: Any, ids: Ids) -> Any:
    """An action without ids. Only what has no meaning for a reader is changed, whatever an id looks like."""
    if not isinstance(action, dict):
        return action
    made = dict(action)
    for kind, about in action.items():
        if kind in ("add", "remove") and isinstance(about, dict):
            said = {"stats": _fewer(about["stats"], ids)} if "stats" in about else {}
            tags = {"tags": _without_ids(about["tags"], ids)} if about.get("tags") else {}
            made[kind] = {**about, **said, **tags}
        elif kind == "commitInfo" and isinstance(about, dict):
            made[kind] = {
                key: item if key in _OF_A_COMMIT or key.startswith("signverse.") else _without_ids(item, ids)
                for key, item in about.items()
            }
    return made


def _without_ids(value: Any, ids: Ids) -> Any:
    """What a tool wrote of a commit, such as the condition of a deletion, with a word in the place of ids."""
    if isinstance(value, dict):
        return {key: item if key in _OF_A_COMMIT else _without_ids(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_ids(item, ids) for item in value]
    return ids.replaced_where_ids_stand(value, GONE) if isinstance(value, str) else value


def _fewer(statistics: Any, ids: Ids) -> Any:
    """Statistics of a file: the number of its rows alone, where its smallest or largest values name a video."""
    try:
        found = json.loads(statistics)
        values = [found.get("minValues"), found.get("maxValues")]
    except (ValueError, TypeError, RecursionError, AttributeError):
        return statistics
    if not ids.in_values(_texts_in(values)):
        return statistics
    rows = found.get("numRecords")
    return json.dumps({"numRecords": rows} if isinstance(rows, int) else {})


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts_in(item)]
    return [value] if isinstance(value, str) else []
