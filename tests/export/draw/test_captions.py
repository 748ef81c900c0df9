"""Captions in pictures: any script, either direction, no more room than there is; what is missing is said once."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import features

from signverse.export.draw import captions
from signverse.export.draw.captions import CaptionWriter

OWN = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def written(text: str, width: int = 320, height: int = 180, said: list[str] | None = None) -> np.ndarray:
    writer = CaptionWriter(OWN, (said if said is not None else []).append)
    return writer.write(np.full((height, width, 3), 90, np.uint8), text)


@settings(max_examples=40)
@given(text=st.text(max_size=200), width=st.integers(16, 400), height=st.integers(16, 200))
def test_any_text_in_any_size_is_written_into_the_picture_or_leaves_it_alone(
    text: str, width: int, height: int
) -> None:
    picture = written(text, width, height)
    assert picture.shape == (height, width, 3)
    if not text.split():
        assert (picture == 90).all()


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow lacks raqm")
@pytest.mark.parametrize("text", ["שלום", "السلام"])
def test_letters_from_right_to_left_are_in_their_order(text: str) -> None:
    """The picture of a text is that of its letters mirrored in order, in a Pillow that does not order them."""
    from PIL import Image, ImageDraw, ImageFont

    picture = written(text)
    font = ImageFont.truetype(str(OWN), 11)
    assert not np.array_equal(picture, written(text[::-1]))
    image = Image.new("L", (320, 30))
    ImageDraw.Draw(image).text((10, 5), text, fill=255, font=font, direction="rtl")
    letters = np.asarray(image)
    columns = np.flatnonzero((picture > 150).any(axis=(0, 2)))
    assert np.ptp(columns) == pytest.approx(np.ptp(np.flatnonzero((letters > 150).any(axis=0))), abs=2)


def test_a_foreign_word_at_the_start_of_a_line_does_not_turn_the_line_around() -> None:
    writer = CaptionWriter(OWN, lambda _: None)
    assert writer._direction("שלום hello") == ("rtl" if features.check("raqm") else None)
    assert writer._direction("123 hello שלום") == ("ltr" if features.check("raqm") else None)


def test_letters_that_no_font_has_are_said_once_by_their_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "_fonts", lambda: ((str(OWN), frozenset(map(ord, "abc"))),))
    captions._best_font.cache_clear()
    said: list[str] = []
    writer = CaptionWriter(None, said.append)
    for _ in range(3):
        assert (writer.write(np.zeros((90, 160, 3), np.uint8), "abc 手") > 150).any()
    assert len(said) == 1
    assert "(CJK)" in said[0] and "--font" in said[0]
    captions._best_font.cache_clear()


def test_without_raqm_a_text_from_right_to_left_is_said_to_be_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    said: list[str] = []
    CaptionWriter(OWN, said.append)._direction("שלום")
    assert "lacks raqm" in said[0]
    CaptionWriter(OWN, said.append)._direction("hello")
    assert len(said) == 1


def test_a_long_caption_is_cut_after_four_lines_and_the_picture_is_seen_above_it() -> None:
    picture = written("words " * 300)
    assert (picture[:60] == 90).all()
    assert (picture > 150).any()
