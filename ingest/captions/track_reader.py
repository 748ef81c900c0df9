"""A caption track from the bytes of a file: language and kind, and each caption once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.formats.reading import Reading
from signverse.ingest.captions.rollup import Shown, held_still, rolls_up, unrolled, without_layers, without_pieces
from signverse.ingest.captions.sound_marks import without_marks
from signverse.ingest.captions.track_names import TrackName, language_of, parse_tag
from signverse.ingest.captions.tracks import Cue, LeftOut, Track
from signverse.lake.model.languages import UNDETERMINED


def track_from(data: bytes, name: str, tag: str, *, sound_marks: bool = True) -> Track:
    """The track in a caption file.

    The kind is that of our exporter's note, or else the tag's; or else automatic where words have times, otherwise
    manual. The language is the tag's, or the header's where the tag has none.

    Args:
        name: of the file, for messages.
        tag: the part of its name that gives language and kind (see track_names.py), or "".
        sound_marks: whether to keep marks of sounds and speakers (see sound_marks.py).

    Raises:
        BadCaptionsError: it cannot be read; names the file.
    """
    meant = parse_tag(tag)
    reading = read_captions(data, name, meant.language)
    return make_track(reading, meant, PurePath(name).name, sound_marks=sound_marks)


def make_track(reading: Reading, meant: TrackName, file: str, *, sound_marks: bool = True) -> Track:
    """The track of what was read: captions that are shown more than once are one, and remarks tell what was done.

    Args:
        meant: language, kind and source that the name gives.
        file: whose name begins the remarks.
    """
    language, source = meant.language, meant.source
    if language == UNDETERMINED:
        language = language_of(reading.language)
    kind = meant.kind or ("automatic" if reading.is_recognised else "manual")
    is_ours = bool(reading.kind)
    if is_ours:
        kind, source = reading.kind, reading.source
    shown = sorted(reading.shown, key=lambda cue: (cue.start_s, cue.end_s))
    # Our own files hold each caption once already.
    once, kind, how = (shown, kind, []) if is_ours else _each_once(shown, kind, meant.kind is None)
    joined = len(shown) - len(once)
    left_out = list(reading.left_out.values())
    remarks = [*reading.account(), *how, *([meant.doubt] if meant.doubt else [])]
    if not sound_marks:
        spoken = [replace(cue, lines=tuple(without_marks("\n".join(cue.lines)).split("\n"))) for cue in once]
        once = [cue for cue in spoken if cue.text]
        if silent := len(spoken) - len(once):
            left_out.append(LeftOut("are marks of sounds alone", silent))
            remarks.append(f"{silent:,} of {reading.found:,} cues hold marks of sounds alone, left out as asked")
    return Track(
        f"{language}.{kind}",
        kind,
        language,
        tuple(Cue(cue.start_s, cue.end_s, cue.text) for cue in once),
        source,
        file=file,
        found=reading.found,
        joined=joined,
        left_out=tuple(left_out),
        remarks=tuple(f"{file}: {remark}" if file else remark for remark in remarks),
    )


def _each_once(shown: list[Shown], kind: str, may_guess: bool) -> tuple[list[Shown], str, list[str]]:
    """Each caption once; the kind, automatic where the captions roll up as YouTube's recogniser writes; remarks."""
    layers = without_layers(shown)
    remarks = []
    # Manual captions are unrolled only where they roll up beyond doubt.
    if rolls_up(layers, 3 if kind == "manual" else 1):
        once, why = unrolled(layers), "they roll up"
        if may_guess and kind == "manual" and held_still(layers):
            kind = "automatic"
            remarks.append("taken as automatic: the lines roll up as speech recognition of YouTube does")
    else:
        once, why = without_pieces(layers), "the same words at once or without a gap"
    if joined := len(shown) - len(once):
        remarks.append(f"{joined:,} of {len(shown):,} cues joined to others: {why}")
    return once, kind, remarks
