"""The pickles that we write without pickling are what numpy itself would have written, to whoever loads them."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.writers.npz_writer import write_npz
from signverse.export.writers.pickle_writer import Layer, pickle_frames, runs_of
from signverse.ingest.shards.untrusted.npz_reader import read_npz


@dataclass
class Run:
    """Frames of one layout that follow each other."""

    count: int
    values: dict[str, Any] = field(default_factory=dict)


def batches(runs: Sequence[Run]) -> list[list[Layer]]:
    return [[Layer(np.arange(run.count), run.values)] for run in runs]


def npz_of(runs: Sequence[Run], arrays: dict[str, np.ndarray] | None = None) -> bytes:
    file = io.BytesIO()
    write_npz(file, arrays or {}, "frames", sum(run.count for run in runs), batches(runs))
    return file.getvalue()


SHAPES = [(), (1,), (18, 2), (18,), (3, 2, 2)]


@st.composite
def values(draw: st.DrawFn, count: int, depth: int = 0) -> dict[str, Any]:
    """The dict of a run: numbers for all, numbers a frame, arrays, and dicts of these."""
    random = np.random.default_rng(draw(st.integers(0, 99)))
    found: dict[str, Any] = {}
    for key in draw(st.lists(st.text(min_size=1, max_size=12), max_size=4, unique=True)):
        kind = draw(st.sampled_from(["int", "ints", "float32", "int32", "dict"] if depth < 2 else ["int", "float32"]))
        if kind == "dict":
            found[key] = draw(values(count, depth + 1))
        elif kind == "int":
            found[key] = draw(st.integers(-(2**31), 2**31 - 1))
        elif kind == "ints":
            found[key] = random.integers(-(2**31), 2**31, count)
        elif kind == "int32":
            found[key] = random.integers(-(2**31), 2**31, (count, *draw(st.sampled_from(SHAPES)))).astype(np.int32)
        else:
            array = random.normal(size=(count, *draw(st.sampled_from(SHAPES)))).astype(np.float32)
            array[random.uniform(size=array.shape) < 0.1] = np.nan
            # As the dialects give them: views into something larger, not contiguous.
            found[key] = np.repeat(array[:, None], 2, axis=1)[:, 1] if draw(st.booleans()) else array
    return found


@st.composite
def many_runs(draw: st.DrawFn) -> list[Run]:
    return [Run(count, draw(values(count))) for count in draw(st.lists(st.integers(1, 5), max_size=4))]


def plainly(runs: Sequence[Run]) -> np.ndarray:
    """The same frames as Python objects, one by one."""

    def at(value: Any, i: int) -> Any:
        if isinstance(value, dict):
            return {key: at(inner, i) for key, inner in value.items()}
        if isinstance(value, int):
            return value
        return int(value[i]) if value.dtype == np.int64 else np.array(value[i])

    frames = [at(run.values, i) for run in runs for i in range(run.count)]
    array = np.empty(len(frames), object)
    array[:] = frames
    return array


def same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for key in ours:
            same(ours[key], theirs[key])
    elif isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.flags.writeable
        assert ours.flags.owndata
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert ours == theirs


def loaded(data: bytes) -> np.ndarray:
    with np.load(io.BytesIO(data), allow_pickle=True) as npz:
        return npz["frames"]


def check(runs: Sequence[Run]) -> np.ndarray:
    """Loads what we write and what numpy.savez writes of the same objects, and compares."""
    theirs = io.BytesIO()
    np.savez(theirs, frames=plainly(runs))
    ours, expected = loaded(npz_of(runs)), loaded(theirs.getvalue())
    assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
    for mine, its in zip(ours, expected, strict=True):
        same(mine, its)
    return ours


@settings(max_examples=80, deadline=None)
@given(many_runs())
def test_what_numpy_loads_is_what_numpy_would_have_saved(runs: list[Run]) -> None:
    check(runs)


def people(count: int, people: int, seed: int = 0) -> Run:
    random = np.random.default_rng(seed)
    parts = {f"person_{i}": {"body": random.normal(size=(count, 18, 3)).astype(np.float32)} for i in range(people)}
    return Run(
        count, {"num_people": people, "frame_id": np.arange(count), "n": np.full(count, people, np.int32)} | parts
    )


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [people(1, 0)],
        [people(1, 1)],
        [people(1, 12)],
        [people(3, 0), people(2, 1), people(1, 0), people(4, 3)],
        [Run(3)],
        [people(1500, 1), people(1001, 2), people(999, 0)],
    ],
    ids=["nothing", "one frame of nobody", "one frame", "twelve people", "changing", "empty dicts", "thousands"],
)
def test_frames_of_any_number_of_people_are_read_back(runs: list[Run]) -> None:
    check(runs)


def test_an_array_that_was_loaded_may_be_changed_without_touching_another() -> None:
    first, second = loaded(npz_of([people(2, 1)]))
    before = second["person_0"]["body"].copy()
    first["person_0"]["body"][:] = 7
    np.testing.assert_array_equal(second["person_0"]["body"], before)


def test_a_frame_can_be_pickled_again_and_sent_to_another_process() -> None:
    frames = check([people(2, 2)])
    for ours, again in zip(frames, pickle.loads(pickle.dumps(frames)), strict=True):
        same(ours, again)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=4))
def test_our_own_safe_reader_reads_what_we_write(layout: list[tuple[int, int]]) -> None:
    runs = [people(count, persons, i) for i, (count, persons) in enumerate(layout)]
    blocks: Any = read_npz(npz_of(runs), "x")["frames"]
    assert sum(block.count for block in blocks) == sum(run.count for run in runs)
    found = [array for block in blocks for key, array in block.arrays.items() if key == "person_0/body"]
    expected = [run.values["person_0"]["body"] for run in runs if "person_0" in run.values]
    if expected:
        np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))


LOAD = """
import sys, numpy as np
with np.load(sys.argv[1], allow_pickle=True) as npz:
    frames = npz["frames"].tolist()
assert len(frames) == 6 and frames[5]["person_1"]["body"].shape == (18, 3)
assert frames[0]["n"].shape == () and frames[0]["n"].dtype == np.int32
import pickle
print(len(pickle.dumps(frames)))
"""


def test_a_user_who_makes_warnings_errors_can_load_it(tmp_path) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(npz_of([people(4, 1), people(2, 2)]))
    ran = subprocess.run([sys.executable, "-W", "error", "-c", LOAD, str(path)], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_bytes_depend_on_the_content_alone() -> None:
    assert npz_of([people(3, 2)], {"a": np.arange(3)}) == npz_of([people(3, 2)], {"a": np.arange(3)})
    whole = b"".join(map(bytes, pickle_frames(3, batches([people(3, 2)]))))
    assert pickle.loads(whole).shape == (3,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.lists(st.integers(0, 40), max_size=3))
def test_frames_of_many_layouts_at_once_are_those_of_one_after_the_other(order: list[int], cuts: list[int]) -> None:
    """However the people of the frames change, and wherever a batch ends."""
    order_of = np.array(order)
    edges = sorted({0, len(order), *(cut for cut in cuts if cut < len(order))})
    plain: list[Run] = []
    mixed: list[list[Layer]] = []
    for start, end in pairwise(edges):
        there = order_of[start:end]
        mixed.append([])
        values = {count: people(end - start, count, start).values for count in set(there.tolist())}
        for count, of in values.items():
            places = np.flatnonzero(there == count)
            mixed[-1].append(Layer(places, taken(of, places)))
        plain += [Run(1, taken(values[count], np.array([i]))) for i, count in enumerate(there.tolist())]
    together = b"".join(map(bytes, pickle_frames(len(order), mixed)))
    assert together == b"".join(map(bytes, pickle_frames(len(order), batches(plain))))


def taken(value: Any, places: np.ndarray) -> Any:
    if isinstance(value, dict):
        return {key: taken(inner, places) for key, inner in value.items()}
    return value if isinstance(value, int) else value[places]


@given(st.lists(st.integers(0, 3), max_size=20))
def test_runs_cover_everything_once_and_neighbours_differ(layout: list[int]) -> None:
    runs = list(runs_of(np.array(layout, np.int64)))
    assert [i for start, end in runs for i in range(start, end)] == list(range(len(layout)))
    values = [set(layout[start:end]) for start, end in runs]
    assert all(len(value) == 1 for value in values)
    assert all(one != two for one, two in pairwise(values))
