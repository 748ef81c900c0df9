"""What was left out of caption files, or changed, is told with the rows of the video."""

from __future__ import annotations

from signverse.ingest.captions.tracks import Cue, LeftOut, Track, outcome_remarks


def test_the_reason_tells_tracks_in_part_from_changed_ones() -> None:
    cue = Cue(0, 1, "x")
    part = Track("en.manual", "manual", "en", (cue,), found=2, left_out=(LeftOut("cannot be read", 1, 6),))
    tracks = [
        Track("fr.manual", "manual", "fr", (cue,), found=1),
        Track("de.manual", "manual", "de", (cue,), found=2, joined=1, remarks=("x.de.vtt: 1 of 2 cues is joined",)),
        Track(**{**vars(part), "remarks": ("x.en.vtt: 1 of 2 cues cannot be read, line 6",)}),
    ]
    assert outcome_remarks(tracks) == [
        ("captions_changed", "x.de.vtt: 1 of 2 cues is joined"),
        ("captions_in_part", "x.en.vtt: 1 of 2 cues cannot be read, line 6"),
    ]
