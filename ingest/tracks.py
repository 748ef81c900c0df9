"""Caption tracks of released shards: inside their tars, and in the subtitles tar beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from ingest.captions import MAX_BYTES, BadCaptionsError, Track, make_track, read_vtt, unique
from ingest.tars import Member, Tar
from lake.errors import BadInputError
from lake.languages import UNDETERMINED

_IN_SHARD: Final = re.compile(r"captions/.*\.([A-Za-z0-9-]{2,35})\.vtt")
_UNTAGGED: Final = re.compile(r"captions/[^/.]+\.vtt")
"""A track whose name tells no language: its header may."""

_NOTE: Final = re.compile(rb"^NOTE track kind=(manual|automatic|translated)(?: source=([A-Za-z0-9-]{2,35}))?\r?$", re.M)
"""What our own exporter writes into a track that is not a person's."""

_ENGLISH: Final = re.compile(r"(?:.*/)?english\.en\.(native|nllb)\.vtt")
_ORIGINAL: Final = re.compile(r"(?:.*/)?original\.([A-Za-z0-9-]{2,35})\.(manual|automatic)\.vtt")


_LOOK_AT: Final = 100
"""Members after which a tar that shows neither is taken for a shard."""


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


def is_subtitles_tar(path: Path) -> bool:
    """Whether a tar is the subtitles tar that came beside the shards: by the name of its first .vtt or .npz file.

    Raises:
        BadInputError: it cannot be read.
    """
    with Tar(path) as tar, suppress(BadInputError):
        for member in islice(tar.members(), _LOOK_AT):
            file = member.name.rsplit("/", 1)[-1]
            if _ENGLISH.fullmatch(file) or _ORIGINAL.fullmatch(file):
                return True
            if file.endswith((".npz", ".vtt")):
                return False
    return False


def tracks_of(
    tar: Tar,
    video_id: str,
    members: Mapping[str, Member],
    index: CaptionIndex,
    on_bad: Callable[[BadCaptionsError], None],
) -> list[Track]:
    """All caption tracks of a video: those of its tar, and those of the subtitles tars.

    Args:
        on_bad: told of each file that is not WebVTT; it is left out. Nobody can mend a file inside a tar, and the
            keypoints are none the worse for it.
    """

    def read(at: Tar, member: Member, make: Callable[[bytes, str], Track]) -> list[Track]:
        try:
            if member.size > MAX_BYTES:
                raise BadCaptionsError(f"{member.name} has {member.size:,} bytes, at most {MAX_BYTES:,} are read")
            return [make(at.read(member.start, member.size, member.name), member.name)]
        except BadCaptionsError as error:
            on_bad(error)
            return []

    tracks: list[Track] = []
    for name, member in sorted(members.items()):
        if match := _IN_SHARD.fullmatch(name):
            tracks += read(tar, member, partial(_in_shard, match.group(1)))
        elif _UNTAGGED.fullmatch(name):
            tracks += read(tar, member, partial(_in_shard, ""))
    outside: list[Track] = []
    for path, member in index.files.get(video_id, ()):
        with Tar(path) as other:
            outside += read(other, member, partial(_outside, member.name.rsplit("/", 1)[-1]))
    spoken = next((track.language for track in outside if not track.is_english), "")
    tracks += [replace(track, source=spoken) if track.kind == "translated" else track for track in outside]
    return unique(tracks)


def _in_shard(tag: str, data: bytes, name: str) -> Track:
    """A track inside a shard; a note of ours tells its kind where the format has no word for it."""
    cues, named = read_vtt(data, name)
    tag = tag or named or UNDETERMINED
    # Ours stands before the first cue: what a caption says is a caption.
    note = _NOTE.search(data.partition(b"-->")[0])
    if note is None:
        return make_track(data, cues, tag.removesuffix("-orig"), tag.endswith("-orig"))
    kind, language, source = note.group(1).decode(), named or tag, (note.group(2) or b"").decode()
    return Track(f"{language}.{kind}", kind, language, tuple(cues), source)


def _outside(file: str, data: bytes, name: str) -> Track:
    """A track of a subtitles tar; its file's name tells the language and the kind."""
    cues, _ = read_vtt(data, name)
    if original := _ORIGINAL.fullmatch(file):
        return make_track(data, cues, original.group(1), original.group(2) == "automatic")
    track = make_track(data, cues, "en", False)
    return replace(track, name="en.translated", kind="translated") if ".nllb." in file else track
