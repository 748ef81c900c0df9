"""Pending videos that were forgotten before their commit: the others of their files are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.storage import delta
from signverse.lake.storage.file_writer import KeypointsFile
from signverse.lake.storage.forgotten.tombstones import Tombstones
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as
from signverse.lake.storage.reader import EVERY_FRAME, KeypointsReader, placement_of


def without_videos(
    folder: Path, files: Sequence[delta.DataFile], rows: Sequence[dict[str, Any]], forgotten: Collection[str]
) -> list[delta.DataFile]:
    """Copies keypoints files that wait for their commit without some videos, and deletes those that hold them.

    Args:
        folder: of the keypoints table.
        rows: of `videos`, not committed yet; those that are placed in these files and are kept get new placements.
        forgotten: video ids.
    """
    held = {row["keypoints_file"] for row in rows if row["video_id"] in forgotten}
    copied = [_copy(folder, file, rows, forgotten) if file.name in held else file for file in files]
    return [file for file in copied if file is not None]


def forgotten_in(lake: Path, waiting: Mapping[str, Sequence[delta.DataFile]]) -> SignverseError | None:
    """An error, where files whose commit failed hold videos that were forgotten since; None where they do not.

    Their rows say where keypoints lay then, and a forgetting has moved those that it found.

    Args:
        waiting: by the name of the table.
    """
    tombstones = Tombstones.of(lake)
    paths = [lake / name / file.name for name, files in waiting.items() for file in files] if len(tombstones) else []
    held: set[str] = set()
    for path in paths:
        with suppress(DamagedLakeError), foreign_errors_as(damaged(path.name)), pq.ParquetFile(path) as file:
            held |= set(file.read(["video_id"])["video_id"].unique().to_pylist())
    if not tombstones.among(held):
        return None
    return SignverseError(
        f"videos of a commit to {lake} that failed were forgotten since: it is given up", "Run the same again."
    )


def _copy(
    folder: Path, file: delta.DataFile, rows: Sequence[dict[str, Any]], forgotten: Collection[str]
) -> delta.DataFile | None:
    kept = [row for row in rows if row["keypoints_file"] == file.name and row["video_id"] not in forgotten]
    new: delta.DataFile | None = None
    if kept:
        schema = delta.full_schema(delta.open_table(folder), KEYPOINTS)
        names = KEYPOINTS.in_file(schema).names
        columns = [name for name in names if name not in ("video_id", "ingest_id", "frame", "person")]
        reader, writer = KeypointsReader(folder), KeypointsFile(folder, file.partition or "", schema)
        try:
            placements: list[Mapping[str, Any]] = []
            for row in kept:
                table = reader.rows(placement_of(row), columns, 0, EVERY_FRAME)
                placements.append(writer.add(row["video_id"], row["ingest_id"], table))
            new = writer.close()
        except BaseException:
            writer.discard()
            raise
        finally:
            reader.close()
        for row, placement in zip(kept, placements, strict=True):
            row.update(placement, keypoints_file=new.name)
    delta.discard(folder, [file])
    return new
