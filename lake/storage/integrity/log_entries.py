"""The entries of a transaction log, and what is wrong with them.

The Delta library takes an empty entry for one that changes nothing, and does not miss an entry that a checkpoint
covers, nor one that nothing comes after: what such an entry added would be gone in silence.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.wording import as_argument
from signverse.lake.storage.integrity import log_records
from signverse.lake.storage.integrity.commit_info import ACTIONS, is_as_committed
from signverse.lake.storage.integrity.digests import CHANGED
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as

_KINDS: Final = {
    *("commitInfo", "add", "remove", "metaData", "protocol"),
    *("txn", "domainMetadata", "cdc", "checkpointMetadata", "sidecar"),
}
"""The actions of Delta; the library overlooks others."""

_ENTRY: Final = re.compile(r"\d{20}\.json")
_CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint(\..+)?\.parquet")

NOT_A_FILE: Final = "is not a file"

_LATEST: Final = 3
"""Entries that are read at every opening; of the others only the size is looked at."""

_KEPT_S: Final = 29 * 86_400.0
"""Delta drops entries that are older than 30 days and covered by a checkpoint."""

_COARSE_S: Final = 10.0

_MAGIC: Final = b"PAR1"


LogState = tuple[tuple[str | int, ...], ...]
"""The names of a log's files and records, with what tells whether they were written to; empty where there is no log."""

_whole: Final[dict[Path, LogState]] = {}
"""By table, what its log was when this process last looked and found nothing wrong."""


class BadEntryError(Exception):
    """An entry of a log does not say what was written."""


class ChangedEntryError(BadEntryError):
    """An entry can be read and names other files than it did: which of them is not known."""

    def __init__(self) -> None:
        super().__init__("is damaged: its actions are not those that were committed")


@dataclass(frozen=True)
class LogProblem:
    """Something wrong with a log.

    Attributes:
        versions: the entries that it is about, first and last; None where it is about a checkpoint.
        path: the file that is damaged or missing.
        what: such as "is empty".
    """

    versions: tuple[int, int] | None
    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


def entry_path(folder: Path, version: int) -> Path:
    """The entry of a version of a table."""
    return folder / "_delta_log" / f"{version:020}.json"


def entries(folder: Path) -> dict[int, os.DirEntry[str]]:
    """The entries of a table's log by version, in order; none where there is no log."""
    try:
        found = [entry for entry in os.scandir(folder / "_delta_log") if _ENTRY.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {int(entry.name[:20]): entry for entry in sorted(found, key=lambda entry: entry.name)}


def checkpoints(folder: Path) -> dict[int, list[Path]]:
    """The checkpoint files of a table's log by version, in order; one of several parts has several files."""
    found: dict[int, list[Path]] = {}
    try:
        names = sorted(entry.name for entry in os.scandir(folder / "_delta_log"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for name in names:
        parts = _CHECKPOINT.fullmatch(name)
        if parts:
            found.setdefault(int(parts[1]), []).append(folder / "_delta_log" / name)
    return found


def read_entry(path: Path) -> list[dict[str, Any]]:
    """The actions of an entry, commitInfo among them.

    Raises:
        BadEntryError: it is empty, cut or not readable; the message continues a sentence that begins with its name.
        FileNotFoundError: it is gone.
    """
    if not path.is_file() and path.exists():
        # Reading a pipe would wait for ever.
        raise BadEntryError(NOT_A_FILE)
    text = path.read_bytes()
    if not text.strip():
        raise BadEntryError("is empty, as a power cut leaves it" if not text else "holds nothing but blanks")
    if not text.strip(b"\0"):
        raise BadEntryError("holds nothing but zeros, as a power cut leaves it")
    try:
        actions = [json.loads(line) for line in text.split(b"\n") if line.strip()]
    except (ValueError, RecursionError):
        raise BadEntryError("is cut or damaged") from None
    if not all(isinstance(action, dict) and len(action) == 1 for action in actions):
        raise BadEntryError("is damaged: its lines are not actions")
    if not {name for action in actions for name in action} <= _KINDS:
        raise ChangedEntryError
    info = next((action["commitInfo"] for action in actions if "commitInfo" in action), None)
    others = sum("commitInfo" not in action for action in actions)
    if isinstance(info, dict) and str(info.get(ACTIONS, "")).isdecimal():
        if others != int(info[ACTIONS]):
            raise BadEntryError(f"is cut: it holds {others} of {info[ACTIONS]} actions")
        if not is_as_committed(info, actions):
            raise ChangedEntryError
    elif not others and not str((info or {}).get("operation", "")).startswith("VACUUM"):
        raise BadEntryError("is cut: it changes nothing")
    if path.name == entry_path(path, 0).name and not makes_a_table(actions):
        raise BadEntryError("is cut: it does not make a table")
    return actions


def makes_a_table(actions: list[dict[str, Any]]) -> bool:
    """Whether the actions of an entry say what columns the table has; without them it cannot be opened."""
    return {"protocol", "metaData"} <= {name for action in actions for name in action}


CHANGES: Final = ("add", "remove")
"""The actions that name a data file."""


def names_in(actions: Iterable[dict[str, Any]], kinds: Collection[str] = CHANGES) -> set[str]:
    """The data files, paths inside the table's folder, that actions of these kinds name."""
    changes = [action[kind] for action in actions for kind in kinds if action.get(kind)]
    # A path in a log is written as in a URL.
    return {unquote(change["path"]) for change in changes if isinstance(change, dict) and change.get("path")}


def names_in_checkpoint(path: Path, kinds: Collection[str] = CHANGES) -> set[str]:
    """The same of a checkpoint; none where it cannot be read."""
    import pyarrow.parquet as pq

    if not path.is_file():
        return set()
    try:
        with foreign_errors_as(damaged(str(path))):
            return names_in(pq.read_table(path, columns=[f"{kind}.path" for kind in kinds]).to_pylist(), kinds)
    except DamagedLakeError:
        return set()


def is_made(folder: Path) -> bool:
    """Whether a folder is a table: its log has a checkpoint, a later entry, or the whole entry that makes one.

    A making that was broken off leaves a folder, or an entry 0 of no or of half length.
    """
    if any(version > 0 for version in entries(folder)) or checkpoints(folder):
        return True
    try:
        read_entry(entry_path(folder, 0))
    except (BadEntryError, OSError):
        return False
    return True


def had_log(folder: Path) -> bool:
    """Whether a table has a log, or is known to have had one."""
    return (folder / "_delta_log").is_dir() or log_records.recorded_version(folder) >= 0


def problems(folder: Path, *, thorough: bool = False) -> Iterator[LogProblem]:
    """What is wrong with the log of a table that exists.

    Args:
        thorough: read every entry and checkpoint, not the latest entries only.
    """
    # First: what is committed meanwhile is in the log and not yet recorded.
    recorded = log_records.recorded_version(folder)
    found = entries(folder)
    covered = checkpoints(folder)
    yield from _missing(folder, found, max(covered, default=-1))
    if found or covered:
        yield from _missing_end(folder, max([*found, *covered]), recorded)
    latest = list(found)[-_LATEST:]
    read: dict[str, int] = {}
    for version, entry in found.items():
        try:
            if thorough or version in latest or not entry.is_file():
                first = read.setdefault(repr(read_entry(Path(entry.path))), version)
                if first != version:
                    # Names are never given twice, nor is the time the same.
                    raise BadEntryError(f"is a copy of entry {first}, or that of it")
            elif not entry.stat().st_size:
                raise BadEntryError("is empty, as a power cut leaves it")
        except BadEntryError as error:
            yield LogProblem((version, version), Path(entry.path), str(error))
        except FileNotFoundError:
            # Its time was over, and another process dropped it.
            continue
    for paths in covered.values() if thorough else list(covered.values())[-1:]:
        for path in paths:
            if not _is_parquet(path, thorough=thorough):
                yield LogProblem(None, path, "is damaged: it is not a whole checkpoint")
            elif not log_records.is_checkpoint_as_recorded(folder, path):
                yield LogProblem(None, path, CHANGED)
    hint = folder / "_delta_log" / "_last_checkpoint"
    if hint.exists() and not hint.is_file():
        yield LogProblem(None, hint, NOT_A_FILE)
        return
    try:
        named = json.loads(hint.read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # The library reads the folder where it cannot read this.
        return
    if named not in checkpoints(folder):
        yield LogProblem(None, hint, f"names checkpoint {named}, which is missing")


def refuse_pipes(folder: Path) -> None:
    """Refuses a log whose checkpoint, or the file that names it, is not a file: the library would wait for a pipe.

    Raises:
        DamagedLakeError: one is.
    """
    try:
        found = [entry for entry in os.scandir(folder / "_delta_log") if not entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        if entry.name == "_last_checkpoint" or _CHECKPOINT.fullmatch(entry.name):
            raise damaged_log(folder, LogProblem(None, Path(entry.path), NOT_A_FILE))


def log_state(folder: Path) -> LogState:
    """What the log of a table and its records are now: while it is the same, nothing was written to them."""
    try:
        found = sorted((entry.name, entry.stat()) for entry in os.scandir(folder / "_delta_log"))
    except OSError:
        return ()
    files = ((name, at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns) for name, at in found)
    return (*files, tuple(sorted(log_records.names(folder))))


def check(folder: Path, *, thorough: bool = False) -> None:
    """Looks for entries of a table's log that are empty, cut or missing; in a log that stays the same, once a process.

    Args:
        thorough: read every entry and checkpoint.

    Raises:
        DamagedLakeError: there is one. What it added is not in the table.
    """
    state = log_state(folder)
    if not thorough and state and _whole.get(folder) == state:
        return
    for problem in problems(folder, thorough=thorough):
        raise damaged_log(folder, problem)
    _whole[folder] = state


def check_end(folder: Path) -> None:
    """Looks whether a table still has the newest version that was recorded: a commit would take the number of another.

    Raises:
        DamagedLakeError: it has not.
    """
    recorded = log_records.recorded_version(folder)
    for problem in _missing_end(folder, newest_version(folder), recorded):
        raise damaged_log(folder, problem)


def newest_version(folder: Path) -> int:
    """The newest version of a table by the names in its log, cheap enough to be called often; -1 where it has none."""
    return max([*entries(folder), *checkpoints(folder)], default=-1)


def damaged_log(folder: Path, problem: LogProblem) -> DamagedLakeError:
    """The error for something wrong with the log of a table."""
    lake = as_argument(folder.parent)
    return DamagedLakeError(
        f"the log of table '{folder.name}' is damaged: {problem}",
        f"Nothing was changed. See what is lost: signverse verify {lake}; mend it: signverse repair {lake}",
    )


def named(folder: Path, names: Collection[str]) -> set[str]:
    """Those of some data files that still lie in a table's folder which an entry of its log names.

    Args:
        names: paths inside the table's folder, each with a part that no other has.
    """
    ends = {name.rsplit("/", 1)[-1]: name for name in names}
    made = min(((folder / name).stat().st_mtime for name in names if (folder / name).exists()), default=0.0)
    found: set[str] = set()
    for entry in reversed(entries(folder).values()):
        # The same clock stamped both, and an entry is younger than what it names. Of some file systems it is coarse.
        if entry.stat().st_mtime < made - _COARSE_S:
            break
        text = Path(entry.path).read_text("utf-8", errors="replace")
        found |= {name for end, name in ends.items() if end in text}
    return found


def _missing(folder: Path, found: dict[int, os.DirEntry[str]], checkpoint: int) -> Iterator[LogProblem]:
    """Gaps between entries; before the first one where no checkpoint covers it; and after the last one."""
    if not found:
        if checkpoint < 0:
            yield LogProblem((0, 0), entry_path(folder, 0), "is missing")
        return
    edges = list(found)
    if edges[0] > checkpoint + 1:
        edges.insert(0, -1)
    if edges[-1] < checkpoint:
        edges.append(checkpoint + 1)
    for before, after in pairwise(edges):
        if after == before + 1 or (after <= checkpoint and _is_past_its_time(found, before)):
            continue
        first, last = before + 1, after - 1
        what = "is missing" if first == last else f"is missing, and so is every entry up to {last}"
        yield LogProblem((first, last), entry_path(folder, first), what)


def _missing_end(folder: Path, newest: int, recorded: int) -> Iterator[LogProblem]:
    """The entries that were written after the newest that there is. The whole log may be gone."""
    path = entry_path(folder, recorded)
    # On a shared file system a listing may be some seconds old.
    if newest < recorded and not path.exists():
        first = newest + 1
        yield LogProblem(
            (first, recorded),
            path,
            "is missing" if first == recorded else f"is missing, and so is every entry from {first}",
        )


def _is_past_its_time(found: dict[int, os.DirEntry[str]], version: int) -> bool:
    """Whether entries of this age are dropped, in any order, once a checkpoint covers them."""
    try:
        newest = next(reversed(found.values())).stat().st_mtime
        return version in found and found[version].stat().st_mtime < newest - _KEPT_S
    except FileNotFoundError:
        return True


def _is_parquet(path: Path, *, thorough: bool) -> bool:
    if path.exists() and not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(4)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4))
            if size < 12 or head != _MAGIC or file.read(4) != _MAGIC:
                return False
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if not thorough:
        return True
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    return True
