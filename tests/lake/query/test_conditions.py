"""Conditions on texts: in any of Unicode's forms, and the same in Polars and in SQL."""

from __future__ import annotations

import re
from unicodedata import normalize

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.query.conditions import Condition, _folded, _may_contain, any_of, contains, matches

LETTERS_OF_TEXTS = (
    "aéÉe\u0301\u0302êếßİ\u0131i\u0307ςΣ\uff21A\uff76\uff9eカガ\u3000 \u1112\u1161\u11ab한\ufb01\u00bd1"
    "aIi\u017fsSKkﬃﬀflLFÅ\u0323\u0316\u0307;\u037e`\u1fef.[\\-^ñ\u0344яйИ\u03a9\u2126ΘϴΣς\u0958क\u093c\ufa10塚か\u3099\u0f73"
)
LETTERS = st.text(LETTERS_OF_TEXTS, max_size=6)


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("texts") / "lake").duckdb() as con:
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


@given(st.text(LETTERS_OF_TEXTS, max_size=8), st.data())
@settings(max_examples=300, deadline=None)
def test_every_part_of_a_folded_text_is_found_in_the_text(con, text, data):
    """The pattern that is looked for first passes over no text that contains what is asked for."""
    folded = pl.select(_folded(pl.lit(text))).item()
    start = data.draw(st.integers(0, len(folded)))
    part = folded[start : data.draw(st.integers(start, len(folded)))]
    if pl.select(_folded(pl.lit(part))).item() != part:
        return  # Cut where an accent belongs to the letter before it: as a question it is another text.
    assert passing(con, contains("", "text", part), [text]) == [True]


def test_every_letter_that_is_folded_to_another_is_found_by_that():
    letters = pl.Series([chr(i) for i in range(128, 0x110000) if not 0xD800 <= i < 0xE000])
    folded = letters.to_frame("letter").select("letter", folded=_folded(pl.col("letter")))
    changed = folded.filter(pl.col("folded") != pl.col("letter")).rows()
    parts = pl.DataFrame({"part": sorted({part for _, plain in changed for part in (plain, *plain)})})
    patterns = {
        part: re.compile(_may_contain(part))
        for (part,) in parts.filter(_folded(pl.col("part")) == pl.col("part")).rows()
    }
    for letter, plain in changed:
        for part in patterns.keys() & {plain, *plain}:
            assert patterns[part].search(letter), (letter, part)


@pytest.mark.parametrize("letter", ["a", "é", "ß", "\u0301", "."])
def test_words_of_any_length_can_be_asked_for(con, letter):
    words = letter * 2_000
    assert passing(con, contains("", "text", words), [words, words.upper(), words[:-1], "a", None])[2:] == [
        False,
        False,
        None,
    ]


@given(st.lists(st.tuples(st.none() | LETTERS, st.none() | LETTERS), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_text_that_sql_looks_for_may_be_another_in_each_row(con, rows):
    con.register("pairs", pl.DataFrame(rows, {"text": pl.String, "asked": pl.String}, orient="row").to_arrow())
    found = con.execute("select has_text(text, asked) from pairs").fetchall()
    assert [row[0] for row in found] == [
        None if asked is None else passing(con, contains("", "text", asked), [text])[0] for text, asked in rows
    ]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_channels_and_ids_are_the_same_in_any_form(con, form):
    condition = any_of("", ["text"], [normalize(form, "Café TV")])
    assert passing(con, condition, ["Café TV", "Cafe\u0301 TV", "Cafe TV", None]) == [True, True, False, None]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_regular_expression_finds_a_letter_in_any_form(con, form):
    condition = matches("", "text", normalize(form, "caf(é|è)$"))
    assert passing(con, condition, ["un café", "un cafe\u0301", "un cafe", None]) == [True, True, False, None]
