"""The files that were named, or that lie in a folder.

The command does this, and a process of its own reads the files: nothing that only reading needs is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, some


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
        from signverse.ingest.captions.files_beside import is_caption_file
        from signverse.ingest.videos.folder_scan import TAR, walk_folder
        from signverse.lake.media.decode import SUFFIXES
        from signverse.lake.storage.location import is_lake

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
