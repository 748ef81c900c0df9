"""Pickles that ask for far more time or memory than their bytes suggest are refused at once."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.untrusted.pickle_reader import Machine, frames_in, unframed
from signverse.ingest.shards.untrusted.pickle_values import BadPickleError
from tests.ingest.shards.untrusted.limited_process import read_all
from tests.ingest.shards.untrusted.npz_files import frames_of, objects
from tests.ingest.shards.untrusted.pickle_bombs import KINDS, npz


def test_no_pickle_takes_many_times_its_own_bytes(tmp_path: Path) -> None:
    """Eight megabytes of each kind, deflated to some kilobytes; each byte took up to 143 once."""
    paths = []
    for kind, make in KINDS.items():
        paths.append(tmp_path / f"{kind}.npz")
        paths[-1].write_bytes(npz(make(8)))
    lines, grown = read_all(paths, tmp_path, address_space=4 * 2**30)
    assert [line.split()[0] for line in lines] == ["refused"] * len(KINDS), lines
    assert all("x cannot be read: " in line for line in lines)
    # Three copies of eight megabytes, and what Python takes for 160,000 frames of nobody.
    assert grown < 250


@pytest.mark.parametrize("kind", KINDS)
def test_opcodes_are_bounded_by_the_bytes_of_arrays_not_by_those_of_the_pickle(kind: str) -> None:
    for packed in (0, 4000):
        machine = Machine(KINDS[kind](1), "x", packed=packed)
        with pytest.raises(BadPickleError):
            list(machine.blocks())
        assert machine._steps < 1_000_000 + 2**20


def person(random: np.random.Generator) -> dict[str, np.ndarray]:
    return {part: random.random((n, 3)).astype("f4") for part, n in {"body": 18, "face": 68, "left_hand": 21}.items()}


def whole(data: bytes) -> bytes:
    """A pickle without its frames of protocol 4, as the reader takes it."""
    return b"".join(unframed(io.BytesIO(data), len(data)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=20),
    st.sampled_from([3, 4, 5]),
    st.booleans(),
    st.sampled_from([pickle.dumps, pickle._dumps]),
)
def test_pickles_of_any_number_of_people_stay_far_below_every_bound(people, protocol, sharing, dumps) -> None:
    random = np.random.default_rng(1)
    nobody = person(random)
    frames = [{"n": n, **{f"person_{i:03}": nobody if sharing else person(random) for i in range(n)}} for n in people]
    data = dumps(objects(*frames, frames[0]), protocol)
    blocks = list(frames_in(whole(data), "x"))
    assert [set(frame) for frame in frames_of(blocks)] == [set(frame) for frame in [*frames, frames[0]]]
    machine = Machine(data, "x", templates=False)
    list(machine.blocks())
    assert machine._steps * 1.3 < machine._all_steps - 900_000 + 10 * len(people) or machine._steps < 50_000
    assert machine._outer_steps > 9_000


def test_frames_come_as_they_are_read_and_are_the_same_where_a_later_one_refers_to_a_skipped_one() -> None:
    """The reader starts again then: what it gave already is not given twice."""
    shared = {"a": np.arange(3)}
    frames = [{"a": np.arange(3) + i} for i in range(50)]
    frames = [shared, *frames, frames[-1], shared, {"b": shared["a"]}]
    data = pickle.dumps(objects(*frames), 3)
    blocks = frames_in(data, "x")
    first = next(blocks)
    assert first.count == 1
    found = frames_of([first, *blocks])
    assert [next(iter(frame.values())).tolist() for frame in found] == [
        next(iter(frame.values())).tolist() for frame in frames
    ]


def test_a_block_holds_some_megabytes_however_many_frames_repeat() -> None:
    frames = [{"a": np.full(50_000, i, np.float32)} for i in range(100)]
    blocks = list(frames_in(whole(pickle.dumps(objects(*frames), 4)), "x"))
    assert sum(block.count for block in blocks) == 100
    assert max(block.arrays["a"].nbytes for block in blocks) <= 8 * 2**20
