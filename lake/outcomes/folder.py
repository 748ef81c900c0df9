"""A media folder as a reader sees it: finished videos, and unfinished downloads inside .signverse.

What writes there, and how its files are named, is in `ingest.acquire.media_folder`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.media.decode import SUFFIXES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import id_in_name

INSIDE: Final = ".signverse"
"""The folder inside a media folder that is not the user's."""

PARTIAL: Final = "partial"
"""In it the folder of unfinished downloads, each in one by its id."""


@dataclass(frozen=True)
class MediaSeen:
    """What a media folder holds.

    Attributes:
        finished: bytes of each finished video, by id.
        unfinished: bytes of each unfinished download, by id.
        free: bytes that are free on its disk.
    """

    finished: dict[str, int]
    unfinished: dict[str, int]
    free: int


def look_into(folder: Path) -> MediaSeen:
    """What a media folder holds.

    Raises:
        BadInputError: there is none, or it cannot be read.
    """
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}", "Name the folder of the media, or leave --media out.")
    try:
        finished = {video_id: size_of_file(path) for video_id, path in finished_files(folder).items()}
        return MediaSeen(finished, unfinished_bytes(folder), free_bytes(folder))
    except OSError as error:
        raise BadInputError(f"the folder {folder} cannot be read: {error.strerror}") from None


def finished_files(folder: Path) -> dict[str, Path]:
    """The finished videos of a media folder by id; empty where there is no folder."""
    videos: dict[str, Path] = {}
    # Of several files with one id the first by name, as in `ingest videos`.
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            videos.setdefault(id_in_name(path.stem), path)
    return videos


def unfinished_bytes(folder: Path) -> dict[str, int]:
    """The bytes of each unfinished download of a media folder, by id."""
    inside = folder / INSIDE / PARTIAL
    parts = sorted(inside.iterdir()) if inside.is_dir() else []
    return {part.name: sum(size_of_file(file) for file in part.glob("*") if file.is_file()) for part in parts}


def free_bytes(folder: Path) -> int:
    """Bytes that are free on a folder's disk."""
    return shutil.disk_usage(folder).free


def size_of_file(path: Path) -> int:
    """Bytes of a file; 0 where it is gone: a run may have moved it a moment ago."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
