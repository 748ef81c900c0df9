"""Tables of text: what a terminal of 80 columns shows."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from signverse.lake.query.text_table import format_table


def lines(rows: pl.DataFrame, width: int | None = 80) -> list[str]:
    return format_table(rows, width).splitlines()


def test_numbers_are_aligned_with_the_decimals_that_they_need():
    rows = pl.DataFrame({"n": [1, 1234567], "x": [0.5, 12.25], "none": [None, 2.0]})
    assert lines(rows) == [
        "      n      x  none",
        "───────  ─────  ────",
        "      1   0.50     -",
        "1234567  12.25     2",
    ]


def test_a_table_without_rows_says_so():
    assert lines(pl.DataFrame({"n": []})) == ["n", "─", "(0 rows)"]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.1 + 0.2], ["0.3"]),
        ([1e-9, 1.0], ["1e-09", "1"]),
        ([float("nan"), float("inf"), 1.5], ["nan", "inf", "1.5"]),
        ([21053.1, 0.003], ["21053.100", "0.003"]),
        ([1 / 3], ["0.33333"]),
        ([1234.5, 0.00042], ["1234.50000", "0.00042"]),
    ],
)
def test_numbers_are_written_short(values, shown):
    assert [line.strip() for line in lines(pl.DataFrame({"x": values}))[2:]] == shown


def test_texts_are_cut_with_an_ellipsis_and_identifiers_are_whole():
    rows = pl.DataFrame({"segment_id": ["s" * 40], "title": ["t" * 60], "text": ["long text " * 9]})
    table = lines(rows)
    assert "s" * 40 in table[-1]
    assert table[-1].count("…") == 2
    assert max(map(cell_len, table)) <= 80


def test_short_texts_are_not_cut_where_long_ones_can_give_way():
    rows = pl.DataFrame({"kind": ["translated"], "channel": ["c" * 50], "text": ["t" * 200]})
    assert "translated" in lines(rows, 40)[-1]


def test_headings_are_broken_between_words_only():
    rows = pl.DataFrame({name: [0.5] for name in ("right_hand_confidence", "left_hand_confidence", "share %")})
    assert lines(rows, 30) == [
        "    right_",
        "     hand_  left_hand_  share",
        "confidence  confidence      %",
        "──────────  ──────────  ─────",
        "       0.5         0.5    0.5",
    ]
    assert lines(rows)[0].split("  ") == ["right_hand_confidence", "left_hand_confidence", "share %"]


def test_columns_that_do_not_fit_are_named_below():
    rows = pl.DataFrame({f"number_{i}": [i * 10**9] for i in range(20)})
    table = lines(rows)
    assert table[-1].startswith("(")
    assert "more columns, shown by --wide: number_" in table[-1]
    assert max(map(cell_len, table)) <= 80


def test_a_column_wider_than_the_terminal_is_cut():
    assert max(map(cell_len, lines(pl.DataFrame({"video_id": ["x" * 500]})))) == 80


def test_without_a_limit_nothing_is_cut_and_nothing_is_padded():
    rows = pl.DataFrame({"a": ["x" * 500, "y"], "b": ["z" * 300, "short"]})
    table = lines(rows, None)
    assert "x" * 500 in table[2]
    assert table[3].endswith("short")


def test_of_many_rows_the_first_and_the_last_are_shown():
    table = lines(pl.DataFrame({"n": range(100)}))
    assert [table[2].strip(), table[31].strip(), table[32].strip(), table[33].strip()] == ["0", "29", "…", "70"]
    assert table[-1] == "(100 rows, 60 shown)"


def test_wide_letters_take_two_columns():
    rows = pl.DataFrame({"text": ["手" * 100, "a"], "n": [1, 2]})
    table = lines(rows)
    assert max(map(cell_len, table)) <= 80
    assert cell_len(table[2]) == cell_len(table[3])


def test_times_lists_structs_and_bytes_have_a_text():
    moment = datetime(2026, 11, 22, 8, 0, 1, 5, tzinfo=UTC)
    rows = pl.DataFrame({"t": [moment], "l": [[1.5, None]], "s": [{"a": "\x1b[2J"}], "b": [b"\x00\xff"], "k": [True]})
    assert lines(rows)[-1].split("  ") == [
        "2026-11-22 08:00:01Z", "[1.5, null]", '{"a": "\\u001b[2J"}', "00ff", "true",
    ]  # fmt: skip


cells = st.one_of(st.none(), st.text(max_size=60))


@given(
    st.lists(st.tuples(cells, cells, cells, st.floats() | st.none()), max_size=5),
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=4, max_size=4, unique=True),
    st.integers(20, 120),
)
def test_no_table_is_wider_than_the_terminal(values, names, width):
    columns = list(zip(*values, strict=True)) or [(), (), (), ()]
    kinds = [pl.String, pl.String, pl.String, pl.Float64]
    rows = pl.DataFrame([pl.Series(n, c, k) for n, c, k in zip(names, columns, kinds, strict=True)])
    assert max(map(cell_len, lines(rows, width)), default=0) <= width
