"""Caption tracks of released shards: inside the shards, and in the subtitles tar that was released beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError
from signverse.ingest.captions.track_names import file_tag
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Track, unique
from signverse.ingest.shards.untrusted.tar_reader import Member, Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import VTT

_IN_SHARD: Final = re.compile(rf"captions/(?:.*\.([A-Za-z0-9-]{{2,35}})|[^/.]+){re.escape(VTT)}")
"""Where the name has no language, the header may have it."""

_ENGLISH: Final = re.compile(rf"(?:.*/)?english\.en\.(native|nllb){re.escape(VTT)}")
_ORIGINAL: Final = re.compile(rf"(?:.*/)?original\.([A-Za-z0-9-]{{2,35}})\.(manual|automatic){re.escape(VTT)}")


_MEMBERS_LOOKED_AT: Final = 100
"""Members without .vtt or .npz after which a tar is taken for a shard."""


@dataclass(frozen=True)
class CaptionIndex:
    """Captions of subtitles tars by video id: the tar and each file's place in it."""

    files: Mapping[str, tuple[tuple[Path, Member], ...]] = field(default_factory=dict)


def index_captions(tars: Sequence[Path]) -> CaptionIndex:
    """Finds where the captions of each video are, without reading them.

    Raises:
        BadInputError: a file is not a tar.
    """
    found: dict[str, list[tuple[Path, Member]]] = {}
    for path in tars:
        with Tar(path) as tar:
            for video_id, member in captions_in(tar.members()):
                found.setdefault(video_id, []).append((path, member))
    return CaptionIndex({video_id: tuple(files) for video_id, files in found.items()})


def is_subtitles_tar(path: Path) -> bool:
    """Whether a tar is the subtitles tar that came beside the shards: by the name of its first .vtt or .npz file.

    Raises:
        BadInputError: it cannot be read.
    """
    with Tar(path) as tar, suppress(BadInputError):
        return are_subtitles(tar.members())
    return False


def are_subtitles(members: Iterable[Member]) -> bool:
    """Whether members are those of a subtitles tar: by the name of the first .vtt or .npz file."""
    for member in islice(members, _MEMBERS_LOOKED_AT):
        file = member.name.rsplit("/", 1)[-1]
        if _ENGLISH.fullmatch(file) or _ORIGINAL.fullmatch(file):
            return True
        if file.endswith((".npz", VTT)):
            return False
    return False


def captions_in(members: Iterable[Member]) -> Iterator[tuple[str, Member]]:
    """The caption files among the members of a subtitles tar, each with the id of its video."""
    for member in members:
        parts = member.name.removeprefix("./").split("/")
        if len(parts) > 1 and (_ENGLISH.fullmatch(parts[-1]) or _ORIGINAL.fullmatch(parts[-1])):
            # The folder that the file lies in is the video's, however deep.
            yield parts[-2], member


def tracks_of(
    tar: Tar,
    video_id: str,
    members: Mapping[str, Member],
    index: CaptionIndex,
    on_bad: Callable[[BadCaptionsError], None],
) -> list[Track]:
    """All caption tracks of a video: those of its tar, and those of the subtitles tars.

    Args:
        on_bad: called for each file that is not WebVTT. It is left out rather than failing the video: files inside a
            tar cannot be corrected, and the keypoints are not affected.
    """

    tracks: list[Track] = []
    # `en` before `en-eEY6OEpapPo`: sorted by tag, not by file name.
    for name, member in sorted(members.items(), key=lambda item: item[0].removesuffix(VTT)):
        if match := _IN_SHARD.fullmatch(name):
            tracks += _read(tar, member, partial(track_from, tag=match.group(1) or ""), on_bad)
    return unique([*tracks, *subtitles_tracks(index, video_id, on_bad)])


def subtitles_tracks(index: CaptionIndex, video_id: str, on_bad: Callable[[BadCaptionsError], None]) -> list[Track]:
    """The tracks that subtitles tars hold of a video.

    Args:
        on_bad: called for each file that is not WebVTT, which is left out.
    """
    tracks: list[Track] = []
    for path, member in index.files.get(video_id, ()):
        with Tar(path) as tar:
            tracks += _read(tar, member, _subtitles_track, on_bad)
    spoken = next((track.language for track in tracks if not track.is_english), "")
    return [replace(track, source=track.source or spoken) if track.kind == "translated" else track for track in tracks]


def _read(
    tar: Tar, member: Member, make: Callable[[bytes, str], Track], on_bad: Callable[[BadCaptionsError], None]
) -> list[Track]:
    try:
        if member.size > MAX_BYTES:
            raise BadCaptionsError(f"{member.name} has {member.size:,} bytes, at most {MAX_BYTES:,} are read")
        return [make(tar.read(member.start, member.size, member.name), member.name)]
    except BadCaptionsError as error:
        on_bad(error)
        return []


def _subtitles_track(data: bytes, name: str) -> Track:
    """A track of a subtitles tar; its file's name gives language and kind."""
    file = name.rsplit("/", 1)[-1]
    if original := _ORIGINAL.fullmatch(file):
        language, kind = original.groups()
        return track_from(data, name, f"{language}-orig" if kind == "automatic" else language)
    return track_from(data, name, file_tag("en", "translated" if ".nllb." in file else "manual"))
