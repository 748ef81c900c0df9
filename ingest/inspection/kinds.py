"""What a file is, by its content: names are often wrong, and a file without an ending is read as well."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from signverse.ingest.captions.files_beside import is_caption_file
from signverse.ingest.shards.caption_tracks import is_subtitles_tar
from signverse.lake.media.decode import SUFFIXES as VIDEO_SUFFIXES
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

_BYTES: Final = 65_536
"""Bytes of a file that are looked at."""

_USTAR: Final = slice(257, 262)

_LISTS: Final = (b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"SQLite format 3", b"ARROW1", b"%PDF")
"""How Parquet files begin, and others that people take for manifests: reading one says what to do."""

_VIDEOS: Final = (b"YUV4MPEG2", b"#EXTM3U")
"""How videos begin that begin as text."""

_CAPTIONS: Final = re.compile(
    r"\A\s*(?:WEBVTT(?:\s|$)|\[Script Info\])"
    r"|^\s*-?\d[\d:.,]*\d[ \t]*(?:--?>|\u2013>|\u2192)"
    r"|\"(?:wireMagic|tStartMs)\"",
    re.M,
)
"""Captions: WebVTT, ASS, times with an arrow between them, YouTube's json3."""

_MANIFEST_ENDINGS: Final = (".csv", ".tsv", ".tab", ".psv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")

_UNSEEN: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters that no text has."""


class Kind(StrEnum):
    """What a file is."""

    shard = "shard"
    subtitles = "subtitles tar"
    video = "video"
    captions = "captions"
    manifest = "manifest"


def kind_of(path: Path) -> Kind:
    """What a file is. One that is neither a tar nor text is taken for a video.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        if not path.is_file():
            raise BadInputError(f"{path} is not a file", "Name files, or folders of files.")
        with open_regular(path) as file:
            start = file.read(_BYTES)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if start[_USTAR] == b"ustar" or ".tar" in suffixes or suffixes[-1:] == [".tgz"]:
        return Kind.subtitles if _is_subtitles(path) else Kind.shard
    if start.startswith(_LISTS):
        return Kind.manifest
    text = None if start.startswith(_VIDEOS) else _text(start)
    if text is None:
        return Kind.video
    if text.strip():
        if is_caption_file(path.name) or _CAPTIONS.search(text):
            return Kind.captions
        # Such as the page that says why a download was refused: an ingestion takes it for a video that is damaged.
        return Kind.video if path.suffix.lower() in VIDEO_SUFFIXES else Kind.manifest
    # Nothing is in it: its ending says what it was meant to be.
    if is_caption_file(path.name):
        return Kind.captions
    return Kind.manifest if path.suffix.lower() in _MANIFEST_ENDINGS else Kind.video


def _is_subtitles(path: Path) -> bool:
    try:
        return is_subtitles_tar(path)
    except BadInputError:
        # Compressed or damaged: inspecting it as a shard says so.
        return False


def _text(start: bytes) -> str | None:
    """The beginning of a file as text; None where it is not text in UTF-8, UTF-16 or an encoding of single bytes."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start.decode("utf-16", "ignore")
    for codec, zeros, others in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if zeros.count(0) * 2 > len(zeros) and not others.count(0):
            return start.decode(codec, "ignore")
    text = start.decode("utf-8-sig", "ignore")
    return None if _UNSEEN.search(text) else text
