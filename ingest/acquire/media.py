"""The media folder: finished videos with their captions, and what is being fetched.

DIR/ID.mp4, DIR/ID.en.vtt, DIR/ID.info.json    a finished video; `ingest videos DIR` takes the folder as it is
DIR/.signverse/fetched/ID                      names the files of a video that we put there: only they are ever removed
DIR/.signverse/partial/ID/                     what there is of an unfinished one, to go on from
DIR/.signverse/leases/ID, runs/, journal/      who is at work here (see runs.py)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from signverse.ingest.captions.files_beside import captions_beside, file_name, is_caption_file
from signverse.ingest.extract.decode import SUFFIXES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id

INSIDE: Final = ".signverse"
_INFO: Final = ".info.json"
_MAX_INFO: Final = 64 << 20

ABOUT: Final = ("title", "channel", "channel_id", "webpage_url", "duration", "language", "extractor", "upload_date")
"""What is kept of what a site tells, in yt-dlp's own words."""


@dataclass(frozen=True)
class Fetched:
    """A finished video of the media folder.

    Attributes:
        path: the video.
        captions: its caption files.
    """

    path: Path
    captions: tuple[Path, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the video; 0 where it is gone."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def info(self) -> dict[str, Any]:
        """What the site told; see ABOUT."""
        return read_info(info_beside(self.path))

    @property
    def ours(self) -> bool:
        """Whether it was fetched, and not put into the folder by somebody."""
        return self.path.name in _put_there(_mark(self.path))

    def remove(self) -> None:
        """Removes the video, then what came with it: the lake has them. What is somebody's own stays."""
        mark = _mark(self.path)
        names = _put_there(mark)
        if self.path.name in names:
            for name in (self.path.name, *names):
                self.path.with_name(name).unlink(missing_ok=True)
            mark.unlink(missing_ok=True)


class Media:
    """A media folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.partial_folder = folder / INSIDE / "partial"

    @classmethod
    def make(cls, folder: Path) -> Media:
        """The media folder at a path, made where there is none.

        Raises:
            BadInputError: it cannot be one.
        """
        check_folder(folder)
        try:
            for inside in ("partial", "fetched"):
                (folder / INSIDE / inside).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"no media can be written to {folder}: {error.strerror}") from None
        return cls(folder)

    def fetched(self) -> dict[str, Fetched]:
        """The finished videos by id."""
        videos: dict[str, Path] = {}
        captions: dict[str, list[str]] = {}
        # By name, and the first one of an id: as `ingest videos` does.
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
                videos.setdefault(path.stem, path)
            elif is_caption_file(path.name):
                captions.setdefault(path.name.split(".", 1)[0], []).append(path.name)
        return {
            video_id: Fetched(path, tuple(_own(path, video_id, videos, captions.get(video_id.split(".", 1)[0], []))))
            for video_id, path in videos.items()
        }

    def find(self, video_id: str) -> Fetched | None:
        """A finished video, looked for by its name alone; its captions are found as `fetched` finds them."""
        if any((self.folder / f"{video_id}{ending}").exists() for ending in SUFFIXES):
            return self.fetched().get(video_id)
        return None

    def partial(self, video_id: str) -> Path:
        """The folder of what there is of an unfinished video; made where there is none."""
        folder = self.partial_folder / check_video_id(video_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_partial(self, video_id: str) -> None:
        """Removes what there is of an unfinished video."""
        shutil.rmtree(self.partial_folder / check_video_id(video_id), ignore_errors=True)

    def partials(self) -> dict[str, int]:
        """The videos that were begun and not finished, by id, with the bytes that there are of each."""
        folders = sorted(self.partial_folder.iterdir()) if self.partial_folder.is_dir() else []
        return {path.name: sum(file.stat().st_size for file in path.glob("*") if file.is_file()) for path in folders}

    def publish(self, video_id: str, video: Path, captions: Mapping[str, Path], info: Mapping[str, Any]) -> Fetched:
        """Moves a finished video and its captions to where they are seen, the video last.

        Captions that somebody has put there under the same name stay, and are the video's.

        Args:
            video: in the partial folder, which is removed.
            captions: by the tag of their file names.
        """
        check_video_id(video_id)
        # An ending that nobody looks for would hide it; what reads it goes by its content.
        ending = video.suffix.lower() if video.suffix.lower() in SUFFIXES else ".mkv"
        target = self.folder / f"{video_id}{ending}"
        # Of another name than the video: who is killed here finds one video to go on from.
        note = video.parent / "told.json"
        note.write_text(json.dumps({"id": video_id, **about(info)}, indent=1), "utf-8")
        tracks = {path: self.folder / file_name(video_id, tag) for tag, path in captions.items()}
        names = _put_there(_mark(target))
        moves = {
            path: there
            for path, there in (*tracks.items(), (note, info_beside(target)))
            if there.name in names or not there.exists()
        }
        names |= {there.name for there in moves.values()} | {target.name}
        _mark(target).write_text("".join(f"{name}\n" for name in sorted(names)), "utf-8")
        for path, there in moves.items():
            path.replace(there)
        video.replace(target)
        self.drop_partial(video_id)
        return Fetched(target, tuple(tracks.values()))

    @property
    def free(self) -> int:
        """Bytes that are free on the folder's disk."""
        return shutil.disk_usage(self.folder).free


def check_folder(folder: Path) -> None:
    """Raises BadInputError where a path cannot be a media folder."""
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file", "Name a folder for the media.")


def _own(video: Path, video_id: str, ids: Collection[str], files: Iterable[str]) -> list[Path]:
    """The caption files of a video, but for those that another one has under a tag: a.en.vtt is not a.en's beside a."""
    own = captions_beside(video, video_id, files)
    return own if video_id.rpartition(".")[0] not in ids else [path for path in own if path.stem != video_id]


def about(info: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of what a site told."""
    kept = {key: info[key] for key in ABOUT if isinstance(info.get(key), str | int | float)}
    return {key: _plain(value) if isinstance(value, str) else value for key, value in kept.items()}


def _plain(text: str) -> str:
    """A site's words on one line, without what moves a terminal's cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _mark(video: Path) -> Path:
    return video.parent / INSIDE / "fetched" / video.stem


def _put_there(mark: Path) -> set[str]:
    """Names of the files of a video that were fetched; none where somebody else put it there."""
    try:
        names = {Path(line).name for line in mark.read_text("utf-8", errors="replace").split("\n")}
    except OSError:
        return set()
    return {name for name in names if name.startswith(f"{mark.name}.")}


def info_beside(video: Path) -> Path:
    """Where what a site told of a video lies."""
    return video.with_name(f"{video.stem}{_INFO}")


def read_info(path: Path) -> dict[str, Any]:
    """What a site told of a video, by yt-dlp's info JSON beside it; nothing where there is none that can be read."""
    try:
        # A pipe would keep whoever reads it waiting.
        if not path.is_file() or path.stat().st_size > _MAX_INFO:
            return {}
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return about(told)
