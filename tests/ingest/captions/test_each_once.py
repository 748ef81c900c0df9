"""A caption counts once, however often a file shows it; what is said again after a gap counts again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.files_beside import read_track
from signverse.ingest.captions.rollup import Shown, unrolled
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Track

FIELD = Path(__file__).with_name("field")


def stamp(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def vtt(*cues: tuple[int, int, str]) -> bytes:
    """Cues in milliseconds."""
    return "\n\n".join(["WEBVTT", *(f"{stamp(a)} --> {stamp(b)}\n{text}" for a, b, text in cues), ""]).encode()


def said(track: Track) -> list[tuple[int, int, str]]:
    assert track.found == len(track.cues) + track.joined + sum(left.count for left in track.left_out)
    return [(round(cue.start_s * 1000), round(cue.end_s * 1000), cue.text) for cue in track.cues]


def test_an_outline_of_three_layers_is_one_caption() -> None:
    track = read_track(FIELD / "shadow.en.vtt", "shadow")
    lines = ["good morning everyone", "today we cook a soup", "first cut the onions", "then wait a little"]
    assert [text for _, _, text in said(track)] == [*lines, "and serve it warm"]
    assert track.remarks == ("shadow.en.vtt: 10 of 15 cues joined to others: the same words at once or without a gap",)


def test_youtubes_roll_up_of_three_lines_gives_each_line_once() -> None:
    track = read_track(FIELD / "old3.en.vtt", "old3")
    lines = ["good morning everyone", "today we cook a soup", "first cut the onions", "then wait a little"]
    assert [text for _, _, text in said(track)] == [*lines, "and serve it warm", "thank you", "bye"]
    assert (track.kind, track.joined) == ("automatic", 7)


def test_what_is_said_again_after_a_gap_counts_again() -> None:
    cues = [(1000, 2000, "no"), (2100, 3000, "no"), (3000, 4000, "no way")]
    track = track_from(vtt(*cues), "x.vtt", "en")
    assert (said(track), track.remarks) == (cues, ())


def test_two_lines_on_the_screen_that_change_colour_are_two_captions() -> None:
    # Karaoke for two voices: both lines are written anew at every syllable.
    beats = [(t, t + 300) for t in range(1000, 2500, 300)]
    cues = [(a, b, f"<c.c{a}>{line[:3]}</c>{line[3:]}") for a, b in beats for line in ("la la land", "do re mi")]
    assert said(track_from(vtt(*cues), "x.vtt", "en")) == [(1000, 2500, "la la land"), (1000, 2500, "do re mi")]


ASS = "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def test_fades_frame_by_frame_and_outlines_of_ass_are_one_caption() -> None:
    rows = [
        f"Dialogue: {layer},0:00:0{1 + n * 0.04:.2f},0:00:0{1.04 + n * 0.04:.2f},D,,0,0,0,,{{\\alpha&H{n:02X}&}}Hello"
        for n in range(25)
        for layer in (0, 1)
    ]
    track = track_from((ASS + "\n".join(rows)).encode(), "x.ass", "en")
    assert said(track) == [(1000, 2000, "Hello")]
    assert (track.found, track.joined) == (50, 49)


def test_recognised_speech_whose_format_lost_the_times_of_words_is_no_persons() -> None:
    # As `yt-dlp --convert-subs srt` leaves it.
    cues: list[tuple[int, int, str]] = []
    lines = ["good morning", "today we cook", "a soup", "of onions", "that is all"]
    for number, (above, line) in enumerate(pairwise(["", *lines])):
        at = 1000 + number * 1500
        cues += [(at, at + 1490, f"{above}\n{line}".strip()), (at + 1490, at + 1500, line)]
    srt = "\n".join(f"{n}\n{stamp(a)} --> {stamp(b)}\n{text}\n" for n, (a, b, text) in enumerate(cues, 1))
    track = track_from(srt.replace(".", ",").encode(), "x.en.srt", "en")
    assert (track.kind, [cue.text for cue in track.cues]) == ("automatic", lines)
    assert any("taken as automatic" in remark for remark in track.remarks)


spoken = st.lists(
    st.tuples(st.text("abcd", min_size=1, max_size=6), st.integers(200, 3000), st.sampled_from([0, 0, 300, 2000])),
    min_size=1,
    max_size=8,
)


def at_times(lines: list[tuple[str, int, int]]) -> list[tuple[int, int, str]]:
    """Each line after a silence in milliseconds; a line as the one before comes after a gap."""
    cues: list[tuple[int, int, str]] = []
    at, before = 1000, ""
    for text, length, silence in lines:
        at += silence if text != before else max(silence, 100)
        cues.append((at, at + length, text))
        at, before = at + length, text
    return cues


@given(spoken, st.integers(1, 4), st.integers(1, 5))
def test_layers_and_pieces_of_any_captions_are_those_captions(
    lines: list[tuple[str, int, int]], layers: int, pieces: int
) -> None:
    wanted = at_times(lines)
    shown = [
        (start + (end - start) * n // pieces, start + (end - start) * (n + 1) // pieces, text)
        for start, end, text in wanted
        for n in range(pieces)
        for _ in range(layers)
    ]
    track = track_from(vtt(*shown), "x.vtt", "en")
    assert said(track) == wanted
    assert track.joined == len(shown) - len(wanted)
    assert len(track.remarks) == bool(track.joined)


paragraphs = st.lists(
    st.lists(st.text("abcdefgh", min_size=2, max_size=8), min_size=2, max_size=6, unique=True), min_size=1, max_size=3
)


@given(paragraphs, st.integers(2, 3))
def test_any_lines_rolled_up_below_an_empty_row_are_each_said_once(spoken: list[list[str]], height: int) -> None:
    shown: list[Shown] = []
    at = 1.0
    for lines in spoken:
        for number, line in enumerate(lines):
            above = lines[max(0, number - height + 1) : number]
            rows = [""] * (height - 1 - len(above) if number else 1) + above
            shown.append(Shown(at, at + 1.5, (*rows, line)))
            held = lines[max(0, number - height + 2) : number + 1]
            shown.append(Shown(at + 1.5, at + 1.9, (*[""] * (height - 1 - len(held)), *held, "")))
            at += 1.9
        at += 5
    assert [cue.text for cue in unrolled(shown)] == [line for lines in spoken for line in lines]


@pytest.mark.parametrize("gap", [0, 10, 20])
def test_times_that_rounding_sets_apart_are_no_gap(gap: int) -> None:
    track = track_from(vtt((1000, 2000, "x"), (2000 + gap, 3000, "x")), "x.vtt", "en")
    assert said(track) == [(1000, 3000, "x")]


def test_two_speakers_may_say_the_same_one_after_the_other() -> None:
    """Where the file names both; pieces of what one of them says are one caption still."""
    track = track_from(
        vtt((0, 1000, "<v Anna>Yes."), (1000, 1500, "<v.loud Ben>Yes."), (1500, 2000, "<v Ben>Yes.")), "x.en.vtt", "en"
    )
    assert said(track) == [(0, 1000, "Yes."), (1000, 2000, "Yes.")]
    ass = "[Events]\nFormat: Layer, Start, End, Style, Name, Text\n" + "".join(
        f"Dialogue: 0,0:00:0{second}.00,0:00:0{second + 1}.00,Default,{name},Yes.\n"
        for second, name in enumerate(("Anna", "Anna", "Ben"))
    )
    assert said(track_from(ass.encode(), "x.en.ass", "en")) == [(0, 2000, "Yes."), (2000, 3000, "Yes.")]


def test_layers_are_one_caption_whoever_is_named() -> None:
    track = track_from(vtt((0, 1000, "<v Anna>Yes."), (0, 1000, "Yes."), (0, 1000, "<v Ben>Yes.")), "x.en.vtt", "en")
    assert said(track) == [(0, 1000, "Yes.")]
