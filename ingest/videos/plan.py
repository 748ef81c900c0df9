"""What a folder of videos holds and what of it is to be extracted."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.captions.files_beside import CaptionFiles, caption_owner
from signverse.ingest.manifest import Entry, Manifest
from signverse.ingest.videos.folder_scan import FolderScan, scan_folder
from signverse.ingest.videos.options import IdFrom
from signverse.ingest.videos.video_names import VideoNames
from signverse.lake.media.decode import SUFFIXES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import normal_form
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.forgotten.tombstones import not_ingested


@dataclass(frozen=True)
class VideoTask:
    """A video to extract, with the caption files beside it."""

    path: Path
    entry: Entry
    captions: tuple[Path, ...]


@dataclass
class Plan:
    """The videos of a folder that are to be extracted.

    Attributes:
        tasks: the videos to extract, in the order of their ids.
        done: how many are in the lake already.
        captions_of_done: the caption files of those, by video id.
        refused: files whose name is not a valid id: the name in printable form, and why.
        remarks: what the user should know, a line each.
        forgotten: how many the lake has forgotten, and does not take.
    """

    tasks: list[VideoTask] = field(default_factory=list)
    done: int = 0
    captions_of_done: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    forgotten: int = 0

    def leave_out(self, forgotten: Container[str]) -> None:
        """Drops the videos that the lake has forgotten, and says how many these are."""
        kept = [task for task in self.tasks if task.entry.video_id not in forgotten]
        self.forgotten = len(self.tasks) - len(kept)
        self.tasks = kept
        if self.forgotten:
            self.remarks.append(not_ingested(self.forgotten))


def scan_videos(source: Path, manifest: Manifest | None = None) -> FolderScan:
    """Look through a folder of videos and its subfolders; of one video, the scan has that alone.

    Raises:
        BadInputError: there is no such folder, or no video in it.
    """
    if not source.exists():
        raise BadInputError(f"there is no folder {source}", "Name a folder of videos, or one video.")
    scan = FolderScan([source]) if source.is_file() else scan_folder(source, [manifest.path] if manifest else ())
    if not scan.videos:
        raise BadInputError(f"no video in {source}", _what_there_is(source, scan))
    return scan


def plan_videos(
    source: Path,
    manifest: Manifest | None,
    done: Collection[str],
    known: Mapping[str, Entry] | None = None,
    *,
    id_from: IdFrom = "name",
    scan: FolderScan | None = None,
) -> Plan:
    """Find the videos of a folder (and its subfolders), or one video, with their captions and metadata.

    A file `Title [ID].mp4`, as yt-dlp names it, is the video ID; see `id_in_name`. Whatever else lies in the folder
    is counted in the remarks.

    Args:
        done: ids of videos that are skipped because the lake has them.
        known: metadata by id from the lake's `sources`, which include this manifest and titles from downloads.
        scan: of the folder by `scan_videos`, where it is there already.

    Raises:
        BadInputError: there is no such folder, or no video in it.
    """
    scan = scan or scan_videos(source, manifest)
    plan = Plan()
    beside = CaptionFiles()
    named = VideoNames(source, [known or {}, manifest.entries if manifest else {}], done, id_from)
    path_of_id: dict[str, Path] = {}
    repeated: list[tuple[Path, Path]] = []
    unlisted: list[str] = []
    for path in scan.videos:
        try:
            video_id = named.id_of(path)
        except BadInputError as error:
            where = str(path) if str(path).isprintable() else ascii(str(path))[1:-1]
            plan.refused.append((ascii(path.stem[:60])[1:-1], f"{where}: {error}"))
            continue
        if (first := path_of_id.setdefault(video_id, path)) != path:
            repeated.append((path, first))
            continue
        captions = beside.of(path, video_id)
        if video_id in done:
            plan.done += 1
            plan.captions_of_done[video_id] = captions
            continue
        entry = named.entry(video_id)
        if entry is None:
            unlisted.append(video_id)
            entry = Entry(video_id)
        plan.tasks.append(VideoTask(path, entry, captions))
    plan.remarks += [*scan.remarks, *_about_repeated(repeated), *named.remarks()]
    plan.remarks += _about_lists(source, manifest, unlisted, path_of_id)
    if source.is_dir():
        plan.remarks += _about_the_rest(source, scan, named.of_folder)
    plan.tasks.sort(key=lambda task: task.entry.video_id)
    return plan


def _about_lists(source: Path, manifest: Manifest | None, unlisted: Sequence[str], found: Collection[str]) -> list[str]:
    """Which videos the manifest lacks, and which of its ids have no video."""
    lines = []
    if unlisted:
        where = f"not in {manifest.path}" if manifest else "no --manifest was given"
        lines.append(f"language und, {where}: {some(unlisted)}")
    if manifest and (absent := len(manifest.entries.keys() - found)):
        have = "has" if absent == 1 else "have"
        lines.append(f"{absent:,} of the manifest's {len(manifest.entries):,} ids {have} no video in {source}")
    return lines


def _about_repeated(repeated: Sequence[tuple[Path, Path]]) -> list[str]:
    """Which files have the id of another one."""
    lines = [f"{path} is skipped: {first} has the same id" for path, first in repeated[:_SHOWN]]
    if len(repeated) > _SHOWN:
        lines.append(f"{counted(len(repeated) - _SHOWN, 'more file')} skipped that have the id of another one")
    if elsewhere := sum(path.parent != first.parent for path, first in repeated):
        lines.append(f"--id-from path takes {counted(elsewhere, 'video')} of the same name from other folders as well")
    return lines


_SHOWN: Final = 3


def _what_there_is(source: Path, scan: FolderScan) -> str:
    unused = f"It holds {scan.unused_files()}. " if scan.unused else ""
    if captions := sum(map(len, scan.captions.values())):
        count = counted(captions, "caption file")
        unused += f"For {count}, where the lake has the videos: signverse ingest captions {source} --lake LAKE. "
    return f"{unused}Videos are known by their endings: .mp4, .mkv, .webm and {len(SUFFIXES) - 3} more."


def _about_the_rest(folder: Path, scan: FolderScan, names: Mapping[Path, Collection[str]]) -> list[str]:
    """The caption files that match no video, and a count of the other files."""
    lines = []
    alone = [
        str((parent / name).relative_to(folder))
        for parent, files in scan.captions.items()
        for name in sorted(files)
        if caption_owner(normal_form(name), names.get(parent, ())) is None
    ]
    if alone:
        count = counted(len(alone), "caption file")
        match = "matches no video beside it" if len(alone) == 1 else "match no video beside them"
        lines.append(f"{count} in {folder} {match}: {some(sorted(alone))}")
    if unused := scan.unused_files():
        lines.append(f"not used in {folder}: {unused}")
    return lines
