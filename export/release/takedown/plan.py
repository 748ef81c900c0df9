"""What of an export holds some videos, and which exports cannot be written again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from signverse.export.formats.format import SHARD_FOLDER
from signverse.export.formats.index_rows import (
    BESIDE,
    INDEX,
    MAX_LISTING,
    SUMS,
    ClipRow,
    Row,
    VideoRow,
    sum_of_line,
)
from signverse.export.formats.registry import CLIP_FORMATS
from signverse.export.release.folder import is_content, is_ours, walk
from signverse.export.release.index import read_index
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import normal_form
from signverse.lake.model.untrusted.regular_files import open_regular, read_regular
from signverse.lake.model.wording import size_of, some
from signverse.lake.storage.location import is_lake

JOURNAL: Final = ".forgetting"
"""Lies in an export while it is written again: files that differ from SHA256SUMS may then be new ones."""


@dataclass(frozen=True)
class ExportPlan:
    """What of an export holds some videos.

    Attributes:
        folder: of the export.
        kind: shards, or the name of the format of its clips.
        index: its rows; `gone` those of the videos.
        sums: sha256 by path.
        files: those that hold the videos, as paths in the folder.
        interrupted: an earlier run was.
    """

    folder: Path
    kind: str
    index: list[Any]
    gone: list[Any]
    sums: Mapping[str, str]
    files: list[str]
    interrupted: bool

    @property
    def videos(self) -> set[str]:
        """Those of the videos that it holds."""
        return {row.video_id for row in self.gone}

    @property
    def left(self) -> list[Any]:
        """The rows of the index that stay."""
        gone = set(map(id, self.gone))
        return [row for row in self.index if id(row) not in gone]

    @property
    def size(self) -> int:
        """Bytes of the files that hold the videos."""
        return sum((self.folder / name).stat().st_size for name in self.files if (self.folder / name).exists())

    @property
    def has_card(self) -> bool:
        """Whether a card and its figures lie beside it."""
        return not BESIDE.isdisjoint(self.sums)


def plan_export(folder: Path, video_ids: Collection[str]) -> ExportPlan:
    """Finds what of an export holds some videos. Nothing is changed.

    Raises:
        BadInputError: it is not an export, is not finished, is damaged, or cannot be written.
    """
    _refuse(folder)
    listing = read_regular(folder / SUMS, MAX_LISTING).decode("utf-8", "replace")
    listed = [sum_of_line(line) for line in listing.splitlines()]
    sums = dict(each for each in listed if each is not None)
    if len(sums) < len(listed) or INDEX not in sums:
        raise BadInputError(f"{folder / SUMS} is not that of an export", "`signverse verify` says more.")
    begun = _begun(folder, sums)
    interrupted = begun is not None
    if not interrupted and _sha256(folder / INDEX) != sums[INDEX]:
        raise BadInputError(f"{folder / INDEX} is not the file that {SUMS} lists", "`signverse verify` says more.")
    index: list[Row] = read_index(folder / INDEX, VideoRow, ClipRow)
    strange = sorted(name for name in walk(folder) if is_content(name) and name not in sums)
    strange += sorted({row.path for row in index} - sums.keys())
    if strange and not interrupted:
        raise BadInputError(f"{folder} holds files that {SUMS} does not list: {some(strange)}", "Move them elsewhere.")
    kinds = {kind for name in sums if (kind := _kind_of(name))}
    if len(kinds) > 1 or (index and not kinds):
        raise BadInputError(f"{folder} is an export of a kind that is not known", "Remove the videos by hand.")
    wanted = {normal_form(video_id) for video_id in video_ids} | set(video_ids)
    gone = [row for row in index if isinstance(row, VideoRow | ClipRow) and row.video_id in wanted]
    files = sorted({*(row.path for row in gone), *(begun or ())})
    plan = ExportPlan(folder, next(iter(kinds), "shards"), index, gone, sums, files, interrupted)
    if gone or interrupted:
        _check_space(plan)
    if not interrupted:
        for name in files:
            if _sha256(folder / name) != sums[name]:
                raise BadInputError(
                    f"{folder / name} is not the file that {SUMS} lists", "`signverse verify` says more."
                )
    return plan


def _refuse(folder: Path) -> None:
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}", "--export names the folder of an export.")
    if is_lake(folder):
        raise BadInputError(f"{folder} is a lake, not an export", "Name it with --lake.")
    names = list(walk(folder))
    unfinished = [name for name in names if name.startswith(".") and is_ours(name)]
    if unfinished:
        raise BadInputError(
            f"the export {folder} is not finished", "Run the command that wrote it once more, or remove the folder."
        )
    if SUMS not in names or INDEX not in names:
        raise BadInputError(
            f"{folder} is not an export: it has no {SUMS if SUMS not in names else INDEX}",
            "--export names the folder of a finished export; remove the videos from other folders by hand.",
        )


def _begun(folder: Path, sums: Mapping[str, str]) -> list[str] | None:
    """The files that an interrupted run has begun to write again; None where there was none."""
    if not (folder / JOURNAL).exists():
        return None
    try:
        names = json.loads(read_regular(folder / JOURNAL, MAX_LISTING))
        return [name for name in names if name in sums]
    except (ValueError, TypeError, RecursionError):
        return [name for name in sums if is_content(name)]


def _check_space(plan: ExportPlan) -> None:
    folder = plan.folder
    sizes = [(folder / name).stat().st_size for name in plan.files if (folder / name).exists()]
    free = shutil.disk_usage(folder).free
    if max(sizes, default=0) > free:
        raise BadInputError(
            f"{folder} has {size_of(free)} of free space, its largest file takes {size_of(max(sizes))}",
            "Nothing was changed. Free some space.",
        )
    for place in sorted({folder, *((folder / name).parent for name in plan.files)}):
        if not os.access(place, os.W_OK | os.X_OK):
            raise BadInputError(f"{place} cannot be written", "Nothing was changed.")
        try:
            probe = place / f"{JOURNAL}.probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise BadInputError(f"{place} cannot be written: {error.strerror}", "Nothing was changed.") from None


def _kind_of(name: str) -> str:
    if re.fullmatch(SHARD_FOLDER.file, name):
        return "shards"
    return next((kind for kind, form in CLIP_FORMATS.items() if re.fullmatch(form.folder.file, name)), "")


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
