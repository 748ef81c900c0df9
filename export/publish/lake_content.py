"""What is published of a lake: the data files of its newest version, and logs made for them."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import polars as pl

from signverse.export.formats.index_rows import INDEX, SUMS, sums_text
from signverse.export.publish.card import README
from signverse.export.publish.content import (
    DESCRIPTIONS,
    HUBS_OWN,
    LAKE,
    Content,
    Source,
    of_bytes,
    refuse_link_outside,
)
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SEGMENTS, TABLES, VIDEOS
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.storage.integrity import log_records, writers
from signverse.lake.storage.integrity.digests import has_digest
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.fresh_log import fresh_logs

_OURS: Final = frozenset({writers.FOLDER, log_records.FOLDER, "_damaged", tombstones.FOLDER})
"""Folders of a lake beside its tables, which are not published."""

_OF_THE_HUB: Final = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)")


def lake_content(folder: Path) -> Content:
    """What is published of a lake.

    Raises:
        NotALakeError, DamagedLakeError: it cannot be opened, or has lost files.
        BadInputError: it holds files that are not part of it, no videos, or rows that a copy must not give away.
    """
    others = sorted(_other_files(folder))
    if others:
        raise BadInputError(
            f"{folder} holds files that are not part of the lake: {some(others, 5)}", "Move them elsewhere."
        )
    snapshot = Snapshot.open(folder)
    try:
        for _ in range(3):
            versions = _versions(snapshot)
            data, logs = fresh_logs(snapshot)
            rows, origin = _index(snapshot)
            snapshot.refresh()
            if _versions(snapshot) == versions:
                break
        else:
            raise BadInputError(f"{folder} is being written to", "Publish it when that has ended.")
    finally:
        snapshot.close()
    if not rows:
        raise BadInputError(f"{folder} holds no videos", "Bring some in first: signverse ingest --help says how.")
    refuse_link_outside(folder, README)
    card = folder / README
    return Content(
        folder=folder,
        kind=LAKE,
        data=[
            Source(path, file.size, place=folder / path, sealed=has_digest(path)) for path, file in sorted(data.items())
        ],
        listings=[*(of_bytes(path, entry) for path, entry in sorted(logs.items())), of_bytes(INDEX, _as_csv(rows))],
        descriptions=[Source(README, card.stat().st_size, place=card)] if card.is_file() else [],
        videos=frozenset(row["video_id"] for row in rows),
        origin=origin,
        data_sets=frozenset(map(_data_set, rows)),
    )


def sums_of(content: Content, known: dict[str, str]) -> Source:
    """The SHA256SUMS of a lake that is published.

    Args:
        known: the sha256 of files by path, where they need not be read for it.

    Raises:
        BadInputError: a file cannot be read, or is not as it was written.
    """
    sums = {one.path: known.get(one.path) or one.digest() for one in (*content.data, *content.listings)}
    return of_bytes(SUMS, sums_text(dict(sorted(sums.items()))).encode())


def _versions(snapshot: Snapshot) -> list[int]:
    return [snapshot.table_version(table.name) for table in TABLES]


def _index(snapshot: Snapshot) -> tuple[list[dict[str, Any]], str]:
    """A row a video for index.csv, and where the videos came from, in words."""
    segments = snapshot.table(SEGMENTS.name).group_by("video_id").agg(segments=pl.len())
    columns = ["video_id", "sign_language", "num_frames", "source", "source_shard", "url"]
    videos = snapshot.table(VIDEOS.name).select(columns).join(segments, on="video_id", how="left")
    rows = list(collect(videos.sort("video_id")).iter_rows(named=True))
    places = Counter(_origin(row) for row in rows)
    listed = [f"{place} ({counted(count, 'video')})" for place, count in places.most_common()]
    return rows, some(listed)


def _data_set(row: dict[str, Any]) -> str:
    """The data set of the hub that a video came from; "" where it came from elsewhere."""
    found = _OF_THE_HUB.match(str(row["source_shard"] or "")) if row["source"] == "shard" else None
    return found.group(1) if found else ""


def _origin(row: dict[str, Any]) -> str:
    if _data_set(row):
        return f"{_data_set(row)} on the hub"
    if row["source"] == "shard":
        # Shards of one series have names that differ by their numbers.
        return re.sub(r"\d{3,}", "*", str(row["source_shard"] or "released shards"))
    return urlsplit(str(row["url"] or "")).hostname or "videos of unknown origin"


def _as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["video_id", "language", "segments", "frames"])
    writer.writerows([row["video_id"], row["sign_language"], row["segments"] or 0, row["num_frames"]] for row in rows)
    return text.getvalue().encode()


def _other_files(folder: Path) -> Iterator[str]:
    """Files in a lake that signverse did not write there."""
    tables = {table.name for table in TABLES}
    for where, folders, names in os.walk(folder):
        inside = Path(where).relative_to(folder).parts
        if not inside:
            folders[:] = [name for name in folders if name not in _OURS]
        for name in [*names, *(name for name in folders if Path(where, name).is_symlink())]:
            path = "/".join((*inside, name))
            of_a_table = bool(inside) and inside[0] in tables and (name.endswith(".parquet") or "_delta_log" in inside)
            described = path in DESCRIPTIONS or path in {INDEX, SUMS}
            if not (of_a_table or described or name.startswith(".part-") or HUBS_OWN.match(path)):
                yield path
