"""Assigning groups to parts: by hash, and so that the shares meet the ratios."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.splits.apportion import Assignment, assign_parts, group_hashes

RATIOS = (0.9, 0.05, 0.05)


def assigned(
    weights: list[list[int]], seed: int = 0, ratios: tuple[float, ...] = RATIOS, names: str = "g"
) -> Assignment:
    table = np.array(weights, np.int64)
    return assign_parts(table, group_hashes([f"{names}{i}" for i in range(len(table))], seed), ratios, 0.02)


tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 1000), min_size=width, max_size=width), min_size=1, max_size=30)
)


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(0, 5), st.sampled_from([RATIOS, (0.8, 0.2), (1, 1, 1), (7, 3)]))
def test_what_it_says_of_the_shares_is_true(table, seed, ratios):
    table[0] = [value + 1 for value in table[0]]
    found = assigned(table, seed, ratios)
    weights = np.array(table)
    assert found.parts.min() >= 0
    assert found.parts.max() < len(ratios)
    sums = np.stack([weights[found.parts == part].sum(axis=0) for part in range(len(ratios))])
    shares = sums / weights.sum(axis=0)
    assert found.shares / 1e6 == pytest.approx(shares, abs=1e-6)
    wanted = np.array(ratios)[:, None] / sum(ratios)
    clearly = np.abs(np.abs(shares - wanted) - 0.02) > 1e-5
    off = ((np.abs(shares - wanted) > 0.02) & clearly).any(axis=0)
    assert not (off & ~found.off).any()
    assert (assigned(table, seed, ratios).parts == found.parts).all()


def test_the_hashes_are_the_same_on_every_machine():
    # The first 64 bits of the MD5 of "7:UC1", as any md5sum gives them.
    assert group_hashes(["UC1", "Ünï"], 7).tolist() == [0x52E9E30B0121E2ED, 459594933389372736]


@pytest.mark.parametrize("seed", range(5))
def test_many_small_groups_are_divided_by_the_ratios_in_every_column(seed):
    random = np.random.default_rng(seed)
    table = np.zeros((900, 3), np.int64)
    table[np.arange(900), random.integers(0, 3, 900)] = random.integers(1, 100, 900)
    found = assigned(table.tolist(), seed)
    assert not found.off.any()
    assert found.moved < 60


def test_a_group_larger_than_the_other_parts_goes_to_the_largest():
    for seed in range(20):
        found = assigned([[900], *([[1]] * 100)], seed)
        assert found.parts[0] == 0
        assert not found.off.any()


def test_one_out_and_one_in_where_no_single_move_helps():
    # Half and half of 6, 5 and 1: only one way, whatever the hashes are.
    for seed in range(10):
        found = assign_parts(np.array([[6], [5], [1]]), group_hashes(["a", "b", "c"], seed), (1, 1), 0.0)
        assert not found.off.any()


def test_what_cannot_be_divided_is_said():
    assert assigned([[10]]).off.tolist() == [True]
    assert assigned([[10]]).parts.tolist() == [0]


def test_groups_that_come_later_leave_most_where_they_were():
    random = np.random.default_rng(3)
    table = random.integers(1, 100, (1000, 1)).tolist()
    before, after = assigned(table[:950]).parts, assigned(table).parts
    assert (before != after[:950]).sum() < 10


def test_another_seed_is_another_split():
    table = [[1]] * 500
    assert (assigned(table, 0).parts != assigned(table, 1).parts).sum() > 30
