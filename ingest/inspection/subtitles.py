"""What would be read from a subtitles tar: the caption tracks of each video."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import MANY, Report
from signverse.ingest.shards.caption_tracks import index_captions, subtitles_tracks
from signverse.lake.model.wording import counted


def inspect_subtitles(path: Path) -> Report:
    """Reads the captions of all videos; what cannot be read, or was changed, is a remark.

    Raises:
        BadInputError: it cannot be read to its end.
    """
    index = index_captions([path])
    lines: list[tuple[str, str]] = []
    remarks: list[str] = []
    tracks = cues = 0
    for video_id in index.files:
        bad: list[BadCaptionsError] = []
        found = subtitles_tracks(index, video_id, bad.append)
        tracks, cues = tracks + len(found), cues + sum(len(track.cues) for track in found)
        if len(lines) < MANY:
            said = ", ".join(f"{track.name} ({counted(len(track.cues), 'cue')})" for track in found)
            lines.append((video_id, said or "no captions"))
        remarks += [f"{video_id}: skipped: {error.message}" for error in bad]
        remarks += [f"{video_id}: {remark}" for track in found for remark in track.remarks]
    if len(index.files) > len(lines):
        lines.append(("", f"and {counted(len(index.files) - len(lines), 'more video')}"))
    summary = f"{counted(tracks, 'track')} with {counted(cues, 'cue')} of {counted(len(index.files), 'video')}"
    return Report(
        path,
        Kind.subtitles,
        summary,
        [("captions", summary), *(("", f"{label}: {text}" if label else text) for label, text in lines)],
        {"tracks": tracks, "cues": cues},
        remarks,
    )
