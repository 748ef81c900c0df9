"""Splits that others have published: a list of video ids and the part of each, stored as our own splits are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from signverse.lake.lists.addresses import identify
from signverse.lake.lists.columns import IDENTIFYING
from signverse.lake.lists.table import read_table
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, printable, some
from signverse.lake.query.selection import Selection
from signverse.lake.splits.channels import channel_groups
from signverse.lake.splits.splits import Plan, Split, chosen_videos
from signverse.lake.storage.snapshot import Snapshot

PARTS: Final = {
    "train": ("train", "training", "trn", "tr"),
    "val": ("val", "valid", "validation", "dev", "devel", "development"),
    "test": ("test", "testing", "tst", "te"),
}
"""Our parts, and what lists call them."""

_OURS: Final = {theirs: ours for ours, names in PARTS.items() for theirs in names}
_COLUMNS: Final = {**IDENTIFYING, "part": ("split", "part", "subset", "partition", "set", "split_name", "fold")}
_EXPECTED: Final = "Its columns are: video_id, split (train, val or test)."


@dataclass
class SplitList:
    """The content of a list of videos and parts.

    Rows of the file = parts + repeated + contradictory + unknown + invalid.

    Attributes:
        parts: by video id; without the videos that have two.
        repeated: how many rows say again what an earlier one says.
        contradictory: ids of videos with several parts, once for each row.
        unknown: by name of a part that is not known, how many rows have it.
        invalid: numbers of rows without a valid id.
        renamed: by name of a part that we call differently, what it is here.
        remarks: a line for each kind of row that is not used, and about the file.
    """

    path: Path
    parts: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    contradictory: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    invalid: list[int] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read_split_list(path: Path) -> SplitList:
    """Reads a list of video ids and their parts: the first two columns, or as a header names them.

    Raises:
        BadInputError: the file cannot be read, has no column of parts, or no row with a known one.
    """
    table = read_table(path, "the list of the split", _COLUMNS, ("video_id", "part"))
    if "part" not in table.columns:
        columns = ", ".join(table.header or ["video_id"])[:200]
        raise BadInputError(f"{path} has no column of parts, only: {columns}", _EXPECTED)
    found = SplitList(path, remarks=[f"{path}: {line}" for line in table.remarks])
    found.invalid = [number for number, _ in table.refused]
    rows: dict[str, list[str]] = {}
    for row in table.rows:
        theirs = row.cells["part"].strip(" \"'").casefold()
        part = _OURS.get(theirs)
        try:
            video_id, _ = identify(row.cells)
        except BadInputError:
            found.invalid.append(row.number)
            continue
        if part is None:
            found.unknown[printable(row.cells["part"])[:40]] += 1
        else:
            rows.setdefault(video_id, []).append(part)
            if theirs != part:
                found.renamed[theirs] = part
    for video_id, parts in rows.items():
        if len(set(parts)) == 1:
            found.parts[video_id] = parts[0]
            found.repeated += len(parts) - 1
        else:
            found.contradictory += [video_id] * len(parts)
    found.remarks += _remarks(found, table.unit)
    total = len(table.rows) + len(table.refused)
    found.remarks.insert(0, table.account(f"{counted(len(found.parts), 'video')} of {counted(total, 'row')}"))
    if not total:
        raise BadInputError(f"the list of the split {path} has a header and no rows", _EXPECTED)
    if not found.parts:
        known = ", ".join(name for names in PARTS.values() for name in names[:3])
        raise BadInputError(
            f"{path} has no video with a part that is known: {'; '.join(found.remarks[1:])}",
            f"{_EXPECTED} Known are: {known}.",
        )
    return found


def _remarks(found: SplitList, unit: str) -> list[str]:
    lines = [f"'{theirs}' is stored as {ours}" for theirs, ours in found.renamed.items()]
    if found.repeated:
        lines.append(f"{counted(found.repeated, 'row')} that repeat an earlier one")
    if found.contradictory:
        ids = list(dict.fromkeys(found.contradictory))
        lines.append(f"{counted(len(ids), 'video')} in more than one part, taken into none: {some(ids)}")
    if found.unknown:
        names = [f"'{name}' ({count:,})" for name, count in found.unknown.most_common()]
        lines.append(f"{counted(found.unknown.total(), 'row')} with an unknown part, not taken: {some(names, 5)}")
    if found.invalid:
        numbers = some([str(number) for number in sorted(found.invalid)])
        lines.append(f"{counted(len(found.invalid), 'row')} without a valid video id: {unit} {numbers}")
    return [f"{found.path}: {line}" for line in lines]


def take_split(
    snapshot: Snapshot, name: str, given: SplitList, selection: Selection, weight: str = "clips"
) -> tuple[Split, list[str]]:
    """The part of a published split that a lake has, and remarks on the rest.

    Videos that the lake lacks have no row: take the split again when it has grown.

    Args:
        selection: takes the videos with a clip that meets its conditions.
        weight: what shares are of; see `splits.WEIGHTS`.

    Raises:
        BadInputError: the lake has none of the videos, or the name cannot be stored.
    """
    videos = chosen_videos(snapshot, selection)
    listed = pl.DataFrame({"video_id": list(given.parts), "part": list(given.parts.values())})
    taken = videos.join(listed, on="video_id", how="inner", maintain_order="left")
    if taken.is_empty():
        raise BadInputError(
            f"the lake has none of the {counted(len(given.parts), 'video')} of {given.path}",
            f"Its ids are such as {some(listed['video_id'].to_list())}.",
        )
    present = [part for part in PARTS if part in set(taken["part"])]
    shares = {part: taken.filter(pl.col("part") == part).height / taken.height for part in present}
    plan = Plan(name, tuple(shares.items()), by="video", stratify=False, weight=weight)
    plan.check()
    remarks = list(given.remarks)
    gone = listed.join(videos, on="video_id", how="anti")["video_id"].to_list()
    if gone:
        where = "the lake" if selection.empty else "the lake's selection"
        remarks.append(f"{given.path}: {counted(len(gone), 'video')} not in {where}: {some(gone)}")
    without = videos.join(listed, on="video_id", how="anti")["video_id"].to_list()
    if without:
        remarks.append(
            f"{counted(len(without), 'video')} of the lake not in {given.path}, without a part: {some(without)}"
        )
    empty = [part for part in PARTS if part in set(given.parts.values()) and part not in present]
    if empty:
        remarks.append(f"the lake has no video of {' and '.join(empty)}")
    remarks += _channels_in_several(snapshot, taken)
    return Split(plan, taken.with_columns(group=pl.col("video_id")), taken.height, 0, ()), remarks


def _channels_in_several(snapshot: Snapshot, taken: pl.DataFrame) -> list[str]:
    """Says which channels are in more than one part: their signers are trained on and tested."""
    groups = taken.join(channel_groups(snapshot), on="video_id", how="left").drop_nulls("group")
    several = groups.group_by("group").agg(pl.col("part").n_unique()).filter(pl.col("part") > 1)["group"].sort()
    if several.is_empty():
        return []
    names = [printable(name) for name in several.to_list()]
    return [f"{counted(len(names), 'channel')} in more than one part: {some(names)}"]
