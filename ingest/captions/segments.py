"""Rows of the table `segments`: captions with their frames, and the columns that selections filter by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from signverse.ingest.captions.tracks import Track
from signverse.lake.model.frame_ranges import FPS, seconds_to_frames
from signverse.lake.model.skeleton import LEFT_HAND, PARTS, RIGHT_HAND
from signverse.lake.model.thresholds import SEEN


def stored_means(rows: pa.Table) -> npt.NDArray[np.float32]:
    """The confidence of each of PARTS, float32 [N, 4], in rows of the keypoints table; nan where unknown."""
    means = [rows.column(part.confidence).to_numpy() for part in PARTS]
    return np.stack(means, axis=-1).astype(np.float32, copy=False)


class Summary:
    """Confidence, coverage and people over any range of a video's frames.

    Args:
        num_frames: of the video.
        frames, persons: [N] and [N], one row for each person in each frame.
        means: float32 [N, 4], the confidence of each of PARTS; nan where unknown.
    """

    def __init__(
        self,
        num_frames: int,
        frames: npt.NDArray[np.int32],
        persons: npt.NDArray[np.int8],
        means: npt.NDArray[np.float32],
    ) -> None:
        signer = persons == 0
        at = frames[signer]
        self._people = np.bincount(frames, minlength=num_frames)[:num_frames]
        self._present = np.zeros(num_frames, bool)
        self._present[at] = True
        # Cumulative sums: a video of ten thousand cues costs no more than one of ten.
        self._sums: dict[str, npt.NDArray[np.float64]] = {}
        self._counts: dict[str, npt.NDArray[np.int64]] = {}
        seen = {}
        for number, part in enumerate(PARTS):
            mean = np.full(num_frames, np.nan, np.float64)
            mean[at] = means[signer, number]
            seen[part.name] = mean > SEEN
            known = np.isfinite(mean)
            self._sums[part.confidence] = _running(np.where(known, mean, 0.0))
            self._counts[part.confidence] = _running(known)
        self._covered = _running(self._present)
        self._hands = _running(seen[LEFT_HAND.name] & seen[RIGHT_HAND.name])

    @property
    def people_max(self) -> int:
        return int(self._people.max(initial=0))

    def over(self, start: int, end: int) -> dict[str, Any]:
        """The summary columns of the segments table for frames [start, end)."""
        frames = end - start
        row: dict[str, Any] = {
            "people_max": int(self._people[start:end].max(initial=0)),
            "coverage": float(self._covered[end] - self._covered[start]) / frames,
            "hands_seen": float(self._hands[end] - self._hands[start]) / frames,
        }
        for column, sums in self._sums.items():
            count = self._counts[column][end] - self._counts[column][start]
            row[column] = float((sums[end] - sums[start]) / count) if count else None
        return row


def _running(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([[0], np.cumsum(values)])


def make_segments(
    video_id: str, num_frames: int, track: Track | None, english_source: str, summary: Summary
) -> tuple[list[dict[str, Any]], int]:
    """Rows of the segments table, and how many cues lie past the end of the video.

    Without a usable cue there is one segment over the whole video, without text, so that it can be selected.
    """
    rows: list[dict[str, Any]] = []
    past = 0
    for cue in track.cues if track else ():
        start, end = seconds_to_frames(cue.start_s, cue.end_s, num_frames)
        if start == end:
            past += 1
            continue
        rows.append(
            {
                "start_s": cue.start_s,
                "end_s": cue.end_s,
                "start_frame": start,
                "end_frame": end,
                "text": cue.text,
                "text_language": track.language if track else None,
                "caption_kind": track.kind if track else "none",
                "english_source": english_source,
            }
        )
    if not rows and num_frames:
        rows.append(
            {
                "start_s": 0.0,
                "end_s": num_frames / FPS,
                "start_frame": 0,
                "end_frame": num_frames,
                "text": None,
                "text_language": None,
                "caption_kind": "none",
                "english_source": "none",
            }
        )
    for ordinal, row in enumerate(rows):
        row["segment_id"] = f"{video_id}-{ordinal:05d}"
        row["ordinal"] = ordinal
        row["num_frames"] = row["end_frame"] - row["start_frame"]
        row.update(summary.over(row["start_frame"], row["end_frame"]))
    return rows, past
