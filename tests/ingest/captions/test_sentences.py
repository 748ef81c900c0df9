"""Segments as whole sentences."""

# ruff: noqa: RUF001 -- other scripts are what it is about

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.sentences import MAX_S, join_sentences
from signverse.ingest.captions.tracks import Cue


def cues(*texts: str, lasts: float = 1.0) -> list[Cue]:
    """One after the other, without a gap."""
    return [Cue(i * lasts, (i + 1) * lasts, text) for i, text in enumerate(texts)]


def joined(*texts: str, language: str = "en") -> list[str]:
    return [cue.text for cue in join_sentences(cues(*texts), language)]


def test_a_sentence_has_the_first_cues_start_and_the_last_ones_end() -> None:
    assert join_sentences(cues("I am", "going", "home.", "Bye."), "en") == [
        Cue(0, 3, "I am going home."),
        Cue(3, 4, "Bye."),
    ]


@pytest.mark.parametrize(
    ("language", "parts", "sentences"),
    [
        ("en", ["Is it", "so? Yes,", "it is!", "Good…", "Well"], ["Is it so? Yes, it is!", "Good…", "Well"]),
        ("en", ['She said: "I', 'know."', "(We", "did.)", "End"], ['She said: "I know."', "(We did.)", "End"]),
        ("de", ["Er sagte: „Ich", "komme.“", "»So", "ist es!«"], ["Er sagte: „Ich komme.“", "»So ist es!«"]),
        ("fr", ["Comment", "ça va ?", "Bien !"], ["Comment ça va ?", "Bien !"]),
        ("es", ["¿Qué", "tal?", "¡Muy", "bien!"], ["¿Qué tal?", "¡Muy bien!"]),
        ("ar", ["كيف", "حالك؟", "أنا", "بخير."], ["كيف حالك؟", "أنا بخير."]),
        ("ur", ["میں گھر", "جا رہا ہوں۔", "اچھا۔"], ["میں گھر جا رہا ہوں۔", "اچھا۔"]),
        ("he", ["מה", "שלומך?", "טוב", "מאוד."], ["מה שלומך?", "טוב מאוד."]),
        ("hi", ["मैं घर", "जा रहा हूँ।", "ठीक है।"], ["मैं घर जा रहा हूँ।", "ठीक है।"]),
        ("ja", ["今日は", "学校に", "行きます。", "「はい", "そう」。"], ["今日は学校に行きます。", "「はいそう」。"]),
        ("ja", ["「行こう", "！」", "と言った。"], ["「行こう！」", "と言った。"]),
        ("zh", ["你叫什么", "名字？", "我叫 Tom", "先生。"], ["你叫什么名字？", "我叫 Tom 先生。"]),
        ("ko", ["오늘은", "학교에 갑니다.", "네."], ["오늘은 학교에 갑니다.", "네."]),
        ("hy", ["Ես գնում", "եմ։", "Այո։"], ["Ես գնում եմ։", "Այո։"]),
        ("am", ["ወደ ቤት", "እሄዳለሁ።", "እሺ።"], ["ወደ ቤት እሄዳለሁ።", "እሺ።"]),
    ],
)  # fmt: skip
def test_each_script_ends_its_sentences_in_its_way(language: str, parts: list[str], sentences: list[str]) -> None:
    assert joined(*parts, language=language) == sentences


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["I saw Dr.", "Smith."]),
        ("en-GB", ["I saw Mrs.", "Smith."]),
        ("en", ["George W.", "Bush came."]),
        ("en", ["It costs 3.", "5 million."]),
        ("en", ["I was…", "going home."]),
        ("en", ["so...", "what is it?"]),
        ("de", ["Das ist z.B.", "Brot."]),
        ("fr", ["Voilà M.", "Dupont."]),
        ("ru", ["Это на ул.", "Ленина."]),
        ("hi", ["यह डॉ.", "शर्मा हैं।"]),
    ],
)
def test_an_abbreviation_a_number_or_a_pause_ends_no_sentence(language: str, parts: list[str]) -> None:
    assert joined(*parts, language=language) == [" ".join(parts)]


@pytest.mark.parametrize(
    "parts", [["So do I.", "Good."], ["It was 3.5.", "Good."], ["In 2019.", "Good."], ["No.", "Good."]]
)
def test_a_full_stop_is_an_end_elsewhere(parts: list[str]) -> None:
    assert joined(*parts) == parts


def test_another_languages_abbreviation_is_none() -> None:
    assert joined("Sie nahm die Str.", "Zu Fuß.", language="de") == ["Sie nahm die Str. Zu Fuß."]
    assert joined("Sie nahm die Str.", "Zu Fuß.", language="en") == ["Sie nahm die Str.", "Zu Fuß."]


def test_nothing_is_joined_over_a_long_silence() -> None:
    assert len(join_sentences([Cue(0, 1, "I am"), Cue(2.9, 4, "here")], "en")) == 1
    assert len(join_sentences([Cue(0, 1, "I am"), Cue(3.1, 4, "here")], "en")) == 2
    assert len(join_sentences([Cue(0, 1, "I am"), Cue(2.9, 4, "here")], "en", max_gap_s=1)) == 2


def test_a_language_that_writes_no_ends_is_bounded_by_time() -> None:
    found = join_sentences(cues(*["สวัสดีค่ะ"] * 50), "th")
    assert [cue.end_s - cue.start_s for cue in found] == [20, 20, 10]


def test_a_cue_longer_than_any_sentence_stays_as_it_is() -> None:
    assert len(join_sentences(cues("one", "two", lasts=30), "en")) == 2


def test_sound_marks_between_sentences_stand_alone_and_within_one_do_not_break_it() -> None:
    assert joined("[Music]", "Hello", "there. [Applause]", "[Applause]", "I", "[coughs]", "see.") == [
        "[Music]", "Hello there. [Applause]", "[Applause]", "I [coughs] see.",
    ]  # fmt: skip


def test_of_two_cues_at_once_the_sentence_ends_with_the_later_one() -> None:
    assert join_sentences([Cue(0, 5, "I"), Cue(1, 2, "see.")], "en") == [Cue(0, 5, "I see.")]


def test_a_hundred_thousand_cues_at_once_are_joined_at_once() -> None:
    (one,) = join_sentences([Cue(0, 1, "word")] * 100_000, "en")
    assert (one.start_s, one.end_s, len(one.text)) == (0, 1, 499_999)


texts = st.text('aB .!。?[]"1語', min_size=1, max_size=6).map(lambda text: " ".join(text.split())).filter(bool)
times = st.tuples(st.floats(0, 5), st.floats(0.1, 30))


@given(st.lists(st.tuples(times, texts), max_size=20))
def test_joining_loses_no_word_and_makes_nothing_too_long(parts: list[tuple[tuple[float, float], str]]) -> None:
    now, made = 0.0, []
    for (gap, lasts), text in parts:
        made.append(Cue(now + gap, now + gap + lasts, text))
        now += gap + lasts
    found = join_sentences(made, "en")
    assert "".join(cue.text for cue in found).replace(" ", "") == "".join(cue.text for cue in made).replace(" ", "")
    assert all(cue.end_s - cue.start_s <= MAX_S or cue in made for cue in found)
    assert [cue.start_s for cue in found] == sorted(cue.start_s for cue in found)
