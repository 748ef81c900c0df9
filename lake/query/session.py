"""A DuckDB session over a lake: the views and macros of sql/ over the files of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.schema import TABLES, WRITTEN_AT, Table
from signverse.lake.model.skeleton import JOINTS, PARTS
from signverse.lake.model.thresholds import CLEAR_HANDS, SEEN, STEADY_HANDS
from signverse.lake.query.conditions import add_text_search
from signverse.lake.storage.integrity.duckdb_files import FUNCTION, PROTOCOL, LakeFiles, register
from signverse.lake.storage.integrity.lost_files import LostFile, lost_error
from signverse.lake.storage.parquet_layout import column_types, columns_for_duckdb, literal_path
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.temporary.leftovers import temporary_folder_of


@lru_cache(maxsize=1)
def sql_folder() -> Path:
    """The folder of SQL files, `signverse/sql`, which is not a Python package."""
    return Path(str(files("signverse") / "sql"))


def connect(snapshot: Snapshot, *, files: bool = False) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with the lake's views, macros and the tables `languages` and `skeleton`.

    A query that needs a lost file fails, and says which and how to bring it back; all others have their answer.

    Args:
        files: whether queries may read files outside the lake, and in Python write them.
    """
    # First: it says so if maintenance has dropped the version.
    visible: pl.DataFrame | str
    try:
        visible = snapshot.visible()
    except DamagedLakeError as error:
        visible = str(error)
    names = [table.name for table in TABLES]
    with ThreadPoolExecutor(1) as thread:
        opened = thread.submit(duckdb.connect)
        schemas = {name: snapshot.schema(name) for name in names}
    con = opened.result()
    con.execute("set parquet_metadata_cache = true; set timezone = 'UTC'; create schema files;")
    # What does not fit into memory goes to the folder of temporary files, not to the working directory.
    con.execute("set temp_directory = ?", [_temporary_folder(con)])
    # A query installs no extension, and loads none that is there: they reach other databases and the network.
    con.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
    # Otherwise the names of this program's variables would be tables.
    con.execute("set python_enable_replacements = false")
    of_lake = LakeFiles(con)
    register(con, of_lake)
    types = {name: column_types(con, schema) for name, schema in schemas.items()}
    for name, columns in types.items():
        con.execute(
            f"create table files.no_{name} ({_declared(columns)}); create view files.{name} as from files.no_{name}"
        )
    if isinstance(visible, str):
        _refuse(con, "files.visible", dict.fromkeys(("ingest_id", "keypoints_ingest_id"), "varchar"), visible)
    else:
        _copy_in(con, "files.visible", visible.select("ingest_id", "keypoints_ingest_id"))
    _copy_in(con, "files.language_names", _language_names())
    _copy_in(con, "languages", _languages())
    _copy_in(con, "skeleton", _skeleton())
    con.execute("set variable joints = ?", [list(JOINTS)])
    con.execute(_joints_by_part())
    # Constants of the package have one place, in Python.
    for name, threshold in (("seen", SEEN), ("clear_hands", CLEAR_HANDS), ("steady_hands", STEADY_HANDS)):
        con.execute(f"create macro files.{name}() as {threshold}")
    add_text_search(con)
    for name in ("views.sql", "macros.sql"):
        con.execute((sql_folder() / name).read_text(encoding="utf-8"))
    # Last: DuckDB plans a view as it is made, and those above it are made in a quarter of the time over empty tables.
    # That reads nothing; a query's files are compared when it is planned.
    of_lake.compared = {table.name for table in TABLES}
    for table in TABLES:
        _add_table(con, snapshot, table, types[table.name], of_lake)
    of_lake.compared = None
    if not files:
        _keep_inside(con, snapshot.folder)
    return con


def _keep_inside(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Refuses every file but those of the lake's tables; nothing that a query says can undo it.

    By folders, not by files: DuckDB takes 0.4 s to take a list of ten thousand files.
    """
    names = [str(folder / table.name) for table in TABLES]
    # DuckDB looks up the pattern as well as the file that it stands for.
    con.execute("set allowed_directories = ?", [[f"{PROTOCOL}://", *names, *(literal_path(name) for name in names)]])
    con.execute("set enable_external_access = false")


def _temporary_folder(con: duckdb.DuckDBPyConnection) -> str:
    """A private folder that is removed with the connection; "" where none can be made: then nothing is spilled."""
    try:
        return str(temporary_folder_of("duckdb", con))
    except OSError:
        return ""


def _declared(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _add_table(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: Table, types: Mapping[str, str], files: LakeFiles
) -> None:
    """Replaces files.NAME, of no rows, by all rows of a table's files that belong to the snapshot.

    A table with lost files can be asked all the same, for what was not in them: see `_rows_of_lost_files`.
    """
    found = snapshot.lost(table.name)
    # What only replaced rows were in is not missed.
    lost = [file for file in found if file.videos is None or file.videos]
    unknown = [file for file in lost if file.videos is None]
    if unknown:
        _refuse(con, f"files.{table.name}", types, str(lost_error(snapshot, unknown)))
        return
    names = {file.file.name for file in found}
    paths = [file.name for file in snapshot.stored_files(table.name) if file.name not in names]
    sources = [f"from files.no_{table.name}"]
    if paths:
        files.add(table.name, snapshot.folder / table.name, paths)
        sources = [_rows_of_files(table, types, snapshot.read_until(table.name))]
    if lost:
        _copy_in(con, f"files.lost_{table.name}", _lost_videos(snapshot, lost))
        sources.append(_rows_of_lost_files(table, types))
    if paths or lost:
        con.execute(f"create or replace view files.{table.name} as {' union all by name '.join(sources)}")


def _rows_of_files(table: Table, types: Mapping[str, str], until: datetime | None) -> str:
    columns = columns_for_duckdb({name: kind for name, kind in types.items() if name != table.partition})
    hive = f", hive_types = {{'{table.partition}': varchar}}" if table.partition else ""
    where = "" if until is None else f" where {WRITTEN_AT[table.name]} <= timestamptz '{until.isoformat()}'"
    names = ", ".join(f'"{name}"' for name in types)
    return (
        f"select {names} from read_parquet({FUNCTION}('{table.name}'), "  # noqa: S608 (names from the schema)
        f"hive_partitioning = {bool(table.partition)}{hive}, {columns}){where}"
    )


def _lost_videos(snapshot: Snapshot, lost: Sequence[LostFile]) -> pa.Table:
    rows = [
        {"video_id": video_id, "sign_language": file.file.partition, "message": str(lost_error(snapshot, [file]))}
        for file in lost
        for video_id in file.videos or ()
    ]
    return pa.Table.from_pylist(rows)


def _rows_of_lost_files(table: Table, types: Mapping[str, str]) -> str:
    """A row for each video of lost files: a query that excludes them by video_id or language has its answer.

    Every other evaluates a column that raises: ingest_id at the latest, by which the views join.
    """
    columns = ", ".join(
        name if name in {"video_id", "sign_language"} else _raising(name, kind) for name, kind in types.items()
    )
    return f"select {columns} from files.lost_{table.name}"  # noqa: S608 (names from the schema)


def _refuse(con: duckdb.DuckDBPyConnection, name: str, types: Mapping[str, str], message: str) -> None:
    """Creates a view whose rows are not known: whatever asks it fails with the message."""
    _copy_in(con, f"{name}_lost", pa.table({"message": [message]}))
    # Expressions that raise, not constants: planning would use those, and a condition that they do not meet would
    # leave no row, and no word.
    columns = ", ".join(_raising(column, kind) for column, kind in types.items())
    con.execute(f"create or replace view {name} as select {columns} from {name}_lost where error(message) is not null")  # noqa: S608 (names from the schema)


def _raising(name: str, kind: str) -> str:
    return f'error(message)::varchar::{kind} as "{name}"'


def _copy_in(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame | pa.Table) -> None:
    con.register("incoming", rows)
    con.execute(f"create table {name} as from incoming")
    con.unregister("incoming")


@lru_cache(maxsize=1)
def _language_names() -> pa.Table:
    return pa.Table.from_pylist(sign_languages.lookup_table())


@lru_cache(maxsize=1)
def _languages() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "sign_language": lang.code,
                "name": lang.name,
                "iso639_3": lang.iso639_3,
                "bcp47": lang.bcp47,
                "aliases": list(lang.aliases),
                "abbreviations": list(lang.abbreviations),
                "other_names": list(lang.other_names),
                "countries": list(lang.countries),
            }
            for lang in sign_languages.languages()
        ],
        schema=pa.schema(
            [
                ("sign_language", pa.string()),
                ("name", pa.string()),
                ("iso639_3", pa.string()),
                ("bcp47", pa.string()),
                ("aliases", pa.list_(pa.string())),
                ("abbreviations", pa.list_(pa.string())),
                ("other_names", pa.list_(pa.string())),
                ("countries", pa.list_(pa.string())),
            ]
        ),
    )


@lru_cache(maxsize=1)
def _skeleton() -> pa.Table:
    rows = [
        {"joint": JOINTS[part.start + i], "point": part.start + i, "part": part.name, "index": i}
        for part in PARTS
        for i in range(part.size)
    ]
    return pa.Table.from_pylist(rows)


@lru_cache(maxsize=1)
def _joints_by_part() -> str:
    """SQL of the views files.body_joints and so on: joint, and its place in the part's lists, from 1.

    One select per joint instead of a table: a filter on joint is then applied while planning, and the lists of parts
    without a remaining joint are not read at all.
    """
    views = []
    for part in PARTS:
        rows = " union all ".join(f"select '{name}', {i}" for i, name in enumerate(JOINTS[part.slice], start=1))
        views.append(f"create view files.{part.name}_joints(joint, place) as {rows};")
    return "".join(views)
