"""Rows that follow from other tables: those of `videos`, `done` outcomes, and the placements of keypoints."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import polars as pl

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.schema import KEYPOINTS, OUTCOMES, PLACEMENT, SEGMENTS, SOURCES, VIDEOS
from signverse.lake.model.wording import counted, document_text, some
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_outcomes import STAGES, done_outcome
from signverse.lake.storage.reader import EVERY_FRAME, KeypointsReader, placement_of
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.absence import TAKEN_OUT, done_outcomes
from signverse.lake.upkeep.plan import Key, StoredPlacement
from signverse.lake.upkeep.repair.report import Report
from signverse.lake.upkeep.repair.sealed_files import Tables, drop, ingestions_in
from signverse.lake.upkeep.rewrite import rewrite_videos

REBUILT: Final = "row rebuilt by repair"
"""How the remark begins, in `videos.repairs`, of a row that was made from other tables."""

_SOURCES: Final = {stage: source for source, stage in STAGES.items()}


def rebuild_videos(tables: Tables, report: Report, *, all_lost: bool) -> None:
    """Makes the rows of `videos` that are lost from what the other tables hold.

    A `done` outcome proves that the video was in the lake; rows of keypoints alone may be of an interrupted ingestion.

    Args:
        all_lost: the table is lost as a whole: what segments name counts as well.
    """
    known = tables.rows(VIDEOS, [file.name for file in tables.whole(VIDEOS)])
    lost = tables.lost(VIDEOS)
    done = _done(tables).filter(~pl.col("ingest_id").is_in(known["ingest_id"].to_list()))
    wanted = _newest_missing(tables, known, done, guess=all_lost or bool(lost))
    rows = _video_rows(tables, known, wanted) if wanted else []
    if rows:
        delta.append(tables.lake / VIDEOS.name, VIDEOS, rows)
        ids = some(sorted(row["video_id"] for row in rows))
        report.add(
            VIDEOS.name,
            f"{counted(len(rows), 'row')} rebuilt from the other tables, without size, channel or "
            f"models where these are not known: {ids}",
        )
    if lost and done.height >= sum(file.num_rows for file in lost):
        drop(tables, VIDEOS, lost)
        report.add(VIDEOS.name, f"{counted(len(lost), 'lost file')}: outcomes account for all of its rows")


def _done(tables: Tables) -> pl.DataFrame:
    """The outcomes of ingestions that are done, without those of videos that were taken out since."""
    outcomes = done_outcomes(_outcomes(tables).lazy())
    return collect(outcomes.filter(pl.col("ingest_id").is_not_null()))


def _outcomes(tables: Tables) -> pl.DataFrame:
    return tables.rows(OUTCOMES, [file.name for file in tables.whole(OUTCOMES)])


def _newest_missing(tables: Tables, known: pl.DataFrame, done: pl.DataFrame, *, guess: bool) -> list[dict[str, Any]]:
    """video_id, ingest_id, stage and ingested_at of the newest ingestion of each video that has no row."""
    found = done.select("video_id", "ingest_id", "stage", ingested_at="attempted_at")
    if guess:
        segments = tables.rows(SEGMENTS, [file.name for file in tables.whole(SEGMENTS)])
        of_segments = segments.select("video_id", "ingest_id").unique()
        removed = _outcomes(tables).filter(pl.col("reason") == TAKEN_OUT)
        of_segments = of_segments.join(removed, on="video_id", how="anti")
        of_segments = of_segments.join(known, on="ingest_id", how="anti").join(found, on="ingest_id", how="anti")
        more = [{**row, "stage": None, "ingested_at": _time_of(row["ingest_id"])} for row in of_segments.to_dicts()]
        found = pl.concat([found, pl.DataFrame(more, found.schema)])
    newest = found.sort("ingested_at", "ingest_id").unique("video_id", keep="last")
    later = known.group_by("video_id").agg(known_at=pl.col("ingested_at").max())
    newest = newest.join(later, on="video_id", how="left").filter(
        pl.col("known_at").is_null() | (pl.col("known_at") < pl.col("ingested_at"))
    )
    return newest.drop("known_at").sort("video_id").to_dicts()


def _time_of(ingest_id: str) -> datetime:
    """When an id was made, which a UUIDv7 says."""
    try:
        return datetime.fromtimestamp((uuid.UUID(ingest_id).int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _video_rows(tables: Tables, known: pl.DataFrame, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    placements = ingestions_in(tables)
    ids = [row["video_id"] for row in wanted]
    segments = tables.rows(SEGMENTS, [file.name for file in tables.whole(SEGMENTS)])
    segments = segments.filter(pl.col("ingest_id").is_in([row["ingest_id"] for row in wanted]))
    sources = tables.rows(SOURCES, [file.name for file in tables.whole(SOURCES)])
    listed = {row["video_id"]: row for row in sources.sort("listed_at", "ingest_id").to_dicts()}
    before = {
        row["video_id"]: row
        for row in known.filter(pl.col("video_id").is_in(ids)).sort("ingested_at", "ingest_id").to_dicts()
    }
    reader = KeypointsReader(tables.lake / KEYPOINTS.name)
    made = []
    for row in wanted:
        mine = segments.filter(pl.col("ingest_id") == row["ingest_id"]).sort("start_frame", "ordinal").to_dicts()
        place = placements.get((row["video_id"], row["ingest_id"]))
        wrote = row["ingest_id"]
        if place is None and row["stage"] == "captions":
            # Captions alone were ingested: its keypoints are those of an earlier ingestion.
            wrote, place = max(
                ((ingest_id, at) for (video_id, ingest_id), at in placements.items() if video_id == row["video_id"]),
                key=lambda pair: pair[0],
                default=(wrote, None),
            )
        if place is None and not mine:
            # Nothing of it is left: an earlier ingestion was replaced and dropped, or all of it is lost.
            continue
        made.append(
            _video_row(row, mine, place, wrote, listed.get(row["video_id"]), before.get(row["video_id"]), reader)
        )
    reader.close()
    return made


def _video_row(
    ingestion: Mapping[str, Any],
    segments: list[dict[str, Any]],
    place: StoredPlacement | None,
    wrote: str,
    listed: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    reader: KeypointsReader,
) -> dict[str, Any]:
    frames, people = max((row["end_frame"] for row in segments), default=0), 0
    if place is not None:
        of = reader.rows(placement_of({"video_id": ingestion["video_id"], **place}), [], 0, EVERY_FRAME)
        counts = np.unique(of.column("frame").to_numpy(), return_counts=True)[1]
        frames = max(frames, int(of.column("frame")[-1].as_py()) + 1)
        people = int(counts.max())
    first = segments[0] if segments else {}
    partition = delta.unknown_file(place["keypoints_file"], KEYPOINTS).partition if place is not None else None
    language = first.get("sign_language") or partition
    captioned = next((row for row in segments if row["caption_kind"] not in {None, "none"}), {})
    row: dict[str, Any] = {
        # Of an earlier ingestion of the same video, if the table still has one: size, channel, models.
        **(before or {}),
        **{name: listed[name] for name in ("title", "channel", "channel_id", "url", "language_label") if listed},
        "video_id": ingestion["video_id"],
        "ingest_id": ingestion["ingest_id"],
        "ingested_at": ingestion["ingested_at"],
        "sign_language": language,
        "num_frames": frames,
        "duration_s": frames / FPS,
        "fps": FPS,
        "absent_frames": [],
        "people_max": people,
        "text_language": captioned.get("text_language"),
        "english_source": captioned.get("english_source") or "none",
        "document_text": document_text(segments),
        "repairs": [f"{REBUILT}: frames after the last person or caption, and what is null, are not known"],
        "keypoints_ingest_id": None if wrote == ingestion["ingest_id"] else wrote,
        **{name: place[name] if place is not None else None for name in PLACEMENT},
    }
    if place is None:
        row["row_group_count"] = 0
    if ingestion["stage"] in _SOURCES:
        row["source"] = _SOURCES[ingestion["stage"]]
    return row


def record_done(tables: Tables, report: Report) -> None:
    """Records the `done` outcome of every visible video that has none: its commit was followed by none of outcomes."""
    if tables.lost(OUTCOMES) or tables.lost(VIDEOS):
        return
    videos = tables.rows(VIDEOS, [file.name for file in tables.whole(VIDEOS)])
    newest = videos.sort("ingested_at", "ingest_id").unique("video_id", keep="last").sort("video_id")
    without = newest.join(_done(tables), on="ingest_id", how="anti").to_dicts()
    rows = [done_outcome(row, "recorded by repair") for row in without]
    if rows:
        delta.append(tables.lake / OUTCOMES.name, OUTCOMES, rows)
        report.add(OUTCOMES.name, f"{counted(len(rows), 'done outcome')} of videos that the lake has, recorded")


def mend_placements(tables: Tables, report: Report) -> None:
    """Gives every video whose row names the wrong place of its keypoints the right one, where a file has them."""
    if tables.lost(VIDEOS):
        return
    videos = tables.rows(VIDEOS, [file.name for file in tables.whole(VIDEOS)])
    whole = {file.name for file in tables.whole(KEYPOINTS)}
    reader = KeypointsReader(tables.lake / KEYPOINTS.name)
    wrong: dict[Key, str] = {}
    for row in videos.filter(pl.col("keypoints_file").is_not_null()).iter_rows(named=True):
        key = (row["video_id"], row["keypoints_ingest_id"] or row["ingest_id"])
        if row["keypoints_file"] not in whole or not _is_placed(reader, row):
            wrong[key] = row["keypoints_file"]
    reader.close()
    found = {key: place for key, place in ingestions_in(tables).items() if key in wrong} if wrong else {}
    if found:
        rewrite_videos(Snapshot(tables.lake), frozenset(), found)
        ids = some(sorted({video_id for video_id, _ in found}))
        report.add(VIDEOS.name, f"{counted(len(found), 'placement')} of keypoints corrected: {ids}")


def _is_placed(reader: KeypointsReader, row: dict[str, Any]) -> bool:
    try:
        return bool(reader.row_groups(placement_of(row), 0, EVERY_FRAME))
    except DamagedLakeError:
        return False
