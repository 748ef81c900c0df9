"""Conditions on texts: in any of Unicode's forms, and the same in Polars and in SQL."""

from __future__ import annotations

from unicodedata import normalize

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.query.conditions import Condition, any_of, contains, matches

LETTERS = st.text(
    "aéÉe\u0301\u0302êếßİ\u0131i\u0307ςΣ\uff21A\uff76\uff9eカガ\u3000 \u1112\u1161\u11ab한\ufb01\u00bd1", max_size=6
)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as con:
        yield con


def passing(con: duckdb.DuckDBPyConnection, condition: Condition, texts: list[str | None]) -> list[bool | None]:
    """Which texts pass, by both engines, which have to agree."""
    rows = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    assert condition.polars is not None
    found = rows.lazy().select(condition.polars.alias("passes")).collect().to_series().to_list()
    if condition.sql is not None:
        con.register("rows", rows.to_arrow())
        assert [row[0] for row in con.execute(f"select {condition.sql} from rows").fetchall()] == found
    return found


@given(st.lists(st.none() | LETTERS, max_size=4), LETTERS)
@settings(max_examples=200, deadline=None)
def test_a_text_is_found_whatever_unicode_form_it_or_the_words_asked_for_are_in(con, texts, words):
    found = [
        passing(con, contains("", "text", normalize(asked, words)), [text and normalize(form, text) for text in texts])
        for asked in ("NFC", "NFD")
        for form in ("NFC", "NFD")
    ]
    assert found == [found[0]] * 4


@given(LETTERS, LETTERS, LETTERS)
@settings(max_examples=100, deadline=None)
def test_a_text_is_found_in_itself_with_anything_around_it(con, before, words, after):
    # An accent that follows would change the last letter.
    text = f"{before}.{words}.{after}"
    texts = [text, normalize("NFC", text), normalize("NFD", text)]
    assert passing(con, contains("", "text", words), texts) == [True] * 3


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_channels_and_ids_are_the_same_in_any_form(con, form):
    condition = any_of("", ["text"], [normalize(form, "Café TV")])
    assert passing(con, condition, ["Café TV", "Cafe\u0301 TV", "Cafe TV", None]) == [True, True, False, None]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_regular_expression_finds_a_letter_in_any_form(con, form):
    condition = matches("", "text", normalize(form, "caf(é|è)$"))
    assert passing(con, condition, ["un café", "un cafe\u0301", "un cafe", None]) == [True, True, False, None]
