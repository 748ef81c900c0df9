"""What would be read from a caption file, without taking it into a lake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.ingest.captions.files_beside import read_file, tag_of
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.track_names import parse_tag
from signverse.ingest.captions.track_reader import make_track
from signverse.ingest.captions.tracks import Cue, Track
from signverse.lake.model.wording import counted

_SHOWN: Final = 3
"""Cues that are shown."""


@dataclass(frozen=True)
class CaptionReport:
    """What would be read from a caption file.

    Attributes:
        path: of the file.
        format: such as WebVTT, SubRip, ASS.
        encoding: such as UTF-8.
        track: all that is read; its counts say what becomes of every cue.
    """

    path: Path
    format: str
    encoding: str
    track: Track

    @property
    def first_cues(self) -> tuple[Cue, ...]:
        """The first three cues."""
        return self.track.cues[:_SHOWN]

    def lines(self) -> list[str]:
        """The report for people, a line each."""
        track = self.track
        origin = f", translated from {track.source}" if track.source else ""
        left = sum(left.count for left in track.left_out)
        return [
            f"format    {self.format}, {self.encoding}",
            f"language  {track.language}, {track.kind}{origin}",
            f"cues      {counted(track.found, 'cue')} in the file: {len(track.cues):,} kept, {track.joined:,} joined, "
            f"{left:,} left out",
            *(f"remark    {remark.removeprefix(f'{track.file}: ')}" for remark in track.remarks),
            *(f"{cue.start_s:.3f} to {cue.end_s:.3f} s  {cue.text}" for cue in self.first_cues),
        ]


def caption_report(path: Path) -> CaptionReport:
    """Reads a caption file as `ingest videos` would, whatever video it lies beside.

    The language and kind are those of its name's last part before the ending (`ID.en-orig.vtt`), or of its header.

    Raises:
        BadCaptionsError: it cannot be read; names the file and says why.
    """
    meant = parse_tag(tag_of(path, path.stem.rpartition(".")[0] or path.stem))
    reading = read_captions(read_file(path), str(path), meant.language)
    return CaptionReport(path, reading.format, reading.encoding, make_track(reading, meant, path.name))
