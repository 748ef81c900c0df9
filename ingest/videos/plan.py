"""What a folder of videos holds and what of it is to be extracted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.extract.decode import SUFFIXES
from signverse.ingest.manifest import Entry, Manifest
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.wording import some


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
    """

    tasks: list[VideoTask] = field(default_factory=list)
    done: int = 0
    captions_of_done: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def plan_videos(
    source: Path, manifest: Manifest | None, done: set[str], known: Mapping[str, Entry] | None = None
) -> Plan:
    """Find the videos of a folder (and its subfolders), or one video, with their captions and metadata.

    Args:
        done: ids of videos that are skipped because the lake has them.
        known: metadata by id from the lake's `sources`, which include this manifest and titles from downloads.

    Raises:
        BadInputError: there is no such folder, or no video in it.
    """
    if not source.exists():
        raise BadInputError(f"there is no folder {source}", "Name a folder of videos, or one video.")
    paths = [source] if source.is_file() else sorted(_video_files(source))
    if not paths:
        raise BadInputError(f"no video in {source}", f"Files that end in {' '.join(SUFFIXES)} are looked for.")
    plan = Plan()
    beside = CaptionFiles()
    path_of_id: dict[str, Path] = {}
    unlisted: list[str] = []
    for path in paths:
        try:
            video_id = check_video_id(path.stem)
        except BadInputError as error:
            where = str(path) if str(path).isprintable() else ascii(str(path))[1:-1]
            plan.refused.append((ascii(path.stem[:60])[1:-1], f"{where}: {error}"))
            continue
        if video_id in path_of_id:
            plan.remarks.append(f"{path} is skipped: {path_of_id[video_id]} has the same id")
            continue
        path_of_id[video_id] = path
        captions = beside.of(path, video_id)
        if video_id in done:
            plan.done += 1
            plan.captions_of_done[video_id] = captions
            continue
        entry = (known or {}).get(video_id) or (manifest.entries.get(video_id) if manifest else None)
        if entry is None:
            unlisted.append(video_id)
            entry = Entry(video_id)
        plan.tasks.append(VideoTask(path, entry, captions))
    if unlisted:
        where = f"not in {manifest.path}" if manifest else "no --manifest was given"
        plan.remarks.append(f"language und, {where}: {some(unlisted)}")
    if manifest and (absent := len(manifest.entries.keys() - path_of_id.keys())):
        have = "has" if absent == 1 else "have"
        plan.remarks.append(f"{absent:,} of the manifest's {len(manifest.entries):,} ids {have} no video in {source}")
    plan.tasks.sort(key=lambda task: task.entry.video_id)
    return plan


def _video_files(folder: Path) -> list[Path]:
    """The video files in a folder and its subfolders; hidden ones are ignored."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES and Path(parent, name).is_file()
        ]
    return found
