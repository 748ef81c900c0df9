"""What a format says of itself: how its files are named, written and verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Generic, Protocol, TypeVar

from signverse.export.formats.clip_content import Chunk
from signverse.export.formats.index_rows import ClipRow, Row, VideoRow
from signverse.export.formats.video_content import Content, Outline
from signverse.export.writers.tar_writer import Member, Place
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class File:
    """A finished file: its path in the folder, its bytes and their sha256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Written(Generic[R]):
    """A unit of an export that is finished: its files, and its rows of the index.

    Attributes:
        members: of its one file, where that is a tar whose members are listed; see `FolderRules`.
    """

    name: str
    files: Sequence[File]
    index: Sequence[R]
    members: Sequence[Place] = ()


@dataclass(frozen=True)
class FolderRules(Generic[R]):
    """What the folder of an export holds.

    Attributes:
        unit: pattern of the names of its units: what is written as a whole.
        file: pattern of its files, as paths in the folder; at most two folders deep.
        row: a row of its index.csv.
        lists_members: its units are tars, with a folder a video in them, whose members members.parquet lists.
    """

    unit: str
    file: str
    row: type[R]
    lists_members: bool = False


class WriteChunk(Protocol):
    """Writes a chunk of clips to a folder."""

    def __call__(self, lake: Lake, out: Path, chunk: Chunk, *, all_people: bool) -> Written[ClipRow]: ...


@dataclass(frozen=True)
class ClipFormat:
    """A format of clips.

    Attributes:
        name: as in `signverse export NAME`.
        folder: what its folder holds.
        chunk_name: a template with the number of the chunk, from 0.
        frame_bytes, clip_bytes: about what a person in a frame takes, and a clip besides.
        write: writes a chunk.
        verify: yields what of a file differs from its rows of the index, a line each; takes the file, its sha256 (which
            is the one of SHA256SUMS) and the rows.
        reserved: names that no video may have, because a file of the export has it.
        remarks: what a person should know of the clips that were written, a line each.
        revision: raised with every change of the files: those of two revisions are not mixed when an export resumes.
    """

    name: str
    folder: FolderRules[ClipRow]
    chunk_name: str
    frame_bytes: int
    clip_bytes: int
    write: WriteChunk
    verify: Callable[[Path, str, Sequence[ClipRow]], Iterator[str]]
    reserved: frozenset[str] = frozenset()
    revision: int = 1
    remarks: Callable[[Sequence[ClipRow]], list[str]] = lambda _: []


def folder_in(out: Path, name: str) -> Path:
    """Makes a folder in that of an export.

    Args:
        name: of the folder, or of it and the one that it lies in: "data/ase"; "" for that of the export itself.

    Raises:
        BadInputError: it cannot be made, or leads elsewhere.
    """
    folder = out
    for part in name.split("/") if name else ():
        folder /= part
        if folder.is_symlink():
            raise BadInputError(f"{folder} is a symbolic link, which an export does not follow", "Remove it.")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise BadInputError(f"the folder {folder} cannot be made: {error.strerror}") from None
    return folder


@dataclass(frozen=True)
class ShardLayout:
    """How a video lies in a release shard, in a folder of the tar that its id names.

    Attributes:
        files: writes a video: its files by their names in the folder.
        keypoints: name of the file of keypoints.
        others: names of the other files that must be there; {video_id} is filled in.
        has_cues: it holds the caption tracks, and not the segments only.
        segments: name of the file that lists the segments; "" where none does.
        count_segments: counts them in it. Raises ValueError, KeyError or TypeError where it is damaged.
        coded_files: as `files`, with index codes in place of body scores; None where the layout has no such form.
    """

    files: Callable[[Outline, Iterable[Content]], dict[str, Member]]
    keypoints: str
    others: Sequence[str]
    has_cues: bool = False
    segments: str = ""
    count_segments: Callable[[IO[bytes]], int] | None = None
    coded_files: Callable[[Outline, Iterable[Content]], dict[str, Member]] | None = None


SHARD_NAME: Final = "Sign_DWPose_NPZ_{:06d}.tar"

_SHARD: Final = r"Sign_DWPose_NPZ_\d{6}\.tar"

SHARD_FOLDER: Final = FolderRules(_SHARD, _SHARD, VideoRow, lists_members=True)
"""Of release shards, whatever their layout."""
