"""Names of caption tracks: as sites call them, as BCP 47 tags, and in the names of files beside a video.

ID.en.vtt            English, manual; or automatic where its words have times
ID.en-orig.vtt       English by automatic speech recognition (yt-dlp's naming)
ID.en-de.vtt         machine translation from German into English (yt-dlp's naming)
ID.en-t-de.vtt       the same (BCP 47's extension T, RFC 6497; our naming)
ID.en-x-1a2b3.vtt    one of several tracks of a language, or one whose name on the site is not a plain tag
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from signverse.lake.model.languages import UNDETERMINED

_RENAMED: Final = {"english": "en", "in": "id", "iw": "he", "ji": "yi", "jw": "jv"}
"""Codes that BCP 47 has withdrawn and YouTube still uses; and a common label of `<track>` without a language."""

_ID: Final = re.compile(r"(?!\d{3}-[a-z]{2}-[A-Z][a-z]{3}$).{11}", re.S)
"""The id that YouTube appends to the language where a video has several tracks of it: en-eEY6OEpapPo."""

_DOUBTFUL: Final = {"en-ca"}
"""Sources that are regions as well: speakers of Catalan have subtitles on YouTube."""

_CHINESE: Final = {"cdo", "cjy", "cmn", "cpx", "czh", "czo", "gan", "hak", "hsn", "lzh", "mnp", "nan", "wuu", "yue"}
"""Languages that BCP 47 lets stand behind zh: zh-yue is Cantonese."""

_ORIGINAL: Final = "-orig"
_TRANSLATED: Final = re.compile(r"(.+?)-t-(.+)", re.I)
_PRIVATE: Final = re.compile(r"-x-.*", re.I)
_WRITTEN: Final = {"automatic", "translated"}
"""Kinds that our exporter appends to the language: en-automatic."""


@dataclass(frozen=True)
class TrackName:
    """What the name of a track says.

    Attributes:
        language: BCP 47, or und.
        kind: None where the name does not give it: manual, unless the file itself says otherwise.
        source: of a translation, the language that it was made from; "" where it is unknown.
        doubt: a remark where the name can be read in two ways, else "".
    """

    language: str
    kind: str | None = None
    source: str = ""
    doubt: str = ""


class _Parts(NamedTuple):
    language: str
    source: str
    doubt: str


def language_of(key: str) -> str:
    """The language of a track as a clean BCP 47 tag: language, script and region; und where there is none.

    Args:
        key: what a site or a file name calls the track: en, zh-hans, pt_BR, en-eEY6OEpapPo, eng, iw, English (US), and
            en-de for English from German.
    """
    return _parts(key).language


def _parts(key: str, *, may_be_translated: bool = True) -> _Parts:
    first, _, rest = key.strip().replace("_", "-").removesuffix(_ORIGINAL).partition("-")
    code = shortest(first.split(" ")[0].lower())
    if not re.fullmatch(r"[a-z]{2,3}", code):
        return _Parts(UNDETERMINED, "", "")
    if code == "zh" and rest.partition("-")[0] in _CHINESE:
        code, _, rest = rest.partition("-")
    tag, doubt = code, ""
    # Each at most once, in this order. An appended id can look like a region: en-Us-12345678.
    for form in (r"[A-Za-z]{4}", r"[A-Za-z]{2}|\d{3}"):
        subtag, _, after = rest.partition("-")
        if _ID.fullmatch(rest) or not re.fullmatch(form, subtag, re.A):
            continue
        if may_be_translated and subtag.islower() and subtag in _languages():
            if _is_source(code, subtag):
                break
            if shortest(subtag) != code:
                doubt = f"'{code}-{subtag}' is taken for a region, not for a translation from '{shortest(subtag)}'"
            elif subtag not in _regions(code):
                if tag != code or (after and not _ID.fullmatch(after)):
                    # From another kind of the language: pt-PT-pt-BR.
                    break
                # YouTube lists a track once more among its translations, into its own language: en-en.
                rest = after
                continue
        tag += f"-{subtag.title() if len(subtag) == 4 else subtag.upper()}"
        rest = after
    source = ""
    tail = rest.partition("-")[0]
    if may_be_translated and not _ID.fullmatch(rest) and (_is_source(code, tail) or tail == code):
        source = _parts(rest, may_be_translated=False).language
        if source == tag:
            return _Parts(tag, "", doubt)
        if f"{code}-{tail}" in _DOUBTFUL or len(tail) == 3:
            doubt = f"'{code}-{tail}' is taken for a translation from '{source}'"
    return _Parts(tag, source, doubt)


def _is_source(code: str, tail: str) -> bool:
    """Whether what follows a language is that from which it was translated: another one, in lower case.

    Regions are upper case or numbers. Other tools write them in lower case too: what no language has as its code is one
    (en-us), and so are those in use that are listed with the language (pt-br is hardly Breton).
    """
    return tail in _languages() and shortest(tail) != code and tail not in _regions(code)


@cache
def _languages() -> frozenset[str]:
    """Codes of ISO 639-1, of three letters where YouTube translates from such a language, and withdrawn ones."""
    return frozenset(row["code"] for row in _rows()) | _longer().keys() | {key for key in _RENAMED if len(key) == 2}


def _regions(code: str) -> frozenset[str]:
    """Regions of a language, in lower case, that are codes of languages as well."""
    return next((frozenset(row["regions"].split()) for row in _rows() if row["code"] == code), frozenset())


@cache
def _longer() -> dict[str, str]:
    """Two-letter codes by those of three letters, terminological and bibliographic: deu and ger are de."""
    return {longer: row["code"] for row in _rows() for longer in row["longer"].split()}


@cache
def _rows() -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader((files(__package__) / "language_codes.csv").read_text("utf-8").splitlines()))


def shortest(code: str) -> str:
    """The code that BCP 47 asks for: of two letters where there is one, and not withdrawn."""
    return _RENAMED.get(code) or _longer().get(code, code)


def language_named(name: str) -> str:
    """The code of a language by its English name, "" where there is none."""
    return next((row["code"] for row in _rows() if row["name"].casefold() == name.casefold()), "")


def file_tag(language: str, kind: str, source: str = "") -> str:
    """The part of a caption file's name between the video's id and the ending: 2 to 35 letters, digits and hyphens.

    Different keys of a site get different tags, even on file systems that ignore case.

    Args:
        language: of the text, or the site's key, which differs between several tracks of one language.
        kind: manual, automatic or translated.
        source: for a translation, the language it was made from.
    """
    key = language.removesuffix(_ORIGINAL) if kind == "automatic" else language
    tag = clean = language_of(key)
    if kind == "translated":
        tag += f"-t-{language_of(source).lower()}"
    if key != clean:
        # BCP 47's private use. Five letters of 32: a video has a handful of tracks.
        tag += f"-x-{_digest(key)}"
    return tag + _ORIGINAL if kind == "automatic" else tag


def _digest(key: str) -> str:
    number = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4], "big")
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[number >> shift & 31] for shift in range(0, 25, 5))


def parse_tag(tag: str) -> TrackName:
    """What the tag in a file's name says of the track."""
    own = tag.lower().endswith(_ORIGINAL)
    tag = _PRIVATE.sub("", tag[: -len(_ORIGINAL)] if own else tag)
    if own:
        return TrackName(language_of(tag), "automatic")
    if match := _TRANSLATED.fullmatch(tag):
        source = _parts(match.group(2), may_be_translated=False).language
        return TrackName(language_of(match.group(1)), "translated", "" if source == UNDETERMINED else source)
    written = tag.rpartition("-")[2]
    if written in _WRITTEN:
        return TrackName(language_of(tag.removesuffix(f"-{written}")), written)
    language, source, doubt = _parts(tag)
    return TrackName(language, "translated" if source else None, source, doubt)
