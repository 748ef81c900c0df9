"""Writing an export again without some videos.

A file at a time takes the place of the one that it was made of, then follow members.parquet, the card, index.csv and
SHA256SUMS. Until these are there, a file says that the export is being changed, and the next run goes on: a file that
holds the videos no more is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from signverse.export.formats.format import File, Written
from signverse.export.formats.index_rows import BESIDE, INDEX, MEMBERS, ClipRow, VideoRow
from signverse.export.release.folder import WriteBeside
from signverse.export.release.index import write_index
from signverse.export.release.members import member_rows, places_in, read_rows, write_rows
from signverse.export.release.takedown.content import without_videos
from signverse.export.release.takedown.plan import JOURNAL, ExportPlan
from signverse.lake.lists import tar_members
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.integrity.sync import sync_folder
from signverse.lake.storage.temporary.whole_file import whole_file


def take_out(
    plan: ExportPlan, *, beside: WriteBeside | None = None, on_bytes: Callable[[int], None] = lambda _: None
) -> int:
    """Writes an export again without the videos of a plan; returns how many of its files were written or removed.

    Args:
        beside: writes the card and its figures, where the export has one; returns the sums of its files.
        on_bytes: called with the bytes of each file that is done.

    Raises:
        BadInputError: a file cannot be read or written. The next run goes on.
    """
    if not plan.gone and not plan.interrupted:
        return 0
    try:
        return _take_out(plan, beside, on_bytes)
    except OSError as error:
        raise BadInputError(
            f"{plan.folder} cannot be written: {error.strerror or error}", "Run the same command again to go on."
        ) from None


def _take_out(plan: ExportPlan, beside: WriteBeside | None, on_bytes: Callable[[int], None]) -> int:
    folder = plan.folder
    with whole_file(folder / JOURNAL) as file:
        file.write(json.dumps(plan.files).encode())
    sync_folder(folder)
    segment_ids = {row.segment_id for row in plan.gone if isinstance(row, ClipRow)}
    sums = {name: sha256 for name, sha256 in plan.sums.items() if name not in {INDEX, MEMBERS} | BESIDE}
    for name in plan.files:
        path = folder / name
        size = path.stat().st_size if path.exists() else 0
        written = without_videos(folder, name, plan.videos, segment_ids) if path.exists() else None
        if written is None:
            sums.pop(name, None)
            _remove_empty(path.parent, folder)
        else:
            sums[name] = written[1]
        sync_folder(path.parent if path.parent.exists() else folder)
        on_bytes(size)
    # Of a run that was interrupted after its index was written.
    sums = {name: sha256 for name, sha256 in sums.items() if (folder / name).exists()}
    if MEMBERS in plan.sums:
        sums[MEMBERS] = _members(folder, sums, plan)
    if plan.has_card:
        for name in BESIDE & plan.sums.keys():
            (folder / name).unlink(missing_ok=True)
        if beside is not None:
            sums |= beside(folder, [File(name, (folder / name).stat().st_size, sums[name]) for name in sums])
    kind = VideoRow if plan.kind == "shards" else ClipRow
    write_index(folder, kind, plan.left, sums)
    (folder / JOURNAL).unlink(missing_ok=True)
    sync_folder(folder)
    return len(plan.files)


def _members(folder: Path, sums: Mapping[str, str], plan: ExportPlan) -> str:
    """Writes members.parquet: the rows of tars that are as they were, and new ones of the others."""
    known: pl.DataFrame = pl.DataFrame(schema=tar_members.POLARS_SCHEMA)
    if (folder / MEMBERS).exists():
        known = read_rows(folder)
    rows: list[pl.DataFrame] = []
    by_tar: dict[str, pl.DataFrame] = {str(tar): part for (tar,), part in known.group_by("shard", maintain_order=True)}
    for name in (name for name in sums if name.endswith(".tar")):
        there = by_tar.get(name)
        if there is None or there["shard_oid"][0] != sums[name]:
            size = (folder / name).stat().st_size
            unit: Written[Any] = Written(name, [File(name, size, sums[name])], [], places_in(folder / name))
            there = pl.DataFrame(member_rows(unit), tar_members.POLARS_SCHEMA, orient="row")
        rows.append(there)
    return write_rows(folder, pl.concat(rows) if rows else pl.DataFrame(schema=tar_members.POLARS_SCHEMA))


def _remove_empty(folder: Path, export: Path) -> None:
    while folder != export:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
