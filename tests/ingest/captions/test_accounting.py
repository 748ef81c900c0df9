"""No cue is lost without a word: cues kept, joined and told of are the lines with an arrow, whatever the file holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.files_beside import read_track
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Track

FIELD = Path(__file__).with_name("field")
"""Made for this, each with one fault that people reported of other tools."""


def accounted(track: Track) -> int:
    told = sum(left.count for left in track.left_out)
    for left in track.left_out:
        assert any(f"{left.count:,} of " in remark for remark in track.remarks)
    assert not track.joined or any("joined to others" in remark for remark in track.remarks)
    return len(track.cues) + track.joined + told


def read(name: str) -> tuple[list[tuple[float, float, str]], list[str]]:
    path = FIELD / name
    track = read_track(path, name.split(".", maxsplit=1)[0])
    assert accounted(track) == track.found
    cues = [(cue.start_s, cue.end_s, cue.text) for cue in track.cues]
    return cues, [remark.removeprefix(f"{name}: ") for remark in track.remarks]


@pytest.mark.parametrize(
    ("name", "cues", "remarks"),
    [
        (
            "blank_after_timing.en.vtt",
            [(1, 2, "first words"), (2.5, 4, "second words and third"), (4.5, 5, "last")],
            ["the words of a cue stand below an empty line, line 8, and are taken"],
        ),
        ("mixed_comma.en.vtt", [(1, 2, "one"), (3, 4, "two"), (5, 6, "three")], []),
        ("frac_digits.en.vtt", [(1.5, 2.25, "one"), (3, 4, "two"), (5.123456, 6, "three")], []),
        ("fullwidth_arrow.en.vtt", [(1, 2, "one"), (3, 4, "two"), (5, 6, "three")], []),
        (
            "negative.en.vtt",
            [(0, 2, "minus"), (3, 4, "two")],
            ["1 of 2 cues begins before the video and is cut there"],
        ),
        ("cr_only.en.vtt", [(1, 2, "one"), (3, 4, "two")], []),
        (
            "xmap_big.en.vtt",
            [(1, 2, "one"), (3, 4, "two")],
            [
                "times are counted from 01:00:00.000, as X-TIMESTAMP-MAP says; "
                "MPEGTS 183600 is taken for the beginning of the video"
            ],
        ),
    ],
)
def test_what_can_be_read_for_certain_is_read(
    name: str, cues: list[tuple[float, float, str]], remarks: list[str]
) -> None:
    assert read(name) == (cues, remarks)


def test_a_machines_translation_is_never_a_persons_english() -> None:
    track = read_track(FIELD / "mt.en-de.vtt", "mt")
    assert (track.name, track.kind, track.source) == ("en.translated", "translated", "de")
    assert read_track(FIELD / "mt.de.vtt", "mt").kind == "manual"


GOOD = "00:00:01.000 --> 00:00:02.000\ngood\n\n"


@pytest.mark.parametrize(
    ("block", "remark"),
    [
        ("00:00:03.000 -->\nno end\n", "1 of 2 cues cannot be read, line 6"),
        ("00:00:03.000 --> later\nno end\n", "1 of 2 cues cannot be read, line 6"),
        ("00:00:03:500 --> 00:00:04:000\nframes or what\n", "1 of 2 cues cannot be read, line 6"),
        ("00:00:-1.000 --> 00:00:04.000\nodd\n", "1 of 2 cues cannot be read, line 6"),
        ("00:00:04.000 --> 00:00:03.000\nback\n", "1 of 2 cues has an end that is not after the start, line 6"),
        ("00:00:04.000 --> 00:00:05.000\n", "1 of 2 cues has no words, line 6"),
        ("-00:00:04.000 --> -00:00:01.000\nbefore\n", "1 of 2 cues ends before the video begins, line 6"),
        ("STYLE\n::cue::after { content: '-->' }\n", "1 of 2 cues cannot be read, line 7"),
        ("NOTE so\n00:00:03.000 --> 00:00:04.000\nx\n", "a cue in a comment, line 7, is taken, as players do"),
        ("nobody's\nwords\n", "2 lines of text belong to no cue, the first is line 6: left out"),
    ],
)
def test_what_cannot_be_read_is_counted_with_its_line(block: str, remark: str) -> None:
    track = track_from(f"WEBVTT\n\n{GOOD}{block}".encode(), "folder/x.en.vtt", "en")
    assert track.remarks == (f"x.en.vtt: {remark}",)
    assert accounted(track) == track.found == block.count("-->") + 1


stamps = st.one_of(
    st.builds(
        lambda ms, sign, hours, point, digits: stamp(ms, sign, hours, point, digits),
        st.integers(0, 400_000_000),
        st.sampled_from(["", "", "", "", "-", "\u2212"]),
        st.sampled_from(["always", "if needed", "one digit", "three digits"]),
        st.sampled_from(".,"),
        st.integers(0, 6),
    ),
    st.sampled_from(["", "soon", "00:00:01:500", "00:00:-1.000", "1.5", "00:00:1e3", "\uff10\uff10:\uff10\uff11.5"]),
)


def stamp(ms: int, sign: str, hours: str, point: str, digits: int) -> str:
    hour, minute, second = ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60
    front = {"always": f"{hour:02d}:", "one digit": f"{hour}:", "three digits": f"{hour:03d}:"}.get(hours, "")
    if hours == "if needed" and hour:
        front = f"{hour:02d}:"
    fraction = f"{ms % 1000:03d}000"[:digits]
    return f"{sign}{front}{minute:02d}:{second:02d}{point if fraction else ''}{fraction}"


WORDS = ["one", "two\nlines", "<v Anna>hi</v> <i>you</i>", "<c.red.bold>x</c>", "a < b", "3 > 2", "<00:00:01.000>now"]
arrows = st.sampled_from(["-->"] * 6 + ["->", "\u2013>", "\u2192", "\uff0d\uff0d\uff1e", "==>", "--&gt;"])
timings = st.builds(
    "{}{}{}{}".format,
    stamps,
    arrows.map(lambda arrow: f" {arrow} "),
    stamps,
    st.sampled_from(["", " align:start", " X1:1"]),
)
odd = st.sampled_from(
    [
        "",
        "",
        " ",
        "words",
        "more words",
        "7",
        "8",
        "NOTE",
        "NOTE --> 7",
        "STYLE",
        "REGION",
        "WEBVTT",
        "a --> b",
        "-->",
        "<c.red>x</c>",
        "5:30 -> 6:00",
        "X-TIMESTAMP-MAP=LOCAL:00:00:05.000,MPEGTS:900000",
        "\0",
        "[Music]",
        "{\\an8}up",
    ]
)
ends = st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"])
files = st.lists(st.one_of(timings, odd, odd), max_size=30)


@given(files, ends, st.sampled_from(["WEBVTT", "\ufeffWEBVTT", "1", ""]), st.booleans(), st.sampled_from(["en", "ja"]))
def test_cues_kept_and_told_of_are_the_lines_with_an_arrow(
    lines: list[str], end: str, first: str, sound_marks: bool, tag: str
) -> None:
    text = end.join([first, "", *lines])
    try:
        track = track_from(text.encode(), "x.vtt", tag, sound_marks=sound_marks)
    except BadCaptionsError:
        return
    assert accounted(track) == track.found
    assert track.found >= sum("-->" in line for line in lines)
    assert all(0 <= cue.start_s < cue.end_s and cue.text for cue in track.cues)
    plain = [line for line in lines if re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}", line)]
    assert len(track.cues) + track.joined + sum(x.count for x in track.left_out) >= len(plain)


@given(files, st.sampled_from(["WEBVTT", "1"]))
def test_a_file_says_the_same_with_line_ends_of_any_kind_and_in_any_unicode(lines: list[str], first: str) -> None:
    def said(text: str, encoding: str, mark: bytes = b"") -> object:
        try:
            track = track_from(mark + text.encode(encoding), "x.vtt", "en")
        except BadCaptionsError:
            return None
        return track.cues, track.found, track.left_out

    lines = [first, "", GOOD, *lines]
    wanted = said("\n".join(lines), "utf-8")
    for end in ("\r\n", "\r", "\r\r\n"):
        assert said("\n".join(lines).replace("\n", end), "utf-8") == wanted
    assert said("\n".join(lines), "utf-16-le") == wanted
    assert said("\n".join(lines), "utf-16-be", b"\xfe\xff") == wanted
    assert said("\n".join(lines), "utf-32-le", b"\xff\xfe\0\0") == wanted


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 9000), st.sampled_from("abcde")), max_size=12))
def test_a_well_made_file_is_read_without_a_remark_but_for_what_is_joined(spoken: list[tuple[int, int, str]]) -> None:
    blocks = [
        f"{stamp(at, '', 'always', '.', 3)} --> {stamp(at + ms, '', 'always', '.', 3)}\n{w}" for at, ms, w in spoken
    ]
    track = track_from("\n\n".join(["WEBVTT", *blocks]).encode(), "x.vtt", "en")
    assert track.found == len(spoken)
    assert not track.left_out
    assert len(track.remarks) == bool(track.joined)


@given(st.lists(st.tuples(st.integers(0, 500_000), st.integers(1, 9000), st.sampled_from(WORDS)), max_size=12), ends)
def test_a_well_made_file_says_the_same_to_another_reader(spoken: list[tuple[int, int, str]], end: str) -> None:
    blocks = [
        f"{stamp(at, '', 'always', '.', 3)} --> {stamp(at + ms, '', 'always', '.', 3)}\n{w}" for at, ms, w in spoken
    ]
    text = "\n\n".join(["WEBVTT", *blocks])
    theirs = [
        (caption.start_in_seconds + caption.start_time.milliseconds / 1000, " ".join(caption.text.split()))
        for caption in webvtt.from_string(text)
    ]
    ours = read_captions(text.replace("\n", end).encode(), "x.vtt").shown
    assert [(cue.start_s, cue.text) for cue in ours] == [(pytest.approx(start), said) for start, said in theirs]


dialogues = st.builds(
    "Dialogue: 0,{},{},Default,,0,0,0,,{}".format,
    st.sampled_from(["0:00:01.00", "0:00:01.5", "1:02:03.45", "-0:00:01.00", "soon", ""]),
    st.sampled_from(["0:00:02.00", "0:00:09.99", "1:02:04", ""]),
    st.sampled_from(["words", "{\\k20}la{\\k30}la", "{\\p1}m 0 0 l 9 9{\\p0}", "one\\Ntwo, three", "", "{a comment}"]),
)
other = st.sampled_from(
    ["Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,no", "; x", "[Fonts]", "[Events]", "", "Dialogue:"]
)


@given(st.lists(st.one_of(dialogues, dialogues, other), max_size=20), ends)
def test_cues_of_ass_kept_and_told_of_are_its_dialogue_lines(lines: list[str], end: str) -> None:
    head = [
        "[Script Info]",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ]
    try:
        track = track_from(end.join([*head, *lines]).encode(), "x.ass", "en")
    except BadCaptionsError:
        return
    fonts = lines.index("[Fonts]") if "[Fonts]" in lines else len(lines)
    assert accounted(track) == track.found >= sum(line.startswith("Dialogue:") for line in lines[:fonts])
