"""The files that were named, or that lie in a folder, and what would be read from each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signverse.ingest.captions.files_beside import CaptionFiles, is_caption_file
from signverse.ingest.extract.decode import SUFFIXES
from signverse.ingest.inspection.captions import inspect_captions
from signverse.ingest.inspection.kinds import Kind, kind_of
from signverse.ingest.inspection.manifest import inspect_manifest
from signverse.ingest.inspection.report import Report
from signverse.ingest.inspection.subtitles import inspect_subtitles
from signverse.ingest.inspection.video import inspect_video
from signverse.ingest.videos.folder_scan import TAR, walk_folder
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.location import is_lake


def find_files(sources: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files among the sources; of a folder its tars, or else its videos and captions with those of subfolders.

    Returns:
        The files by name, and what was not looked into, a line each.

    Raises:
        BadInputError: a source does not exist, or a folder holds nothing of this.
    """
    found: list[Path] = []
    remarks: list[str] = []
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name videos, caption files, manifests, tars, or folders.")
        if not source.is_dir():
            found.append(source)
            continue
        below = [parent / name for parent, names in walk_folder(source, remarks) for name in names if name[0] != "."]
        wanted = [path for path in below if path.parent == source and path.suffix.lower() == TAR]
        wanted = wanted or [path for path in below if path.suffix.lower() in SUFFIXES or is_caption_file(path.name)]
        if not wanted and is_lake(source):
            raise BadInputError(
                f"{source} is a lake, and holds no files to inspect", f"Look at it: signverse info {source}"
            )
        if not wanted:
            raise BadInputError(f"no .tar, no video and no captions in {source}", "Name a file to look into it.")
        found += sorted(wanted)
        if others := sorted(set(below) - set(wanted)):
            names = some([str(path.relative_to(source)) for path in others])
            remarks.append(f"{source}: {counted(len(others), 'file')} not looked into: {names}")
    return list(dict.fromkeys(found)), remarks


def inspect_file(path: Path, kind: Kind, beside: CaptionFiles) -> Report:
    """What would be read from a file that is not a shard; its problem where it cannot be.

    Args:
        beside: the caption files of folders, each of which it lists once.
    """
    try:
        if kind is Kind.video:
            return inspect_video(path, beside)
        if kind is Kind.subtitles:
            return inspect_subtitles(path)
        return inspect_captions(path) if kind is Kind.captions else inspect_manifest(path)
    except SignverseError as error:
        return Report(path, kind, problem=str(error))


def kind_or_problem(path: Path) -> Kind | Report:
    """What a file is, or the report that it cannot be read."""
    try:
        return kind_of(path)
    except BadInputError as error:
        return Report(path, None, problem=str(error))
