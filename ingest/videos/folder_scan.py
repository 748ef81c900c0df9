"""What a folder of videos holds: its videos, its caption files, and a count of everything else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.captions.files_beside import is_caption_file
from signverse.ingest.videos.video_names import INFO
from signverse.lake.media.decode import SUFFIXES
from signverse.lake.model.wording import counted, some

_PICTURES: Final = (
    ".avif", ".bmp", ".heic", ".heif", ".ico", ".jfif", ".jpeg", ".jpg", ".jxl", ".png", ".psd", ".svg", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
_SOUND: Final = (
    ".aac", ".ac3", ".aif", ".aiff", ".amr", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3",
    ".oga", ".ogg", ".opus", ".wav", ".weba", ".wma",
)  # fmt: skip
_UNFINISHED: Final = (".part", ".ytdl", ".crdownload", ".download", ".tmp", ".aria2")

TAR: Final = ".tar"

_TABLE: Final = "_delta_log"
"""In a table's folder: a lake may lie inside the folder of videos."""
_OURS: Final = ".signverse"
"""Where acquisition keeps what it needs, in its folder of videos."""


@dataclass
class FolderScan:
    """The files of a folder and its subfolders.

    Attributes:
        videos: files that end as videos do, by path.
        captions: caption files by their folder.
        tars: they count as unused, too.
        unused: how many other files there are of each kind, such as "picture (.jpg)".
        remarks: folders and links that were not read.
    """

    videos: list[Path] = field(default_factory=list)
    captions: dict[Path, list[str]] = field(default_factory=dict)
    tars: list[Path] = field(default_factory=list)
    unused: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    def unused_files(self) -> str:
        """The other files in words: "3 pictures (.jpg, .png), 2 other files (.pdf)"; "" where there are none."""
        kinds: dict[str, Counter[str]] = {}
        for (kind, ending), count in sorted(self.unused.items()):
            kinds.setdefault(kind, Counter())[ending or "no ending"] += count
        return ", ".join(
            f"{counted(endings.total(), kind)} ({some([ending for ending, _ in endings.most_common()], 5)})"
            for kind, endings in kinds.items()
        )


def scan_folder(folder: Path, ignored: Iterable[Path] = ()) -> FolderScan:
    """The videos, caption files and other files of a folder and its subfolders.

    Links to folders are followed; see `walk_folder`. What begins with a dot is left out; hidden videos are counted.

    Args:
        ignored: files that are used otherwise, such as the manifest.
    """
    scan = FolderScan()
    leave = {os.path.realpath(path) for path in ignored}
    for parent, names in walk_folder(folder, scan.remarks):
        for name in names:
            path = parent / name
            ending = INFO if name.lower().endswith(INFO) else path.suffix.lower()
            if name.startswith("."):
                # ._NAME is what macOS keeps about NAME on other file systems.
                if ending in SUFFIXES and not name.startswith("._"):
                    scan.unused["hidden video", ending] += 1
            elif not path.is_file():
                scan.unused["broken link" if path.is_symlink() else "special file", ending] += 1
            elif ending in SUFFIXES:
                scan.videos.append(path)
            elif is_caption_file(name):
                scan.captions.setdefault(parent, []).append(name)
            elif ending == TAR:
                scan.tars.append(path)
                scan.unused["tar", ending] += 1
            elif not leave or os.path.realpath(path) not in leave:
                scan.unused[_kind(ending), ending] += 1
    scan.videos.sort()
    return scan


def _kind(ending: str) -> str:
    if ending in _UNFINISHED:
        return "unfinished download"
    return "picture" if ending in _PICTURES else "sound file" if ending in _SOUND else "other file"


def walk_folder(folder: Path, remarks: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """A folder and its subfolders, each with the names of its files; without hidden folders and those of a lake.

    Links to folders are followed, and each folder comes once: links that form a circle end. Linked folders come last: a
    folder goes by its own name.

    Args:
        remarks: takes a line for each folder that cannot be read, for each link that is not followed, and for hidden
            folders.
    """
    seen: set[tuple[int, int] | None] = set()
    links = [folder]
    root = Path(os.path.realpath(folder))
    hidden: list[Path] = []

    def on_error(error: OSError) -> None:
        remarks.append(f"{error.filename} cannot be read: {error.strerror}")

    while links:
        start = links.pop(0)
        if _identity(start) in seen or (start != folder and root.is_relative_to(os.path.realpath(start))):
            remarks.append(f"{start} links to a folder that is read anyway, or that contains {folder}")
            continue
        for parent, folders, names in os.walk(start, onerror=on_error):
            paths = [Path(parent, name) for name in sorted(folders) if not name.startswith(".")]
            hidden += [Path(parent, name) for name in sorted(folders) if name.startswith(".") and name != _OURS]
            seen.add(_identity(Path(parent)))
            links += [path for path in paths if path.is_symlink()]
            folders[:] = [path.name for path in paths if _identity(path) not in seen]
            if _TABLE in folders:
                folders.clear()
                continue
            yield Path(parent), sorted(names)
    if hidden:
        shown = some([str(path.relative_to(folder)) for path in hidden])
        remarks.append(f"{counted(len(hidden), 'hidden folder')} in {folder} not read: {shown}")


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from others, by whatever path it is named; None where it cannot be read."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
