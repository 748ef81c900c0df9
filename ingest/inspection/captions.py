"""What would be read from a caption file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from signverse.ingest.captions.files_beside import read_file, tag_of
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.track_names import parse_tag
from signverse.ingest.captions.track_reader import make_track
from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.lake.model.wording import counted

_SHOWN: Final = 3
"""Cues that are shown."""


def inspect_captions(path: Path) -> Report:
    """Reads a caption file as `ingest videos` would, whatever video it lies beside.

    The language and kind are those of its name's last part before the ending (`ID.en-orig.vtt`), or of its header.

    Raises:
        BadCaptionsError: it cannot be read.
    """
    meant = parse_tag(tag_of(path, path.stem.rpartition(".")[0] or path.stem))
    found = read_captions(read_file(path), str(path), meant.language)
    track = make_track(found, meant, path.name)
    first = track.cues[:_SHOWN]
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
            *(("", f"{cue.start_s:,.3f} to {cue.end_s:,.3f} s  {cue.text}") for cue in first),
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
            "first_cues": [cue.text for cue in first],
        },
        [remark.removeprefix(f"{path.name}: ") for remark in track.remarks],
    )
