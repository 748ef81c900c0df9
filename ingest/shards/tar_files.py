"""Which tars to import, and which of them are shards and which hold subtitles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.shards.caption_tracks import is_subtitles_tar
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, some


def find_tars(sources: Sequence[Path]) -> list[Path]:
    """The tars among the sources, and those in the folders among them, sorted by name.

    Raises:
        BadInputError: a source does not exist, or there is no tar.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name tars, or folders of tars.")
        found += sorted(path for path in source.iterdir() if _is_tar(path)) if source.is_dir() else [source]
    if not found:
        raise BadInputError(f"no .tar in {', '.join(map(str, sources))}", " ".join(left_out(sources)))
    return list(dict.fromkeys(found))


def _is_tar(path: Path) -> bool:
    return path.suffix.lower() == ".tar" and not path.name.startswith(".")


def left_out(sources: Sequence[Path]) -> list[str]:
    """What is not read of folders of tars, a line each: compressed tars, and tars in their subfolders."""
    lines = []
    for folder in sources:
        if not folder.is_dir():
            continue
        compressed = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(_COMPRESSED))
        if compressed:
            what = counted(len(compressed), "compressed file")
            lines.append(f"{folder}: {what} not read, to be unpacked first: {some(compressed)}.")
        deeper = sorted(
            str(Path(parent, name).relative_to(folder))
            for parent, _, names in os.walk(folder)
            for name in names
            if Path(parent) != folder and _is_tar(Path(name))
        )
        if deeper:
            lines.append(
                f"{folder}: {counted(len(deeper), 'tar')} in subfolders not read, which can be named: {some(deeper)}."
            )
    return lines


_COMPRESSED: Final = (
    ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tbz2", ".tar.lz4", ".tar.lz",
    ".tar.z", ".zip", ".7z", ".rar",
)  # fmt: skip


def _problem(path: Path) -> BadInputError | None:
    """Why a file cannot be read as a tar from its beginning; None where it can."""
    try:
        with Tar(path) as tar:
            next(tar.members(), None)
    except BadInputError as error:
        return error
    return None


@dataclass(frozen=True)
class TarFiles:
    """The tars of an import.

    Attributes:
        shards: tars of poses.
        subtitles: tars of captions.
        recognised: those of `subtitles` that were given as shards.
        remarks: what those are, and what of the sources is not read, a line each.
    """

    shards: list[Path]
    subtitles: list[Path]
    recognised: list[Path]
    remarks: list[str] = field(default_factory=list)


def sort_tars(sources: Sequence[Path], captions: Sequence[Path]) -> TarFiles:
    """Sorts the tars of an import into shards and subtitles tars, by their content.

    Args:
        sources: tars and folders given as shards.
        captions: tars and folders given as captions. A folder may be that of the shards: only its subtitles tars count.

    Raises:
        BadInputError: a source does not exist, no shard can be read, or captions are given and there are none.
    """
    subtitles = [path for path in find_tars(captions) if path in captions or is_subtitles_tar(path)] if captions else []
    if captions and not subtitles:
        raise BadInputError(f"there is no subtitles tar in {', '.join(map(str, captions))}", "Leave --subtitles out.")
    given = {path.resolve() for path in subtitles}
    shards = [path for path in find_tars(sources) if path.resolve() not in given]
    # One that cannot be opened, such as a pipe in a folder, fails when it is read, and the others are imported.
    recognised = [path for path in shards if _problem(path) is None and is_subtitles_tar(path)]
    shards = [path for path in shards if path not in recognised]
    if not shards:
        raise BadInputError(f"there is no shard among {', '.join(map(str, sources))}", "Name release tars.")
    # Of several tars one may be damaged: that is said of it, and the others are imported.
    problems = [problem for path in shards if (problem := _problem(path))]
    if len(problems) == len(shards):
        more = f"; nor can {counted(len(shards) - 1, 'other file')} be read" if len(shards) > 1 else ""
        raise BadInputError(f"{problems[0].message}{more}", problems[0].hint or "Name release tars.")
    remarks = [*(f"{path}: a subtitles tar, read as captions" for path in recognised), *left_out(sources)]
    return TarFiles(shards, subtitles + recognised, recognised, remarks)
