"""The videos of a folder by id. A request names an id of the lake, never a path."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import id_in_name

TYPES: Final = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}
"""What browsers play, with its media type; the first where a video is there in several formats."""


def videos_in(folder: Path, known: Container[str]) -> dict[str, Path]:
    """The videos of a folder and of the folders in it by their ids, which are found in names as `ingest videos` does.

    Args:
        known: the ids of the lake; other videos are left out.

    Raises:
        BadInputError: there is no such folder.
    """
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}", "Name the folder of the videos: --media DIR.")
    order = list(TYPES)
    found: dict[str, Path] = {}
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(where) / name
            ending = path.suffix.lower()
            if ending not in TYPES or not path.is_file():
                continue
            video_id = id_in_name(path.stem, known)
            other = found.get(video_id)
            if video_id in known and (other is None or order.index(ending) < order.index(other.suffix.lower())):
                found[video_id] = path
    return found
