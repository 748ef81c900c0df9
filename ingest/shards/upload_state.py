"""The state JSON of the published upload: which videos each tar is said to hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import read_regular

MAX_STATE_BYTES: Final = 16 * 1024**2
"""The state of the whole release has 2 MB."""

STATE_NAMES: Final = ("archive_upload_progress.json", "runtime_state/archive_upload_progress.json")


def listed_videos(sources: Sequence[Path]) -> dict[str, frozenset[str]]:
    """The videos that each tar should hold, by the tar's name; empty where no source has a state JSON.

    Raises:
        BadInputError: a state JSON cannot be read.
    """
    found: dict[str, frozenset[str]] = {}
    for path in (source / name for source in sources for name in STATE_NAMES):
        if path.is_file():
            found.update(read_state(path))
    return found


def read_state(path: Path) -> dict[str, frozenset[str]]:
    """The videos that each tar should hold, by the tar's name.

    Raises:
        BadInputError: it is not a state JSON.
    """
    return videos_listed(read_regular(path, MAX_STATE_BYTES), str(path))


def videos_listed(data: bytes, name: str) -> dict[str, frozenset[str]]:
    """The videos that each tar should hold, by the tar's name.

    Args:
        data: of a state JSON.
        name: what messages call it.

    Raises:
        BadInputError: it is not a state JSON.
    """
    try:
        archives = json.loads(data)["archives"]
        listed = {tar: archive["folders"] for tar, archive in archives.items()}
        if not all(isinstance(folders, list) for folders in listed.values()):
            raise TypeError("folders that are not a list")
        if not all(isinstance(folder, str) for folders in listed.values() for folder in folders):
            raise TypeError("a folder that is not text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{name} is not a state JSON of the upload: {error}", "Correct or move it.") from None
    return {tar: frozenset(folders) for tar, folders in listed.items()}
