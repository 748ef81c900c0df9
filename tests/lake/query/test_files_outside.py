"""A query reads the lake only, whatever function, path or statement it uses, unless files are allowed."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query import read_only
from signverse.lake.query.selection import Selection

SECRET = "the-secret-of-this-machine"


@pytest.fixture(scope="module")
def held(fill: Any, video: Any, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(f"{SECRET}\n")
    (folder / "secret.csv").write_text(f"a,b\n{SECRET},1\n")
    (folder / "secret.json").write_text(json.dumps([{"a": SECRET}]))
    (folder / "secret[1].txt").write_text(SECRET)
    duckdb.sql(f"select '{SECRET}' as a").write_parquet(str(folder / "secret.parquet"))
    with duckdb.connect(str(folder / "secret.duckdb")) as con:
        con.execute(f"create table a as select '{SECRET}' as a")
    with sqlite3.connect(folder / "secret.sqlite") as other:
        other.execute("create table a (a text)")
    # A folder whose name begins as the lake's does is not in the lake.
    (folder / "lake [1] of others").mkdir()
    (folder / "lake [1] of others" / "secret.txt").write_text(SECRET)
    return Lake.open(fill(folder / "lake [1]", video("abc"), video("def")))


@pytest.fixture(scope="module")
def con(held: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    with held.duckdb() as con:
        yield con


ROUTES = [
    "from read_text('{0}/secret.txt')",
    "from read_blob('{0}/secret.txt')",
    "from read_csv('{0}/secret.csv')",
    "from read_csv_auto('{0}/secret.csv')",
    "from read_csv(['{0}/secret.csv', '{0}/secret.csv'])",
    "from read_json('{0}/secret.json')",
    "from read_ndjson_objects('{0}/secret.json')",
    "from read_json_objects_auto('{0}/secret.json')",
    "from read_parquet('{0}/secret.parquet')",
    "from parquet_scan('{0}/secret.parquet')",
    "from read_single_parquet_file('{0}/secret.parquet')",
    "from read_single_csv_file('{0}/secret.csv')",
    "from read_single_json_file('{0}/secret.json')",
    "from parquet_metadata('{0}/secret.parquet')",
    "from parquet_schema('{0}/secret.parquet')",
    "from parquet_kv_metadata('{0}/secret.parquet')",
    "from parquet_file_metadata('{0}/secret.parquet')",
    "from parquet_full_metadata('{0}/secret.parquet')",
    "from parquet_page_index('{0}/secret.parquet')",
    "from parquet_bloom_probe('{0}/secret.parquet', 'a', '')",
    "from read_duckdb('{0}/secret.duckdb')",
    "from glob('{0}/*')",
    "from glob('{0}/**')",
    "from glob('/etc/*')",
    "from sniff_csv('{0}/secret.csv')",
    "from '{0}/secret.csv'",
    "from '{0}/secret.parquet'",
    "from '{0}/secret*.json'",
    'from "{0}/secret.csv"',
    "from '{0}/secret.duckdb'",
    "from query('from read_text(''{0}/secret.txt'')')",
    "from query_table(['{0}/secret.csv'])",
    "from read_text('file://{0}/secret.txt')",
    "from read_text('{0}/lake [1]/../secret.txt')",
    "from read_text('{0}/lake [1]/videos/../../secret.txt')",
    "from read_text('{0}/lake [1]/videos/*/../../secret.txt')",
    "from read_text('{0}/lake [1] of others/secret.txt')",
    "from read_text('{0}/lake*/secret.txt')",
    "from read_text('{0}/secret[[]1].txt')",
    "with a as (from read_text('{0}/secret.txt')) from a",
    "select (select content from read_text('{0}/secret.txt'))",
    "from videos where exists (from read_text('{0}/secret.txt'))",
    "explain analyze from read_text('{0}/secret.txt')",
    "describe from read_csv('{0}/secret.csv')",
    "summarize from '{0}/secret.csv'",
    "pivot '{0}/secret.csv' on a",
    "from sqlite_scan('{0}/secret.sqlite', 'a')",
    "from sqlite_query('{0}/secret.sqlite', 'from a')",
    "from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''{0}/secret.txt'')'))",
    "from read_text('http://127.0.0.1:1/a')",
    "from read_parquet('s3://a/b.parquet')",
    "from read_csv('https://127.0.0.1:1/a.csv')",
    "from duckdb_secrets()",
    "from which_secret('s3://a', 's3')",
    "select getenv('HOME')",
    "select content from read_text(getvariable('path'))",
    "attach '{0}/secret.duckdb'",
    "attach '{0}/secret.sqlite' (type sqlite)",
    "copy (select 1) to '{0}/written.csv'",
    "copy files.visible from '{0}/secret.csv'",
    "export database '{0}/written'",
    "import database '{0}'",
    "install httpfs",
    "load httpfs",
    "load '{0}/secret.txt'",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set autoload_known_extensions = true",
    "pragma import_database('{0}')",
    "call enable_logging(storage => 'file', storage_path => '{0}')",
    "from enable_logging(storage => 'file', storage_path => '{0}')",
    "from enable_profiling(save_location => '{0}/written.json')",
]


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_of_a_query_leads_out_of_the_lake(route: str, held: Lake, con: duckdb.DuckDBPyConnection) -> None:
    folder = held.snapshot.folder.parent
    before = sorted(folder.iterdir())
    with pytest.raises(BadInputError) as refusal:
        read_only.run(con, route.format(folder))
    assert SECRET not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("route", [route for route in ROUTES if "{0}/secret" in route and "[" not in route])
def test_nor_does_one_in_a_connection_in_python(route: str, held: Lake, con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error):
        con.execute(route.format(held.snapshot.folder.parent)).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "set enable_external_access = true",
        "reset enable_external_access",
        "set allowed_directories = ['/']",
        "set allowed_paths = ['/etc/passwd']",
        "reset allowed_directories",
        "set temp_directory = '/'",
        "load httpfs",
    ],
)
def test_no_statement_opens_a_closed_connection(statement: str, con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error):
        con.execute(statement)
    assert con.sql("select count(*) from videos").fetchall() == [(2,)]


def test_a_refusal_names_the_file_and_what_allows_it(held: Lake) -> None:
    secret = held.snapshot.folder.parent / "secret.txt"
    with pytest.raises(
        BadInputError, match=rf'"{re.escape(str(secret))}" is outside the lake\. .*sql --files.*files=True'
    ):
        held.sql(f"from read_text('{secret}')")
    with pytest.raises(BadInputError, match=r'"mine\.csv" is outside the lake\. .*--files'):
        held.sql("from videos semi join 'mine.csv' using (video_id)")
    with pytest.raises(BadInputError, match=r"is outside the lake\. A condition reads the lake only"):
        held.select(Selection(where=f"exists (from read_text('{secret}'))"))


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_condition_reads_the_lake_only(engine: Any, held: Lake) -> None:
    secret = held.snapshot.folder.parent / "secret.txt"
    with pytest.raises(BadInputError, match="is outside the lake"):
        held.select(Selection(where=f"text <> (select content from read_text('{secret}'))"), engine=engine)


def test_files_are_read_where_they_are_allowed_relative_ones_too(held: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(held.snapshot.folder.parent)
    for query in ("from 'secret.csv'", "from read_csv('secret.csv')"):
        assert held.sql(query, files=True)["a"].to_list() == [SECRET]
    with held.duckdb(files=True) as con:
        con.execute("copy (from videos) to 'copied.csv'")
    Path("copied.csv").unlink()
    with pytest.raises(BadInputError, match="COPY"):
        held.sql("copy (from videos) to 'copied.csv'", files=True)


def test_all_views_are_read_by_a_closed_connection(con: duckdb.DuckDBPyConnection) -> None:
    views = read_only.run(con, "select table_name from information_schema.tables where table_schema = 'main'")
    for view in views["table_name"]:
        read_only.run(con, f"from {view}")


READING = {
    *("arrow_scan", "arrow_scan_dumb", "generate_series", "glob", "icu_calendar_names", "json_each", "json_tree"),
    *("json_execute_serialized_sql", "pandas_scan", "pg_timezone_names", "query", "query_table", "range", "repeat"),
    *("python_arrow_scan", "python_map_function", "repeat_row", "seq_scan", "sniff_csv", "summary", "unnest"),
    *("test_all_types", "test_vector_types", "which_secret"),
}
"""Table functions of DuckDB that read, besides duckdb_..., pragma_..., read_... and parquet_..."""


def test_each_table_function_of_duckdb_is_known_to_read_or_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    """One that a later DuckDB adds has to be looked at: add it to READING, or to what a plan may not hold."""
    known = read_only.run(con, "select distinct function_name from duckdb_functions() where function_type = 'table'")
    unknown = [
        name
        for name in known["function_name"]
        if name not in READING
        and not re.match(r"duckdb_|pragma_|read_|parquet_|joints?$|wrist_", name)
        and not read_only.writes(name)
    ]
    assert unknown == []
