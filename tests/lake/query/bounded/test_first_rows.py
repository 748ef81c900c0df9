"""A statement without end takes neither the time nor the memory of who asks, and the rest of its rows is counted."""

from __future__ import annotations

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.bounded import first_rows as module
from signverse.lake.query.bounded.first_rows import Bounds, first_rows
from signverse.lake.query.bounded.shown import LONGEST, shown

ENDLESS = "from range(10000000) a, range(10000000) b"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.create(tmp_path_factory.mktemp("bounds") / "lake")


@pytest.mark.parametrize(
    "query",
    [
        f"select count(*) {ENDLESS} where a.range + b.range = 7",
        f"select a.range {ENDLESS} where hash(a.range + b.range) = 7",
        "with recursive n as (select 1 as i union all select i + 1 from n) select max(i) from n",
        f"select count(distinct a.range + b.range) {ENDLESS}",
    ],
)
def test_a_statement_is_stopped_when_its_time_is_over(lake: Lake, query: str) -> None:
    with pytest.raises(BadInputError, match=r"the query took longer than 0.3 seconds"):
        first_rows(lake.snapshot, query, Bounds(seconds=0.3, rows=5))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select list(range) from range(300000000)", "needs more than 256 MiB of memory"),
        ("select repeat('x', 100000) from range(2000)", "the result takes more than 64 MiB"),
    ],
)
def test_a_result_that_is_too_large_is_refused_in_one_line(lake: Lake, query: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        first_rows(lake.snapshot, query, Bounds(memory_mib=256, rows=5))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("query", "height", "left_out"),
    [
        ("from range(5)", 5, 0),
        ("from range(6)", 5, 1),
        ("from range(123456)", 5, 123451),
        ("from videos", 0, 0),
        ("describe videos", 5, None),
        ("from range(100000) order by range desc", 5, 99995),
        ("explain from range(10)", 1, 0),
    ],
)
def test_the_rows_that_are_left_out_are_counted(lake: Lake, query: str, height: int, left_out: int | None) -> None:
    found = first_rows(lake.snapshot, query, Bounds(rows=5))
    assert (found.rows.height, found.counted) == (height, True)
    assert left_out is None or found.left_out == left_out
    if "desc" in query.split():
        assert found.rows["range"][0] == 99_999


def test_rows_without_end_are_counted_for_a_while(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COUNTING_S", 0.05)
    found = first_rows(lake.snapshot, "from range(1000000000000)", Bounds(rows=5))
    assert (found.rows.height, found.counted) == (5, False)
    assert found.left_out > 0


def test_cells_are_texts_and_long_ones_are_cut(lake: Lake) -> None:
    query = "select null, 1.5::double, repeat('x', 1000), [1, 2], {'a': 1}, 'a\n<b>'"
    made = shown(first_rows(lake.snapshot, query, Bounds()).rows)
    assert made.rows == [[None, "1.5", "x" * LONGEST + " \u2026", "[1, 2]", "{'a': 1}", "a\n<b>"]]
    assert (made.cut, made.left_out) == (1, 0)
