"""The page docs/reference/sql.md has every view, macro and report, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.query import read_only, reports
from tests.docs.generate.sql import entries

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sql.md"
EXAMPLES = [(macro.name, example) for macro in entries("macros.sql") for example in macro.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_of_a_macro_runs_and_uses_it(town, name, example):
    opened = Lake.open(town)
    with opened.duckdb() as con:
        assert read_only.run(con, example).height
    assert f"{name}(" in example
    opened.close()


def test_every_view_macro_and_report_is_on_the_page(town):
    page = PAGE.read_text(encoding="utf-8")
    headings = {re.split(r"\W", heading)[0] for heading in re.findall(r"^### (.*)$", page, re.M)}
    opened = Lake.open(town)
    with opened.duckdb() as con:
        tables = con.execute("select table_name from information_schema.tables where table_schema = 'main'").fetchall()
        macros = con.execute(
            "select distinct function_name from duckdb_functions() "
            "where function_type in ('macro', 'table_macro') and not internal and schema_name = 'main'"
        ).fetchall()
    opened.close()
    made = {row[0] for row in (*tables, *macros)} - {"no_such_joint"}
    assert headings == made | set(reports.report_names())
