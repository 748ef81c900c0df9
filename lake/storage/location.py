"""Where a lake may lie, and making one: in folders of this machine; those of object stores are read only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from signverse.lake.model.errors import BadInputError, DamagedLakeError, NotALakeError
from signverse.lake.model.schema import FORMAT_PROPERTY, TABLES, VIDEOS, Table
from signverse.lake.model.wording import as_argument
from signverse.lake.storage import delta
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.storage.integrity import commit_info, log_entries, log_records, writers
from signverse.lake.storage.integrity.log_entries import is_made
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_folder, sync_log
from signverse.lake.storage.lake_format import format_beside
from signverse.lake.storage.stores.cached_lake import cached, refuse_in_store, sync

_OF_A_BROKEN_MAKING: Final = re.compile(r"0{20}\.json(#\d+)?|_commit_[0-9a-f-]+\.json\.tmp(#\d+)?")
"""What a log holds whose making was broken off."""


def is_lake(folder: Path) -> bool:
    """Whether a folder is a lake, whatever it holds besides: `videos` is made last."""
    return is_made(folder / VIDEOS.name)


def check_outside_lakes(out: Path) -> None:
    """Checks that a result does not lie in a lake's folder, where it would pass for a part of it.

    Raises:
        BadInputError: it does.
    """
    within = next((place for place in (out.resolve(), *out.resolve().parents) if is_lake(place)), None)
    if within is not None:
        raise BadInputError(f"{out} lies in the lake {within}", "Name another place.")


def lake_folder(path: str | Path) -> Path:
    """The folder that a path names, absolute.

    Raises:
        NotALakeError: no lake may lie there, or it lies in an object store.
    """
    refuse_in_store(path, "this is not done there")
    folder = Path(path).expanduser().absolute()
    if re.search("%[0-9a-f]{2}", str(folder), re.I):
        # The Delta library would take a%20b for "a b" and read or write there.
        raise NotALakeError(f"{folder} has a % code in its name", "Name a folder without.")
    return folder


def existing_lake(path: str | Path, *, check_log: bool = True) -> Path:
    """The folder of a lake.

    Args:
        check_log: refuse one whose logs lack something.

    Raises:
        NotALakeError: there is no lake at the path.
        DamagedLakeError: entries of a log are empty, cut or missing, or `videos` is lost.
    """
    folder = cached(path) or lake_folder(path)
    if not folder.exists():
        raise NotALakeError(f"there is no lake at {folder}", "Make one: signverse ingest videos FOLDER --lake LAKE.")
    refuse_lost_videos(folder)
    if not is_lake(folder):
        raise NotALakeError(f"{folder} is not a lake", "A lake holds folders such as videos, segments and keypoints.")
    if check_log:
        check_logs(folder)
    return folder


def made_lake(path: str | Path) -> Path:
    """The folder of a lake, which is made where there is none yet.

    Raises:
        NotALakeError: the path is a file, or a folder that holds other things.
        DamagedLakeError: entries of a log are empty, cut or missing, or `videos` is lost.
    """
    refuse_in_store(path, "nothing is written there")
    folder = lake_folder(path)
    if folder.exists() and not folder.is_dir():
        raise NotALakeError(f"{folder} is a file", "Name a folder for the lake.")
    make_tables(folder)
    check_logs(folder)
    return folder


def make_tables(folder: Path) -> None:
    """Makes a lake, or goes on where a making was broken off, at whatever moment.

    `videos` comes last: while it is missing this is not a lake. Where rows were written nothing is made: an empty table
    would cover up that one is lost.

    Raises:
        NotALakeError: the folder holds other things.
        DamagedLakeError: rows were written, and `videos` is lost.
        BadInputError: the folder cannot be written.
    """
    unmade = [table for table in TABLES if not is_made(folder / table.name)]
    if not unmade:
        return
    refuse_lost_videos(folder)
    if any(_was_written(folder / table.name) for table in TABLES):
        return
    if VIDEOS in unmade:
        _refuse_other_things(
            folder, {*(table.name for table in TABLES), writers.FOLDER, log_records.FOLDER, tombstones.FOLDER}
        )
    for table in unmade:
        _refuse_other_things(folder / table.name, {"_delta_log"})
        log = folder / table.name / "_delta_log"
        if log.is_dir():
            _refuse_other_things(log, {name.name for name in log.iterdir() if _OF_A_BROKEN_MAKING.fullmatch(name.name)})
    for table in (*(table for table in unmade if table is not VIDEOS), VIDEOS):
        create(folder / table.name, table)


def create(folder: Path, table: Table) -> None:
    """Creates an empty table, unless it exists.

    Raises:
        BadInputError: the folder cannot be written.
    """
    log = folder / "_delta_log"
    try:
        # The Delta library makes the folder of the log first. An entry 0 of no or of half length is of a power cut.
        if not log_entries.is_made(folder) and log_entries.entry_path(folder, 0).exists():
            _remove_half_entry(folder)
        make_durable_folder(log)
    except OSError as error:
        raise BadInputError(f"a lake cannot be made at {folder.parent}: {error.strerror}") from None
    try:
        DeltaTable.create(
            str(folder),
            schema=table.schema,
            mode="ignore",
            partition_by=[table.partition] if table.partition else None,
            name=table.name,
            description=f"A row is {table.about}.",
            configuration={
                FORMAT_PROPERTY: str(format_beside(folder)),
                "delta.checkpointInterval": str(delta.CHECKPOINT_INTERVAL),
            },
            # The format is a property of ours, which Delta does not know.
            raise_if_key_not_exists=False,
            commit_properties=commit_info.properties(2, 0),
        )
    except DeltaError:
        # Another process may have been faster.
        if not log_entries.is_made(folder):
            raise
    sync_log(folder)


def _remove_half_entry(folder: Path) -> None:
    with writers.locked(folder.parent):
        # Another process may have been faster, and made the table.
        if not log_entries.is_made(folder):
            log_entries.entry_path(folder, 0).unlink(missing_ok=True)
            sync_folder(folder / "_delta_log")


def refuse_lost_videos(folder: Path) -> None:
    """Refuses a lake that has lost its table `videos`.

    Raises:
        DamagedLakeError: it has.
    """
    if not is_lake(folder):
        written = [table.name for table in TABLES if _was_written(folder / table.name)]
        if written:
            raise DamagedLakeError(
                f"{folder} has held rows of {', '.join(written)}, but its table 'videos' is lost or has lost its log",
                "Nothing was changed. Bring the folder 'videos' back from a copy, or run: "
                f"signverse repair {as_argument(folder)}",
            )


def bring_up_to_date(folder: Path) -> None:
    """Before the newest version of a lake is read again: takes over what is new in a store, and looks at the logs.

    Raises:
        DamagedLakeError: entries of a log are empty, cut or missing.
    """
    sync(folder)
    check_logs(folder)


def check_logs(folder: Path) -> None:
    """Looks for entries of a lake's logs that are empty, cut or missing; a table that is missing is none of them.

    Raises:
        DamagedLakeError: there is one.
    """
    for table in TABLES:
        if log_entries.had_log(folder / table.name):
            log_entries.check(folder / table.name)


def _was_written(folder: Path) -> bool:
    """Whether a table has had rows, as far as its folder shows."""
    return (
        any(version > 0 for version in log_entries.entries(folder))
        or log_records.recorded_version(folder) > 0
        or (folder.is_dir() and next(folder.rglob("part-*.parquet"), None) is not None)
    )


def _refuse_other_things(folder: Path, ours: set[str]) -> None:
    if folder.is_dir():
        others = sorted(child.name for child in folder.iterdir() if child.name not in ours)
    else:
        others = [folder.name] if folder.is_symlink() or folder.exists() else []
    if others:
        raise NotALakeError(
            f"{folder} holds other things and is not a lake: {others[0]}", "Name a new or an empty folder."
        )
