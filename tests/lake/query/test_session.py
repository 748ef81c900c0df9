"""The SQL session: views, macros, and what the command line runs of it."""

from __future__ import annotations

import datetime
import json
import re
from functools import partial
from pathlib import Path
from unicodedata import normalize

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.languages import lookup_table, resolve
from signverse.lake.model.skeleton import JOINTS, PARTS
from signverse.lake.query import read_only, reports
from signverse.lake.query.read_only import check_reads
from signverse.lake.storage.keypoints import from_table


@pytest.fixture(scope="module")
def con(town):
    opened = Lake.open(town)
    with opened.duckdb() as con:
        yield con
    opened.close()


def one(con, query, *values):
    return con.execute(query, list(values)).fetchall()[0][0]


@pytest.mark.parametrize("name", ["videos", "segments", "captions", "keypoints", "sources", "outcomes", "splits"])
def test_a_view_has_the_rows_that_polars_has(con, open_town, name):
    frame = open_town.table(name).collect()
    view = con.sql(f"from {name}")
    assert view.columns == frame.columns
    order = [column for column in ("video_id", "frame", "person", "ordinal") if column in frame.columns]
    assert con.sql(f"from {name} order by {', '.join(order)}").pl().equals(frame.sort(order))


def test_a_clip_is_a_segment_with_what_is_known_of_its_video(con):
    row = con.sql(
        "select segment_id, title, width, duration_s, num_frames from clips where segment_id = 'one-frame-0-00000'"
    )
    assert row.fetchall() == [("one-frame-0-00000", "Video one-frame-0", 1280, 1 / 24, 1)]
    assert one(con, "select count(*) from clips") == one(con, "select count(*) from segments") == 9


def test_what_there_is_can_be_listed(con):
    tables = " ".join(row[0] for row in con.sql("show tables").fetchall())
    assert tables == "captions clips joints keypoints languages outcomes segments skeleton sources splits videos"
    assert one(con, "select name from languages where sign_language = 'asf'").startswith("Au")


def test_language_knows_every_name_that_python_knows(con):
    for row in lookup_table():
        name = row["name"].title().replace(" ", "_")
        if row["sign_language"]:
            assert one(con, "select language(?)", f"  {name}\t") == row["sign_language"] == resolve(name)
        else:
            with pytest.raises(duckdb.Error) as refusal:
                con.execute("select language(?)", [name])
            with pytest.raises(UnknownLanguageError):
                resolve(name)
            assert re.search("may be any of|a spoken language", str(refusal.value))


@given(st.sampled_from(sorted(row["name"] for row in lookup_table() if row["sign_language"])), st.data())
def test_language_takes_every_spelling_that_python_takes(con, name, data):
    spell = st.sampled_from([str.lower, str.upper, str.title, *(partial(normalize, form) for form in ("NFC", "NFD"))])
    between = st.sampled_from([" ", "-", "_", "\u00a0", "\u2013", " \t"])
    spelled = data.draw(between).join(data.draw(spell)(word) for word in name.split(" "))
    assert one(con, "select language(?)", spelled) == resolve(spelled)


@pytest.mark.parametrize(
    "name",
    ["Türk İşaret Dili", "TÜRK İŞARET DİLİ", "Deutsche Geba\u0308rdensprache", "日本手話", "Hawai\u02bbi", "sgn-DE"],
)
def test_language_knows_names_in_the_language_of_the_country(con, name):
    assert one(con, "select language(?)", name) == resolve(name)


def test_language_refuses_codes_of_spoken_languages_and_names_what_is_signed_there(con):
    with pytest.raises(duckdb.Error, match=r"no sign language is called 'de'\. It is German.*Nearest: gsg"):
        con.execute("select language('de')")


@pytest.mark.parametrize("name", ["Klingon", "", "a'b"])
def test_language_refuses_what_no_language_is_called(con, name):
    with pytest.raises(duckdb.Error, match="no sign language is called"):
        con.execute("select language(?)", [name])


def test_language_filters_rows(con):
    assert (
        one(con, "select any_value(video_id) from segments where sign_language = language('Polish')") == "exactly1024"
    )
    assert one(con, "select count(*) from keypoints where sign_language = language('slovenia')") == 1


def test_joint_macros_equal_numpys_columns_for_every_joint(con, open_town):
    select = ", ".join(
        f"joint_{what}('{joint}') as {what}_{i}" for i, joint in enumerate(JOINTS) for what in ("x", "y", "score")
    )
    query = f"select {select} from keypoints where video_id = 'two-people0' order by frame, person"
    columns = con.sql(query).fetchnumpy()
    rows = open_town.snapshot.keypoint_rows(
        "two-people0", [column for part in PARTS for column in (part.xy, part.score)]
    )
    points = from_table(rows)
    for i in range(128):
        for position, what in enumerate(("x", "y", "score")):
            column = np.ma.filled(columns[f"{what}_{i}"].astype(np.float32), np.nan)
            np.testing.assert_array_equal(column, points[:, i, position], err_msg=f"{what} of {JOINTS[i]}")


def test_an_average_is_not_spoilt_by_absent_points(con, open_town):
    x = open_town.keypoints("-dash_first")[:, JOINTS.index("right_index_4"), 0]
    average = one(con, "select avg(joint_x('right_index_4')) from keypoints where video_id = '-dash_first'")
    assert average == pytest.approx(np.nanmean(x.astype(float)))


@pytest.mark.parametrize("macro", ["joint_x", "joint_y", "joint_score"])
def test_an_unknown_joint_is_an_error(con, macro):
    with pytest.raises(
        duckdb.Error, match=r"no joint is called 'right_elbo'; nearest: right_elbow; the table skeleton"
    ):
        con.execute(f"select {macro}('right_elbo') from keypoints").fetchall()


@pytest.mark.parametrize(
    ("formula", "column"),
    [
        ("joint_y('right_index_4')", "right_hand_xy"),
        ("joint_x('nose')", "body_xy"),
        ("joint_score('face_67')", "face_score"),
        ("joint_x('left_hand_root')", "left_hand_xy"),
    ],
)
def test_only_the_list_column_of_the_joint_is_read(con, formula, column):
    plan = con.execute(f"explain (format json) select avg({formula}) from keypoints").fetchall()[0][1]
    scans = []
    nodes = json.loads(plan)
    while nodes:
        node = nodes.pop()
        nodes += node["children"]
        if "PARQUET" in node["name"]:
            scans.append(str(node["extra_info"]["Projections"]))
    lists = [part_column for part in PARTS for part_column in (part.xy, part.score)]
    read = [name for name in lists if any(name in scan for scan in scans)]
    assert read == [column]


def test_joints_are_listed_with_their_place(con):
    rows = con.sql('select joint, point, part, "index" from skeleton order by point').fetchall()
    assert [row[0] for row in rows] == list(JOINTS)
    assert rows[107] == ("right_hand_root", 107, "right_hand", 0)


def test_times_are_shown_in_utc(con):
    moment = read_only.run(con, "select max(ingested_at) from videos").item()
    assert moment.utcoffset() == datetime.timedelta(0)


def test_every_report_runs_on_a_full_and_on_an_empty_lake(con, tmp_path):
    with Lake.create(tmp_path / "empty").duckdb() as empty:
        for name in reports.report_names():
            assert read_only.run(con, reports.find_report(name).sql).height
            assert read_only.run(empty, reports.find_report(name).sql).height == 0
    languages = read_only.run(con, reports.find_report("languages").sql)
    assert languages["videos"].sum() == 5
    assert languages["share_percent"].sum() == pytest.approx(100, abs=0.1)
    assert set(languages["sign_language"]) == {"ase", "pso", "sgn-SI", "und"}


def test_an_unknown_report_names_those_there_are():
    for name in ("lenguages", "../views", ""):
        with pytest.raises(BadInputError, match=r"Reports: .*languages"):
            reports.find_report(name)


RUNS = [
    "select 1 as a",
    "SELECT count(*) FROM videos;",
    "  \n select 1 -- a remark",
    "/* a */ -- b\n select 1",
    "from videos",
    "(select 1)",
    "((from videos))",
    "with t as (from videos) select count(*) from t",
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) from t",
    "values (1, 2)",
    "table videos",
    "describe videos",
    "describe select 1",
    "summarize segments",
    "show tables",
    "show all tables",
    "explain select 1",
    "EXPLAIN ANALYZE select count(*) from videos",
    "explain (format json) select 1",
    "explain (analyze, format json) select 1",
    "explain (select 1)",
    "explain from keypoints",
    "explain/* a */select 1",
    "pivot segments on sign_language using count(*)",
    "pivot segments on sign_language using count(*) group by video_id order by all",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "select * from query('select 1')",
    "select 'copy x to y; insert' as words",
    "select 1 as copy",
    "select 1 where false",
    "\u00a0select 1",
]  # fmt: skip


@pytest.mark.parametrize("query", RUNS)
def test_what_reads_is_run(con, query):
    assert check_reads(query) == query
    assert read_only.run(con, query).width > 0


def writes(place: str) -> list[str]:
    copy = f"copy (select 1) to '{place}'"
    doubled = copy.replace("'", "''")
    return [
        copy,
        f"({copy})",
        f" /* a */ {copy}",
        f"copy videos to '{place}' (format parquet)",
        f"explain analyze {copy}",
        f"EXPLAIN  ANALYZE\n{copy}",
        f"explain (analyze) {copy}",
        f"explain (analyze, format json) {copy}",
        f"explain (format json, analyze) {copy}",
        f"explain {copy}",
        f"explain explain analyze {copy}",
        f"explain/**/analyze {copy}",
        f"explain analyze/**/{copy}",
        f"/* a */ explain analyze {copy}",
        f"-- a\nexplain analyze {copy}",
        f"explain (analyze, format /*) select 1 --*/ json) {copy}",
        f"-- a\rexplain analyze {copy} /*\nexplain select 1 --*/",
        f"/* /* */ explain select 1 --*/ explain analyze {copy}",
        f"\u00a0explain\u00a0analyze\u00a0{copy}",
        f"\u2003{copy}",
        f"with x as ({copy}) from x",
        f"with x as ({copy}) select 1",
        f"with y as (select 1), x as materialized ({copy}) select * from y",
        f"explain analyze with x as ({copy}) from x",
        f"explain (analyze) with x as ({copy}) from x",
        f"from (with x as ({copy}) from x)",
        f"select (with x as ({copy}) from x)",
        f"with z as (with x as ({copy}) from x) from z",
        f"from query('{doubled}')",
        f"from query('with x as ({doubled}) from x')",
        f"describe (with x as ({copy}) from x)",
        f"summarize (with x as ({copy}) from x)",
        f"pivot (with x as ({copy}) from x) on 1 using count(*)",
        f"with x as ({copy}) pivot x on 1 using count(*)",
        f"select 1; {copy}",
        f"{copy}; select 1",
        f"pivot segments on sign_language using count(*); {copy}",
        f"explain select 1; {copy}",
        f"from enable_logging('QueryLog', storage = 'file', storage_path = '{place}')",
        f"with l as (from enable_logging('QueryLog', storage = 'file', storage_path = '{place}')) from l",
        f"from query('from enable_logging(''QueryLog'', storage = ''file'', storage_path = ''{place}'')')",
        f"from enable_profiling('json', save_location = '{place}')",
        f"from system.main.enable_profiling('json', '{place}')",
        f"attach '{place}' as other",
        f"attach if not exists '{place}'",
        f"export database '{place}'",
        "create table x as select 1",
        "create or replace view videos as select 1",
        "create persistent secret s (type s3)",
        "create macro language(a) as 1",
        "insert into skeleton values ('a', 1, 'b', 2)",
        "with x as (insert into skeleton values ('a', 1, 'b', 2) returning *) from x",
        "with x as (delete from skeleton returning *) from x",
        "with x as (update skeleton set part = 'x' returning *) from x",
        "delete from skeleton",
        "update skeleton set part = 'x'",
        "drop view videos",
        "truncate skeleton",
        "alter table skeleton rename to j",
        "set threads = 1",
        f"set log_query_path = '{place}'",
        "reset threads",
        "pragma database_list",
        "pragma enable_profiling = 'json'",
        "call pragma_version()",
        "install httpfs",
        "load httpfs",
        "use main",
        "begin",
        "checkpoint",
        "vacuum",
        "prepare p as select 1",
        "execute p",
        f"import database '{place}'",
        "comment on view videos is 'x'",
        "",
        "   ",
        ";",
        ";;",
        "-- nothing",
        "selec 1",
        "select",
        "\x00",
        "select '\udcff'",
    ]  # fmt: skip


def on_disk(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


@pytest.mark.parametrize("number", range(len(writes(""))))
def test_what_does_more_than_read_is_refused_and_changes_nothing(con, town, tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    query = writes(str(tmp_path / "out"))[number]
    lake_before = on_disk(town)
    with pytest.raises(BadInputError) as refusal:
        read_only.run(con, query)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
    assert on_disk(town) == lake_before
    # The session is as it was, and goes on.
    fingers = read_only.run(con, "select count(*) as n, any_value(part) as part from skeleton where point > 120")
    assert fingers.rows() == [(7, "right_hand")]


def test_a_refused_query_says_why_in_one_line(con):
    for query, why in (
        ("select x from videos", 'column "x" not found'),
        ("from nowhere", "nowhere does not exist"),
        ("select 1/", "does not parse"),
        ("select error('a' || chr(10) || 'b')", "a b"),
        ("copy (select 1) to 'x'", "a COPY statement is not run. Allowed is one statement of SELECT"),
        ("with x as (copy (select 1) to 'x') from x", '"x" is outside the lake'),
        ("select 1; select 2", "2 statements"),
        ("", "the query is empty"),
    ):
        with pytest.raises(BadInputError) as refusal:
            read_only.run(con, query)
        assert why in str(refusal.value)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("value", ["interval 1 day", "union_value(n := 1)"])
def test_a_result_that_no_table_holds_is_refused_with_the_way_out(con, value):
    with pytest.raises(BadInputError, match=r"cannot be shown.*varchar"):
        read_only.run(con, f"select {value} as v")
    assert read_only.run(con, f"select ({value})::varchar as v").height == 1


def test_columns_of_one_name_are_both_kept(con):
    rows = read_only.run(con, "select 1 as a, 2 as a")
    assert rows.row(0) == (1, 2)
    joined = read_only.run(con, "select * from segments join videos using (video_id) limit 1")
    assert joined.width > 50


def test_the_rows_are_in_the_order_asked_for(con):
    rows = read_only.run(con, "select frame from keypoints where video_id = '-dash_first' order by frame desc")
    assert rows["frame"].to_list() == list(range(1024, -1, -1))
    assert rows.schema == {"frame": pl.Int32}
