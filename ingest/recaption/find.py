"""Which caption files of a folder, and which of a subtitles tar, belong to which video of a lake."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from signverse.ingest.captions.files_beside import caption_owner
from signverse.ingest.shards.caption_tracks import CaptionIndex, index_captions, is_subtitles_tar
from signverse.ingest.videos.folder_scan import TAR, scan_folder
from signverse.ingest.videos.video_names import BETWEEN_FOLDERS
from signverse.lake.model.errors import BadInputError


@dataclass
class FoundCaptions:
    """Captions that were found for the videos of a lake.

    Attributes:
        files: caption files by video id, each with its tag, in the order in which extraction would read them.
        tars: captions of subtitles tars, by video id.
        unknown: caption files, and folders of subtitles tars, that belong to no video of the lake.
        repeated: caption files of the same name as one of another folder, which is taken.
        remarks: folders that were not read, and a count of other files, a line each.
    """

    files: dict[str, list[tuple[Path, str]]] = field(default_factory=dict)
    tars: CaptionIndex = field(default_factory=CaptionIndex)
    unknown: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def video_ids(self) -> list[str]:
        """The videos that there are captions for, sorted."""
        return sorted(self.files.keys() | self.tars.files.keys())

    @property
    def size(self) -> int:
        """Bytes of all captions."""
        files = [path.stat().st_size for files in self.files.values() for path, _ in files if path.exists()]
        return sum(files) + sum(member.size for members in self.tars.files.values() for _, member in members)

    def of(self, video_id: str) -> FoundCaptions:
        """The captions of one video."""
        files, tars = self.files.get(video_id), self.tars.files.get(video_id)
        return FoundCaptions({video_id: files} if files else {}, CaptionIndex({video_id: tars} if tars else {}))


def find_captions(sources: Sequence[Path], video_ids: Collection[str]) -> FoundCaptions:
    """Find captions in folders and their subfolders, in single files and in subtitles tars.

    Args:
        video_ids: of the videos of the lake.

    Raises:
        BadInputError: there is no such file or folder, or no captions in any.
    """
    known = frozenset(video_ids)
    found = FoundCaptions()
    files: dict[str, list[tuple[Path, str]]] = {}
    tars: list[Path] = []
    for path, folders in _files(sources, found.remarks):
        if path.suffix.lower() == TAR:
            if is_subtitles_tar(path):
                tars.append(path)
            elif path in sources:
                raise BadInputError(f"{path} is not a subtitles tar", "`signverse ingest shards` imports shards.")
        elif owner := _owner(path.name, folders, known):
            video_id, tag = owner
            of_video = files.setdefault(video_id, [])
            if any(path.name == other.name for other, _ in of_video):
                found.repeated.append(str(path))
            else:
                of_video.append((path, tag))
        else:
            found.unknown.append(str(path))
    found.files = {
        video_id: sorted(of_video, key=lambda file: (not file[1], file[1], file[0].name))
        for video_id, of_video in files.items()
    }
    index = index_captions(tars).files
    found.tars = CaptionIndex({video_id: members for video_id, members in index.items() if video_id in known})
    found.unknown += [f"{video_id}/ in {members[0][0]}" for video_id, members in index.items() if video_id not in known]
    if not found.video_ids and not found.unknown:
        raise BadInputError(
            f"no captions in {', '.join(map(str, sources))}", "Their names are like ID.en.vtt, or ID.srt."
        )
    return found


def _owner(name: str, folders: Sequence[str], known: Collection[str]) -> tuple[str, str] | None:
    """The video of a caption file and its tag; ids of --id-from path begin with the names of folders."""
    for start in range(len(folders) + 1):
        if owner := caption_owner(BETWEEN_FOLDERS.join((*folders[start:], name)), known):
            return owner
    return None


def _files(sources: Sequence[Path], remarks: list[str]) -> list[tuple[Path, tuple[str, ...]]]:
    """The caption files and tars in folders and their subfolders, and the files that were named.

    Each comes with the names of the subfolders that it lies in.

    Args:
        remarks: takes what is said of the other files, a line each.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name folders of captions, caption files or subtitles tars.")
        if source.is_file():
            found.setdefault(source, ())
            continue
        scan = scan_folder(source)
        captions = [parent / name for parent, names in scan.captions.items() for name in names]
        for path in [*captions, *scan.tars]:
            found.setdefault(path, path.relative_to(source).parent.parts)
        del scan.unused["tar", TAR]
        remarks += scan.remarks
        if unused := scan.unused_files():
            remarks.append(f"not used in {source}: {unused}")
    return list(found.items())
