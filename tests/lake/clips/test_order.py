"""Which clips each rank and worker reads: the same number of batches for each rank, and no clip unaccounted for."""

from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.clips.order import Share, group_by_length, shuffle_windows
from signverse.lake.model.errors import BadInputError


def parts(clips, ranks, workers, batch_size, uneven):
    """The clips of each worker of each rank, the clips in the order 0, 1, ..."""
    order = np.arange(clips)
    return [
        [Share(rank, ranks, worker, workers, uneven, batch_size).of(order).tolist() for worker in range(workers)]
        for rank in range(ranks)
    ]


@settings(max_examples=300, deadline=None)
@given(
    clips=st.integers(1, 300),
    ranks=st.integers(1, 4),
    workers=st.integers(1, 4),
    batch_size=st.integers(1, 100),
    uneven=st.sampled_from(["repeat", "drop", "keep"]),
)
def test_each_clip_is_read_once_or_repeated_or_dropped_as_told(clips, ranks, workers, batch_size, uneven):
    if clips < ranks and uneven != "repeat":
        with pytest.raises(BadInputError, match=f"for {ranks} ranks: with uneven='{uneven}'"):
            parts(clips, ranks, workers, batch_size, uneven)
        return
    shares = parts(clips, ranks, workers, batch_size, uneven)
    sizes = [sum(map(len, share)) for share in shares]
    times = Counter(itertools.chain.from_iterable(itertools.chain.from_iterable(shares)))
    wanted = {"repeat": -(-clips // ranks), "drop": clips // ranks}
    if uneven == "keep":
        assert times == Counter(range(clips))
        assert max(sizes) - min(sizes) <= 1
    else:
        assert set(sizes) == {wanted[uneven]}
        if uneven == "repeat":
            assert set(times) == set(range(clips))
        else:
            assert set(times.values()) == {1}
        assert abs(sum(sizes) - clips) < ranks
    for share, size in zip(shares, sizes, strict=True):
        # A rank never has a clip twice, and its batches are whole but for the last.
        assert len(set(itertools.chain.from_iterable(share))) == size
        assert sum(-(-len(clips) // batch_size) for clips in share) == -(-size // batch_size)
        assert sum(len(clips) // batch_size for clips in share) == size // batch_size


@settings(max_examples=60, deadline=None)
@given(clips=st.integers(0, 300), seed=st.integers(0, 5), window=st.integers(1, 80))
def test_shuffling_within_windows_keeps_the_clips(clips, seed, window):
    order = np.random.default_rng(1).permutation(clips)
    shuffled = shuffle_windows(order, window, seed, 0, 0)
    for first in range(0, clips, window):
        assert sorted(shuffled[first : first + window]) == sorted(order[first : first + window])


@settings(max_examples=100, deadline=None)
@given(clips=st.integers(0, 300), seed=st.integers(0, 5), window=st.integers(1, 80), batch_size=st.integers(1, 40))
def test_batches_of_similar_length_are_whole_and_have_each_clip_once(clips, seed, window, batch_size):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 1000, clips)
    table = SimpleNamespace(frames=np.stack((np.zeros(clips, np.int64), lengths), axis=1))
    order = random.permutation(clips)
    grouped = group_by_length(table, order, window, batch_size, seed, 0)
    window = -(-window // batch_size) * batch_size
    for first in range(0, clips, window):
        mine = grouped[first : first + window]
        assert sorted(mine) == sorted(order[first : first + window])
        # The batches of a window, by their shortest, do not overlap.
        whole = [lengths[mine[at : at + batch_size]] for at in range(0, len(mine) - batch_size + 1, batch_size)]
        ranges = sorted((batch.min(), batch.max()) for batch in whole)
        assert all(high <= low for (_, high), (low, _) in itertools.pairwise(ranges))
