"""Texts from outside stay texts in a card: YAML that parses back, Markdown without links, HTML and new lines."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.publish.dataset_card.markdown import quoted
from signverse.export.publish.dataset_card.sections import made_header, merge
from signverse.export.publish.dataset_card.yaml_text import MAX_CARD, dump_yaml, load_yaml, split_card
from signverse.export.publish.licences import stated
from signverse.lake.model.errors import BadInputError

TRICKY = [
    "yes",
    "null",
    "~",
    "1e3",
    "0x1F",
    "12:30",
    "- a",
    "a: b",
    "#x",
    "---",
    "...",
    "&a",
    "*a",
    "!!python/x",
    "%",
    "@",
]
TRICKY += [
    "|",
    ">",
    "'",
    '"',
    "\\",
    "\x1b[2J",
    "\u202eevil",
    "\u2028",
    "\x85",
    "\ud800",
    "\ufeff",
    "a\n---\nlicense: mit",
]
texts = st.text(max_size=40) | st.sampled_from(TRICKY) | st.text("\n-:#'\"{}[]&*!|>%@` \t", max_size=20)
values = st.recursive(
    texts | st.booleans() | st.integers(), lambda x: st.lists(x, max_size=3) | st.dictionaries(texts, x)
)


@given(st.dictionaries(texts, values, max_size=4))
@settings(max_examples=80)
def test_the_yaml_parses_back_to_what_was_put_in(header: dict[str, Any]) -> None:
    text = dump_yaml(header)
    assert yaml.safe_load(text) == header
    assert load_yaml(text) == header
    text.encode()
    assert not re.search(r"^(---|\.\.\.)\s*$", text, re.MULTILINE)
    assert split_card(f"---\n{text}---\n\n# A\n") == (header, "\n# A\n")


@given(st.sampled_from(["yes", "no", "on", "1e3", "1_000", "12:30", "0o7", ".5", "1.5", "2026-11-28", "null", "y"]))
def test_a_text_that_a_reader_of_yaml_may_take_for_something_else_is_quoted(text: str) -> None:
    assert dump_yaml({"key": text}) == f'key: "{text}"\n'


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: !!python/object/apply:os.system [ls]",
        "[1, 2]",
        "a: [",
        "a: {" * 5000,
        "1: 2",
        "a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]",
    ],
)
def test_a_header_that_is_no_list_of_keys_or_swells_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInputError, match=r"README\.md") as caught:
        split_card(f"---\n{text}\n---\n")
    assert "\n" not in str(caught.value)


hostile = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "`` ` ``",
        "`x` <b>",
        "a\n\n# Title",
        "[x](javascript:1)",
        "![x](http://a.b/c.png)",
        "-->",
        "<!-- signverse:end people -->",
        "$$x$$",
        "www.example.org",
        "|x|",
        "\u202eabc\u202c",
    ]
)


@given(hostile)
def test_a_quoted_text_is_one_span_of_code_on_one_line(text: str) -> None:
    shown = quoted(text)
    assert "\n" not in shown and "\u202e" not in shown
    fence = re.match("`+", shown)
    if fence:
        inside = shown[len(fence.group()) : -len(fence.group())]
        assert shown.endswith(fence.group())
        assert all(len(run) != len(fence.group()) for run in re.findall("`+", inside))
    else:
        assert shown == "(none)"


NAMES = ["summary", "statistics", "people"]
made_texts = st.fixed_dictionaries({name: st.text("ab#\n ", max_size=20) for name in NAMES})


@given(made_texts, made_texts, st.text("xyz\n", max_size=20), st.sampled_from(NAMES))
def test_what_a_person_wrote_survives_and_what_was_made_is_made_anew(
    first: dict[str, str], second: dict[str, str], mine: str, edited: str
) -> None:
    body, _ = merge(first, "", {"tags": ["-->"]})
    assert made_header(body) == {"tags": ["-->"]}
    begin = body.index("\n", body.index(f"signverse:begin {edited}")) + 1
    changed = f"before me\n\n{body[:begin]}EDITED BY ME\n{body[begin:]}\n\n## Mine\n{mine}\n"
    again, kept = merge(second, changed, {})
    assert kept == [edited]
    assert "EDITED BY ME" in again and "before me" in again and f"## Mine\n{mine.rstrip()}".strip() in again
    for name in NAMES:
        assert again.count(f"signverse:begin {name} ") == 1
    assert merge(second, again, {}) == (again, [edited])


@pytest.mark.parametrize("name", NAMES)
def test_a_section_that_is_new_stands_where_it_belongs(name: str) -> None:
    made = {name: f"text of {name}" for name in NAMES}
    whole, _ = merge(made, "", {})
    part, _ = merge({key: text for key, text in made.items() if key != name}, "", {})
    assert merge(made, part, {})[0] == whole
    # One that is not made any more goes, unless it was edited.
    assert merge({key: text for key, text in made.items() if key != name}, whole, {})[0].strip() == part.strip()


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ("CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("cc0-1.0", {"license": "cc0-1.0"}),
        ("MIT", {"license": "mit"}),
        ("Our terms", {"license": "other", "license_name": "our-terms"}),
        (
            "https://a.org/terms",
            {"license": "other", "license_name": "custom", "license_link": "https://a.org/terms"},
        ),
        ("x\nlicense: mit", {"license": "other", "license_name": "x-license-mit"}),
    ],
)
def test_a_licence_is_named_as_the_hub_names_it(given: str, header: dict[str, str]) -> None:
    assert stated(given).header() == header


@pytest.mark.parametrize(
    "value", ["!!bool x", '!!int ""', "!!timestamp x", "!!set {x}", '!!python/name:os.system ""', "!x 1"]
)
@pytest.mark.parametrize("place", ["{}", "[{}]", "{{a: {}}}"])
def test_a_tag_in_the_yaml_of_a_card_is_refused(value: str, place: str) -> None:
    with pytest.raises(BadInputError, match=r"README\.md cannot be read: it uses the tag"):
        load_yaml(f"key: {place.format(value)}\n")


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 20_000, "1" + ":59" * 3000, "9" * 5000])
def test_a_number_that_cannot_be_written_again_is_refused(number: str) -> None:
    with pytest.raises(BadInputError, match="Exceeds the limit"):
        load_yaml(f"key: {number}\n")


@pytest.mark.parametrize(
    "body",
    ["\n", "<!-- signverse:header {", "<!-- signverse:begin a -->\n<!-- signverse:end a -->\n", "<!-- signverse:"],
)
def test_a_card_of_any_repetition_is_read_at_once(body: str) -> None:
    text = body * (MAX_CARD // 4 // len(body))
    made_header(text)
    assert "<!-- signverse:begin how" in merge({"how": "text"}, text, {})[0]
