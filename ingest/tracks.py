"""Caption tracks of released shards: inside their tars, and in the subtitles tar beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ingest.captions import MAX_BYTES, BadCaptionsError, Cue, Track, read_vtt
from ingest.tars import Member, Tar

_IN_SHARD: Final = re.compile(r"captions/.*\.([A-Za-z0-9-]{2,35})\.vtt")
_ENGLISH: Final = re.compile(r"(?:.*/)?english\.en\.(native|nllb)\.vtt")
_ORIGINAL: Final = re.compile(r"(?:.*/)?original\.([A-Za-z0-9-]{2,35})\.(manual|automatic)\.vtt")

_WORD_TIMES: Final = re.compile(rb"<\d\d:\d\d:\d\d\.\d\d\d>")
"""Times inside a cue: the speech recogniser marks each word, people do not."""


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
        _track(_read(tar, member), member.name, match.group(1).removesuffix("-orig"), match.group(1).endswith("-orig"))
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
    return _unique(tracks)


def _read(tar: Tar, member: Member) -> bytes:
    if member.size > MAX_BYTES:
        raise BadCaptionsError(f"{member.name} has {member.size:,} bytes, captions of up to {MAX_BYTES:,} are read")
    return tar.read(member.start, member.size, member.name)


def _track(data: bytes, name: str, language: str, automatic: bool) -> Track:
    cues, _ = read_vtt(data, name)
    automatic = automatic or _WORD_TIMES.search(data) is not None
    kind = "automatic" if automatic else "manual"
    return Track(f"{language}.{kind}", kind, language, tuple(unrolled(cues) if automatic else cues))


def unrolled(cues: Sequence[Cue]) -> list[Cue]:
    """Automatic captions without their repetition: each cue shows the line before it again, above its own."""
    kept: list[Cue] = []
    before = ""
    for cue in cues:
        text = cue.text
        if before and (text + " ").startswith(before + " "):
            text = text[len(before) :].strip()
        elif before and (" " + before).endswith(" " + text):
            text = ""
        before = cue.text
        if text:
            kept.append(Cue(cue.start_s, cue.end_s, text))
        elif kept:
            kept[-1] = replace(kept[-1], end_s=max(kept[-1].end_s, cue.end_s))
    return kept


def _unique(tracks: Sequence[Track]) -> list[Track]:
    """Tracks by name; a second of a name with the same cues is left out, with others it gets a number."""
    found: dict[str, Track] = {}
    for track in tracks:
        name, number = track.name, 2
        while name in found and found[name].cues != track.cues:
            name, number = f"{track.name}.{number}", number + 1
        found.setdefault(name, replace(track, name=name))
    return list(found.values())
