"""The state JSON of the published upload: which videos each tar is said to hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import read_regular

_MAX_BYTES: Final = 16 * 1024**2
"""The state of the whole release has 2 MB."""

_NAMES: Final = ("archive_upload_progress.json", "runtime_state/archive_upload_progress.json")


def listed_videos(sources: Sequence[Path]) -> dict[str, frozenset[str]]:
    """The videos that each tar should hold, by the tar's name; empty where no source has a state JSON.

    Raises:
        BadInputError: a state JSON cannot be read.
    """
    found: dict[str, frozenset[str]] = {}
    for path in (source / name for source in sources for name in _NAMES):
        if path.is_file():
            found.update(_read(path))
    return found


def _read(path: Path) -> dict[str, frozenset[str]]:
    try:
        archives = json.loads(read_regular(path, _MAX_BYTES))["archives"]
        listed = {name: archive["folders"] for name, archive in archives.items()}
        if not all(isinstance(folders, list) for folders in listed.values()):
            raise TypeError("folders that are not a list")
        if not all(isinstance(folder, str) for folders in listed.values() for folder in folders):
            raise TypeError("a folder that is not text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{path} is not a state JSON of the upload: {error}", "Correct or move it.") from None
    return {name: frozenset(folders) for name, folders in listed.items()}
