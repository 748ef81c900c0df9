"""Names of caption tracks: as sites call them, as BCP 47 tags, and in the names of files beside a video.

ID.en.vtt            English, manual; or automatic where its words have times
ID.en-orig.vtt       English by automatic speech recognition (yt-dlp's naming)
ID.en-t-de.vtt       machine translation from German into English (BCP 47's extension T, RFC 6497)
ID.en-x-1a2b3.vtt    one of several tracks of a language, or one whose name on the site is not a plain tag
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from signverse.lake.model.languages import UNDETERMINED

_RENAMED: Final = {"english": "en", "in": "id", "iw": "he", "ji": "yi", "jw": "jv"}
"""Codes that BCP 47 has withdrawn and YouTube still uses; and a common label of `<track>` without a language."""

_ID_LENGTH: Final = 11
"""Length of the id that YouTube appends to the language where a video has several tracks of it: en-eEY6OEpapPo."""

_ORIGINAL: Final = "-orig"
_TRANSLATED: Final = re.compile(r"(.+?)-t-(.+)", re.I)
_PRIVATE: Final = re.compile(r"-x-.*", re.I)
_WRITTEN: Final = {"automatic", "translated"}
"""Kinds that our exporter appends to the language: en-automatic."""


def language_of(key: str) -> str:
    """The language of a track as a clean BCP 47 tag: language, script and region; und where there is none.

    Args:
        key: what a site or a file name calls the track: en, zh-hans, pt_BR, en-eEY6OEpapPo, eng, iw, English (US).
    """
    first, _, rest = key.strip().replace("_", "-").removesuffix(_ORIGINAL).partition("-")
    first = first.split(" ")[0].lower()
    tag = _RENAMED.get(first, first)
    if not re.fullmatch(r"[a-z]{2,3}", tag):
        return UNDETERMINED
    # Each at most once, in this order. An appended id can look like a region: en-Us-12345678.
    for form in (r"[A-Za-z]{4}", r"[A-Za-z]{2}|\d{3}"):
        subtag, _, after = rest.partition("-")
        if len(rest) != _ID_LENGTH and re.fullmatch(form, subtag, re.A):
            tag += f"-{subtag.title() if len(subtag) == 4 else subtag.upper()}"
            rest = after
    return tag


def file_tag(language: str, kind: str, source: str = "") -> str:
    """The part of a caption file's name between the video's id and `.vtt`: 2 to 35 letters a to z, digits and hyphens.

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


def parse_tag(tag: str) -> tuple[str, str | None, str]:
    """Language, kind and source of a file's tag.

    The kind is None where the tag does not give it: manual, unless the file itself says otherwise. The source is ""
    where it is unknown.
    """
    own = tag.lower().endswith(_ORIGINAL)
    tag = _PRIVATE.sub("", tag[: -len(_ORIGINAL)] if own else tag)
    if own:
        return language_of(tag), "automatic", ""
    if match := _TRANSLATED.fullmatch(tag):
        source = language_of(match.group(2))
        return language_of(match.group(1)), "translated", "" if source == UNDETERMINED else source
    written = tag.rpartition("-")[2]
    return language_of(tag), written if written in _WRITTEN else None, ""
