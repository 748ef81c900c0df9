"""From keypoints and caption tracks to the rows of one video: the same for extracted videos and imported shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.captions import Track, choose
from ingest.manifest import Entry
from ingest.segments import Summary, make_segments
from ingest.sentences import join_sentences
from lake.commit import VideoRows
from lake.keypoints import Points, snap, to_table
from lake.skeleton import FPS
from lake.text import counted, document_text


def build_rows(
    entry: Entry,
    *,
    stage: str,
    width: int,
    height: int,
    num_frames: int,
    frames: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points,
    tracks: Sequence[Track],
    about: dict[str, Any],
    remarks: Sequence[tuple[str, str]] = (),
    body_visible: npt.NDArray[np.bool_] | None = None,
    exact: bool = False,
    sentences: bool = False,
) -> VideoRows:
    """The rows of a video, ready for the committer.

    Args:
        entry: the id, the language and what else the manifest told.
        stage: "extract" or "import".
        frames, persons, points: [N], [N] and [N, 128, 3]; sorted by frame and person.
        tracks: all caption tracks of the video.
        about: further columns of `videos`: source, models, codec, damage, repairs.
        remarks: (reason, message) of what was noticed on the way, for the outcome.
        body_visible: [N, 18] where the source told visibility and no body scores.
        exact: keep full float32 instead of the grid of 1/8 pixel and 1/256 score.
        sentences: segments are sentences; the rows of captions stay cues.
    """
    # Summaries are made from what is stored, so that anyone can recompute them from the lake.
    points = points if exact else snap(points)
    summary = Summary(num_frames, frames, persons, points, body_known=body_visible is None)
    track, english_source = choose(tracks)
    if sentences and track is not None:
        track = replace(track, cues=tuple(join_sentences(track.cues, track.language)))
    segments, past = make_segments(entry.video_id, num_frames, track, english_source, summary)
    noticed = list(remarks)
    if not len(frames):
        noticed.append(("no_person", f"nobody was found in {counted(num_frames, 'frame')}"))
    if past and track is not None:
        noticed.append(("captions_past_end", f"{past} of {len(track.cues)} captions lie past the end"))
    captioned = track is not None and past < len(track.cues)
    video: dict[str, Any] = {
        "video_id": entry.video_id,
        "sign_language": entry.sign_language,
        "language_label": entry.language_label,
        "title": entry.title,
        "channel": entry.channel,
        "channel_id": entry.channel_id,
        "url": entry.url,
        "duration_s": num_frames / FPS,
        "fps": FPS,
        "width": width,
        "height": height,
        "num_frames": num_frames,
        "absent_frames": [],
        "people_max": summary.people_max,
        "text_language": track.language if track and captioned else None,
        "english_source": english_source if captioned else "none",
        "document_text": document_text(segments),
        "repairs": [],
        "writer_version": version("signverse-lake"),
        **about,
    }
    captions = [
        {
            "track": one.name,
            "kind": one.kind,
            "language": one.language,
            "ordinal": ordinal,
            "start_s": cue.start_s,
            "end_s": cue.end_s,
            "text": cue.text,
        }
        for one in tracks
        for ordinal, cue in enumerate(one.cues)
    ]
    return VideoRows(
        video=video,
        keypoints=to_table(frames, persons, points, body_visible=body_visible, exact=True),
        segments=segments,
        captions=captions,
        stage=stage,
        reason=",".join(reason for reason, _ in noticed),
        message="; ".join(message for _, message in noticed),
    )
