"""Reading caption files as they lie beside videos."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.cleaning import clean
from signverse.ingest.captions.files_beside import captions_beside, read_track
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError
from signverse.ingest.captions.tracks import Cue


def vtt(*cues: str, header: str = "WEBVTT") -> bytes:
    blocks = [f"00:00:{i:02d}.000 --> 00:00:{i + 1:02d}.000\n{text}" for i, text in enumerate(cues)]
    return "\n\n".join([header, *blocks, ""]).encode()


def cues(data: bytes, name: str = "a.vtt") -> list[Cue]:
    """Sorted by time."""
    shown = sorted(read_captions(data, name).shown, key=lambda cue: (cue.start_s, cue.end_s))
    return [Cue(cue.start_s, cue.end_s, cue.text) for cue in shown]


def texts(data: bytes) -> list[str]:
    return [cue.text for cue in cues(data)]


def test_real_captions_are_read_with_their_times(data: Path) -> None:
    track = read_track(data / "videos" / "bsl_360p25.en.vtt", "bsl_360p25")
    assert (track.name, track.kind, track.language, track.source) == ("en.manual", "manual", "en", "")
    written = (data / "videos" / "bsl_360p25.en.vtt").read_text()
    assert len(track.cues) == written.count("-->")
    assert track.cues[0].start_s == 0.06
    assert track.cues[0].end_s == 0.127
    assert track.cues[0].text.startswith("PT:PRO1SG,PT:POSS1SG")
    assert list(track.cues) == sorted(track.cues, key=lambda cue: cue.start_s)


@pytest.mark.parametrize(
    ("name", "header", "kind", "language"),
    [
        ("x.vtt", "WEBVTT", "manual", "und"),
        ("x.vtt", "WEBVTT\nKind: captions\nLanguage: de", "manual", "de"),
        ("x.en.vtt", "WEBVTT", "manual", "en"),
        ("x.en.vtt", "WEBVTT\nLanguage: de", "manual", "en"),
        ("x.en-orig.vtt", "WEBVTT", "automatic", "en"),
        ("x.pt-BR.vtt", "WEBVTT", "manual", "pt-BR"),
        ("x.en-US.VTT", "WEBVTT - made by hand", "manual", "en-US"),
    ],
)
def test_the_name_tells_language_and_kind_and_the_header_where_the_name_does_not(
    tmp_path: Path, name: str, header: str, kind: str, language: str
) -> None:
    (tmp_path / name).write_bytes(vtt("hello", header=header))
    track = read_track(tmp_path / name, "x")
    assert (track.kind, track.language, track.name) == (kind, language, f"{language}.{kind}")


def test_the_files_of_a_video_are_those_with_its_id_and_no_other(tmp_path: Path) -> None:
    assert [path.name for path in captions_beside(tmp_path / "a.mp4", "a", ["a.en-_0aB1cD2eF3.vtt"])] == [
        "a.en-_0aB1cD2eF3.vtt"
    ]
    names = ["a.vtt", "a.en.vtt", "a.en-orig.vtt", "ab.vtt", "b.en.vtt", "a.en.txt", "a..vtt", "a.e n.vtt", "xa.vtt"]
    found = [path.name for path in captions_beside(tmp_path / "a.mp4", "a", names)]
    assert found == ["a.en.vtt", "a.en-orig.vtt", "a.vtt"]


def test_ids_that_differ_in_case_only_keep_their_own_captions(tmp_path: Path) -> None:
    # YouTube's ids do.
    names = ["abC.en.vtt", "abc.en.vtt", "abc.DE.VTT"]
    assert [path.name for path in captions_beside(tmp_path / "abc.mp4", "abc", names)] == ["abc.DE.VTT", "abc.en.vtt"]
    assert [path.name for path in captions_beside(tmp_path / "abC.mp4", "abC", names)] == ["abC.en.vtt"]


def test_an_id_with_signs_that_mean_something_to_a_search_is_taken_as_it_is(tmp_path: Path) -> None:
    assert [path.name for path in captions_beside(tmp_path / "a.mp4", "a+(1)", ["a+(1).en.vtt", "aa1.en.vtt"])] == [
        "a+(1).en.vtt"
    ]


def test_markup_entities_and_invisible_marks_do_not_reach_the_text() -> None:
    assert texts(vtt("<v Anna>Hi <b>there</b>, <00:00:00.500><c>you</c>")) == ["Hi there, you"]
    assert texts(vtt("fish &amp; chips &lt;now&gt;&nbsp;here")) == ["fish & chips <now> here"]
    assert texts(vtt("\u200bone\u200b two\ufeff")) == ["one two"]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<c.yellow>a</c> <lang de>b</lang> <u>c</u>", "a b c"),
        ("<ruby>漢<rt>かん</rt>字<rp>(</rp><rt.small>じ</rt></ruby>", "漢字"),
        ("Tom &amp; Anna&amp;nbsp;say &amp;#39;hi&amp;#x27;", "Tom & Anna say 'hi'"),
        ("&amp;lt;b&amp;gt; and &amp;amp;", "&lt;b&gt; and &amp;"),
        ("AT&amp;T, R&B &copy;", "AT&T, R&B ©"),
        ("{\\an8}up\\Nand {\\i1}down{\\i0}", "up and down"),
        ("so\u00adfort \u0007beep\u200b\u2060 1\u00a0000", "sofort beep 1 000"),
        ("\u2067שלום\u2069 \u061cسلام &lrm;&rlm;", "שלום سلام"),  # noqa: RUF001
        ("क्\u200dया 👩\u200d👧 &zwj;", "क्\u200dया 👩\u200d👧"),
        ("C:\\New {braces} a\\b", "C:\\New {braces} a\\b"),
    ],
)
def test_what_players_do_not_show_is_no_text(written: str, text: str) -> None:
    assert texts(vtt(written)) == [text]


def test_a_cue_of_marks_that_nobody_sees_is_none() -> None:
    assert texts(vtt("\u200d\u200b", "&nbsp;", "<b> </b>", "{\\an8}")) == []


@given(st.text())
def test_what_is_clean_stays_clean(text: str) -> None:
    once = clean(text, entities=False)
    assert clean(once, entities=False) == once


def test_a_cue_of_several_lines_becomes_one_line() -> None:
    assert texts(vtt("first line\n  second   line\nthird")) == ["first line second line third"]


def test_text_from_right_to_left_keeps_its_letters_and_loses_its_marks() -> None:
    assert texts(vtt("\u200fשלום עולם\u200e")) == ["שלום עולם"]  # noqa: RUF001
    # The joiner inside a Persian word is part of its spelling.
    assert texts(vtt("می\u200cخواهم")) == ["می\u200cخواهم"]  # noqa: RUF001


def test_cues_without_words_or_length_are_left_out_and_the_others_sorted() -> None:
    data = (
        b"WEBVTT\n\n00:00:05.000 --> 00:00:06.000\nlater\n\n00:00:01.000 --> 00:00:01.000\nno length\n\n"
        b"00:00:02.000 --> 00:00:03.000\n<b></b>\n\n00:00:03.000 --> 00:00:02.000\nbackwards\n\n"
        b"00:01.500 --> 00:02.500\nsooner\n"
    )
    assert cues(data) == [Cue(1.5, 2.5, "sooner"), Cue(5.0, 6.0, "later")]


def test_settings_notes_styles_and_ids_of_cues_are_no_text() -> None:
    data = (
        b"WEBVTT\n\nSTYLE\n::cue { color: red }\n\nNOTE nobody reads this\n\n"
        b"7\n00:00:01.000 --> 00:00:02.000 align:start position:0%\nhello\n"
    )
    assert texts(data) == ["hello"]


def test_windows_line_ends_and_a_byte_order_mark_are_read() -> None:
    assert texts(b"\xef\xbb\xbf" + vtt("hello", "you").replace(b"\n", b"\r\n")) == ["hello", "you"]


def test_a_file_without_a_cue_is_a_track_without_a_cue() -> None:
    assert cues(b"WEBVTT") == []
    reading = read_captions(b"WEBVTT\nLanguage: de\n\nNOTE nothing was said\n", "a.vtt")
    assert (reading.shown, reading.language, reading.account()) == ([], "de", [])
    reading = read_captions(b"WEBVTT\n\n00:01.000 --> 00:02.000\n\n", "a.vtt")
    assert (reading.shown, reading.account()) == ([], ["1 of 1 cues has no words, line 3"])


def test_hours_count() -> None:
    assert cues(b"WEBVTT\n\n01:00:00.250 --> 12:00:01.000\nx\n") == [Cue(3600.25, 43201.0, "x")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>Sign in</title>",
        bytes(range(256)) * 4,
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n\x8d\x81\n",
        b"WEBVTT\n\nsoon --> later\nx\n",
    ],
    ids=["empty", "html", "binary", "not utf-8", "no times"],
)
def test_what_holds_no_captions_is_refused_in_one_line_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.en.vtt"
    path.write_bytes(content)
    with pytest.raises(BadCaptionsError) as refused:
        read_track(path, "x")
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.en.vtt"
    with path.open("wb") as file:
        file.write(b"WEBVTT\n\n")
        file.truncate(100 * MAX_BYTES)
    with pytest.raises(BadCaptionsError, match="is larger than"):
        read_track(path, "x")
    with pytest.raises(BadCaptionsError, match=r"x\.vtt has .* bytes"):
        read_captions(b"WEBVTT\n\n" + bytes(MAX_BYTES), "x.vtt")


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.en.vtt")
    with pytest.raises(BadCaptionsError, match="is a pipe"):
        read_track(tmp_path / "x.en.vtt", "x")


YOUTUBE = b"""WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
~
hello<00:00:00.500><c> there</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
hello there
~

00:00:02.010 --> 00:00:04.000 align:start position:0%
hello there
my<00:00:02.500><c> friend</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
my friend
~

00:00:04.010 --> 00:00:06.000 align:start position:0%
my friend
good<00:00:04.500><c> day</c>
""".replace(b"~", b" ")


@pytest.mark.parametrize("name", ["x.en-orig.vtt", "x.en.vtt", "x.vtt"])
def test_captions_that_roll_up_say_each_line_once_and_count_as_automatic_whatever_their_name(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(YOUTUBE)
    track = read_track(tmp_path / name, "x")
    assert (track.name, track.kind) == ("en.automatic", "automatic")
    assert [cue.text for cue in track.cues] == ["hello there", "my friend", "good day"]
    assert [(cue.start_s, cue.end_s) for cue in track.cues] == [(0, 2.01), (2.01, 4.01), (4.01, 6)]


def test_a_person_may_say_the_same_twice(tmp_path: Path) -> None:
    (tmp_path / "x.en.vtt").write_bytes(vtt("no", "no", "no way").replace(b"00:00:01.000 -->", b"00:00:01.100 -->"))
    assert [cue.text for cue in read_track(tmp_path / "x.en.vtt", "x").cues] == ["no", "no", "no way"]


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCaptionsError, match="cannot be read"):
        read_track(tmp_path / "x.en.vtt", "x")


words = st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="&<>-\\"), min_size=1, max_size=20)
milliseconds = st.integers(0, 10 * 3600 * 1000)


def stamp(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


@given(st.lists(st.tuples(milliseconds, milliseconds, words), max_size=8))
def test_what_was_written_is_read(written: list[tuple[int, int, str]]) -> None:
    blocks = [f"{stamp(start)} --> {stamp(end)}\n{text}" for start, end, text in written]
    found = cues("\n\n".join(["WEBVTT", *blocks]).encode())
    wanted = [(s / 1000, e / 1000, " ".join(text.split())) for s, e, text in written if e > s and text.split()]
    assert sorted(found, key=repr) == sorted((Cue(*cue) for cue in wanted), key=repr)


@pytest.mark.parametrize("name", ["x.en.vtt", "x.en.srt"])
@pytest.mark.parametrize("tag", ["<br>", "<br/>", "<BR />", "<i>\n</i>"])
def test_words_on_both_sides_of_a_line_break_stay_apart(tmp_path: Path, name: str, tag: str) -> None:
    head = "WEBVTT\n\n" if name.endswith("vtt") else ""
    (tmp_path / name).write_text(f"{head}00:00:01.000 --> 00:00:02.000\none{tag}two\n", encoding="utf-8")
    assert [cue.text for cue in read_track(tmp_path / name, "x").cues] == ["one two"]
