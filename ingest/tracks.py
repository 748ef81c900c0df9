"""Caption tracks of released shards: inside their tars, and in the subtitles tar beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ingest.captions import MAX_BYTES, BadCaptionsError, Track, make_track, read_vtt, unique
from ingest.tars import Member, Tar

_IN_SHARD: Final = re.compile(r"captions/.*\.([A-Za-z0-9-]{2,35})\.vtt")
_NOTE: Final = re.compile(rb"^NOTE track kind=(manual|automatic|translated)(?: source=([A-Za-z0-9-]{2,35}))?\r?$", re.M)
"""What our own exporter writes into a track that is not a person's."""

_ENGLISH: Final = re.compile(r"(?:.*/)?english\.en\.(native|nllb)\.vtt")
_ORIGINAL: Final = re.compile(r"(?:.*/)?original\.([A-Za-z0-9-]{2,35})\.(manual|automatic)\.vtt")


@dataclass(frozen=True)
class CaptionIndex:
    """Captions of subtitles tars by video id: the tar, and the place of each file in it."""

    files: Mapping[str, tuple[tuple[Path, Member], ...]] = field(default_factory=dict)


def index_captions(tars: Sequence[Path]) -> CaptionIndex:
    """Looks up where the captions of each video are, without reading them.

    Raises:
        BadInputError: a file is no tar.
    """
    found: dict[str, list[tuple[Path, Member]]] = {}
    for path in tars:
        with Tar(path) as tar:
            for member in tar.members():
                parts = member.name.removeprefix("./").split("/")
                if len(parts) > 1 and (_ENGLISH.fullmatch(parts[-1]) or _ORIGINAL.fullmatch(parts[-1])):
                    # The folder that the file lies in is the video's, however deep.
                    found.setdefault(parts[-2], []).append((path, member))
    return CaptionIndex({video_id: tuple(files) for video_id, files in found.items()})


def tracks_of(tar: Tar, video_id: str, members: Mapping[str, Member], index: CaptionIndex) -> list[Track]:
    """All caption tracks of a video: those of its tar, and those of the subtitles tars.

    Raises:
        BadCaptionsError: one is not WebVTT; names it.
    """
    tracks = [
        _in_shard(_read(tar, member), member.name, match.group(1))
        for name, member in sorted(members.items())
        if (match := _IN_SHARD.fullmatch(name))
    ]
    outside: list[Track] = []
    for path, member in index.files.get(video_id, ()):
        with Tar(path) as other:
            data = _read(other, member)
        name = member.name.rsplit("/", 1)[-1]
        if english := _ENGLISH.fullmatch(name):
            track = _track(data, member.name, "en", False)
            if english.group(1) == "nllb":
                track = replace(track, name="en.translated", kind="translated")
            outside.append(track)
        elif original := _ORIGINAL.fullmatch(name):
            outside.append(_track(data, member.name, original.group(1), original.group(2) == "automatic"))
    spoken = next((track.language for track in outside if not track.is_english), "")
    tracks += [replace(track, source=spoken) if track.kind == "translated" else track for track in outside]
    return unique(tracks)


def _in_shard(data: bytes, name: str, tag: str) -> Track:
    """A track inside a shard; a note of ours tells its kind where the format has no word for it."""
    cues, named = read_vtt(data, name)
    note = _NOTE.search(data)
    if note is None:
        return make_track(data, cues, tag.removesuffix("-orig"), tag.endswith("-orig"))
    kind, language, source = note.group(1).decode(), named or tag, (note.group(2) or b"").decode()
    return Track(f"{language}.{kind}", kind, language, tuple(cues), source)


def _read(tar: Tar, member: Member) -> bytes:
    if member.size > MAX_BYTES:
        raise BadCaptionsError(f"{member.name} has {member.size:,} bytes, captions of up to {MAX_BYTES:,} are read")
    return tar.read(member.start, member.size, member.name)


def _track(data: bytes, name: str, language: str, automatic: bool) -> Track:
    return make_track(data, read_vtt(data, name)[0], language, automatic)
