"""Rows of sealed files that no version of a log names, or that were replaced by a file that is lost: back into tables.

A sealed file has its digest in its name: whether it is whole does not depend on any log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, SOURCES, SPLITS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import counted
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile, DataFile
from signverse.lake.storage.file_writer import KeypointsFile, RowsFile
from signverse.lake.storage.forgotten.tombstones import Tombstones
from signverse.lake.storage.integrity import digests, writers
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.scan import scan
from signverse.lake.storage.reader import EVERY_FRAME, KeypointsReader, placement_of
from signverse.lake.upkeep.plan import Key, StoredPlacement, placements_in
from signverse.lake.upkeep.repair.logs import removed_files, set_aside
from signverse.lake.upkeep.repair.report import Report
from signverse.lake.upkeep.vacuum import data_files

_KEY: Final[Mapping[Table, tuple[str, ...]]] = {
    VIDEOS: ("ingest_id",),
    SEGMENTS: ("ingest_id", "ordinal"),
    CAPTIONS: ("ingest_id", "track", "ordinal"),
    SOURCES: ("ingest_id",),
    OUTCOMES: ("video_id", "stage", "outcome", "attempted_at"),
    SPLITS: ("name", "made_at", "video_id"),
}
"""The columns that tell a row of a table from all others."""


class Tables:
    """The data files of a lake: whole or not, named by a log or not. Each is read once to compare it with its name.

    Args:
        lake: the folder that is mended.
        writers_of: the folder where writers that live have their locks: the same, but for a dry run.
    """

    def __init__(self, lake: Path, writers_of: Path) -> None:
        self.lake = lake
        self._writers_of = writers_of
        self.forgotten = Tombstones.of(writers_of)
        self._whole: dict[Path, bool | None] = {}

    def is_whole(self, path: Path) -> bool:
        """Whether a file is there, with the bytes that its name promises."""
        if path not in self._whole:
            try:
                self._whole[path] = digests.is_as_written(path)
            except OSError:
                self._whole[path] = False
        if self._whole[path] is None:
            # The name promises nothing: whether it can be read has to do.
            try:
                pq.read_metadata(path)
                self._whole[path] = True
            except Exception:
                self._whole[path] = False
        return bool(self._whole[path])

    def active(self, table: Table) -> list[ActiveFile]:
        """The files that the table's log names."""
        return delta.active_files(delta.open_table(self.lake / table.name), table)

    def whole(self, table: Table) -> list[ActiveFile]:
        """The files of a table that can be read."""
        return [file for file in self.active(table) if self.is_whole(self.lake / table.name / file.name)]

    def lost(self, table: Table) -> list[ActiveFile]:
        """The files that the log names and that are missing or damaged."""
        return [file for file in self.active(table) if not self.is_whole(self.lake / table.name / file.name)]

    def spare(self, table: Table) -> tuple[list[str], list[str]]:
        """Whole sealed files that are not in the table: those that no log names, and those that a log says it removed.

        What a writer that lives has made is left to it.
        """
        folder = self.lake / table.name
        there = data_files(folder, links=True).keys() - {file.name for file in self.active(table)}
        removed = removed_files(folder)
        there -= writers.in_use(self._writers_of, there)
        sealed = sorted(name for name in there if digests.has_digest(name) and self.is_whole(folder / name))
        return [name for name in sealed if name not in removed], [name for name in sealed if name in removed]

    def rows(self, table: Table, names: Collection[str]) -> pl.DataFrame:
        """The rows of files of a small table."""
        schema = delta.full_schema(delta.open_table(self.lake / table.name), table)
        if not names:
            return pl.DataFrame(schema.empty_table())
        paths = [str(self.lake / table.name / name) for name in names]
        return collect(scan(paths, table, schema).select(schema.names))


def take_back(tables: Tables, report: Report) -> None:
    """Puts rows of sealed files back into their tables; a row that is there already is not doubled."""
    for table in TABLES:
        unnamed, removed = tables.spare(table)
        back = _take_back(tables, table, unnamed)
        if back:
            report.add(table.name, f"{counted(back, 'row')} of sealed files that no log entry names")
        # A file that maintenance has replaced, where what took its place is lost.
        lost = tables.lost(table)
        again = _take_back(tables, table, removed) if lost else 0
        if again:
            report.add(table.name, f"{counted(again, 'row')} from files that were kept for older versions")
        _drop_made_good(tables, table, lost, back + again, report)


def _take_back(tables: Tables, table: Table, names: Collection[str]) -> int:
    if not names:
        return 0
    if table is KEYPOINTS:
        return _take_keypoints(tables, names)
    folder = tables.lake / table.name
    key = list(_KEY[table])
    present = tables.rows(table, [file.name for file in tables.whole(table)]).select(key)
    rows = 0
    for name in names:
        held = tables.rows(table, [name])
        gone = tables.forgotten.among(held["video_id"].unique())
        kept = held.filter(~pl.col("video_id").is_in(list(gone)))
        missing = kept.join(present, on=key, how="anti", nulls_equal=True)
        if missing.is_empty():
            continue
        if missing.height == held.height:
            file = _described(table, name, held)
        else:
            file = _written(folder, table, name, missing)
        delta.commit(folder, table, [file])
        present = pl.concat([present, missing.select(key)])
        rows += missing.height
    return rows


def _described(table: Table, name: str, rows: pl.DataFrame) -> DataFile:
    partition = delta.unknown_file(name, table).partition
    ids = rows["video_id"]
    return DataFile(name, partition, rows.height, str(ids.min() or ""), str(ids.max() or ""))


def _written(folder: Path, table: Table, like: str, rows: pl.DataFrame) -> DataFile:
    """Writes rows into a new file of the partition of another."""
    schema = delta.full_schema(delta.open_table(folder), table)
    new = RowsFile(folder, table, delta.unknown_file(like, table).partition, schema)
    new.add(rows.to_arrow().select(table.in_file(schema).names).cast(table.in_file(schema)))
    return new.close()


def _take_keypoints(tables: Tables, names: Collection[str]) -> int:
    """Adds the ingestions of keypoints files that no whole file of the table has."""
    folder = tables.lake / KEYPOINTS.name
    present = {key for file in tables.whole(KEYPOINTS) for key in placements_in(folder, file.name)}
    rows = 0
    for name in names:
        held = placements_in(folder, name)
        gone = tables.forgotten.among({video_id for video_id, _ in held})
        missing = {key: place for key, place in held.items() if key not in present and key[0] not in gone}
        if not missing:
            continue
        if len(missing) == len(held):
            ids = [video_id for video_id, _ in held]
            count = pq.read_metadata(folder / name).num_rows
            file = DataFile(name, delta.unknown_file(name, KEYPOINTS).partition, count, min(ids), max(ids))
        else:
            file = _copied(folder, name, missing)
        delta.commit(folder, KEYPOINTS, [file])
        present |= missing.keys()
        rows += file.num_rows
    return rows


def _copied(folder: Path, name: str, ingestions: Mapping[Key, StoredPlacement]) -> DataFile:
    schema = delta.full_schema(delta.open_table(folder), KEYPOINTS)
    reader = KeypointsReader(folder)
    new = KeypointsFile(folder, delta.unknown_file(name, KEYPOINTS).partition or "", schema)
    try:
        columns = [c for c in KEYPOINTS.in_file(schema).names if c not in {"video_id", "ingest_id", "frame", "person"}]
        for key, place in sorted(ingestions.items()):
            new.add(*key, reader.rows(placement_of({"video_id": key[0], **place}), columns, 0, EVERY_FRAME))
        return new.close()
    except BaseException:
        new.discard()
        raise


def _drop_made_good(tables: Tables, table: Table, lost: list[ActiveFile], back: int, report: Report) -> None:
    """Takes lost files out of a table of which all rows came back; a damaged one is set aside."""
    held = sum(file.num_rows for file in lost)
    if not lost or table is KEYPOINTS or back < held:
        return
    drop(tables, table, lost)
    report.add(table.name, f"{counted(len(lost), 'lost file')}: all rows came back")


def drop(tables: Tables, table: Table, files: Collection[ActiveFile]) -> None:
    """Takes files out of a table's log; those that lie there are set aside."""
    delta.replace_files(tables.lake / table.name, table, list(files), [])
    for file in files:
        set_aside(tables.lake, tables.lake / table.name / file.name)


def ingestions_in(tables: Tables) -> dict[Key, StoredPlacement]:
    """Where the keypoints of every ingestion lie, of the whole files of the table."""
    folder = tables.lake / KEYPOINTS.name
    found: dict[Key, StoredPlacement] = {}
    for file in tables.whole(KEYPOINTS):
        for key, place in placements_in(folder, file.name).items():
            found.setdefault(key, place)
    return found
