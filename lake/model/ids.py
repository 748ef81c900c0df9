"""Identifiers: which video ids are safe to keep, ingest ids that sort by time, and the ending of caption files."""

from __future__ import annotations

import os
import threading
import time
import unicodedata
import uuid

from signverse.lake.model.errors import BadInputError

MAX_VIDEO_ID = 128
"""Characters. A released id has 11; a file's name in a tar may hold 255 bytes."""

VTT = ".vtt"
"""The ending of a caption file; before it stand the video's id and what the captions are."""

_FORBIDDEN = set('/\\:*?"<>|')


def check_video_id(video_id: str) -> str:
    """The id itself, when it can name a folder of a tar on every system and be printed on one line.

    Raises:
        BadInputError: it is empty, too long, a path, or holds control characters; says which.
    """
    shown = ascii(video_id if len(video_id) <= 40 else video_id[:40] + "...")
    if not video_id or video_id != video_id.strip():
        raise BadInputError(f"video id {shown} is empty or has blanks around it")
    if len(video_id) > MAX_VIDEO_ID or len(video_id.encode("utf-8", "replace")) > 200:
        raise BadInputError(f"video id {shown} has {len(video_id)} characters, at most {MAX_VIDEO_ID} are allowed")
    if video_id.startswith(".") or _FORBIDDEN & set(video_id):
        raise BadInputError(
            f"video id {shown} is not a plain name", 'Ids may not begin with . or hold / \\ : * ? " < > |'
        )
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in video_id):
        raise BadInputError(f"video id {shown} holds a character that cannot be printed")
    return video_id


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
