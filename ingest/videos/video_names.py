"""The ids of the videos of a folder, out of the names of their files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from signverse.ingest.manifest import Entry
from signverse.ingest.videos.options import IdFrom
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import bracketed_id, check_video_id, id_in_name, normal_form
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import counted, some

BETWEEN_FOLDERS: Final = "__"
"""Between the names of folders in an id of a path: day1/a.mp4 is day1__a."""

INFO: Final = ".info.json"
"""The ending of what yt-dlp writes about a video."""

_MAX_INFO: Final = 64 << 20


class VideoNames:
    """Turns paths into ids, and collects what is to be said of that.

    Args:
        source: the folder of videos, or one video.
        entries: what is known of videos, by id; the first that knows one counts.
        done: ids of videos in the lake.

    Attributes:
        of_folder: by folder, what the caption files of its videos may be called before their tag.
    """

    def __init__(
        self,
        source: Path,
        entries: Sequence[Mapping[str, Entry]],
        done: Collection[str],
        id_from: IdFrom,
    ) -> None:
        self._folder = source if source.is_dir() else source.parent
        self._entries = entries
        self._done = done
        self._with_folders = id_from == "path"
        self._bracketed: list[str] = []
        self._unclear: list[str] = []
        self.of_folder: dict[Path, set[str]] = {}

    def entry(self, video_id: str) -> Entry | None:
        """What is known of a video."""
        return next((entries[video_id] for entries in self._entries if video_id in entries), None)

    def id_of(self, path: Path) -> str:
        """The id of a video.

        Raises:
            BadInputError: its name cannot be an id.
        """
        inside = bracketed_id(path.stem)
        known = {inside} if inside and (self._is_known(inside) or inside == _id_of_info(path)) else set()
        whole = normal_form(path.stem)
        name = whole if self._is_known(whole) else id_in_name(path.stem, known)
        folders = path.relative_to(self._folder).parent.parts if self._with_folders else ()
        video_id = check_video_id(BETWEEN_FOLDERS.join((*folders, name)))
        if name != whole:
            self._bracketed.append(f"{path.name} is {video_id}")
        elif inside and _LIKE_AN_ID.fullmatch(inside):
            self._unclear.append(path.name)
        self.of_folder.setdefault(path.parent, set()).update((name, whole))
        return video_id

    def _is_known(self, video_id: str) -> bool:
        return video_id in self._done or self.entry(video_id) is not None

    def remarks(self) -> list[str]:
        """What was made of names that end in brackets, a line each."""
        lines = []
        if self._bracketed:
            count = counted(len(self._bracketed), "video")
            lines.append(f"{count} with the id in brackets, as yt-dlp names files: {some(self._bracketed)}")
        if self._unclear:
            count = counted(len(self._unclear), "name")
            lines.append(
                f"{count} with brackets that hold no known id, taken whole (a manifest that lists the ids decides): "
                f"{some(self._unclear)}"
            )
        return lines


_LIKE_AN_ID: Final = re.compile("[A-Za-z0-9_-]{6,}")


def info_path(video: Path) -> Path:
    """The path of the info JSON that yt-dlp writes beside a video."""
    return video.with_name(f"{video.stem}{INFO}")


def load_info(path: Path) -> dict[str, Any]:
    """The content of an info JSON; empty where it cannot be read."""
    try:
        info = json.loads(read_regular(path, _MAX_INFO))
    except (BadInputError, ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def _id_of_info(video: Path) -> str | None:
    """The id in the info JSON beside a video."""
    found = load_info(info_path(video)).get("id")
    return normal_form(found) if isinstance(found, str) else None
