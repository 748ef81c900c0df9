"""Nothing that a stranger wrote commands the terminal, hides in a line or begins one; letters of all scripts stay."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.untrusted.terminal_text import clean

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Surrogates too: names of files that are not UTF-8 hold them."""


@given(ANY_TEXT)
def test_no_text_brings_a_control_a_turn_of_direction_or_a_line_break(text: str) -> None:
    shown = clean(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in shown} & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI"}
    assert not {unicodedata.bidirectional(c) for c in shown} & {"PDI", "B", "S"}
    shown.encode()


def test_every_control_and_every_format_character_without_a_shape_is_escaped() -> None:
    # These are drawn: signs that enclose a number or a verse, musical beams and quadrats of hieroglyphs.
    drawn = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and code not in drawn:
            assert clean(f"a{chr(code)}b") == f"a{ascii(chr(code))[1:-1]}b", hex(code)


@given(ANY_TEXT)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANY_TEXT)
def test_a_text_of_several_lines_keeps_its_lines_and_nothing_else(text: str) -> None:
    shown = clean(text, keep="\n\t")
    assert [clean(line, keep="\t") for line in text.split("\n")] == shown.split("\n")


@pytest.mark.parametrize(
    "text",
    [
        "Gebärdensprache für Anfänger",
        "手話ニュース 845",
        "葛\U000e0100城市",  # A variant of an ideograph, as names of places in Japan have it.
        "می\u200cخواهم",  # noqa: RUF001 (Persian: a joiner belongs to the spelling)
        "क्\u200dष",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 sign",  # A family of three.
        "\U0001f9cf\U0001f3fd\u200d\u2640\ufe0f deaf woman",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f BSL",  # The flag of Scotland.
        "لغة الإشارة",
        "ASL \u2764\ufe0f",
    ],
)
def test_words_of_every_script_are_printed_as_they_are(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("abc\u202e4pm", "abc\\u202e4pm"),
        ("a\r\nsignverse: all is well", "a\\r\\nsignverse: all is well"),
        ("pay\u200bpal", "pay\\u200bpal"),
        ("a\u200db", "a\\u200db"),  # A joiner that joins nothing.
        ("\U0001f3f4\U000e0067", "\U0001f3f4\\U000e0067"),  # Tags that are no flag.
        ("\udcff.mp4", "\\udcff.mp4"),  # A name of a file that is not UTF-8.
        ("a\u061cb", "a\\u061cb"),
        ("\ufff9a\ufffab\ufffb", "\\ufff9a\\ufffab\\ufffb"),
    ],
)
def test_what_is_escaped_can_be_read(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(ANY_TEXT)
def test_an_id_that_is_allowed_is_printed_as_it_is(text: str) -> None:
    try:
        video_id = check_video_id(text)
    except BadInputError as error:
        assert clean(str(error)) == str(error)
    else:
        assert clean(video_id) == video_id


@given(ANY_TEXT, ANY_TEXT)
def test_an_error_is_one_line_without_controls_whatever_it_tells_of(message: str, hint: str) -> None:
    assert clean(str(SignverseError(message, hint))) == str(SignverseError(message, hint))


def test_a_million_joiners_take_no_longer_than_other_letters() -> None:
    assert clean("\u200d" * 1_000_000).count("\\u200d") == 1_000_000
