"""A DuckDB session over a lake: the views and macros of sql/ over the files of its tables."""

from __future__ import annotations

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
from signverse.lake.storage.parquet_layout import literal_path
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.temporary.leftovers import make_folder


@lru_cache(maxsize=1)
def sql_folder() -> Path:
    """The folder of SQL files, `signverse/sql`, which is not a Python package."""
    return Path(str(files("signverse") / "sql"))


def connect(snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with the lake's views, macros and the tables `languages` and `skeleton`.

    Raises:
        DamagedLakeError: a file of the lake cannot be read.
    """
    # First: it says so if maintenance has dropped the version, before a missing file does.
    visible = snapshot.visible()
    con = duckdb.connect()
    con.execute("set parquet_metadata_cache = true; set timezone = 'UTC'; create schema files;")
    # What does not fit into memory goes to the folder of temporary files, not to the working directory; and a query
    # installs nothing.
    con.execute("set temp_directory = ?", [_temporary_folder(con)])
    con.execute("set autoinstall_known_extensions = false")
    # Otherwise the names of this program's variables would be tables.
    con.execute("set python_enable_replacements = false")
    for table in TABLES:
        _add_table(con, snapshot, table)
    _copy_in(con, "files.visible", visible)
    _copy_in(con, "files.language_names", pa.Table.from_pylist(sign_languages.lookup_table()))
    _copy_in(con, "languages", _languages())
    _copy_in(con, "skeleton", _skeleton())
    con.execute("set variable joints = ?", [list(JOINTS)])
    con.execute(_joints_by_part())
    # Constants of the package have one place, in Python.
    for name, threshold in (("seen", SEEN), ("clear_hands", CLEAR_HANDS), ("steady_hands", STEADY_HANDS)):
        con.execute(f"create macro files.{name}() as {threshold}")
    for name in ("views.sql", "macros.sql"):
        con.execute((sql_folder() / name).read_text(encoding="utf-8"))
    return con


def _temporary_folder(con: duckdb.DuckDBPyConnection) -> str:
    """A private folder that is removed with the connection; "" where none can be made: then nothing is spilled."""
    try:
        return str(make_folder("duckdb", con))
    except OSError:
        return ""


def _add_table(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: Table) -> None:
    """Creates files.NAME: all rows of a table's files that belong to the snapshot."""
    files = [literal_path(name) for name in snapshot.files(table.name)]
    if not files:
        _copy_in(con, f"files.{table.name}", table.schema.empty_table())
        return
    con.execute(f"set variable files_{table.name} = ?", [files])
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    hive = f", hive_types = {{'{table.partition}': varchar}}" if table.partition else ""
    until = snapshot.read_until(table.name)
    where = "" if until is None else f" where {WRITTEN_AT[table.name]} <= timestamptz '{until.isoformat()}'"
    source = f"read_parquet(getvariable('files_{table.name}'), hive_partitioning = {bool(table.partition)}{hive}"
    if table.added:
        # Files of older lakes lack these columns, perhaps all files do.
        _copy_in(con, f"files.no_{table.name}", table.schema.empty_table())
        source = f"(from {source}, union_by_name = true) union all by name from files.no_{table.name})"
    else:
        source += ")"
    _view(con, f"create view files.{table.name} as select {columns} from {source}{where}")  # noqa: S608 (names from the schema)


def _view(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    try:
        con.execute(statement)
    except duckdb.Error as error:
        raise DamagedLakeError(
            f"a file of the lake cannot be read: {_first_line(error)}", "Run: signverse verify LAKE."
        ) from None


def _copy_in(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame | pa.Table) -> None:
    con.register("incoming", rows)
    con.execute(f"create table {name} as from incoming")
    con.unregister("incoming")


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


def _skeleton() -> pa.Table:
    rows = [
        {"joint": JOINTS[part.start + i], "point": part.start + i, "part": part.name, "index": i}
        for part in PARTS
        for i in range(part.size)
    ]
    return pa.Table.from_pylist(rows)


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


def _first_line(error: duckdb.Error) -> str:
    # The second paragraph points at the query with an arrow on a line of its own.
    return str(error).split("\nLINE ")[0].strip()
