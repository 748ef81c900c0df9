"""Arrays that strangers wrote come in as numpy reads them, and damaged ones are refused."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.untrusted.npz_files import frames_of, header, objects, saved, zipped

numbers = st.sampled_from(["<f4", "<f8", ">f4", "<i4", "<i8", ">i2", "|u1", "|b1", "<f2"])


@given(numbers.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))), st.booleans())
def test_plain_arrays_are_those_that_numpy_reads(array: np.ndarray, compressed: bool) -> None:
    data = saved(compressed, a=array)
    ours, theirs = read_npz(data, "x")["a"], np.load(io.BytesIO(data))["a"]
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_texts_and_arrays_in_fortran_order_are_read() -> None:
    found = read_npz(saved(t=np.array("grüße"), f=np.asfortranarray(np.arange(6).reshape(2, 3))), "x")
    assert str(found["t"]) == "grüße"
    np.testing.assert_array_equal(found["f"], np.arange(6).reshape(2, 3))


@given(
    st.lists(
        st.dictionaries(
            st.text("abcxyz_", min_size=1, max_size=6),
            numbers.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_side=3)))
            | st.integers(0, 2**31 - 1)
            | st.floats(allow_nan=False)
            | st.booleans()
            | st.text(max_size=300)
            | st.none(),
            max_size=4,
        ),
        min_size=2,
        max_size=6,
    ),
    st.sampled_from([None, 3, 4, 5]),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_dicts_in_arrays_of_objects_are_those_that_numpy_reads(entries: list[dict], protocol: int | None) -> None:
    if protocol is None:
        # As this numpy chooses; others chose otherwise.
        data = saved(frames=objects(*entries))
    else:
        data = zipped(frames=header((len(entries),)) + pickle.dumps(objects(*entries), protocol))
    theirs = np.load(io.BytesIO(data), allow_pickle=True)["frames"].tolist()
    ours = frames_of(read_npz(data, "x")["frames"])
    assert len(ours) == len(theirs)
    for mine, frame in zip(ours, theirs, strict=True):
        wanted = {key: value for key, value in frame.items() if isinstance(value, np.ndarray) or type(value) is int}
        assert mine.keys() == wanted.keys()
        for key, value in wanted.items():
            np.testing.assert_array_equal(mine[key], value)
            if isinstance(value, np.ndarray):
                assert mine[key].dtype.newbyteorder("=") == value.dtype.newbyteorder("=")


def test_numpys_own_numbers_in_a_dict_come_out_as_numbers() -> None:
    entries = objects({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}, {"a": np.float32(0.25)})
    assert frames_of(read_npz(saved(frames=entries), "x")["frames"]) == [{"a": 0.5, "b": 3, "c": True}, {"a": 0.25}]


def test_an_array_in_fortran_order_in_a_dict_keeps_its_places() -> None:
    arrays = [np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3) + i) for i in range(9)]
    found = frames_of(read_npz(saved(frames=objects(*({"a": array} for array in arrays))), "x")["frames"])
    for mine, array in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(mine["a"], array)


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_frame_that_appears_twice_in_memory_is_two_frames(protocol: int) -> None:
    one, other = {"a": np.arange(3)}, {"a": np.arange(3) + 7}
    # Enough of another frame for it to be a template, so that the shared one was passed over by it at first.
    many = [{"a": np.arange(3) + i} for i in range(20)]
    frames = [one, other, one, *many, many[-1], one, *many[:2]]
    data = zipped(frames=header((len(frames),)) + pickle.dumps(objects(*frames), protocol))
    ours = frames_of(read_npz(data, "x")["frames"])
    assert [frame["a"].tolist() for frame in ours] == [frame["a"].tolist() for frame in frames]


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2001])
def test_batches_of_a_thousand_and_the_one_that_is_left_over_are_read(count: int) -> None:
    frames = objects(*({"i": i, "a": np.full((21, 2), i, np.float32)} for i in range(count)))
    found = frames_of(read_npz(saved(frames=frames), "x")["frames"])
    assert [entry["i"] for entry in found] == list(range(count))
    assert all((entry["a"] == entry["i"]).all() for entry in found)


def test_many_frames_with_memos_beyond_a_byte_and_a_frame_of_the_protocol_are_read() -> None:
    frames = objects(*({"i": i, "a": np.full((18, 3), i, np.float32)} for i in range(3000)))
    found = frames_of(read_npz(saved(frames=frames), "x")["frames"])
    assert [entry["i"] for entry in found] == list(range(3000))
    assert all((entry["a"] == entry["i"]).all() for entry in found)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=12), st.sampled_from([3, 4, 5]))
def test_frames_whose_layout_changes_are_those_that_pickle_reads(runs: list[tuple[int, int]], protocol: int) -> None:
    frames = [
        {"n": people, **{f"p{k}": {"xy": np.full((5, 2), i + k / 8, np.float32)} for k in range(people)}}
        for people, count in runs
        for i in range(count)
    ]
    data = zipped(frames=header((len(frames),)) + pickle.dumps(objects(*frames), protocol))
    ours = frames_of(read_npz(data, "x")["frames"])
    assert len(ours) == len(frames)
    for mine, wanted in zip(ours, frames, strict=True):
        assert mine.keys() == wanted.keys()
        assert all(np.array_equal(mine[key]["xy"], wanted[key]["xy"]) for key in wanted if key != "n")


HONEST = saved(frames=objects({"a": np.arange(300, dtype=np.float32)}, {"b": 2}), fps=np.array(24.0))


@given(st.integers(0, len(HONEST) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_values_and_raises_nothing_else(at: int, value: int) -> None:
    data = bytearray(HONEST)
    data[at] = value
    try:
        read_npz(bytes(data), "x")
    except BadInputError as error:
        assert "\n" not in str(error)


PICKLED = pickle.dumps(objects({"a": np.arange(30, dtype=np.float32)}, {"b": 2.5, "c": "x"}), 4)


@given(st.lists(st.tuples(st.integers(0, len(PICKLED) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_opcodes_are_refused_or_change_values_and_raise_nothing_else(changes: list[tuple[int, int]]) -> None:
    # Behind the checksum of the zip, which a stranger can set right.
    pickled = bytearray(PICKLED)
    for at, value in changes:
        pickled[at] = value
    try:
        read_npz(zipped(frames=header((2,)) + bytes(pickled)), "x")
    except BadInputError as error:
        assert "\n" not in str(error)


@given(st.integers(0, len(HONEST) - 1))
def test_a_file_cut_short_is_refused(size: int) -> None:
    with pytest.raises(BadInputError):
        read_npz(HONEST[:size], "x")


@pytest.mark.parametrize(
    "data",
    [b"", b"not a zip", zipped(a=b""), zipped(a=b"\x93NUMPY\x09\x00"), zipped(a=header((2,), "<f4") + b"abc")],
    ids=["empty", "no zip", "no npy", "version 9", "short"],
)
def test_what_is_no_npz_is_refused_with_its_name(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"^x/poses\.npz cannot be read: "):
        read_npz(data, "x/poses.npz")


def test_a_header_of_version_2_is_read() -> None:
    data = zipped(a=header((2,), "<f4", version=2) + np.array([1, 2], np.float32).tobytes())
    np.testing.assert_array_equal(read_npz(data, "x")["a"], [1, 2])


def test_a_frame_that_shares_an_array_with_itself_does_not_stand_for_the_next() -> None:
    # One array of zeros for all absent hands, say: the same bytes then mean other data in the frames that follow.
    zeros = np.zeros(5, np.float32)
    frames = [{"l": zeros, "r": zeros}, {"l": zeros, "r": zeros}]
    frames += [{"l": np.arange(5, dtype=np.float32) + i, "r": zeros} for i in range(4)]
    ours = frames_of(read_npz(saved(frames=objects(*frames)), "x")["frames"])
    for mine, wanted in zip(ours, frames, strict=True):
        np.testing.assert_array_equal(mine["l"], wanted["l"])
        np.testing.assert_array_equal(mine["r"], wanted["r"])
