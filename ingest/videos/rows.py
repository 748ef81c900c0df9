"""The rows of one video, from its keypoints and caption tracks; used by extraction and by the import of shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from signverse.ingest.captions.segments import Summary, make_segments, stored_means
from signverse.ingest.captions.sentences import join_sentences
from signverse.ingest.captions.tracks import Track, choose, outcome_remarks
from signverse.ingest.manifest import Entry
from signverse.ingest.tracking.detections import CHUNK
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.model.wording import counted, document_text
from signverse.lake.storage.committer import VideoRows
from signverse.lake.storage.keypoints import Points, to_table
from signverse.lake.storage.spill import IN_MEMORY, Spill


def build_rows(
    entry: Entry,
    *,
    stage: str,
    width: int,
    height: int,
    num_frames: int,
    frames: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points | Iterable[Points],
    tracks: Sequence[Track],
    about: dict[str, Any],
    remarks: Sequence[tuple[str, str]] = (),
    body_visible: npt.NDArray[np.bool_] | None = None,
    exact: bool = False,
    sentences: bool = False,
) -> VideoRows:
    """Build the rows of a video for the committer.

    Args:
        entry: the id, the language and other metadata of the manifest.
        stage: "extract" or "import".
        frames, persons, points: [N], [N] and [N, 128, 3]; sorted by frame and person. The points of a long video
            are arrays of CHUNK rows each, the last one shorter.
        tracks: all caption tracks of the video.
        about: further columns of `videos`: source, models, codec, damage, repairs, events.
        remarks: (reason, message) for `outcomes`; those of the tracks are added.
        body_visible: [N, 18] if the source has visibility instead of body scores.
        exact: keep full float32, not the grid of 1/8 pixel and 1/256 score.
        sentences: segments are sentences; the rows of `captions` remain cues.
    """
    # Long because: the arguments and the columns of a video are many.
    keypoints, means = _store(frames, persons, points, body_visible, exact)
    summary = Summary(num_frames, frames, persons, means)
    text = build_text(entry.video_id, num_frames, tracks, summary, sentences=sentences)
    notes = list(remarks)
    if not len(frames):
        notes.append(("no_person", f"nobody was found in {counted(num_frames, 'frame')}"))
    notes += text.remarks
    video: dict[str, Any] = {
        **_manifest_columns(entry),
        "duration_s": num_frames / FPS,
        "fps": FPS,
        "width": width,
        "height": height,
        "num_frames": num_frames,
        "absent_frames": [],
        "people_max": summary.people_max,
        **text.columns,
        "repairs": [],
        "writer_version": version("signverse-lake"),
        **about,
    }
    return VideoRows(
        video=video,
        keypoints=keypoints,
        segments=text.segments,
        captions=text.captions,
        stage=stage,
        reason=",".join(dict.fromkeys(reason for reason, _ in notes)),
        message="; ".join(message for _, message in notes),
    )


@dataclass(frozen=True)
class TextRows:
    """What the captions of a video become.

    Attributes:
        segments, captions: rows of these tables.
        columns: text_language, english_source and document_text of `videos`.
        remarks: (reason, message) for `outcomes`.
    """

    segments: list[dict[str, Any]]
    captions: list[dict[str, Any]]
    columns: dict[str, Any]
    remarks: list[tuple[str, str]]


def build_text(
    video_id: str, num_frames: int, tracks: Sequence[Track], summary: Summary, *, sentences: bool = False
) -> TextRows:
    """Build the rows that come from captions; with the same tracks the same rows, whenever they were read.

    Args:
        tracks: all caption tracks of the video.
        summary: of its keypoints, for the confidences of segments.
        sentences: segments are sentences; the rows of `captions` remain cues.
    """
    track, english_source = choose(tracks)
    if sentences and track is not None:
        track = replace(track, cues=tuple(join_sentences(track.cues, track.language)))
    segments, past = make_segments(video_id, num_frames, track, english_source, summary)
    remarks = outcome_remarks(tracks)
    if past and track is not None:
        remarks.append(("captions_past_end", f"{past} of {len(track.cues)} captions lie past the end"))
    captioned = track if track is not None and past < len(track.cues) else None
    columns = {
        "text_language": captioned.language if captioned else None,
        "english_source": english_source if captioned else "none",
        "document_text": document_text(segments),
    }
    return TextRows(segments, _caption_rows(tracks), columns, remarks)


def _manifest_columns(entry: Entry) -> dict[str, Any]:
    """The columns of `videos` that come from a manifest or a site."""
    return {
        "video_id": entry.video_id,
        "sign_language": entry.sign_language,
        "language_label": entry.language_label,
        "title": entry.title,
        "channel": entry.channel,
        "channel_id": entry.channel_id,
        "url": entry.url,
    }


def _caption_rows(tracks: Sequence[Track]) -> list[dict[str, Any]]:
    """The rows of `captions`: every cue of every track."""
    return [
        {
            "track": track.name,
            "kind": track.kind,
            "language": track.language,
            "ordinal": ordinal,
            "start_s": cue.start_s,
            "end_s": cue.end_s,
            "text": cue.text,
        }
        for track in tracks
        for ordinal, cue in enumerate(track.cues)
    ]


def _store(
    frames: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points | Iterable[Points],
    body_visible: npt.NDArray[np.bool_] | None,
    exact: bool,
) -> tuple[pa.Table | Spill, npt.NDArray[np.float32]]:
    """The rows of the keypoints table, and the mean confidence of each body part, float32 [N, 4].

    Confidences are computed from what is stored, so that they can be recomputed from the lake.
    """
    tables: list[pa.Table] = []
    spill = Spill() if len(frames) * NUM_JOINTS * 3 * 4 > IN_MEMORY else None
    means = []
    for index, chunk in enumerate(_chunks(points) if isinstance(points, np.ndarray) else points):
        rows = slice(index * CHUNK, index * CHUNK + len(chunk))
        visible = None if body_visible is None else body_visible[rows]
        table = to_table(frames[rows], persons[rows], chunk, body_visible=visible, exact=exact)
        means.append(stored_means(table))
        (tables if spill is None else spill).append(table)
    return (pa.concat_tables(tables) if spill is None else spill), np.concatenate(means)


def _chunks(points: Points) -> Iterator[Points]:
    """The points in arrays of CHUNK rows; one empty array if there are none."""
    return (points[start : start + CHUNK] for start in range(0, max(1, len(points)), CHUNK))
