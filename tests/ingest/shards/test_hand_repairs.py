"""Permuted hands are undone exactly, and honest ones stay where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.repairs import repair
from signverse.lake.model.skeleton import FACE, LEFT_HAND, RIGHT_HAND
from tests.ingest.shards.defects import (
    HEIGHT,
    LEFT_WRIST,
    RIGHT_WRIST,
    WIDTH,
    coded,
    found_in,
    permuted,
    person,
    poses_of,
)


@given(st.integers(2, 4), st.integers(0, 10**6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_hands_of_several_people_are_undone_exactly(count: int, seed: int, codes: bool) -> None:
    straight = [[person(90 + 140 * i, seed + i) for i in range(count)] for _ in range(4)]
    # Frames of one and of nobody between them are never wrong.
    straight += [[person(90, seed)], []]
    make = coded if codes else list
    mixed, honest = poses_of([make(permuted(f)) for f in straight]), poses_of([make(f) for f in straight])
    repair(mixed)
    repair(honest)
    assert "hands_unpermuted:4" in mixed.repairs
    assert "hands_unpermuted" not in found_in(honest)
    np.testing.assert_array_equal(mixed.rows.all(), honest.rows.all())
    np.testing.assert_array_equal(mixed.slots, honest.slots)
    for part in (LEFT_HAND, RIGHT_HAND, FACE):
        everything = {points[part.slice].tobytes() for f in straight for points in f}
        assert {points[part.slice].tobytes() for points in mixed.rows.all()} == everything


def test_numbers_of_people_that_change_are_each_undone_by_their_own_order() -> None:
    straight = [[person(90 + 140 * i, i) for i in range(count)] for count in (2, 3, 1, 3, 2, 0, 4)]
    mixed, honest = poses_of([permuted(f) for f in straight]), poses_of(straight)
    repair(mixed)
    repair(honest)
    assert "hands_unpermuted:5" in mixed.repairs
    np.testing.assert_array_equal(mixed.rows.all(), honest.rows.all())


def without(points: np.ndarray, *where: Any) -> np.ndarray:
    bare = points.copy()
    for one in where:
        bare[one] = (-WIDTH, -HEIGHT, 0)
    return bare


BYSTANDERS = {
    "without hands": (LEFT_HAND.slice, RIGHT_HAND.slice),
    "without wrists": (LEFT_WRIST, RIGHT_WRIST),
    "without either": (LEFT_WRIST, RIGHT_WRIST, LEFT_HAND.slice, RIGHT_HAND.slice),
    "with a left hand only": (RIGHT_HAND.slice,),
    "with a right hand only": (LEFT_HAND.slice,),
}


@pytest.mark.parametrize("who", BYSTANDERS)
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("count", [2, 3])
def test_honest_hands_beside_somebody_half_seen_stay_where_they_are(who: str, place: int, count: int) -> None:
    # One signs, the others are half out of the picture: what cannot be compared must not decide.
    for seed in range(6):
        people = [person(90 + 140 * i, seed * 9 + i) for i in range(count)]
        people = [p if i == place % count else without(p, *BYSTANDERS[who]) for i, p in enumerate(people)]
        poses = poses_of([people] * 3)
        repair(poses)
        assert "hands_unpermuted" not in found_in(poses)


def test_permuted_hands_with_absent_ones_among_them_are_undone_as_well() -> None:
    straight = []
    for f in range(12):
        people = [person(100, f), person(400, f + 50)]
        straight.append([without(people[0], LEFT_HAND.slice) if f % 3 == 0 else people[0], people[1]])
    mixed, honest = poses_of([permuted(f) for f in straight]), poses_of(straight)
    repair(mixed)
    repair(honest)
    assert "hands_unpermuted:12" in mixed.repairs
    np.testing.assert_array_equal(mixed.rows.all(), honest.rows.all())


def test_marks_of_absence_far_outside_do_not_decide_about_hands() -> None:
    straight = [[person(100, f), person(400, f + 50)] for f in range(6)]
    for f in straight:
        f[0][LEFT_HAND.slice, :2] = 40 * WIDTH
    mixed = poses_of([permuted(f) for f in straight])
    repair(mixed)
    assert "hands_unpermuted" in found_in(mixed)
