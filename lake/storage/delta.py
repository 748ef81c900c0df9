"""Delta tables: opening and changing them; location.py makes them. No other module touches the transaction log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, PostCommitHookProperties, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from signverse.lake.model.errors import BadInputError, DamagedLakeError, NewerLakeError, NotALakeError
from signverse.lake.model.plain_values import encodable
from signverse.lake.model.schema import FORMAT_PROPERTY, FORMAT_VERSION, Table
from signverse.lake.storage import parquet_layout
from signverse.lake.storage.forgotten.commit_lock import committing
from signverse.lake.storage.forgotten.tombstones import Tombstones
from signverse.lake.storage.integrity import log_entries, log_records, writers
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.storage.integrity.commit_info import Change, properties
from signverse.lake.storage.integrity.digests import digest
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_file, sync_log, sync_names

CHECKPOINT_INTERVAL: Final = 100
"""Commits from one checkpoint of a log to the next, of tables that are created from now on. Without checkpoints opening
takes 308 ms at 1,000 commits, with these under 10."""

RETRIES: Final = 100
"""At the default of 15, 46 of 400 appends by 16 writers were refused; with 100 none was."""


def full_schema(opened: DeltaTable, table: Table) -> pa.Schema:
    """The columns of today, also where the log lacks them; then those of the log that this version does not know.

    A file holds some of them: it is null in the columns that it lacks.
    """
    stored = pa.schema(opened.schema().to_arrow())
    return pa.schema([*table.schema, *(field for field in stored if field.name not in table.schema.names)])


def add_missing_columns(folder: Path, table: Table) -> DeltaTable:
    """Adds the columns of today that the table of an older lake lacks to its schema; its files stay.

    Returns:
        The table, opened.

    Raises:
        CommitFailedError: other processes committed first each time.
    """
    attempt = 0
    while True:
        delta = open_table(folder)
        known = delta.schema().to_arrow().names
        missing = pa.schema([field for field in table.schema if field.name not in known])
        if not missing.names:
            return delta
        attempt += 1
        try:
            delta.alter.add_columns(Schema.from_arrow(missing).fields, commit_properties=properties(1, 0))
            end_commit(folder)
        except CommitFailedError:
            # Another process committed at the same time; it may have added them.
            if attempt == RETRIES:
                raise


def open_table(folder: Path, *, version: int | None = None) -> DeltaTable:
    """Opens the table, or a version of it.

    Raises:
        NotALakeError: there is no table, or it is not one of a lake.
        NewerLakeError: a later version of this package wrote it.
        BadInputError: it never had that version.
        DamagedLakeError: its log cannot be read.
    """
    with foreign_errors_as(damaged(f"the log of table {folder}")):
        log_entries.refuse_pipes(folder)
        try:
            table = DeltaTable(str(folder), version=version)
        except TableNotFoundError:
            raise NotALakeError(f"{folder.parent} is not a lake: it has no table '{folder.name}'") from None
        except (DeltaError, OverflowError):
            if version is None:
                log_entries.check(folder, thorough=True)
                raise
            newest = open_table(folder).version()
            raise BadInputError(f"{folder.parent} has no version {version}", f"It has 0 to {newest}.") from None
        written = format_property(table)
    if not written.isdecimal():
        lacking = f"It lacks the property {FORMAT_PROPERTY}."
        raise NotALakeError(f"{folder} is a Delta table, but not one of a lake", lacking)
    refuse_newer(folder, table)
    return table


def refuse_newer(folder: Path, table: DeltaTable) -> None:
    """Raises NewerLakeError where a later version of this package wrote an open table."""
    written = format_property(table)
    if int(written) > FORMAT_VERSION:
        found = f"{folder.parent} has format {written}, this version reads up to {FORMAT_VERSION}"
        raise NewerLakeError(found, "Update your installation of signverse-lake from its repository.")


def format_property(table: DeltaTable) -> str:
    """What a table says of its format; empty where it says nothing."""
    return str(table.metadata().configuration.get(FORMAT_PROPERTY, ""))


def commit_times(folder: Path) -> dict[int, datetime]:
    """When each version was committed, as far back as the log goes."""
    # Of the newest version: of an older one the library returns the same entries and numbers them wrongly.
    with foreign_errors_as(damaged(f"the log of table {folder}")):
        history = open_table(folder).history()
    known = (entry for entry in history if entry.get("version") is not None and entry.get("timestamp") is not None)
    return {entry["version"]: datetime.fromtimestamp(entry["timestamp"] / 1000, UTC) for entry in known}


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that lies in the table's folder and waits to be committed.

    Attributes:
        name: path inside the table's folder.
        partition: value of the partition column, or None.
        first_id, last_id: smallest and largest video_id in it.
    """

    name: str
    partition: str | None
    num_rows: int
    first_id: str
    last_id: str


@dataclass(frozen=True)
class ActiveFile:
    """A Parquet file that the table consists of now.

    Attributes:
        name: path inside the table's folder.
        partition: value of the partition column, or None.
        size: bytes.
        modified: when it was committed.
        first_id, last_id: smallest and largest video_id in it; the widest possible range where the log lacks them.
    """

    name: str
    partition: str | None
    size: int
    num_rows: int
    modified: datetime
    first_id: str
    last_id: str


_LAST: Final = chr(0x10FFFF)


def new_file(folder: Path, table: Table, partition: str | None) -> str:
    """A name for a new data file, inside the table's folder; makes the partition's folder."""
    name = writers.new_name(folder.parent)
    if table.partition is not None:
        inside = f"{table.partition}={quote(partition or '', safe='')}"
        make_durable_folder(folder / inside)
        name = f"{inside}/{name}"
    return name


def seal(folder: Path, name: str) -> str:
    """Waits until a finished file is on disk, and puts its digest into its name, which is returned.

    Parquet has checksums for its pages only: a corrupted byte in a footer or a page's header changes what is read, and
    nothing else would reveal it.
    """
    sealed = f"{name.removesuffix('.parquet')}-{digest(folder / name)}.parquet"
    sync_file(folder / name)
    (folder / name).rename(folder / sealed)
    return sealed


def commit(folder: Path, table: Table, files: Sequence[DataFile], *, again: bool = False) -> None:
    """Adds files to the table in one transaction; nothing is visible before, and all is on disk afterwards.

    Where it fails the files stay: the transaction may have taken effect, or may do so yet. They can be committed again.

    Args:
        again: they were given to a commit that failed: what a version names already is not added once more.

    Raises:
        DamagedLakeError: a file is gone.
        DeltaError, OSError: it failed.
    """
    if not files:
        return
    sync_names(folder, [file.name for file in files])
    if again:
        named = log_entries.named(folder, [file.name for file in files])
        files = [file for file in files if file.name not in named]
    if files:
        log_entries.check_end(folder)
        actions = _additions(folder, table, files, new_data=True)
        names = {file.name for file in files}
        for left in reversed(range(RETRIES)):
            try:
                _write(add_missing_columns(folder, table), table, actions, retries=RETRIES)
                break
            except (DeltaError, OSError) as error:
                if names == log_entries.named(folder, names):
                    break
                # Another process added columns or raised the format since the table was opened.
                if not (left and isinstance(error, CommitFailedError) and "Metadata changed" in str(error)):
                    raise
    end_commit(folder)
    writers.release(file.name for file in files)
    _checkpoint_if_due(folder)


def replace_files(folder: Path, table: Table, old: Sequence[ActiveFile], new: Sequence[DataFile]) -> bool:
    """Replaces files in one transaction by files with the same rows, less those of replaced ingestions.

    Returns:
        False if another process had removed one of the old files: nothing was changed.
    """
    for _ in range(RETRIES):
        delta = open_table(folder)
        if not {file.name for file in old} <= {file.name for file in active_files(delta, table)}:
            return False
        log_entries.check_end(folder)
        now = int(writers.store_time(folder.parent) * 1000)
        sync_names(folder, [file.name for file in new])
        removals = [RemoveAction(file.name, False, now, file.size, _values(table, file.partition)) for file in old]
        try:
            # No retries inside: the library adds a second removal of the same file, and rows would double.
            _write(delta, table, [*removals, *_additions(folder, table, new, new_data=False)], retries=0, old=old)
        except CommitFailedError:
            # It may have taken effect all the same, and failed at its checkpoint.
            if not {file.name for file in new} <= {file.name for file in active_files(open_table(folder), table)}:
                continue
        end_commit(folder)
        writers.release(file.name for file in new)
        _checkpoint_if_due(folder)
        return True
    return False


def _write(
    delta: DeltaTable, table: Table, actions: list[Any], *, retries: int, old: Iterable[ActiveFile] = ()
) -> None:
    changes: list[Change] = [("remove", file.name, file.size, _values(table, file.partition), None) for file in old]
    changes += [("add", a.path, a.size, a.partition_values, a.stats) for a in actions if isinstance(a, AddAction)]
    delta.create_write_transaction(
        actions,
        mode="append",
        schema=delta.schema(),
        partition_by=[table.partition] if table.partition else None,
        commit_properties=properties(len(actions), retries, changes),
        # Of its checkpoints a power cut leaves half: see `write_checkpoints`.
        post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
    )


def end_commit(folder: Path) -> None:
    """Waits until the newest entries of a log are on disk, and records beside it how far it goes."""
    # What another process commits after this is not synced, and a power cut may take it.
    newest = log_entries.newest_version(folder)
    sync_log(folder, synced=log_records.recorded_version(folder))
    log_records.record_version(folder, newest)


def _checkpoint_if_due(folder: Path) -> None:
    newest = log_entries.newest_version(folder)
    if newest - max(log_entries.checkpoints(folder), default=0) < CHECKPOINT_INTERVAL:
        return
    # The log is whole without it, and the next commit tries again.
    with suppress(DeltaError, OSError):
        write_checkpoints(folder)


def _values(table: Table, partition: str | None) -> dict[str, Any]:
    return {table.partition: partition} if table.partition else {}


def _additions(folder: Path, table: Table, files: Iterable[DataFile], *, new_data: bool) -> list[Any]:
    actions: list[Any] = []
    for file in files:
        try:
            state = (folder / file.name).stat()
        except FileNotFoundError:
            raise DamagedLakeError(
                f"{folder / file.name} was removed before it was committed: nothing was committed",
                "Run the same again.",
            ) from None
        statistics = {
            "numRecords": file.num_rows,
            "minValues": {"video_id": file.first_id},
            "maxValues": {"video_id": file.last_id},
            "nullCount": {"video_id": 0},
        }
        actions.append(
            AddAction(
                path=file.name,
                size=state.st_size,
                partition_values=_values(table, file.partition),
                # By the clock of the store, which maintenance compares with.
                modification_time=state.st_mtime_ns // 1_000_000,
                data_change=new_data,
                stats=json.dumps(statistics),
            )
        )
    return actions


def active_files(delta: DeltaTable, table: Table) -> list[ActiveFile]:
    """The data files of a table, as its log has them."""
    with foreign_errors_as(damaged(f"the log of table {table.name}")):
        actions: Any = delta.get_add_actions(flatten=True)
    wanted = ["path", "size_bytes", "num_records", "modification_time", "min.video_id", "max.video_id"]
    if table.partition:
        wanted.append(f"partition.{table.partition}")
    columns = [
        actions.column(name).to_pylist() if name in actions.schema.names else [None] * actions.num_rows
        for name in wanted
    ]
    return [
        ActiveFile(
            name=name,
            partition=partition[0] if partition else None,
            size=size,
            num_rows=rows or 0,
            modified=datetime.fromtimestamp(modified / 1000, UTC),
            first_id=first or "",
            last_id=last if last is not None else _LAST,
        )
        for name, size, rows, modified, first, last, *partition in zip(*columns, strict=True)
    ]


def unknown_file(name: str, table: Table) -> ActiveFile:
    """A data file that no log entry describes, by its path inside the table's folder."""
    partition = unquote(name.split("/")[0].partition("=")[2]) if table.partition else None
    return ActiveFile(name, partition, 0, 0, datetime.fromtimestamp(0, UTC), "", _LAST)


def append(folder: Path, table: Table, rows: list[dict[str, Any]]) -> None:
    """Writes rows, one file per partition, and commits them in one transaction.

    Raises:
        DeltaError, OSError: it failed. What was written belongs to no version, or to one: run it again only where
            a repeated row does no harm.
    """
    with committing(folder.parent):
        commit(folder, table, write_files(folder, table, rows))


def write_files(folder: Path, table: Table, rows: list[dict[str, Any]]) -> list[DataFile]:
    """Writes rows into new files that wait to be committed, one per partition; none of videos that were forgotten.

    Raises:
        OSError: it failed, and no file is left.
    """
    rows = Tombstones.of(folder.parent).without(rows)
    if not rows:
        return []
    schema = full_schema(open_table(folder), table)
    try:
        all_rows = pa.Table.from_pylist(rows, schema=schema)
    except UnicodeEncodeError:
        all_rows = pa.Table.from_pylist([encodable(row) for row in rows], schema=schema)
    key = table.partition
    partitions: list[str | None] = sorted(set(all_rows.column(key).to_pylist())) if key else [None]
    files: list[DataFile] = []
    try:
        for partition in partitions:
            part = all_rows.filter(pc.equal(all_rows.column(key), partition)) if key else all_rows
            name = new_file(folder, table, partition)
            ids = pc.min_max(part.column("video_id"))
            files.append(DataFile(name, partition, part.num_rows, ids["min"].as_py(), ids["max"].as_py()))
            parquet_layout.write_rows(part.select(table.in_file(schema).names), folder / name)
            files[-1] = replace(files[-1], name=seal(folder, name))
    except BaseException:
        discard(folder, files)
        raise
    return files


def discard(folder: Path, files: Iterable[DataFile]) -> None:
    """Deletes files that were written and will not be committed."""
    for file in files:
        (folder / file.name).unlink(missing_ok=True)
        writers.release([file.name])
