"""Which tars to import, and which of them are shards and which hold subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signverse.ingest.shards.caption_tracks import is_subtitles_tar
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted


def find_tars(sources: Sequence[Path]) -> list[Path]:
    """The tars among the sources, and those in the folders among them, sorted by name.

    Raises:
        BadInputError: a source does not exist, or there is no tar.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name tars, or folders of tars.")
        found += sorted(source.glob("*.tar")) if source.is_dir() else [source]
    if not found:
        raise BadInputError(f"no .tar in {', '.join(map(str, sources))}")
    return list(dict.fromkeys(found))


def _problem(path: Path) -> str:
    """Why a file cannot be read as a tar from its beginning; empty where it can."""
    try:
        with Tar(path) as tar:
            next(tar.members(), None)
    except BadInputError as error:
        return error.message
    return ""


@dataclass(frozen=True)
class TarFiles:
    """The tars of an import.

    Attributes:
        shards: tars of poses.
        subtitles: tars of captions.
        recognised: those of `subtitles` that were given as shards.
    """

    shards: list[Path]
    subtitles: list[Path]
    recognised: list[Path]


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
    recognised = [path for path in shards if is_subtitles_tar(path)]
    shards = [path for path in shards if path not in recognised]
    if not shards:
        raise BadInputError(f"there is no shard among {', '.join(map(str, sources))}", "Name release tars.")
    # Of several tars one may be damaged: that is said of it, and the others are imported.
    problems = [_problem(path) for path in shards]
    if all(problems):
        more = f"; nor can {counted(len(shards) - 1, 'other file')} be read" if len(shards) > 1 else ""
        raise BadInputError(f"{problems[0]}{more}", "Name release tars.")
    return TarFiles(shards, subtitles + recognised, recognised)
