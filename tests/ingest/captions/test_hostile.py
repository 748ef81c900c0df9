"""Caption files that are made to take for ever: the work grows with the file, and not with its square.

Of a line of a million characters the square would be days; none of these tests looks at a clock.
"""

from __future__ import annotations

import contextlib

import pytest

from signverse.ingest.captions.embedded import meant_by
from signverse.ingest.captions.formats import reading
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.track_reader import track_from

MANY = 1_000_000
MANY_CUES = 1000
VTT = "WEBVTT\n\n"
CUE = "00:01.000 --> 00:02.000\n"
ASS = "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,"


@pytest.mark.parametrize(
    "text",
    [
        VTT + " " * MANY + "-->x",
        VTT + "00:01.000 -->" + " " * MANY + "x",
        VTT + "00:01.000" + " " * MANY + "x-->",
        VTT + "-" + " " * MANY + "-->",
        VTT + "1:2.3 > " + "=" * MANY,
        VTT + "1:2.3 > " + "-" * MANY,
        VTT + "1" * MANY + " --> 1",
        VTT + "1:" * MANY + " --> 1",
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:" + " " * MANY + "\n",
        "WEBVTT\nX-TIMESTAMP-MAP=" + "LOCAL: -" * (MANY // 8) + "\n",
        VTT + CUE + "<a" * MANY,
        VTT + CUE + "{\\" * MANY,
        VTT + CUE + "\u266aa" * MANY,
        VTT + CUE + "a\n" * 200_000 + "b\n\n00:02.000 --> 00:03.000\n" + "a\n" * 200_000,
        ASS + "{" + "\\p1" * MANY,
        ASS + "{\\p1}{" * MANY,
        ASS + "{\\p1}" + "{x" * MANY,
    ],
    ids=range(17),
)
def test_the_work_is_in_proportion_to_the_file(text: str) -> None:
    with contextlib.suppress(BadCaptionsError):
        track_from(text.encode(), "a.ass" if text.startswith(ASS) else "a.en.vtt", "en", sound_marks=False)


def test_a_drawing_ends_where_a_closed_bracket_says_so() -> None:
    text = ASS + r"{\p1}m 0 0 l 9 9{\p0}a {\p1 word}" + "\n" + ASS.split("\n")[-1] + r"b {\p1 c" + "\n"
    track = track_from(text.encode(), "a.ass", "en")
    assert [cue.text for cue in track.cues] == ["a", r"b {\p1 c"]


@pytest.mark.parametrize(
    "title", ["from " * MANY + "(", "from a" + " a" * MANY + "(", "\x1b[2J\n" * 20 + "from German"]
)
def test_a_title_of_a_stream_is_quoted_on_one_line_and_not_at_length(title: str) -> None:
    name = meant_by({"language": "eng", "title": title})
    assert name.language == "en"
    assert len(name.doubt) < 200
    assert name.doubt.isprintable()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.vtt", VTT + (CUE + "a\n\n") * (MANY_CUES + 1)),
        ("a.vtt", VTT + CUE + "-->\n" * MANY_CUES),
        ("a.srt", (CUE + "a\n\n") * (MANY_CUES + 1)),
        ("a.ass", ASS + "a\n" + (ASS.split("\n")[-1] + "a\n") * MANY_CUES),
        ("a.json3", '{"events":[' + '{"segs":[{"utf8":"a"}]},' * MANY_CUES + '{"segs":[{"utf8":"a"}]}]}'),
    ],
    ids=["cues", "arrows", "SubRip", "ASS", "json3"],
)
def test_a_file_of_more_cues_than_a_video_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr(reading, "MAX_CUES", MANY_CUES)
    with pytest.raises(BadCaptionsError, match=f"{name} has more than 1,000 cues"):
        track_from(text.encode(), name, "en")


@pytest.mark.parametrize(
    "text",
    [
        '{"events":' + "[" * 100_000,
        '{"events":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"events":[],"a":' + '{"a":' * 100_000 + "1" + "}" * 100_001,
        '{"events":[{"segs":' + '[{"segs":' * 50_000 + "1" + "}]" * 50_000 + "}]}",
        '{"events":[{"tStartMs":' + "9" * MANY + ',"segs":[{"utf8":"a"}]}]}',
        '{"events":[{"tStartMs":1e999,"segs":[{"utf8":"a"}]}]}',
        '{"events":[{"tStartMs":NaN,"segs":[{"utf8":"a"}]}]}',
        '{"events":[' + "{}," * MANY * 2 + "{}]}",
    ],
    ids=["open", "lists", "objects", "segments", "digits", "infinite", "nan", "empty"],
)
def test_json_that_is_deep_or_endless_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(BadCaptionsError, match=r"^a\.json3 (cannot be read|has more than)") as refused:
        track_from(text.encode(), "a.json3", "en")
    assert len(str(refused.value)) < 300
