"""The SQL of the page: it reads the lake and nothing else, ends when nobody waits, and says what is left out."""

from __future__ import annotations

import itertools
import select
import socket
import threading
from contextlib import ExitStack
from urllib.parse import quote, urlsplit

import pytest

from signverse.lake.query.bounded.statements import AT_ONCE

HANGS = "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 7"

READERS = (
    *("read_text('{0}')", "read_blob('{0}')", "read_csv('{0}')", "read_json('{0}')", "read_parquet('{0}')", "'{0}'"),
    *("glob('{0}')", "sniff_csv('{0}')", "parquet_schema('{0}')", "query('from read_text(''{0}'')')"),
)

PLACES = ("{folder}/secret.txt", "/proc/self/environ", "http://127.0.0.1:{port}/a.csv", "{folder}/lake/../secret.txt")

WRAPPERS = ("from {0}", "select (select count(*) from {0})", "with a as (from {0}) from a", "explain analyze from {0}")

WRITES = (
    *("copy (select 1) to '{folder}/w.csv'", "copy videos to '{folder}/w.parquet' (format parquet)"),
    *("with a as (copy (select 1) to '{folder}/w.csv') from a", "explain analyze copy (select 1) to '{folder}/w.csv'"),
    *(
        "export database '{folder}/w'",
        "import database '{folder}'",
        "attach '{folder}/w.duckdb'",
        "attach ':memory:' as m",
    ),
    *("attach 'http://127.0.0.1:{port}/a.duckdb'", "use memory", "detach memory", "create table t (a int)"),
    *("create temp view v as select 1", "create macro m() as 1", "create secret s (type s3)", "drop view videos"),
    *(
        "insert into languages values (1)",
        "update languages set name = 'x'",
        "delete from languages",
        "truncate languages",
    ),
    *("alter table languages rename to l", "install httpfs", "load httpfs", "set memory_limit = '100GB'"),
    *("set threads = 64", "reset memory_limit", "set variable joints = []", "pragma memory_limit = '100GB'"),
    *("pragma database_list", "call pragma_version()", "checkpoint", "force checkpoint", "vacuum", "analyze"),
    *("begin", "commit", "prepare p as select 1", "execute p", "select 1; drop view videos", "select 1;;select 2"),
    *("call enable_logging(storage => 'file', storage_path => '{folder}')", "call force_checkpoint()"),
    *("from enable_profiling(save_location => '{folder}/w.json')", "comment on table languages is 'x'"),
)


def everything_below(folder):
    return sorted((path, path.is_file() and path.read_bytes()) for path in folder.rglob("*"))


@pytest.mark.slow
def test_no_statement_does_more_than_read_the_lake(served, shown, tmp_path):
    """Readers at places outside the lake, wrapped; and what writes, sets, attaches or loads."""
    (tmp_path / "secret.txt").write_text("the-secret-of-this-machine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        given = {"folder": tmp_path, "port": listener.getsockname()[1]}
        # Each reader, place and wrapper with the others in turn.
        count = len(READERS) * len(PLACES)
        in_turn = zip(*map(itertools.cycle, (READERS, PLACES[:3], WRAPPERS)), strict=False)
        reads = itertools.islice(in_turn, count)
        family = [wrapper.format(reader.format(place.format(**given))) for reader, place, wrapper in reads]
        family += [f"from {reader.format(place.format(**given))}" for reader in READERS[:3] for place in PLACES[3:]]
        family += [one.format(**given) for one in WRITES]
        assert len(set(family)) > 70
        before, lake = everything_below(tmp_path), sorted(shown.folder.rglob("*"))
        names = ("memory_limit", "threads", "enable_external_access", "autoinstall_known_extensions")
        settings = "select " + ", ".join(f"current_setting('{name}')" for name in names)
        allowed = served.api("sql", query=settings).json["rows"]
        for statement in family:
            answer = served.api("sql", query=statement)
            assert answer.status == 400, statement
            assert answer.json["error"].count("\n") == 0
            assert b"the-secret" not in answer.body
        with pytest.raises(TimeoutError):
            listener.accept()
    assert everything_below(tmp_path) == before
    assert sorted(shown.folder.rglob("*")) == lake
    assert served.api("sql", query=settings).json["rows"] == allowed


def test_a_browser_that_leaves_ends_its_statement_on_the_server(served):
    """Twice as many as may run at once: were they not ended, the next one would be refused."""
    where = urlsplit(served.address)
    for number in range(2 * AT_ONCE):
        with socket.create_connection((where.hostname, where.port)) as connection:
            path = f"/api/sql?query={quote(f'{HANGS} or {number} > 9')}"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {served.host}\r\n\r\n".encode())
            connection.settimeout(0.4)
            with pytest.raises(TimeoutError):
                connection.recv(1)
    assert served.api("sql", query="select 42").json["rows"] == [["42"]]


def test_statements_that_wait_keep_no_clip_waiting(served):
    """Property: however many statements are asked for, filters are answered before any of them ends."""
    where = urlsplit(served.address)
    with ExitStack() as stack:
        asked = []
        for number in range(60):
            connection = stack.enter_context(socket.create_connection((where.hostname, where.port)))
            path = f"/api/sql?query={quote(f'{HANGS} or {number} > 99')}"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {served.host}\r\n\r\n".encode())
            asked.append(connection)
        for name in ("rows", "facets", "state"):
            assert served.api(name).status == 200
        assert select.select(asked, [], [], 0)[0] == []
    assert served.api("sql", query="select 42").json["rows"] == [["42"]]


def test_a_filter_in_sql_is_bounded_and_can_be_left_as_well(served):
    answer = served.api("rows", where="length(repeat('x', 3000000000 + ordinal::bigint)) > 5")
    assert (answer.status, answer.json["error"]) == (400, "the condition needs more than 512 MiB of memory")
    assert served.api("rows", where="text like '%water%'").json["clips"] == 3


def test_what_went_wrong_is_one_line_with_what_to_do(served):
    for query, error, hint in (
        ("select list(range) from range(300000000)", "the query needs more than 512 MiB of memory", "Choose fewer"),
        ("select repeat('x', 100000) from range(2000)", "the result takes more than 64 MiB", "Choose fewer"),
        ("drop view videos", "a DROP statement is not run", "Allowed is one statement"),
        ("from read_text('/etc/passwd')", "outside the lake", "signverse sql --files"),
        ("", "the query is empty", "Try:"),
    ):
        answer = served.api("sql", query=query)
        assert answer.status == 400
        assert error in answer.json["error"] and hint in answer.json["hint"], query
        assert "\n" not in answer.json["error"] + answer.json["hint"]


def ask(page, statement):
    page.get_by_label("Statement that reads").fill(statement)
    page.get_by_label("Statement that reads").press("Control+Enter")


def test_a_statement_is_cancelled_by_its_button_and_by_escape(visit, served):
    page = visit(f"{served.address}?page=reports")
    section = page.get_by_role("region", name="SQL over the lake")
    page.get_by_role("region", name="Reports").get_by_role("link", name="Download CSV").wait_for()
    for cancel in (lambda: section.get_by_role("button", name="Cancel").click(), lambda: page.keyboard.press("Escape")):
        ask(page, HANGS)
        section.get_by_text("Asking the lake").wait_for()
        cancel()
        section.get_by_text("Cancelled.").wait_for()
    # Another statement ends the one that runs.
    ask(page, HANGS)
    ask(page, "select 40 + 2 as answer")
    page.get_by_role("cell", name="42", exact=True).wait_for()


def test_what_is_shown_can_be_had_as_csv_and_the_rest_is_counted(visit, served):
    page = visit(f"{served.address}?page=reports")
    ask(page, "select range as n, null as nothing, 'a, \"b\"\n' as text, repeat('x', 400) as long from range(1234)")
    page.get_by_text("The first 500 rows; 734 more rows are left out. 500 long cells are cut.").wait_for()
    section = page.get_by_role("region", name="SQL over the lake")
    with page.expect_download() as saved:
        section.get_by_role("link", name="Download CSV of what is shown").click()
    assert saved.value.suggested_filename == "rows.csv"
    text = saved.value.path().read_text("utf-8")
    assert text.startswith('n,nothing,text,long\n0,,"a, ""b""\n",xxx')
    assert text.count("\u2026") == 500
    ask(page, "select 1 where false")
    section.get_by_text("No row.").wait_for()


def test_statements_beside_each_other_have_their_own_answers(served):
    answers = {}

    def one(number):
        answers[number] = served.api("sql", query=f"select {number}").json["rows"]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2 * AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [[str(number)]] for number in range(2 * AT_ONCE)}
