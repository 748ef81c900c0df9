"""What a run took, changed and left, by reason, for its last lines; `outcomes` has it video by video."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from signverse.lake.model.wording import counted, some
from signverse.lake.storage.committer import VideoRows

WORDS: Final = {
    "video_changed": "pictures changed to be read",
    "damaged": "damaged frames",
    "no_person": "nobody was found",
    "captions_in_part": "cues left out",
    "captions_changed": "cues joined or changed",
    "captions_past_end": "captions past the end",
    "bad_captions": "caption files skipped",
    "recaptioned": "new captions",
    "repaired": "repaired",
    "not_marked_complete": "not marked complete",
    "unknown_language": "unknown language",
}
"""The reasons in `outcomes` of videos that are done, in words, in the order of the last lines."""


@dataclass
class Account:
    """What a run took, changed and left.

    Attributes:
        remarks: ids of the videos that came in with a remark, by its reason.
        failures: ids of the videos that did not come in, by outcome and reason.
        tracks, cues: of captions that were taken.
        captioned, uncaptioned: videos with and without them.
    """

    remarks: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    tracks: int = 0
    cues: int = 0
    captioned: int = 0
    uncaptioned: int = 0

    def took(self, rows: VideoRows) -> None:
        """Counts a video that came in."""
        for reason in filter(None, rows.reason.split(",")):
            self.remarks.setdefault(reason, []).append(rows.video["video_id"])
        self.tracks += len({row["track"] for row in rows.captions})
        self.cues += len(rows.captions)
        self.captioned += bool(rows.captions)
        self.uncaptioned += not rows.captions

    def failed(self, video_id: str, reason: str, outcome: str = "failed") -> None:
        """Counts a video that did not come in."""
        self.failures.setdefault((outcome, reason), []).append(video_id)

    def lines(self, *, without: Collection[str] = ()) -> list[str]:
        """A line for captions, for each kind of remark and for each reason of failures, with the first videos' names.

        Args:
            without: reasons that are said elsewhere.
        """
        lines = []
        if self.captioned:
            rest = f"; {self.uncaptioned:,} without" if self.uncaptioned else ""
            tracks, cues, videos = counted(self.tracks, "track"), counted(self.cues, "cue"), self.captioned
            lines.append(f"captions: {tracks} with {cues} of {counted(videos, 'video')}{rest}")
        reasons = sorted(self.remarks, key=lambda reason: (*WORDS, reason).index(reason))
        lines += [
            f"{WORDS.get(reason, reason)}: {counted(len(self.remarks[reason]), 'video')}: {some(self.remarks[reason])}"
            for reason in reasons
            if reason not in without
        ]
        lines += [
            f"{outcome}, {reason}: {counted(len(ids), 'video')}: {some(ids)}"
            for (outcome, reason), ids in sorted(self.failures.items())
        ]
        return lines
