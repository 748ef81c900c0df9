"""Caption files beside a video: which they are, what they are called, and reading one as a track."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

from signverse.ingest.captions.formats.reader import ENDINGS
from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Track
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import id_in_name, normal_form
from signverse.lake.model.untrusted.regular_files import read_regular

_TAG: Final = re.compile("[A-Za-z0-9_-]{2,35}")
"""What may stand between the id and the ending. An underscore as yt-dlp leaves it: en-_0aB1cD2eF3."""


def is_caption_file(name: str) -> bool:
    """Whether a file's name ends as those of caption files do."""
    return name.lower().endswith(ENDINGS)


def tag_of(path: Path, video_id: str) -> str:
    """The part of a caption file's name between the video's id and the ending, or "".

    Args:
        video_id: the video's id, or its file's name without the ending.
    """
    stem = normal_form(path.stem)
    if stem.startswith(normal_form(video_id)):
        return stem[len(normal_form(video_id)) + 1 :]
    # `Title [ID].en`, or an id that begins with the names of folders.
    _, in_brackets, tag = stem.rpartition(f"[{normal_form(video_id)}]")
    return tag[1:] if in_brackets else stem.rpartition(".")[2] if "." in stem else ""


def caption_owner(name: str, video_ids: Container[str]) -> tuple[str, str] | None:
    """Which of several videos a caption file belongs to by its name, and the tag in it, or ""; None where to none.

    Where there are videos `a` and `a.en`, the file a.en.vtt is of `a`.
    """
    stem = Path(name).stem
    front, _, tag = stem.rpartition(".")
    for named, rest in ((front, tag), (stem, "")):
        video_id = id_in_name(named, video_ids) if named else ""
        if video_id in video_ids and (not rest or _TAG.fullmatch(rest)):
            return video_id, rest
    return None


def captions_beside(video: Path, video_id: str, files: Iterable[str]) -> list[Path]:
    """The caption files of a video in its folder: `{id}.{tag}.vtt` sorted by tag, then `{id}.vtt`.

    Before the tag stands the id, or what the video's file is called before its ending. Of several formats with one tag
    WebVTT comes first, as in ENDINGS.

    Args:
        files: names of the files in the video's folder.
    """
    # The ending in any case, the id in its own: YouTube has ids that differ in case only.
    endings = "|".join(map(re.escape, ENDINGS))
    names = "|".join(re.escape(normal_form(name)) for name in (video_id, video.stem))
    pattern = re.compile(rf"(?:{names})(?:\.({_TAG.pattern}))?((?i:{endings}))")
    found = [
        (match.group(1), match.group(2), name) for name in files if (match := pattern.fullmatch(normal_form(name)))
    ]
    # `en` before `en-eEY6OEpapPo`: sorted by tag, not by file name.
    found.sort(key=lambda item: (item[0] is None, item[0] or "", ENDINGS.index(item[1].lower()), item[2]))
    return [video.parent / name for _, _, name in found]


class CaptionFiles:
    """The caption files of folders, each listed once, for many videos."""

    def __init__(self) -> None:
        # By what stands before the first dot: looking through all files of a folder for each of its videos takes hours
        # where there are 40,000.
        self._names: dict[Path, dict[str, list[str]]] = {}

    def of(self, video: Path, video_id: str) -> tuple[Path, ...]:
        """The caption files beside a video; see `captions_beside`."""
        folder = video.parent
        if folder not in self._names:
            self._names[folder] = {}
            for file in folder.iterdir():
                if is_caption_file(file.name):
                    self._names[folder].setdefault(_to_first_dot(file.name), []).append(file.name)
        starts = {_to_first_dot(name) for name in (video_id, video.stem)}
        names = [name for start in sorted(starts) for name in self._names[folder].get(start, ())]
        return tuple(captions_beside(video, video_id, names))


def _to_first_dot(name: str) -> str:
    return normal_form(name).split(".", 1)[0]


def read_track(path: Path, video_id: str, *, sound_marks: bool = True) -> Track:
    """Reads a caption file beside a video; see track_names.py for what its name means.

    Args:
        sound_marks: whether to keep marks of sounds and speakers (see sound_marks.py).

    Raises:
        BadCaptionsError: it cannot be read, or holds no captions; names the file.
    """
    return track_from(read_file(path), str(path), tag_of(path, video_id), sound_marks=sound_marks)


def read_file(path: Path) -> bytes:
    """The bytes of a caption file.

    Raises:
        BadCaptionsError: it is too large, no ordinary file, or cannot be read; names the file.
    """
    try:
        return read_regular(path, MAX_BYTES)
    except BadInputError as error:
        raise BadCaptionsError(error.message) from None
