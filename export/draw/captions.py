"""Captions in a picture, in any script that a font of this machine has."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import some

if TYPE_CHECKING:
    from PIL import ImageFont

    from signverse.export.draw.skeleton import Pixels

_SIZE: Final = 0.052
"""Height of letters as a share of the picture's height."""

_LEAST_SIZE: Final = 11
_RTL: Final = frozenset({"R", "AL"})
"""Unicode's classes of letters that are written from right to left."""

_MOST_LINES: Final = 4
_MOST_LETTERS: Final = 2_000
"""Of a caption that are looked at: more than fit into these lines."""

_LARGEST_FONT: Final = 1 << 27
"""Bytes of a file: those with all of Chinese, Japanese and Korean have 20 MB."""

_GROUND: Final = 0.45
"""How much of the picture is seen through the band below the text."""


class CaptionWriter:
    """Writes captions at the lower edge of pictures.

    Args:
        font: a file; None for the first of this machine's that has all letters of a text.
        remark: takes what a person should know, once: that letters are missing, that right-to-left is out of order.

    Raises:
        BadInputError: the file is not a font.
    """

    def __init__(self, font: Path | None, remark: Callable[[str], None]) -> None:
        self._remark = remark
        self._said: set[str] = set()
        self._font = None if font is None else str(font)
        self._last: tuple[str, tuple[int, ...], Pixels, int] | None = None
        self._covered: frozenset[int] | None = None
        if self._font is not None:
            _load(self._font, _LEAST_SIZE)
            self._covered = _letters_of(self._font)

    def write(self, picture: Pixels, text: str) -> Pixels:
        """The picture, RGB uint8 [H, W, 3], with the text in it, in place; "" leaves it as it is."""
        text = " ".join(text[:_MOST_LETTERS].split())
        if not text:
            return picture
        if self._last is None or self._last[:2] != (text, picture.shape):
            self._last = (text, picture.shape, *self._band(text, picture.shape[1], picture.shape[0]))
        _, _, band, top = self._last
        below = picture[top : top + len(band)]
        # Letters are as light as they are, between them the picture is seen, darker.
        np.maximum(band, (below * _GROUND).astype(np.uint8), out=below)
        return picture

    def _band(self, text: str, width: int, height: int) -> tuple[Pixels, int]:
        """The text in white on black over the whole width, and where its upper edge is."""
        from PIL import Image, ImageDraw

        size = max(_LEAST_SIZE, round(height * _SIZE))
        font = _load(self._find(text), size)
        direction = self._direction(text)
        lines = _wrapped(text, font, width - 2 * size)
        step = round(size * 1.35)
        band_height = min(height, step * len(lines) + size // 2)
        image = Image.new("L", (width, band_height))
        draw = ImageDraw.Draw(image)
        for number, line in enumerate(lines):
            left = (width - font.getlength(line)) / 2
            draw.text((left, size // 4 + number * step), line, fill=255, font=font, direction=direction)
        band = np.repeat(np.asarray(image)[..., None], 3, axis=2)
        return band, max(0, height - band_height - size // 2)

    def _find(self, text: str) -> str:
        letters = frozenset(letter for letter in text if not letter.isspace() and unicodedata.category(letter) != "Cf")
        if self._font is not None and self._covered is not None:
            if missing := frozenset(letter for letter in letters if ord(letter) not in self._covered):
                self._say_once(
                    f"{self._font} lacks letters of the captions ({_scripts(missing)}): boxes stand for them. "
                    "Name another font, or none: one that has them is looked for"
                )
            return self._font
        best, missing = _best_font(letters)
        if missing:
            self._say_once(
                f"no font of this machine has all letters of the captions ({_scripts(missing)}): boxes stand for them. "
                "Install one, such as the package fonts-noto-cjk, or name a file: --font FILE"
            )
        return best

    def _direction(self, text: str) -> str | None:
        """Of all lines of a text: that of its first letter, also where a line begins with a foreign word."""
        from PIL import features

        kinds = [unicodedata.bidirectional(letter) for letter in text]
        if features.check("raqm"):
            return "rtl" if next((kind for kind in kinds if kind in {"L", *_RTL}), "L") in _RTL else "ltr"
        if _RTL & set(kinds):
            self._say_once(
                "this Pillow lacks raqm: captions that are written from right to left have their letters unjoined and "
                "out of order"
            )
        return None

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._remark(line)


@lru_cache(16)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    data = read_regular(path, _LARGEST_FONT)
    try:
        return ImageFont.truetype(io.BytesIO(data), size)
    except OSError as error:
        raise _refused(path, error) from None


@lru_cache(4)
def _letters_of(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    data = read_regular(path, _LARGEST_FONT)
    try:
        return frozenset(FT2Font(io.BytesIO(data)).get_charmap())
    except (OSError, RuntimeError, ValueError) as error:
        raise _refused(path, error) from None


def _refused(path: str, error: Exception) -> BadInputError:
    return BadInputError(f"{path} is not a font that can be used: {error}", "Name a .ttf or .otf file.")


def _scripts(letters: frozenset[str]) -> str:
    """The scripts of letters, such as "CJK, ETHIOPIC": of all captions in a language the same words."""
    names = {unicodedata.name(letter, "OTHER").partition(" ")[0].partition("-")[0] for letter in letters}
    return some(sorted(names), 4)


@lru_cache(1)
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """The files of fonts and which letters they have: matplotlib's own DejaVu Sans first, then this machine's."""
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    own = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    found = []
    for path in [own, *sorted(font_manager.findSystemFonts())]:
        try:
            found.append((path, frozenset(FT2Font(path).get_charmap())))
        except (OSError, RuntimeError, ValueError):
            continue
    return tuple(found)


@lru_cache(256)
def _best_font(letters: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The first font that lacks the fewest letters, and these."""
    lacking = [(path, frozenset(x for x in letters if ord(x) not in covered)) for path, covered in _fonts()]
    return min(lacking, key=lambda entry: len(entry[1]))


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The text in lines of at most this width; where there are no spaces, between letters. What is too much is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while font.getlength(word) > width and len(word) > 1:
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= width)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    lines.append(line)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1]} …"]
    return lines
