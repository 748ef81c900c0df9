"""Which caption track of a video counts."""

from __future__ import annotations

from itertools import permutations

import pytest

from signverse.ingest.captions.tracks import Cue, Track, choose, unique


def test_tracks_of_one_language_keep_apart_and_the_same_twice_is_one() -> None:
    one, other = track("en"), track("en", cues=2)
    assert unique([one, one, track("de")]) == [one, track("de")]
    assert [(found.name, len(found.cues)) for found in unique([one, other, one])] == [
        ("en.manual", 1),
        ("en.manual.2", 2),
    ]


def track(language: str, kind: str = "manual", source: str = "", cues: int = 1) -> Track:
    return Track(f"{language}.{kind}", kind, language, tuple(Cue(i, i + 1, "x") for i in range(cues)), source)


RANKED = [
    track("en"),
    track("en-GB", "automatic"),
    track("en", "translated", "de"),
    track("de"),
    track("de", "automatic"),
]


@pytest.mark.parametrize("count", range(1, len(RANKED) + 1))
def test_the_best_track_is_chosen_whatever_the_order(count: int) -> None:
    # Of the worst `count`, the first of the ranking must win.
    worst = RANKED[-count:]
    for order in permutations(worst):
        assert choose(order)[0] is worst[0]


def test_where_the_english_came_from_is_told() -> None:
    assert choose([track("en")])[1] == "native"
    assert choose([track("en-GB", "automatic")])[1] == "native"
    assert choose([track("eng")])[1] == "native"
    assert choose([track("en", "translated", "de")])[1] == "translated_from:de"
    assert choose([track("en", "translated")])[1] == "translated_from:und"
    assert choose([track("de")]) == (track("de"), "none")
    assert choose([track("enm")])[1] == "none"


def test_a_track_without_cues_is_as_good_as_none() -> None:
    assert choose([]) == (None, "none")
    assert choose([track("en", cues=0)]) == (None, "none")
    assert choose([track("en", cues=0), track("de")])[0] == track("de")
