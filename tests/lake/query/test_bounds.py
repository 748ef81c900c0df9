"""A statement without end takes neither the time nor the memory of who asks."""

from __future__ import annotations

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.read_only import Bounds, run_once

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
    ],
)
def test_a_statement_is_stopped_when_its_time_is_over(lake: Lake, query: str) -> None:
    with pytest.raises(BadInputError, match=r"the query took longer than 0.3 seconds"):
        run_once(lake.snapshot, query, bounds=Bounds(seconds=0.3, rows=5))


@pytest.mark.parametrize(
    "query", ["select list(range) from range(300000000)", "select repeat('x', 100000) from range(2000)"]
)
def test_a_result_that_is_too_large_is_refused_in_one_line(lake: Lake, query: str) -> None:
    with pytest.raises(BadInputError) as caught:
        run_once(lake.snapshot, query, bounds=Bounds(memory_mib=256, rows=5))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "height"),
    [
        ("from range(10000000000)", 6),
        ("from range(5)", 5),
        ("from videos", 0),
        ("describe videos", 6),
        ("from range(100000) order by range desc", 6),
    ],
)
def test_no_more_rows_are_computed_than_are_shown_and_one(lake: Lake, query: str, height: int) -> None:
    found = run_once(lake.snapshot, query, bounds=Bounds(rows=5))
    assert found.height == height
    if "desc" in query.split():
        assert found["range"][0] == 99_999
