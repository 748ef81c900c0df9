"""Results on the terminal, in a pipe or in a file."""

from __future__ import annotations

import datetime
import io
import json
import os
import stat
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from signverse.lake.model.errors import BadInputError
from signverse.lake.query import output
from signverse.lake.query.output import Format, pick_format, write_rows
from signverse.lake.storage.temporary.whole_file import whole_file

ROWS = pl.DataFrame(
    {
        "id": ["a", "-b", None],
        "n": [1, 2, 3],
        "xy": [[1.5, None], [], None],
        "said": ['"quoted", with comma', "two\nlines", "\u624b\u8a71"],
    }
)


class Terminal(io.TextIOWrapper):
    """Standard output that is a terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()


@pytest.fixture
def terminal(monkeypatch):
    """Call it in the test: pytest sets standard output itself before each phase."""

    def begin() -> Terminal:
        made = Terminal()
        monkeypatch.setattr(sys, "stdout", made)
        monkeypatch.setattr(output.shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
        return made

    return begin


@pytest.mark.parametrize(
    ("requested", "out", "form"),
    [
        (None, None, "table"),
        (None, "x.csv", "csv"),
        (None, "x.JSON", "json"),
        (None, "a.b/x.parquet", "parquet"),
        (None, "x.txt", "table"),
        (None, "x.md", "table"),
        ("json", "x.csv", "json"),
        ("csv", "x", "csv"),
        ("csv", None, "csv"),
    ],
)
def test_the_format_is_the_one_asked_for_else_what_the_name_says(requested, out, form):
    assert pick_format(requested and Format(requested), out and Path(out)) is Format(form)


@pytest.mark.parametrize("name", ["x", "x.xlsx", ".csv", "csv", "x.csv.gz", "-"])
def test_a_name_that_says_no_format_is_refused(name):
    with pytest.raises(BadInputError, match=r"unknown format of.*--format"):
        pick_format(None, Path(name))


def test_csv_reads_back_with_lists_as_json(tmp_path):
    write_rows(ROWS, Format.csv, tmp_path / "x.csv")
    read = pl.read_csv(tmp_path / "x.csv")
    assert read["said"].to_list() == ROWS["said"].to_list()
    assert read["id"].to_list() == ["a", "-b", None]
    assert [value and json.loads(value) for value in read["xy"]] == [[1.5, None], [], None]


def test_csv_spells_structs_and_dates_inside_lists(tmp_path):
    rows = pl.DataFrame({"s": [{"a": 1, "t": datetime.date(2025, 1, 2)}], "l": [[datetime.date(2025, 1, 2)]]})
    write_rows(rows, Format.csv, tmp_path / "x.csv")
    assert json.loads(pl.read_csv(tmp_path / "x.csv")["s"][0]) == {"a": 1, "t": "2025-01-02"}


def test_json_reads_back(tmp_path):
    write_rows(ROWS, Format.json, tmp_path / "x.json")
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text.endswith("]\n")
    assert json.loads(text) == ROWS.to_dicts()


def test_parquet_reads_back(tmp_path):
    write_rows(ROWS, Format.parquet, tmp_path / "x.parquet")
    assert pl.read_parquet(tmp_path / "x.parquet").equals(ROWS)


@pytest.mark.parametrize("form", list(Format))
def test_no_rows_are_a_result_too(tmp_path, form):
    write_rows(ROWS.clear(), form, tmp_path / "x")
    written = (tmp_path / "x").read_bytes()
    if form is Format.csv:
        assert written == b"id,n,xy,said\n"
    elif form is Format.json:
        assert json.loads(written) == []
    elif form is Format.parquet:
        assert pl.read_parquet(tmp_path / "x").schema == ROWS.schema
    else:
        assert "said" in written.decode()


@pytest.mark.parametrize("form", [Format.csv, Format.json])
def test_bytes_are_written_as_hexadecimal_digits(tmp_path, form):
    write_rows(pl.DataFrame({"b": [b"\x00\xff", None]}), form, tmp_path / "x")
    assert "00ff" in (tmp_path / "x").read_text()


def test_a_value_that_cannot_be_written_is_refused_and_leaves_no_file(tmp_path, capfd):
    far = pl.DataFrame({"d": [2**31 - 1]}, schema={"d": pl.Int32}).with_columns(pl.col("d").cast(pl.Date))
    for form in (Format.table, Format.csv, Format.json):
        with pytest.raises(BadInputError, match="Cast the column"):
            write_rows(far, form, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_rows_are_shortened_and_counted(capsys):
    write_rows(pl.DataFrame({"n": range(1000)}), Format.table, None)
    text = capsys.readouterr().out
    assert text.endswith("(1,000 rows, 60 shown)\n")
    assert "999" in text
    assert "500" not in text
    assert len(text.splitlines()) < 70


def test_sixty_rows_are_all_shown(capsys):
    write_rows(pl.DataFrame({"n": range(60)}), Format.table, None)
    text = capsys.readouterr().out
    assert "shown" not in text
    assert all(str(n) in text for n in range(60))


@pytest.mark.parametrize("form", list(Format))
def test_a_wide_table_of_long_texts_is_written(tmp_path, form):
    wide = pl.DataFrame({f"column_{i}": ["long text " * 1000, "\u624b" * 2000] for i in range(200)})
    write_rows(wide, form, tmp_path / "x")
    assert (tmp_path / "x").stat().st_size > 1000


def test_a_wide_table_fits_the_terminal(terminal):
    wide = pl.DataFrame({f"column_{i}": ["long text " * 1000] for i in range(200)})
    screen = terminal()
    write_rows(wide, Format.table, None)
    assert max(len(line) for line in screen.text().splitlines()) <= 80


def test_a_piped_table_keeps_its_texts_whole(capsys):
    write_rows(pl.DataFrame({"text": ["x" * 500]}), Format.table, None)
    assert "x" * 500 in capsys.readouterr().out


def test_numbers_are_written_without_separators(capsys):
    write_rows(pl.DataFrame({"n": [1234567]}), Format.table, None)
    assert "1234567" in capsys.readouterr().out


def test_parquet_is_refused_to_a_terminal_only(terminal, tmp_path):
    screen = terminal()
    with pytest.raises(BadInputError, match="garble the terminal"):
        write_rows(ROWS, Format.parquet, None)
    assert screen.text() == ""
    write_rows(ROWS, Format.parquet, tmp_path / "x.parquet")
    write_rows(ROWS, Format.csv, None)
    assert screen.text().startswith("id,n,xy,said")


def test_parquet_goes_into_a_pipe(capsysbinary):
    write_rows(ROWS, Format.parquet, None)
    assert pl.read_parquet(capsysbinary.readouterr().out).equals(ROWS)


def test_a_plan_is_printed_as_it_is(capsys):
    write_rows(pl.DataFrame({"plan": ["a\n  b"]}), Format.table, None)
    assert capsys.readouterr().out == "a\n  b\n"


@pytest.mark.parametrize("values", [[1, 2], [None], ["a", None], [[1]]])
def test_a_column_of_ones_own_may_be_called_plan(capsys, values):
    write_rows(pl.DataFrame({"plan": values}), Format.table, None)
    assert "plan" in capsys.readouterr().out


def test_letters_that_the_terminal_does_not_have_are_written_all_the_same(monkeypatch):
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    write_rows(pl.DataFrame({"a": ["\u624b"]}), Format.csv, None)
    assert ascii_only.buffer.getvalue().decode() == "a\n\u624b\n"


def test_an_error_midway_leaves_the_earlier_file_and_nothing_else(tmp_path):
    (tmp_path / "x.csv").write_text("earlier")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "x.csv") as file:
        file.write(b"half")
        raise RuntimeError
    assert (tmp_path / "x.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_full_disk_midway_leaves_the_earlier_file_and_nothing_else(tmp_path):
    (tmp_path / "x.csv").write_text("earlier")
    with pytest.raises(BadInputError, match="No space left"), whole_file(tmp_path / "x.csv"):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "x.csv").read_text() == "earlier"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_written_file_is_an_ordinary_one(tmp_path):
    write_rows(ROWS, Format.csv, tmp_path / "x.csv")
    (tmp_path / "plain").touch()
    assert (tmp_path / "x.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("place", ["missing/x.csv", "file/x.csv", "folder"])
def test_a_place_that_cannot_be_written_is_said(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInputError, match="cannot be written"):
        write_rows(ROWS, Format.csv, tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_named_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_rows(pl.DataFrame({"a": [1]}), Format.csv, pipe)
    reader.join(10)
    assert read == [b"a\n1\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_a_terminal_would_obey_is_not_sent_to_it(capsysbinary):
    write_rows(
        pl.DataFrame({"title": ["\x1b[2Jgone\x07", "a\nb", "\u202eright to left", "two\u2028lines"]}),
        Format.table,
        None,
    )
    out = capsysbinary.readouterr().out.decode()
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out and "\u2028" not in out
    assert "gone" in out
