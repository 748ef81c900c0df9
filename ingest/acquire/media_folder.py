"""The media folder: finished videos with their captions, and unfinished downloads.

DIR/ID.mp4, DIR/ID.en.vtt, DIR/ID.info.json    a finished video; `ingest videos DIR` takes the folder as it is
DIR/.signverse/fetched/ID                      names the files that a download put there: only they are ever removed
DIR/.signverse/partial/ID/                     the files of an unfinished download, to go on from
DIR/.signverse/leases/ID, runs/, journal/      the runs that share the folder (see leases.py)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.videos.video_names import info_path, load_info
from signverse.lake.media.decode import SUFFIXES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id, id_in_name, normal_form
from signverse.lake.outcomes.folder import INSIDE, PARTIAL, finished_files, free_bytes, size_of_file, unfinished_bytes
from signverse.lake.storage.temporary.whole_file import write_whole

KEPT_INFO: Final = ("title", "channel", "channel_id", "webpage_url", "duration", "language", "extractor", "upload_date")
"""What is kept of what a site says of a video, under yt-dlp's names."""

_ADDRESS: Final = "webpage_url"

MAX_TEXT: Final = 1000
"""Characters of a title, or of another text of a site's. YouTube's titles end at 100."""

MAX_URL: Final = 8000
"""Characters of an address."""

_MAX_NUMBER: Final = 1e12


@dataclass(frozen=True)
class FinishedVideo:
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
        return size_of_file(self.path)

    @property
    def info(self) -> dict[str, Any]:
        """What the site says of it; see KEPT_INFO."""
        return read_info(info_path(self.path))

    @property
    def was_downloaded(self) -> bool:
        """Whether a download put it there, and not the user."""
        return self.path.name in _downloaded_files(_marker(self.path))

    def remove(self) -> None:
        """Removes a downloaded video, then the files that came with it. The user's own files stay."""
        marker = _marker(self.path)
        names = _downloaded_files(marker)
        if self.path.name in names:
            for name in (self.path.name, *names):
                self.path.with_name(name).unlink(missing_ok=True)
            marker.unlink(missing_ok=True)


class MediaFolder:
    """A media folder."""

    def __init__(self, folder: Path) -> None:
        # yt-dlp names the files that it wrote by absolute paths, which are compared with those made of this one.
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100 (Path.absolute keeps ..)
        self.partial_folder = self.folder / INSIDE / PARTIAL
        self._listed: tuple[int, frozenset[str]] = (0, frozenset())

    @classmethod
    def create(cls, folder: Path) -> MediaFolder:
        """The media folder at a path, created where there is none.

        Raises:
            BadInputError: it cannot be created or written to.
        """
        check_folder(folder)
        try:
            for inside in (PARTIAL, "fetched"):
                (folder / INSIDE / inside).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"no media can be written to {folder}: {error.strerror}") from None
        return cls(folder)

    def finished(self) -> dict[str, FinishedVideo]:
        """The finished videos by id."""
        videos = finished_files(self.folder)
        captions = CaptionFiles()
        return {
            video_id: FinishedVideo(path, tuple(_captions_of(video_id, videos, captions.of(path, video_id))))
            for video_id, path in videos.items()
        }

    def find(self, video_id: str) -> FinishedVideo | None:
        """A finished video, None where there is none. Costs little then: only the possible names are looked up."""
        if (
            any((self.folder / f"{video_id}{ending}").exists() for ending in SUFFIXES)
            or video_id in self._other_names()
        ):
            return self.finished().get(video_id)
        return None

    def _other_names(self) -> frozenset[str]:
        """Ids whose files are not called by them: `Title [ID].mp4`, and names in another of Unicode's forms."""
        changed = self.folder.stat().st_mtime_ns if self.folder.is_dir() else 0
        if changed != self._listed[0]:
            names = [Path(name).stem for name in os.listdir(self.folder)] if changed else []  # noqa: PTH208
            self._listed = changed, frozenset(found for name in names if (found := id_in_name(name)) != name)
        return self._listed[1]

    def partial(self, video_id: str) -> Path:
        """The folder of an unfinished download, created where there is none."""
        folder = self.partial_folder / check_video_id(video_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_partial(self, video_id: str) -> None:
        """Removes an unfinished download."""
        shutil.rmtree(self.partial_folder / check_video_id(video_id), ignore_errors=True)

    def partials(self) -> dict[str, int]:
        """The bytes of each unfinished download, by id."""
        return unfinished_bytes(self.folder)

    def publish(
        self, video_id: str, video: Path, captions: Mapping[str, Path], info: Mapping[str, Any]
    ) -> FinishedVideo:
        """Moves a finished download out of its partial folder, the video last.

        Captions that the user has put there under the same name stay, and belong to the video.

        Args:
            video: in the partial folder, which is removed.
            captions: by what follows the id in their names, such as en.vtt.
            info: what the site says of it.
        """
        check_video_id(video_id)
        # With an unknown ending the video would not be found; decoders go by its content.
        ending = video.suffix.lower() if video.suffix.lower() in SUFFIXES else ".mkv"
        target = self.folder / f"{video_id}{ending}"
        # Not named as the video: after a kill here the partial folder holds one video to go on from.
        info_file = video.parent / "info.json"
        write_whole(info_file, json.dumps({"id": video_id, **kept_info(info)}, indent=1).encode())
        tracks = {path: self.folder / f"{video_id}.{name}" for name, path in captions.items()}
        names = _downloaded_files(_marker(target))
        moves = {
            path: target_path
            for path, target_path in (*tracks.items(), (info_file, info_path(target)))
            if target_path.name in names or not target_path.exists()
        }
        names |= {target_path.name for target_path in moves.values()} | {target.name}
        write_whole(_marker(target), "".join(f"{name}\n" for name in sorted(names)).encode("utf-8"))
        for path, target_path in moves.items():
            path.replace(target_path)
        video.replace(target)
        self.drop_partial(video_id)
        return FinishedVideo(target, tuple(tracks.values()))

    @property
    def free(self) -> int:
        """Bytes that are free on the folder's disk."""
        return free_bytes(self.folder)


def check_folder(folder: Path) -> None:
    """Raises BadInputError where a path cannot be a media folder."""
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file", "Name a folder for the media.")


def _captions_of(video_id: str, ids: Collection[str], own: Iterable[Path]) -> list[Path]:
    """The caption files of a video, without those of another one: beside a video `a`, a.en.vtt is not of `a.en`."""
    return [path for path in own if video_id.rpartition(".")[0] not in ids or normal_form(path.stem) != video_id]


def kept_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """The part of yt-dlp's info that is kept, see KEPT_INFO; texts up to MAX_TEXT, and addresses up to MAX_URL."""
    kept: dict[str, Any] = {}
    for key in KEPT_INFO:
        value = info.get(key)
        if isinstance(value, str):
            text = _plain(value)
            # A part of an address leads elsewhere.
            if key != _ADDRESS or len(text) <= MAX_URL:
                kept[key] = text if key == _ADDRESS else text[:MAX_TEXT].rstrip()
        elif isinstance(value, int | float) and abs(value) < _MAX_NUMBER:
            kept[key] = value
    return kept


def shortened_info(info: Mapping[str, Any]) -> list[str]:
    """What `kept_info` cuts or leaves out for its length, such as "title: 1,000 of 2,000,000 characters kept"."""
    kept = kept_info(info)
    return [
        f"{key}: {len(kept.get(key, '')):,} of {len(text):,} characters kept"
        for key in KEPT_INFO
        if isinstance(value := info.get(key), str) and len(text := _plain(value)) > len(kept.get(key, ""))
    ]


def _plain(text: str) -> str:
    """A site's text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _marker(video: Path) -> Path:
    return video.parent / INSIDE / "fetched" / video.stem


def _downloaded_files(marker: Path) -> set[str]:
    """Names of the files that the download of a video put there; none for a video of the user's."""
    try:
        names = {Path(line).name for line in marker.read_text("utf-8", errors="replace").split("\n")}
    except OSError:
        return set()
    return {name for name in names if name.startswith(f"{marker.name}.")}


def read_info(path: Path) -> dict[str, Any]:
    """The kept part of an info JSON beside a video; empty where it cannot be read."""
    return kept_info(load_info(path))
