"""SubRip and YouTube's json3: what they say, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError
from signverse.ingest.captions.tracks import Cue


def cues(data: bytes, ext: str) -> list[Cue]:
    shown = sorted(read_captions(data, f"a.{ext}").shown, key=lambda cue: (cue.start_s, cue.end_s))
    return [Cue(cue.start_s, cue.end_s, cue.text) for cue in shown]


SRT = """\ufeff1\r
00:00:01,000 --> 00:00:02,500\r
<i>Tom & Anna</i>\r
say <font color="#fff">hello</font>\r
\r
2\r
01:00:03,000 --> 01:00:04,000\r
{\\an8}שלום\r
"""


def test_subrip_is_read_with_its_times_and_without_its_markup() -> None:
    assert cues(SRT.encode(), "srt") == [Cue(1, 2.5, "Tom & Anna say hello"), Cue(3603, 3604, "שלום")]


# As YouTube sends it: the recogniser's line stays while the next is spoken, with line feeds in between.
RECOGNISED: dict[str, Any] = {
    "wireMagic": "pb3",
    "events": [
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1, "wsWinStyleId": 1},
        {"tStartMs": 160, "dDurationMs": 4000, "segs": [{"utf8": "so"}, {"utf8": " today", "tOffsetMs": 320}]},
        {"tStartMs": 2470, "dDurationMs": 1690, "aAppend": 1, "segs": [{"utf8": "\n"}]},
        {"tStartMs": 2480, "dDurationMs": 3000, "segs": [{"utf8": "no"}, {"utf8": " no", "tOffsetMs": 80}]},
    ],
}


def test_the_recognisers_json_becomes_lines_that_follow_each_other() -> None:
    data = json.dumps(RECOGNISED).encode()
    assert cues(data, "json3") == [Cue(0.16, 2.48, "so today"), Cue(2.48, 5.48, "no no")]
    # Word times tell who made it.
    assert read_captions(data, "a.json3").is_recognised


def test_two_people_may_speak_at_once_in_captions_that_a_person_wrote() -> None:
    events = [
        {"tStartMs": 0, "dDurationMs": 3000, "segs": [{"utf8": "a < b &\n\n- c --> d"}]},
        {"tStartMs": 1000, "dDurationMs": 1000, "segs": [{"utf8": "おはよう"}]},
    ]
    assert cues(json.dumps({"events": events}).encode(), "json3") == [
        Cue(0, 3, "a < b & - c --> d"),
        Cue(1, 2, "おはよう"),
    ]


def test_json_without_a_line_is_a_track_without_a_cue() -> None:
    assert cues(b'{"events": []}', "json3") == []


@pytest.mark.parametrize(
    ("data", "ext"),
    [
        (b"", "srt"),
        (b"<html>", "srt"),
        (b"\xff\xfe1", "srt"),
        (b"[Script Info]\nTitle: x\nDialogue: 0,soon,later,,,,,,,x\n", "ass"),
        (b"", "json3"),
        (b"[]", "json3"),
        (b'{"events": [1]}', "json3"),
        (b'{"events": [{"segs": [{"utf8": 1}]}]}', "json3"),
        (b'{"events": [{"segs": [{"utf8": "a"}], "tStartMs": "soon"}]}', "json3"),
        (b'{"events": [{"segs": [{"utf8": "a"}], "dDurationMs": 1e999}]}', "json3"),
        (b"[" * 100_000, "json3"),
        (bytes(MAX_BYTES + 1), "srt"),
    ],
)
def test_bytes_that_are_not_of_a_format_are_refused_with_the_files_name(data: bytes, ext: str) -> None:
    with pytest.raises(BadCaptionsError, match=rf"a\.{ext}"):
        read_captions(data, f"a.{ext}")


times = st.integers(0, 5_000_000)
lines = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="&♪{}"), min_size=1)


@given(st.lists(st.tuples(times, times, lines), max_size=6))
def test_every_line_of_json_is_read(events: list[tuple[int, int, str]]) -> None:
    data = {"events": [{"tStartMs": at, "dDurationMs": ms, "segs": [{"utf8": text}]} for at, ms, text in events]}
    found = cues(json.dumps(data).encode(), "json3")
    wanted = [Cue(at / 1000, (at + ms) / 1000, text) for at, ms, text in events if ms and text.strip()]
    assert [(cue.start_s, cue.end_s) for cue in found] == sorted((cue.start_s, cue.end_s) for cue in wanted)
