"""What the page tells of one clip: its row, its video, its neighbours and captions; repairs in plain words."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from signverse.export.explorer.clips.catalog import Catalog
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.wording import shown
from signverse.lake.storage.integrity.foreign_errors import VERIFY, collect

_MOST_NEIGHBOURS: Final = 4
"""Clips before and after, of the same video."""

_MOST_CUES: Final = 2000

_IN_GRID: Final = 1000
"""Characters of a caption in the grid, which shows a line or two of it."""

_LONGEST: Final = 20_000
"""Characters of a text, and numbers of a list."""

_MOST_LINES: Final = 200
"""Entries of a list of texts, of each so many characters."""

_REPAIRS: Final = {
    "body_scores_unknown": "The source has no confidence of the body's joints, only which of them are hidden.",
    "impossible_scores": "{} scores were impossible and are unknown now.",
    "hands_unpermuted": "In {} frames the hands of several people were mixed up; they are back with their people.",
    "sentinels": "{} points lay far outside of the picture, which marks them as absent; they are absent.",
    "impossible_points": "{} points were impossible and are absent now.",
    "frames_doubled": "{} frames came twice; the first of each is kept.",
    "frames_out_of_order": "Frames were out of order; they are sorted.",
    "people_renumbered": "People had other numbers from frame to frame; a person has one number now.",
    "frame_size_changes": "The size of the picture changes in the video; all points are scaled to the first size.",
}
"""What the words of `videos.repairs` mean, with their number: a table of docs/reference/formats.md has the same."""

_OF_CLIPS: Final = (
    "text_language", "caption_kind", "english_source", "start_s", "end_s", "start_frame", "end_frame", "num_frames",
    "people_max", "coverage", "body_confidence", "face_confidence", "left_hand_confidence", "right_hand_confidence",
    "hands_seen", "ingest_id",
)  # fmt: skip

_OF_VIDEOS: Final = (
    "title", "channel", "channel_id", "url", "language_label", "source", "source_shard", "duration_s", "fps", "width",
    "height", "num_frames", "people_max", "detector", "pose_model", "provider", "detect_every", "codec", "source_fps",
    "rotation", "damaged_frames", "writer_version", "ingested_at",
)  # fmt: skip


def repair_in_words(entry: str) -> str:
    """An entry of `videos.repairs` as a sentence; what is a sentence already stays."""
    word, _, number = entry.partition(":")
    known = _REPAIRS.get(word)
    # Other scripts have digits, too, and Python reads no number of thousands of them.
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    if known is None or ("{}" in known and not is_number):
        return entry
    return known.format(f"{int(number):,}") if is_number else known


def summary(catalog: Catalog, rows: Any) -> list[dict[str, Any]]:
    """What the grid shows of clips, by their numbers in the catalog."""
    ids = catalog.segment_ids(rows).to_list()
    languages = catalog.language_of(rows).to_list()
    texts, frames = catalog.texts.of(rows, most=_IN_GRID), catalog.clips["num_frames"].gather(rows).to_list()
    return [
        {"row": int(row), "id": ids[i], "language": languages[i], "text": texts[i], "frames": frames[i]}
        for i, row in enumerate(rows)
    ]


def details(catalog: Catalog, row: int) -> dict[str, Any]:
    """Everything about a clip but its points and captions.

    Raises:
        DamagedLakeError: a file of the lake that says it is lost.
    """
    video_id = catalog.video_id(row)
    language = str(catalog.language_of([row])[0])
    segments = catalog.snapshot.table("segments", languages=[language]).filter(pl.col("video_id") == video_id)
    found = collect(segments.filter(pl.col("ordinal") == int(catalog.ordinal[row])))
    if found.is_empty():
        raise DamagedLakeError(f"the row of the clip {shown(catalog.segment_id(row))} is not found", VERIFY)
    clip = found.row(0, named=True)
    video = catalog.snapshot.video(video_id)
    first, last = catalog.rows_of_video(video_id)
    near = range(max(first, row - _MOST_NEIGHBOURS), min(last, row + _MOST_NEIGHBOURS + 1))
    about: dict[str, Any] = {
        "row": row,
        "id": catalog.segment_id(row),
        "video_id": video_id,
        "language": language,
        "language_name": _name(language),
        "text": clip["text"],
        "clip": {name: clip[name] for name in _OF_CLIPS},
        "video": {name: video[name] for name in _OF_VIDEOS},
        "repairs": [repair_in_words(entry) for entry in video["repairs"] or () if entry is not None],
        "events": [event for event in video["events"] or () if event is not None],
        "absent_frames": [
            frame - clip["start_frame"]
            for frame in video["absent_frames"] or ()
            if frame is not None and clip["start_frame"] <= frame < clip["end_frame"]
        ],
        "neighbours": summary(catalog, list(near)),
    }
    return {name: shortened(value) for name, value in about.items()}


def shortened(value: Any, most: int = _LONGEST) -> Any:
    """The same with long texts and lists cut, which say so: a page with a text of megabytes stands still."""
    if isinstance(value, str) and len(value) > most:
        return f"{value[:most]} \u2026 ({len(value) - most:,} more characters)"
    if isinstance(value, dict):
        return {shortened(name, most): shortened(one, most) for name, one in value.items()}
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        more = [f"\u2026 and {len(value) - _MOST_LINES:,} more"] if len(value) > _MOST_LINES else []
        return [shortened(one, _MOST_LINES) for one in value[:_MOST_LINES]] + more
    if isinstance(value, list):
        return [shortened(one, most) for one in value[:most]]
    return value


def captions(catalog: Catalog, row: int) -> list[dict[str, Any]]:
    """The cues of every track that are shown during a clip, in seconds from its start, by track and time."""
    first, last = (float(frames[row]) / FPS for frames in (catalog.start_frame, catalog.end_frame))
    language = str(catalog.language_of([row])[0])
    cues = catalog.snapshot.table("captions", languages=[language]).filter(
        (pl.col("video_id") == catalog.video_id(row)) & (pl.col("end_s") > first) & (pl.col("start_s") < last)
    )
    found = collect(cues.select("track", "kind", "language", "start_s", "end_s", "text"))
    found = found.sort("track", "start_s").head(_MOST_CUES)
    found = found.with_columns(pl.col("start_s") - first, pl.col("end_s") - first)
    return [shortened(cue, _IN_GRID) for cue in found.iter_rows(named=True)]


def _name(code: str) -> str:
    known = sign_languages.by_code().get(code)
    return known.name if known else code
