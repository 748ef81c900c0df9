"""Identifiers: which video ids are safe to keep, the id in a file's name, and ingest ids that sort by time."""

from __future__ import annotations

import os
import re
import threading
import time
import unicodedata
import uuid
from collections.abc import Container
from typing import Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.terminal_text import JOINERS, REGION_FLAG, joins

MAX_VIDEO_ID: Final = 128
"""Characters. A released id has 11."""

MAX_VIDEO_ID_BYTES: Final = 200
"""Bytes of an id in UTF-8: a file's name may hold 255, and endings such as .en-eEY6OEpapPo.vtt follow the id."""

VTT: Final = ".vtt"
"""The ending of a caption file; before it stand the video's id and what the captions are."""

_FORBIDDEN: Final = set('/\\:*?"<>|')

# Drawn as nothing, though Unicode counts them as letters, marks and symbols: the fillers of Hangul and of Khmer, the
# grapheme joiner and Braille's blank.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")

_YOUTUBE_ID: Final = re.compile(r"[A-Za-z0-9_-]{11}")
# `Title [ID]`, and what may follow in a file's name: .mp4, .en.vtt, .info.json
_IN_BRACKETS: Final = re.compile(r"(?s:.*?)((?:\[[^\[\]\s]+\] ?){0,4}\[[^\[\]\s]+\])(?:\.[A-Za-z0-9._-]*)?")


def normal_form(text: str) -> str:
    """A name or an id in the one form that the lake keeps: Unicode's NFC.

    A letter with an accent may be written as one character or as two (NFD, as macOS gives the names of files). Both
    look alike and are the same name.
    """
    return unicodedata.normalize("NFC", text)


def check_video_id(video_id: str) -> str:
    """The id in normal form, when it can name a folder of a tar and be printed on one line.

    Names that Windows keeps for itself (CON, nul.mp4) are ids, and so are two that differ in the case of their letters
    only, as YouTube's do: folders by id belong on a disk that tells them apart.

    The two joiners without a width are allowed where they belong to the spelling: between Arabic letters, as Persian
    has them, after a virama of an Indic script, and in an emoji of several. Elsewhere two ids would look the same.

    Raises:
        BadInputError: it is empty, too long, a path, or holds characters that cannot be seen; says which.
    """
    video_id = normal_form(video_id)
    shown = ascii(video_id if len(video_id) <= 30 else video_id[:30] + "...")
    if not video_id or video_id != video_id.strip():
        raise BadInputError(f"video id {shown} is empty or has blanks around it")
    if len(video_id) > MAX_VIDEO_ID:
        raise BadInputError(f"video id {shown} has {len(video_id):,} characters, at most {MAX_VIDEO_ID} are allowed")
    if (size := len(video_id.encode("utf-8", "replace"))) > MAX_VIDEO_ID_BYTES:
        raise BadInputError(f"video id {shown} has {size} bytes in UTF-8, at most {MAX_VIDEO_ID_BYTES} are allowed")
    if video_id.startswith(".") or _FORBIDDEN & set(video_id):
        raise BadInputError(
            f"video id {shown} is not a plain name", 'Ids may not begin with . or hold / \\ : * ? " < > |'
        )
    if (unseen := _unseen(video_id)) is not None:
        raise BadInputError(f"video id {shown} holds a character that cannot be printed, U+{ord(unseen):04X}")
    return video_id


def _unseen(text: str) -> str | None:
    """The first character that would not be seen, such as a line break or a control of writing direction."""
    if text.isascii() and text.isprintable():
        return None
    text = REGION_FLAG.sub("\U0001f3f4", text)
    for at, character in enumerate(text):
        if character in JOINERS and joins(text, at):
            continue
        if character in _INVISIBLE or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            return character
    return None


def is_youtube_id(text: str) -> bool:
    """Whether an id may be one of YouTube's: 11 letters, digits, - and _."""
    return _YOUTUBE_ID.fullmatch(text) is not None


def bracketed_id(name: str) -> str | None:
    """What the brackets at the end of a file's name hold, in normal form, or None: yt-dlp names files `Title [ID].mp4`.

    Of several, as in `Title [ID] [1080p].mp4`, it is the last that may be an id of YouTube's, or else the last.

    Args:
        name: with endings or without: `Title [ID]`, `Title [ID].en.vtt`.
    """
    match = _IN_BRACKETS.fullmatch(name)
    if not match:
        return None
    held = match.group(1)[1:-1].replace("] [", "][").split("][")
    return normal_form(next((text for text in reversed(held) if is_youtube_id(text)), held[-1]))


def id_in_name(stem: str, known: Container[str] = ()) -> str:
    """The video id in a file's name, in normal form: that of `Title [ID]`, or else the whole name.

    Brackets also hold other things (`[1080p]`, `[2019]`). So they count where they hold a known id, or 11 characters
    as YouTube's ids are made of. The id is not checked.

    Args:
        stem: the name without its ending.
        known: ids that are known from a manifest or from what the site says of the video.
    """
    whole = normal_form(stem)
    inside = bracketed_id(stem)
    if whole in known or inside is None:
        return whole
    return inside if inside in known or is_youtube_id(inside) else whole


_lock = threading.Lock()
_last = 0


def new_ingest_id() -> str:
    """A UUIDv7 (RFC 9562): sorts by the time it was made, strictly within a process."""
    global _last
    with _lock:
        # 48 bits of milliseconds, then 12 bits of fraction, so that ids of one millisecond sort too.
        _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        stamp = _last
    milliseconds, fraction = divmod(stamp, 4096)
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | tail))
