"""What would be read from a caption file."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.captions.report import caption_report
from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.lake.model.wording import counted


def inspect_captions(path: Path) -> Report:
    """Reads a caption file as `ingest videos` would.

    Raises:
        BadCaptionsError: it cannot be read.
    """
    found = caption_report(path)
    track = found.track
    left = sum(left.count for left in track.left_out)
    kind = f"translated from {track.source}" if track.source else track.kind
    counts = f"{len(track.cues):,} kept, {track.joined:,} joined, {left:,} left out"
    return Report(
        path,
        Kind.captions,
        f"{found.format}, {track.language}, {kind}, {counted(track.found, 'cue')}: {counts}",
        [
            ("format", f"{found.format} in {found.encoding}"),
            ("language", f"{track.language}, {kind}"),
            ("cues", f"{track.found:,} in the file: {counts}"),
            *(("", f"{cue.start_s:,.3f} to {cue.end_s:,.3f} s  {cue.text}") for cue in found.first_cues),
        ],
        {
            "format": found.format,
            "encoding": found.encoding,
            "language": track.language,
            "caption_kind": track.kind,
            "translated_from": track.source or None,
            "cues": track.found,
            "cues_kept": len(track.cues),
            "cues_joined": track.joined,
            "cues_left_out": left,
            "first_cues": [cue.text for cue in found.first_cues],
        },
        [remark.removeprefix(f"{path.name}: ") for remark in track.remarks],
    )
