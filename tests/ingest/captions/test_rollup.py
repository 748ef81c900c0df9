"""Captions that roll up say each line once, and nothing that is said twice gets lost.

The files in captions/ are written as YouTube and broadcasters write theirs; beside each stands what is said in it, a
line a caption: from when, to when (seconds), and the words.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.rollup import Shown, rolls_up, unrolled
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Cue

GOLDEN = Path(__file__).with_name("golden")


def said(name: str) -> list[Cue]:
    lines = (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines()
    return [Cue(float(start), float(end), text) for start, end, text in (line.split(" ", 2) for line in lines)]


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.vtt")))
def test_a_track_says_each_line_once_at_its_time(name: str) -> None:
    track = track_from((GOLDEN / f"{name}.vtt").read_bytes(), name, "")
    assert list(track.cues) == said(name)
    assert track.kind == ("automatic" if name.startswith("youtube") else "manual")


def test_hebrew_goes_by_its_code_of_today() -> None:
    assert track_from((GOLDEN / "youtube-he.vtt").read_bytes(), "x", "").language == "he"


def shown(*cues: tuple[float, float, str]) -> list[Shown]:
    return [Shown(start, end, tuple(lines.split("/"))) for start, end, lines in cues]


def test_two_lines_that_appear_at_once_are_one_caption() -> None:
    cues = shown((0, 2, "a/b"), (2, 4, "b/c"), (4, 6, "c/d"))
    assert unrolled(cues) == [Shown(0, 2, ("a", "b")), Shown(2, 4, ("c",)), Shown(4, 6, ("d",))]


def test_a_line_that_is_held_still_lasts_until_it_goes() -> None:
    assert unrolled(shown((0, 2, "/a"), (2, 2.01, "a/"), (2.01, 5, "a/"))) == [Shown(0, 5, ("a",))]


def test_a_line_that_comes_back_after_a_gap_is_said_again() -> None:
    cues = shown((0, 2, "/a"), (2, 2.01, "a/"), (3, 4, "a/b"), (4, 4.01, "b/"))
    assert [one.text for one in unrolled(cues)] == ["a", "a b"]


def test_a_line_under_an_empty_one_is_new_though_it_be_the_same() -> None:
    cues = shown((0, 2, "/no"), (2, 2.01, "no/"), (2.01, 3, "/no"), (3, 3.01, "no/"))
    assert [one.text for one in unrolled(cues)] == ["no", "no"]


def test_what_people_write_is_left_alone_unless_it_rolls_up_beyond_doubt() -> None:
    twice = shown((0, 1, "a"), (1, 2, "a/b"), (2, 3, "b/c"))
    assert rolls_up(twice, 1)
    assert not rolls_up(twice, 3)
    assert not rolls_up(shown((0, 1, "a"), (1, 2, "a"), (2, 3, "a"), (3, 4, "a")), 1)
    assert not rolls_up([], 1)


words = st.text("ab אنहはน", min_size=1, max_size=8).map(lambda text: " ".join(text.split())).filter(bool)
lines = st.lists(st.tuples(words, st.integers(2, 50), st.sampled_from([0, 0, 0, 3, 40])), min_size=1, max_size=12)


def in_youtubes_way(spoken: list[tuple[str, int, int]]) -> tuple[list[Shown], list[Shown]]:
    """Lines rolled up, and each with its times; in tenths of a second: how long, and the silence before."""
    rolled: list[Shown] = []
    wanted: list[Shown] = []
    now, above = 0, ""
    for text, lasts, silence in spoken:
        start, end = now + silence, now + silence + lasts
        above = above if not silence else ""
        held = end / 10 - 0.01
        rolled += [Shown(start / 10, held, (above, text)), Shown(held, end / 10, (text, ""))]
        wanted.append(Shown(start / 10, end / 10, (text,)))
        now, above = end, text
    return rolled, wanted


@given(lines)
def test_any_lines_rolled_up_in_youtubes_way_come_back(spoken: list[tuple[str, int, int]]) -> None:
    rolled, wanted = in_youtubes_way(spoken)
    assert rolls_up(rolled, 1)
    assert unrolled(rolled) == wanted


@given(lines, st.integers(2, 3))
def test_any_lines_rolled_up_as_broadcasters_do_come_back(spoken: list[tuple[str, int, int]], height: int) -> None:
    _, wanted = in_youtubes_way(spoken)
    rolled: list[Shown] = []
    for one in wanted:
        touches = rolled and rolled[-1].end_s == one.start_s
        rolled.append(Shown(one.start_s, one.end_s, ((rolled[-1].lines if touches else ()) + one.lines)[-height:]))
    if any(len(one.lines) == height for one in rolled):
        assert unrolled(rolled) == wanted


@given(lines)
def test_what_does_not_roll_up_is_never_taken_for_it(spoken: list[tuple[str, int, int]]) -> None:
    _, wanted = in_youtubes_way(spoken)
    assert not rolls_up(wanted, 1)
