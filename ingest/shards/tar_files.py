"""Which tars to import, which of them are shards and which hold subtitles; and the files of each video of a shard."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.ingest.shards.caption_tracks import is_subtitles_tar
from signverse.ingest.shards.dialects import dialect_of, video_folder
from signverse.ingest.shards.untrusted.tar_reader import FileBytes, Listing, Member, Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id, normal_form
from signverse.lake.model.wording import counted, printable, some

_MAX_CAPTION_BYTES: Final = 8 * 1024**2
"""Ten hours of captions are 2 MB; JSON of 8 MB can become 200 MB of Python's objects."""


def find_tars(sources: Sequence[Path]) -> list[Path]:
    """The tars among the sources, and those in the folders among them, sorted by name.

    Raises:
        BadInputError: a source does not exist, or there is no tar.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name tars, or folders of tars.")
        found += sorted(path for path in source.iterdir() if _is_tar(path)) if source.is_dir() else [source]
    if not found:
        raise BadInputError(f"no .tar in {', '.join(map(str, sources))}", " ".join(left_out(sources)))
    return list(dict.fromkeys(found))


def _is_tar(path: Path) -> bool:
    return path.suffix.lower() == ".tar" and not path.name.startswith(".")


def left_out(sources: Sequence[Path]) -> list[str]:
    """What is not read of folders of tars, a line each: compressed tars, and tars in their subfolders."""
    lines = []
    for folder in sources:
        if not folder.is_dir():
            continue
        compressed = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(_COMPRESSED))
        if compressed:
            what = counted(len(compressed), "compressed file")
            lines.append(f"{folder}: {what} not read, to be unpacked first: {some(compressed)}.")
        deeper = sorted(
            str(Path(parent, name).relative_to(folder))
            for parent, _, names in os.walk(folder)
            for name in names
            if Path(parent) != folder and _is_tar(Path(name))
        )
        if deeper:
            lines.append(
                f"{folder}: {counted(len(deeper), 'tar')} in subfolders not read, which can be named: {some(deeper)}."
            )
    return lines


_COMPRESSED: Final = (
    ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tbz2", ".tar.lz4", ".tar.lz",
    ".tar.z", ".zip", ".7z", ".rar",
)  # fmt: skip


def _problem(path: Path) -> BadInputError | None:
    """Why a file cannot be read as a tar from its beginning; None where it can."""
    try:
        with Tar(path) as tar:
            next(tar.members(), None)
    except BadInputError as error:
        return error
    return None


@dataclass(frozen=True)
class TarFiles:
    """The tars of an import.

    Attributes:
        shards: tars of poses.
        subtitles: tars of captions.
        recognised: those of `subtitles` that were given as shards.
        remarks: what those are, and what of the sources is not read, a line each.
    """

    shards: list[Path]
    subtitles: list[Path]
    recognised: list[Path]
    remarks: list[str] = field(default_factory=list)


def sort_tars(sources: Sequence[Path], captions: Sequence[Path]) -> TarFiles:
    """Sorts the tars of an import into shards and subtitles tars, by their content.

    Args:
        sources: tars and folders given as shards.
        captions: tars and folders given as captions. A folder may be that of the shards: only its subtitles tars count.

    Raises:
        BadInputError: a source does not exist, no shard can be read, or captions are given and there are none.
    """
    subtitles = [path for path in find_tars(captions) if path in captions or is_subtitles_tar(path)] if captions else []
    if captions and not subtitles:
        raise BadInputError(f"there is no subtitles tar in {', '.join(map(str, captions))}", "Leave --subtitles out.")
    given = {path.resolve() for path in subtitles}
    shards = [path for path in find_tars(sources) if path.resolve() not in given]
    # One that cannot be opened, such as a pipe in a folder, fails when it is read, and the others are imported.
    recognised = [path for path in shards if _problem(path) is None and is_subtitles_tar(path)]
    shards = [path for path in shards if path not in recognised]
    if not shards:
        raise BadInputError(f"there is no shard among {', '.join(map(str, sources))}", "Name release tars.")
    # Of several tars one may be damaged: that is said of it, and the others are imported.
    problems = [problem for path in shards if (problem := _problem(path))]
    if len(problems) == len(shards):
        more = f"; nor can {counted(len(shards) - 1, 'other file')} be read" if len(shards) > 1 else ""
        raise BadInputError(f"{problems[0].message}{more}", problems[0].hint or "Name release tars.")
    remarks = [*(f"{path}: a subtitles tar, read as captions" for path in recognised), *left_out(sources)]
    return TarFiles(shards, subtitles + recognised, recognised, remarks)


@dataclass(frozen=True)
class Copy:
    """Where the bytes of a tar are that lies elsewhere: those of its wanted videos, each at its place.

    Attributes:
        path: of the copy, a file of this machine.
        listing: what the tar holds; None where the copy is of all of it.
        origin: the tar's address, with its revision and checksum, for `videos.source_shard`.
        only: ids of the videos whose bytes are in the copy.
    """

    path: Path
    listing: Listing | None
    origin: str
    only: frozenset[str]


@dataclass(frozen=True)
class ShardTask:
    """A tar to import.

    Attributes:
        path: of the tar; where there is a `copy`, its path at the source.
        skip: ids that were dealt with before its process died.
        copy: where the bytes are of a tar that lies elsewhere.
    """

    path: Path
    skip: frozenset[str] = frozenset()
    copy: Copy | None = None

    @property
    def origin(self) -> str:
        """What `videos.source_shard` says of its videos."""
        return self.copy.origin if self.copy else os.fsencode(self.path.name).decode("utf-8", "replace")

    def is_wanted(self, video_id: str) -> bool:
        """Whether a video is to be looked at: of a copy, one that was asked for."""
        return video_id not in self.skip and (self.copy is None or video_id in self.copy.only)

    @contextmanager
    def open(self) -> Iterator[Tar]:
        """The tar, opened.

        Raises:
            BadInputError: it cannot be opened, or is not a tar.
        """
        if self.copy is None:
            with Tar(self.path) as tar:
                yield tar
            return
        with closing(FileBytes(self.copy.path)) as file, Tar(self.path, file, self.copy.listing) as tar:
            yield tar


@dataclass(frozen=True)
class Started:
    """Reading of this video starts: if the process dies next, this video is the cause."""

    video_id: str


def videos_in(tar: Tar, others: list[str] | None = None) -> tuple[dict[str, dict[str, Member]], dict[str, str]]:
    """The files of each video by their names inside its folder; and what cannot be a video, with the reason.

    A video is a folder, which may lie in others where it holds keypoints. Other files belong to no video.

    Args:
        others: takes the names of those.

    Raises:
        BadInputError: the file is not a tar.
    """
    members = list(tar.members())
    folder_of = _folder_finder([member.name for member in members])
    videos: dict[str, dict[str, Member]] = {}
    places: dict[str, str] = {}
    refused: dict[str, str] = {}
    for member in members:
        folder, name = folder_of(member.name)
        if folder is None:
            if others is not None:
                others.append(member.name)
            continue
        video_id = normal_form(folder.rpartition("/")[2])
        if video_id not in videos:
            try:
                check_video_id(video_id)
            except BadInputError as error:
                refused.setdefault(printable(video_id), str(error))
                continue
        if (other := places.setdefault(video_id, folder)) != folder:
            refused.setdefault(video_id, f"it is in the folders {printable(other)} and {printable(folder)}")
        files = videos.setdefault(video_id, {})
        if name in files:
            # Readers differ in which of two they take: neither is to be trusted.
            refused.setdefault(video_id, f"{printable(member.name)} comes twice")
        files[name] = member
    for path, kind in tar.passed_over:
        video_id = normal_form((folder_of(path)[0] or path).rpartition("/")[2])
        if not dialect_of(videos.get(video_id, {})):
            refused.setdefault(printable(video_id), f"{printable(path)} is a {kind}, which is not read")
    return videos, refused


def _folder_finder(paths: Sequence[str]) -> Callable[[str], tuple[str | None, str]]:
    """A function that divides the path of a file into its video's folder, None where it is in none, and what follows.

    Args:
        paths: of all files of the tar.
    """
    found = {folder for path in paths if (folder := video_folder(path.removeprefix("./"))) and _is_plain(folder)}
    # In a video's folder another one is a part of it.
    found = {folder for folder in found if found.isdisjoint(_above(folder))}
    around = {above for folder in found for above in _above(folder)}

    def divide(path: str) -> tuple[str | None, str]:
        path = path.removeprefix("./")
        first, slash, name = path.partition("/")
        folder = next((above for above in _above(path) if above in found), None)
        if folder is not None:
            return folder, path[len(folder) + 1 :]
        return (first if slash and first not in around else None), name

    return divide


def cut_video(tar: Tar, videos: dict[str, dict[str, Member]]) -> str:
    """The video that may lack files because the tar is damaged; "" where it is none.

    It is the one in whose folder the file lies in which reading stopped. Where it stopped between two files, the last
    video may lack frames without any sign of it.

    Args:
        videos: those of the tar, see `videos_in`.
    """
    if not tar.damage:
        return ""
    if not tar.cut_in:
        return next(reversed(videos), "")
    names = [member.name for files in videos.values() for member in files.values()]
    folder = _folder_finder([*names, tar.cut_in])(tar.cut_in)[0]
    video_id = normal_form((folder or "").rpartition("/")[2])
    try:
        check_video_id(video_id)
    except BadInputError:
        return ""
    return video_id


def _is_plain(folder: str) -> bool:
    """Whether each name of a path may be an id; so none is .. or empty."""
    try:
        for name in folder.split("/"):
            check_video_id(name)
    except BadInputError:
        return False
    return True


def _above(path: str) -> Iterator[str]:
    """The folders around a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def read_member(tar: Tar, member: Member) -> bytes:
    """A small file of a tar, such as caption.json.

    Raises:
        BadInputError: it is too large, or the tar ends before it does.
    """
    if member.size > _MAX_CAPTION_BYTES:
        raise BadInputError(f"{member.name} has {member.size:,} bytes, at most {_MAX_CAPTION_BYTES:,} are read")
    return tar.read(member.start, member.size, member.name)
