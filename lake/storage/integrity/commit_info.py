"""What an entry of a log says of itself: how many actions it has, and a digest of what it changes.

A line that is missing, or a changed bit in a name or a word, leaves JSON that can be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from deltalake import CommitProperties

ACTIONS: Final = "signverse.actions"
"""In the commitInfo of an entry: how many actions follow, so that lines which are missing at its end are noticed."""

DIGEST: Final = "signverse.digest"
"""In the commitInfo of an entry: `digest_of` what it changes."""

Change = tuple[str, str, int, Mapping[str, Any], str | None]
"""add or remove; path inside the table's folder; bytes; values of the partition; statistics of an added file, JSON."""


def digest_of(changes: Iterable[Change]) -> str:
    """The digest of changes, in any order: half of a SHA-256, in hexadecimal."""
    lines = (
        json.dumps([kind, path, size, sorted(values.items()), json.loads(stats or "null")], sort_keys=True)
        for kind, path, size, values, stats in changes
    )
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def properties(actions: int, retries: int, changes: Iterable[Change] = ()) -> CommitProperties:
    """How an entry is written: with what it says of itself, and so many tries where others commit too.

    Args:
        actions: how many it has.
        changes: all of them, where it adds and removes files and does nothing else.
    """
    changes = list(changes)
    said = {ACTIONS: str(actions)} | ({DIGEST: digest_of(changes)} if changes else {})
    return CommitProperties(custom_metadata=said, max_commit_retries=retries)


def is_as_committed(info: Mapping[str, Any], actions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an entry changes what was committed, as far as its commitInfo says that."""
    promised = info.get(DIGEST)
    if promised is None:
        return True
    try:
        return bool(promised == digest_of(change_of(action) for action in actions if "commitInfo" not in action))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return False


def change_of(action: Mapping[str, Any]) -> Change:
    (kind,) = action
    if kind not in ("add", "remove"):
        raise KeyError(kind)
    change = action[kind]
    # A path in a log is written as in a URL.
    return kind, unquote(change["path"]), change["size"], change.get("partitionValues") or {}, change.get("stats")
