"""The folder of what was read of lakes in object stores, and its bound."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import byte_size

FOLDER_VARIABLE: Final = "SIGNVERSE_CACHE"
SIZE_VARIABLE: Final = "SIGNVERSE_CACHE_SIZE"

_SIZE: Final = 20_000_000_000
"""Bytes that the folder may take, unless the environment says otherwise."""

_IN_USE_S: Final = 3600.0
"""What was fetched or read in the last hour stays: a process may be reading it."""


def cache_folder() -> Path:
    """Where what was read of lakes in stores is kept: SIGNVERSE_CACHE, or the user's folder for such things."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("signverse") / "lakes"


def _bound() -> int:
    given = os.environ.get(SIZE_VARIABLE)
    if not given:
        return _SIZE
    try:
        return byte_size(given)
    except BadInputError as error:
        raise BadInputError(f"the environment variable {SIZE_VARIABLE}: {error.message}", error.hint) from None


def make_room(used: Path) -> None:
    """Removes what was read longest ago while the folder takes more than its bound.

    Args:
        used: the folder of the lake that is being opened, of which only keypoints may go.
    """
    bound = _bound()
    found = [(path, state) for path in _files(cache_folder()) if (state := _state(path)) is not None]
    size = sum(state.st_blocks * 512 for _, state in found)
    if size <= bound:
        return
    old = time.time() - _IN_USE_S
    for path, state in sorted(found, key=lambda each: max(each[1].st_atime, each[1].st_ctime)):
        if size <= bound or max(state.st_atime, state.st_ctime) > old:
            break
        if used in path.parents and "keypoints" not in path.relative_to(used).parts[:1]:
            continue
        path.unlink(missing_ok=True)
        size -= state.st_blocks * 512
    for folder in cache_folder().iterdir():
        # Of a lake that has lost some of its log nothing is left: the next opening copies it again.
        if folder != used and folder.is_dir() and not any((folder / "videos" / "_delta_log").glob("*")):
            shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        for name in names:
            yield Path(above) / name


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
