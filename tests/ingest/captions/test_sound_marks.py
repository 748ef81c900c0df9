"""Captions without what is not said in them."""

# ruff: noqa: RUF001 -- other scripts are what it is about

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest import captions
from signverse.ingest.captions.sound_marks import without_marks
from signverse.ingest.captions.track_reader import track_from


@pytest.mark.parametrize(
    "mark",
    [
        "[Music]",
        "[door slams]",
        "(applause)",
        "(Applause.)",
        "(soft music playing)",
        "(MUSIC CONTINUES)",
        "[Musik]",
        "(Gelächter und Applaus)",
        "(rires et applaudissements)",
        "(música suave)",
        "[музыка]",
        "(аплодисменты)",
        "[音楽]",
        "（拍手と歓声）",
        "［笑い声］",
        "【掌声】",
        "(음악)",
        "[เสียงดนตรี]",
        "(संगीत)",
        "(موسيقى)",
        "[תשואות]",
        "(מחיאות כפיים)",
        "♪",
        "♪♪♪",
        "♪ la la la ♪",
        "♪ You are\nmy sunshine ♪",
        "🎵️ hm 🎵️",
        ">>",
        "-",
        "- [Music]",
        ">> [Applause] >>",
        "[Music] (applause).",
    ],
)
def test_a_caption_that_is_nothing_but_marks_disappears(mark: str) -> None:
    assert without_marks(mark) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Music] Hello", "Hello"),
        ("[MUSIC]Hello", "Hello"),
        ("Hello [laughs], you", "Hello, you"),
        ("so (laughs) what", "so what"),
        ("（音楽）はい、どうぞ", "はい、どうぞ"),
        ("مرحبا (تصفيق) بكم", "مرحبا بكم"),
        ("שלום [מוזיקה]", "שלום"),
        (">> Good evening. >> Hi.", "Good evening. Hi."),
        (">>> NEWS", "NEWS"),
        ("- Hello?\n- Hi.", "Hello?\nHi."),
        ("– Bonjour\n— Salut", "Bonjour\nSalut"),
        ("♪♪ la ♪♪ yes", "yes"),
        ("♪ You are my sunshine", "You are my sunshine"),
    ],
)
def test_marks_go_and_words_stay(text: str, words: str) -> None:
    assert without_marks(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "(s)he went",
        "[s]he walk[ed]",
        "wor[l]d",
        "(I love music)",
        "(music is my life)",
        "(2019)",
        "(and)",
        "（田中）こんにちは",
        "London - Paris",
        "well-known",
        "-5 degrees",
        "3 > 2 and 5 >= 4",
        "a ( b",
        "]Music[",
        "Music and applause.",
        "❤\ufe0f I love it ❤\ufe0f",
    ],
)
def test_speech_survives(text: str) -> None:
    assert without_marks(text) == text


@given(st.text())
def test_nothing_is_made_up(text: str) -> None:
    once = without_marks(text)
    assert len(once) <= len(text)
    assert set(once) <= set(text) | {" "}


def test_only_words_that_may_stand_beside_a_sound_make_none() -> None:
    path = Path(next(iter(captions.__path__)), "sound_words.csv")
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert len({row["language"] for row in rows}) == len(rows) > 25
    assert all(row["words"] for row in rows)


FILE = b"WEBVTT\n\n00:01.000 --> 00:02.000\n[Music]\n\n00:02.000 --> 00:03.000\n- Hi (laughs)\n- Hello\n"


def test_marks_are_kept_unless_they_are_not_wanted() -> None:
    assert [cue.text for cue in track_from(FILE, "x", "en").cues] == ["[Music]", "- Hi (laughs) - Hello"]
    (cue,) = track_from(FILE, "x", "en", sound_marks=False).cues
    assert (cue.start_s, cue.end_s, cue.text) == (2, 3, "Hi Hello")
