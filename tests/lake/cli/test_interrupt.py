"""Ctrl-C and SIGTERM stop what runs for minutes, wherever it runs, at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lake.cli.terminal import Terminal

ENDLESS = "range(1000000) a, range(1000000) b where a.range + b.range = 7"
"""A join that takes minutes."""

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

IN_PYTHON = f"""
import sys, time
import polars as pl
import signverse
from signverse.lake.model.interrupt import Sigterm

Sigterm().install()
lake = signverse.open(sys.argv[1])
con = lake.duckdb()
query = "select count(*) from {ENDLESS}"
numbers = pl.LazyFrame({{"n": range(300_000)}})
ways = {{
    "lake.sql": lambda: lake.sql(query),
    "con.execute": lambda: con.execute(query).fetchall(),
    "con.sql": lambda: con.sql(query).pl(),
    "polars": lambda: numbers.join(numbers, how="cross").filter(pl.col("n") * pl.col("n_right") == -1).collect(),
}}
try:
    print("running", flush=True)
    try:
        ways[sys.argv[2]]()
    finally:
        # What Python had no time for yet.
        time.sleep(0.1)
except (KeyboardInterrupt, RuntimeError) as error:
    # DuckDB looks for signals too while it waits, and then says so in an error of its own: whichever is first.
    assert isinstance(error, KeyboardInterrupt) or "con." in sys.argv[2] and "interrupted" in str(error), error
    print("interrupted", con.execute("select count(*) from videos").fetchall(), lake.sql("select 1 as a")["a"][0])
"""

IN_A_THREAD = """
import sys, threading, time
import signverse

lake = signverse.open(sys.argv[1])
rows = []

def work():
    con = lake.duckdb()
    query = "select count(*) from range(30000) a, range(30000) b where a.range + b.range = 7"
    rows.extend(con.execute(query).fetchall())

thread = threading.Thread(target=work)
thread.start()
own = lake.duckdb()
try:
    print("running", flush=True)
    thread.join()
    time.sleep(60)
except KeyboardInterrupt:
    thread.join()
print(rows)
"""


def end_after(process: subprocess.Popen[str], seconds: float, number: int) -> tuple[int, str]:
    """Sends a signal to a process that has run for a while: its exit code and the rest of what it says."""
    try:
        time.sleep(seconds)
        assert process.poll() is None, process.communicate()
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said
    finally:
        process.kill()


def start_script(folder: Path, script: str, *words: object) -> subprocess.Popen[str]:
    """Starts a script, from a file as a person's; it has said that it is running."""
    path = folder / "script.py"
    path.write_text(script)
    process = subprocess.Popen(
        [sys.executable, path, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


@pytest.mark.parametrize("number", EXIT_CODES)
@pytest.mark.parametrize(
    "words",
    [
        ("sql", f"select count(*) from {ENDLESS}"),
        ("sql", f"explain analyze select count(*) from {ENDLESS}"),
        ("select", "--where", f"(select count(*) from {ENDLESS}) > 0"),
        ("split", "--dry-run", "--where", f"(select count(*) from {ENDLESS}) > 0"),
        ("export", "webdataset", "--out", "out", "--where", f"(select count(*) from {ENDLESS}) > 0"),
    ],
    ids=lambda words: " ".join(words[:2])[:20],
)
@pytest.mark.slow
def test_a_command_that_waits_for_a_query_ends_at_once(town, tmp_path, words, number) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "signverse", *words, "--lake", str(town)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    code, said = end_after(process, 4, number)
    assert (code, said.strip()) == (EXIT_CODES[number], "")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("number", EXIT_CODES)
@pytest.mark.parametrize("way", ["lake.sql", "con.execute", "con.sql", "polars"])
@pytest.mark.slow
def test_in_python_a_query_is_interrupted_and_its_connection_goes_on(town, tmp_path, way, number) -> None:
    process = start_script(tmp_path, IN_PYTHON, town, way)
    code, said = end_after(process, 2, number)
    videos = said.partition("[(")[2].partition(",")[0]
    assert (code, said) == (0, f"interrupted [({videos},)] 1\n")


def test_a_query_in_another_thread_is_not_broken_off(town, tmp_path) -> None:
    process = start_script(tmp_path, IN_A_THREAD, town)
    assert end_after(process, 0.2, signal.SIGINT) == (0, "[(8,)]\n")


def test_ctrl_c_at_the_prompt_stops_the_query_and_the_session_goes_on(town, tmp_path) -> None:
    terminal = Terminal(town, tmp_path)
    try:
        terminal.until("signverse> ")
        for _ in range(2):
            terminal.type(f"select count(*) from {ENDLESS};\n")
            time.sleep(2)
            terminal.type("\x03")
            assert "interrupted" in terminal.until("signverse> ")
        # Ctrl-C within milliseconds of the prompt is not seen by readline until the next key.
        time.sleep(0.5)
        terminal.type("half a statement\x03")
        terminal.until("signverse> ")
        terminal.type("select 6 * 7 as answer;\n")
        assert re.search(r"\b42\b", terminal.until("signverse> "))
        terminal.type(".quit\n")
        assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0
    except AssertionError:
        terminal.end()
        raise


@pytest.mark.parametrize("typed", ["", f"select count(*) from {ENDLESS};\n"])
def test_sigterm_ends_the_prompt(town, tmp_path, typed) -> None:
    terminal = Terminal(town, tmp_path)
    terminal.until("signverse> ")
    terminal.type(typed)
    time.sleep(2 if typed else 0)
    assert terminal.end(signal.SIGTERM) == 143


AS_DUCKDB_DOES = """
import sys, time
import typer
from signverse.lake.cli.entry import run

app = typer.Typer()

@app.command()
def query():
    try:
        print("running", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted") from None

sys.exit(run(app, []))
"""


@pytest.mark.parametrize("number", EXIT_CODES)
def test_an_error_that_duckdb_makes_of_a_signal_is_the_signal(tmp_path: Path, number: int) -> None:
    # In a process of its own: a signal that comes late would end the tests.
    process = start_script(tmp_path, AS_DUCKDB_DOES)
    assert end_after(process, 0, number) == (EXIT_CODES[number], "")
