"""The pictures of the documentation can be drawn again, and are small."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.docs import pictures

LARGEST = 400_000
"""Bytes of a picture: everyone who clones the project takes them all."""


@pytest.mark.slow
def test_pictures_of_the_page_and_the_animation_are_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = pictures.IMAGES
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    pictures.signing(tmp_path)
    names = ["signer.webp"]
    if shutil.which("chromium") or shutil.which("google-chrome"):
        pictures.explorer(tmp_path)
        names += ["explore.webp", "explore-phone.webp"]
    for name in names:
        with Image.open(tmp_path / name) as drawn, Image.open(kept / name) as shown:
            assert (drawn.size, drawn.n_frames) == (shown.size, shown.n_frames)


def test_pictures_are_small() -> None:
    large = {path.name: path.stat().st_size for path in pictures.IMAGES.iterdir() if path.stat().st_size > LARGEST}
    assert large == {}
