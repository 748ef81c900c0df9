"""Files that a table's log names and that are not there, or not whole: which they are, and which videos they cost."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, SEGMENTS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import as_argument, counted, some
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.integrity.digests import CHANGED, compare_files, is_as_written, is_intact
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.scan import scan
from signverse.lake.storage.opened_tables import made_of_files

if TYPE_CHECKING:
    from signverse.lake.storage.snapshot import Snapshot

BY_VIDEO: Final = (KEYPOINTS, SEGMENTS, CAPTIONS)
"""Tables of which it is known whose rows a lost file held."""

LOST: Final = "a file of the lake is lost: "
"""How the message begins where a question needs a lost file."""

_HELD: Final = {KEYPOINTS.name: "the keypoints", SEGMENTS.name: "the segments", CAPTIONS.name: "the captions"}


@dataclass(frozen=True)
class LostFile:
    """A data file that cannot be read.

    Attributes:
        problem: "is missing", or how it is damaged.
        videos: the visible videos whose rows were in it, by id; of captions those that may have had some. None where
            that is not known.
    """

    table: Table
    file: ActiveFile
    problem: str
    videos: tuple[str, ...] | None

    @property
    def path(self) -> str:
        """Path inside the lake."""
        return f"{self.table.name}/{self.file.name}"

    @property
    def cost(self) -> str:
        """Whose rows it held: "the keypoints of 2 videos (a, b)"."""
        if self.videos is None:
            return f"which rows of {self.table.name} were in it is not known"
        held = _HELD[self.table.name]
        whose = f"{held} of {counted(len(self.videos), 'video')} ({some(self.videos)})" if self.videos else "no video's"
        return f"it {'may have held' if self.table is CAPTIONS else 'held'} {whose}"

    def __str__(self) -> str:
        return f"{self.path} {self.problem}; {self.cost}"


def problem_of(folder: Path, file: ActiveFile, *, read: bool = False) -> str:
    """What is seen of a file: "is missing", or that it has not the bytes of the log; "" if neither.

    Args:
        folder: of the table.
        read: compare it with the digest in its name, unless it was compared before. Otherwise its size tells.
    """
    path = folder / file.name
    try:
        found = path.stat()
    except OSError:
        return "is missing"
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    size = found.st_size
    # The log may be what is wrong: the digest in the name decides.
    if read and size == file.size:
        try:
            return "" if is_intact(str(path)) else CHANGED
        except OSError as error:
            return f"cannot be read ({error.strerror})"
    if size == file.size or is_as_written(path):
        return ""
    return f"is damaged ({counted(size, 'byte')} of {file.size:,})"


def find_lost(snapshot: Snapshot, table: Table, known: Mapping[str, str] | None = None) -> list[LostFile]:
    """The files of a table that are missing or cut.

    Of `keypoints` also those that a visible video is placed in and that neither the log nor the folder has.

    Args:
        known: names of files, paths inside the table's folder, that are known to be damaged, and how.
    """
    folder = snapshot.folder / table.name
    damaged = known or {}
    files = snapshot.stored_files(table.name)
    # Keypoints are much, and a query reads little of them: their parts are compared as they are read.
    small = table is not KEYPOINTS
    unknown = files
    if small:
        # One look at each of thousands of files: what was compared before is whole.
        paths = {f"{folder}/{file.name}": file for file in files}
        unknown = [paths[path] for path in compare_files(paths)]
    problems = {file.name: problem_of(folder, file, read=small) for file in unknown}
    problems = {**damaged, **{name: problem for name, problem in problems.items() if problem}}
    broken = [(file, problems[file.name]) for file in files if file.name in problems]
    names = {file.name for file in files}
    if table is KEYPOINTS:
        broken += [(file, "is missing") for file in _unnamed(snapshot, names)]
    if not broken:
        return []
    owners = _owners(snapshot, table, [file for file, _ in broken])
    if table is KEYPOINTS and not snapshot.is_older and _are_elsewhere(snapshot, names):
        # It may be a file that the log does not name, by another name.
        owners = {name: videos or None for name, videos in owners.items()}
    return [LostFile(table, file, problem, owners[file.name]) for file, problem in broken]


def _unnamed(snapshot: Snapshot, named: set[str]) -> list[ActiveFile]:
    """The files that placements name, and that are neither in the log nor in the folder."""
    try:
        refuse_lost(snapshot, VIDEOS)
        files = [file.name for file in snapshot.stored_files(VIDEOS.name)]
        placed = made_of_files("placed", snapshot.folder / VIDEOS.name, files, lambda: _placed(snapshot))
        # Mostly all are in the log. Rows of replaced ingestions may name others, which maintenance removed.
        if placed - named or snapshot.is_older:
            placed = set(snapshot.placement_rows["keypoints_file"]) - {None}
    except SignverseError:
        return []
    folder = snapshot.folder / KEYPOINTS.name
    return [delta.unknown_file(name, KEYPOINTS) for name in sorted(placed - named) if not (folder / name).exists()]


def _placed(snapshot: Snapshot) -> Set[str]:
    """The keypoints files that rows of `videos` name, those of replaced ingestions too."""
    return frozenset(collect(snapshot.raw_table(VIDEOS.name).select("keypoints_file"))["keypoints_file"].drop_nulls())


def _are_elsewhere(snapshot: Snapshot, named: set[str]) -> bool:
    """Whether keypoints of visible videos are in files that the log does not name."""
    try:
        return not named.issuperset(set(snapshot.placement_rows["keypoints_file"]) - {None})
    except SignverseError:
        return False


def _owners(snapshot: Snapshot, table: Table, broken: Sequence[ActiveFile]) -> dict[str, tuple[str, ...] | None]:
    """By name of the file, the visible videos whose rows it held."""
    unknown: dict[str, tuple[str, ...] | None] = dict.fromkeys(file.name for file in broken)
    if table not in BY_VIDEO:
        return unknown
    try:
        if table is KEYPOINTS:
            placed = sorted((row["keypoints_file"] or "", video_id) for video_id, row in snapshot.placements.items())
            return {file.name: tuple(video_id for name, video_id in placed if name == file.name) for file in broken}
        return _owners_by_elimination(snapshot, table, broken)
    except SignverseError:
        return unknown


def _owners_by_elimination(
    snapshot: Snapshot, table: Table, broken: Sequence[ActiveFile]
) -> dict[str, tuple[str, ...] | None]:
    """The videos of the language and of the range of ids of a file, that have no row in the other files."""
    names = {file.name for file in broken}
    partitions = {file.partition for file in broken}
    folder = snapshot.folder / table.name
    whole = [
        str(folder / file.name)
        for file in snapshot.stored_files(table.name)
        if file.name not in names and file.partition in partitions
    ]
    present: set[str] = set()
    if whole:
        rows = scan(whole, table, snapshot.schema(table.name))
        present = set(collect(rows.select(pl.col("ingest_id").unique()))["ingest_id"])
    videos = collect(snapshot.table(VIDEOS.name).select("video_id", "ingest_id", "sign_language", "num_frames"))
    without = videos.filter(~pl.col("ingest_id").is_in(present), pl.col("num_frames") > 0).sort("video_id")
    return {
        file.name: tuple(
            without.filter(
                pl.col("sign_language") == file.partition,
                pl.col("video_id").is_between(pl.lit(file.first_id), pl.lit(file.last_id)),
            )["video_id"]
        )
        for file in broken
    }


def videos_to_take_again(snapshot: Snapshot) -> set[str]:
    """The visible videos whose keypoints are lost: the next ingestion takes them as if the lake did not have them."""
    return {video_id for lost in snapshot.lost(KEYPOINTS.name) for video_id in lost.videos or ()}


def refuse_lost(snapshot: Snapshot, table: Table, names: Collection[str] | None = None) -> None:
    """Refuses to read files of a table that are lost.

    Args:
        names: of the files, paths inside the table's folder; all by default.

    Raises:
        DamagedLakeError: one is lost, with the videos and what to do.
    """
    lost = [found for found in snapshot.lost(table.name) if names is None or found.file.name in names]
    # What only replaced rows were in is not missed.
    lost = [found for found in lost if found.videos is None or found.videos]
    if lost:
        raise lost_error(snapshot, lost)


def lost_error(snapshot: Snapshot, lost: Sequence[LostFile]) -> DamagedLakeError:
    """The error for a question that needs lost files: the first file, its videos, and how to bring them back."""
    more = f" (and {counted(len(lost) - 1, 'other file')} of the table)" if len(lost) > 1 else ""
    if replaced_since(snapshot, lost[0]):
        return DamagedLakeError(
            f"{lost[0].path} was replaced by maintenance since the lake was opened", "Open the lake again."
        )
    return DamagedLakeError(f"{LOST}{lost[0]}{more}", way_back(snapshot.folder, lost))


def replaced_since(snapshot: Snapshot, lost: LostFile) -> bool:
    """Whether the newest version of the lake does without the file: the snapshot is older than the retention."""
    opened = delta.open_table(snapshot.folder / lost.table.name)
    if opened.version() == snapshot.table_version(lost.table.name):
        return False
    return lost.file.name not in {file.name for file in delta.active_files(opened, lost.table)}


def way_back(folder: Path, lost: Iterable[LostFile]) -> str:
    """What brings the rows of lost files back, in a sentence."""
    tables = {found.table.name for found in lost}
    lake = as_argument(folder)
    if tables <= {KEYPOINTS.name}:
        return (
            "Take these videos again: signverse ingest videos FOLDER, or signverse ingest shards TARS, with --lake "
            f"{lake}; list them all: signverse verify {lake}."
        )
    return f"What can be brought back, and how: signverse repair {lake} --dry-run."


def lost_in(snapshot: Snapshot, known: Mapping[str, Mapping[str, str]] | None = None) -> list[LostFile]:
    """The lost files of all tables.

    Args:
        known: by table, see `find_lost`.
    """
    return [lost for table in TABLES for lost in find_lost(snapshot, table, (known or {}).get(table.name))]
