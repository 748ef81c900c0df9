"""What a lake lacks: entries of its logs, and rows that lie in its folder and belong to no version.

A log that has lost an entry looks whole, and so does a lake without the videos of it. What shows it are the files that
were finished, and what other tables say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, SOURCES, SPLITS, TABLES, VIDEOS, Table
from signverse.lake.model.wording import counted, some
from signverse.lake.storage import delta
from signverse.lake.storage.integrity import log_entries, writers
from signverse.lake.storage.integrity.digests import has_digest
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_outcomes import videos_without_outcome
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.vacuum import data_files

_INGESTED: Final = ("extract", "import")
"""The stages after which a video is in the lake."""

_NEWEST_BY: Final = {
    OUTCOMES.name: (["video_id", "stage"], "attempted_at"),
    SPLITS.name: (["name"], "made_at"),
    SOURCES.name: (["video_id"], "listed_at"),
}
"""Of tables whose rows are not of ingestions: what a row is about, and what says which is the newest."""


@dataclass(frozen=True)
class MissedRows:
    """Rows that lie in the folder of a table, in files that no version of it names, and that it does not have.

    Attributes:
        files: names of the files, paths inside the table's folder.
        videos: the ids in those rows.
    """

    table: Table
    files: tuple[str, ...]
    videos: frozenset[str]

    def __str__(self) -> str:
        rows = "rows" if self.table is SPLITS else f"rows of {counted(len(self.videos), 'video')}"
        which = "" if self.table is SPLITS else f" ({some(sorted(self.videos))})"
        return (
            f"{self.table.name}: {counted(len(self.files), 'finished file')} with {rows}{which} "
            f"{'belongs' if len(self.files) == 1 else 'belong'} to no version of the table: {some(self.files)}. "
            "The log has lost an entry, or the process ended before it committed them"
        )


def log_problems(folder: Path) -> Iterator[str]:
    """What is wrong with the logs of a lake's tables, from every entry; a line each.

    Args:
        folder: of the lake.
    """
    for table in TABLES:
        if log_entries.had_log(folder / table.name):
            for problem in log_entries.problems(folder / table.name, thorough=True):
                yield f"the log of table '{table.name}' is damaged: {problem}"


def absences(snapshot: Snapshot) -> Iterator[str]:
    """What the tables of a lake lack by what lies in its folder and by what other tables say; a line each.

    Of the newest version: an older one lacks what came later.
    """
    snapshot = Snapshot(snapshot.folder)
    for missed in missed_rows(snapshot):
        yield str(missed)
    videos = collect(snapshot.raw_table(VIDEOS.name).select("video_id", "ingest_id"))
    with suppress(SignverseError):
        # What cannot be read is said elsewhere.
        yield from _unlisted_placements(snapshot)
        lacking = done_without_video(snapshot)
        if lacking:
            yield f"outcomes: {counted(len(lacking), 'video')} done that 'videos' lacks: {some(sorted(lacking))}"
        unrecorded = videos_without_outcome(snapshot)
        if unrecorded.height:
            ids = unrecorded["video_id"].unique().sort().to_list()
            yield (
                f"outcomes: {counted(len(ids), 'video')} of {videos['video_id'].n_unique():,} without the outcome "
                f"'done', which the next ingestion adds: {some(ids)}"
            )


def _unlisted_placements(snapshot: Snapshot) -> Iterator[str]:
    listed = {file.name for file in delta.active_files(delta.open_table(snapshot.folder / KEYPOINTS.name), KEYPOINTS)}
    places = {video_id: row["keypoints_file"] for video_id, row in snapshot.placements.items()}
    # A file that is gone is said of itself.
    unlisted = {
        video_id: name
        for video_id, name in places.items()
        if name is not None and name not in listed and (snapshot.folder / KEYPOINTS.name / name).exists()
    }
    if unlisted:
        files = sorted(set(unlisted.values()))
        yield (
            f"keypoints: the rows of {counted(len(unlisted), 'video')} ({some(sorted(unlisted))}) are in "
            f"{counted(len(files), 'file')} that the table does not have: {some(files)}"
        )


TAKEN_OUT: Final = "lost"
"""The reason of the outcome `failed` of a video that a repair took out on request, as its keypoints were lost."""


def done_outcomes(outcomes: pl.LazyFrame) -> pl.LazyFrame:
    """The outcomes `done`, without those of videos that were taken out since."""
    removed = outcomes.filter(pl.col("outcome") == "failed", pl.col("reason") == TAKEN_OUT)
    taken_out = removed.group_by("video_id").agg(taken_out=pl.col("attempted_at").max())
    done = outcomes.filter(pl.col("outcome") == "done").join(taken_out, on="video_id", how="left")
    later = pl.col("taken_out").is_null() | (pl.col("taken_out") < pl.col("attempted_at"))
    return done.filter(later).drop("taken_out")


def done_without_video(snapshot: Snapshot) -> set[str]:
    """The videos that an outcome calls done after they were ingested, and that `videos` has no row of."""
    ingested = pl.col("ingest_id").is_not_null() | pl.col("stage").is_in(_INGESTED)
    outcomes = done_outcomes(snapshot.raw_table(OUTCOMES.name)).filter(ingested).select("video_id").unique()
    known = snapshot.raw_table(VIDEOS.name).select("video_id").unique()
    return set(collect(outcomes.join(known, on="video_id", how="anti"))["video_id"])


def finished_in_no_version(lake: Path) -> list[MissedRows]:
    """The finished files that no readable entry names, where the lake cannot be opened; of interrupted processes too.

    Args:
        lake: its folder.
    """
    found: list[MissedRows] = []
    for table in TABLES:
        files = tuple(sorted(in_no_version(lake, table)))
        if files:
            rows = pl.scan_parquet([lake / table.name / name for name in files], glob=False, hive_partitioning=False)
            found.append(MissedRows(table, files, frozenset(collect(rows.select("video_id").unique())["video_id"])))
    return found


def missed_rows(snapshot: Snapshot) -> list[MissedRows]:
    """The rows in files that no version names and that the tables do not have, by table.

    Files of interrupted processes whose videos were ingested since are none, nor are those of writers that live.

    Raises:
        DamagedLakeError: such a file cannot be read.
    """
    videos = collect(snapshot.raw_table(VIDEOS.name).select("video_id", "ingest_id"))
    visible = snapshot.visible().select("video_id", newest="ingest_id")
    found: list[MissedRows] = []
    for table in TABLES:
        files = in_no_version(snapshot.folder, table)
        rows = [(name, _missed(snapshot, table, name, videos, visible)) for name in sorted(files)]
        missed = [(name, ids) for name, ids in rows if ids]
        if missed:
            ids = frozenset(video_id for _, ids in missed for video_id in ids)
            found.append(MissedRows(table, tuple(name for name, _ in missed), ids))
    return found


def in_no_version(lake: Path, table: Table) -> set[str]:
    """The finished data files in a table's folder that no entry and no checkpoint of its log names.

    Those of writers that live are left out.
    """
    # Before the log is read: what is committed meanwhile is in neither.
    finished = {name for name in data_files(lake / table.name) if has_digest(name)}
    unnamed = named_in_no_version(lake, table, finished)
    return unnamed - writers.in_use(lake, unnamed)


def named_in_no_version(lake: Path, table: Table, names: Collection[str]) -> set[str]:
    """Those of some data files, paths inside a table's folder, that no entry and no checkpoint of its log names."""
    folder = lake / table.name
    unnamed = set(names)
    for path in (path for paths in log_entries.checkpoints(folder).values() for path in paths):
        if unnamed:
            unnamed -= log_entries.names_in_checkpoint(path)
    for entry in log_entries.entries(folder).values():
        if not unnamed:
            break
        with suppress(FileNotFoundError, log_entries.BadEntryError):
            unnamed -= log_entries.names_in(log_entries.read_entry(Path(entry.path)))
    return unnamed


def _missed(
    snapshot: Snapshot, table: Table, name: str, videos: pl.DataFrame, visible: pl.DataFrame
) -> Collection[str]:
    """The videos with rows in a file that the table does not have, and that no later rows replace."""
    path = snapshot.folder / table.name / name
    if table.name in _NEWEST_BY:
        about, when = _NEWEST_BY[table.name]
        columns = list(dict.fromkeys(["video_id", *about, when]))
        file = pl.scan_parquet(path, glob=False)
        if table is OUTCOMES:
            # The next ingestion has recorded what became of the same one, at a time of its own.
            recorded = snapshot.raw_table(table.name).filter(pl.col("outcome") == "done").select("ingest_id")
            file = file.join(collect(recorded.unique()).lazy(), on="ingest_id", how="anti")
        rows = collect(file.select(columns))
        newest = collect(snapshot.raw_table(table.name).group_by(about).agg(pl.col(when).max().alias("newest")))
        joined = rows.join(newest, on=about, how="left")
        return set(joined.filter(pl.col("newest").is_null() | (pl.col(when) > pl.col("newest")))["video_id"])
    pairs = collect(pl.scan_parquet(path, glob=False).select("video_id", "ingest_id").unique())
    joined = pairs.join(visible, on="video_id", how="left")
    # An ingest id begins with its time: a later one than the visible one was lost, an earlier one was replaced.
    later = pl.col("newest").is_null() | (pl.col("ingest_id") > pl.col("newest"))
    missed = set(joined.join(videos, on="ingest_id", how="anti").filter(later)["video_id"])
    if table in (SEGMENTS, CAPTIONS):
        own = collect(snapshot.raw_table(table.name).select("ingest_id").unique())
        shown = joined.filter(pl.col("ingest_id") == pl.col("newest"))
        missed |= set(shown.join(own, on="ingest_id", how="anti")["video_id"])
    return missed
