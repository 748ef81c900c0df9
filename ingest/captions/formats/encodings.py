"""From the bytes of a caption file to text."""

from __future__ import annotations

import codecs
import re
from typing import Final

from signverse.ingest.captions.formats.reading import BadCaptionsError

_MARKS: Final = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "UTF-32LE"),  # Before UTF-16: its mark begins like this one.
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
"""Byte order marks."""

_ALWAYS_THERE: Final = ("-->", "Dialogue:", "WEBVTT")
"""One of these is in any caption file: how it is written shows UTF-16 without a mark."""

_WESTERN: Final = re.compile("af|ca|cy|da|de|en|es|eu|fi|fo|fr|fy|ga|gd|gl|id|is|it|lb|ms|n[blno]|oc|pt|sq|s[vw]|tl")
"""Languages whose files in one byte a letter are Windows-1252, of which Latin-1 is a part."""

_MANY_BYTES: Final = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def decode(data: bytes, name: str, language: str) -> tuple[str, str, list[str]]:
    """The text of a caption file, its encoding, and what had to be guessed or replaced.

    Unicode is taken in any form. A file of one byte a letter says nowhere which letters they are: it is taken as
    Windows-1252 where its language is written so, and refused elsewhere.

    Args:
        language: BCP 47 tag from the file's name, or und.

    Raises:
        BadCaptionsError: which letters are meant is not known.
    """
    text, encoding, remarks = _decode(data, name, language)
    if nulls := text.count("\0"):
        text = text.replace("\0", "")
        remarks.append(f"{nulls:,} NUL characters are left out")
    return text, encoding, remarks


def _decode(data: bytes, name: str, language: str) -> tuple[str, str, list[str]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _with_replacements(data[len(mark) :], encoding)
    for encoding in ("UTF-16LE", "UTF-16BE"):
        if any(words.encode(encoding) in data for words in _ALWAYS_THERE):
            return _with_replacements(data, encoding)
    try:
        return data.decode(), "UTF-8", []
    except UnicodeDecodeError as error:
        if _MANY_BYTES.search(data):
            return _with_replacements(data, "UTF-8")
        if _WESTERN.fullmatch(language.split("-")[0]):
            try:
                text = data.decode("cp1252")
            except UnicodeDecodeError:
                pass
            else:
                return text, "Windows-1252", [f"not UTF-8: read as Windows-1252, as is usual for '{language}'"]
        line = data[: error.start].count(b"\n") + 1
        raise BadCaptionsError(
            f"{name} is not UTF-8 at byte {error.start}, line {line}, and which letters are meant is not known",
            "Convert it: iconv -f ENCODING -t UTF-8 FILE.",
        ) from None


def _with_replacements(data: bytes, encoding: str) -> tuple[str, str, list[str]]:
    try:
        return data.decode(encoding), encoding, []
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        line = text[: text.index("\ufffd")].count("\n") + 1
        count = text.count("\ufffd")
        return text, encoding, [f"damaged {encoding}: {count:,} characters are replaced by \ufffd, line {line}"]


def lines_of(text: str) -> list[str]:
    """The lines of a text with line ends of any kind: LF, CR LF, CR, and CR CR LF as some Windows tools write it."""
    if "\r\r\n" in text and "\r" not in text.replace("\r\r\n", "").replace("\r\n", ""):
        text = text.replace("\r\r\n", "\n")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
