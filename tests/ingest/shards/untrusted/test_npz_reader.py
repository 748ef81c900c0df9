"""Arrays that strangers wrote come in; nothing that they bring along is run."""

from __future__ import annotations

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signverse.ingest.shards.untrusted import npz_reader
from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError


def saved(compressed: bool = False, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def header(shape: tuple[int, ...] = (1,), descr: str = "|O", version: int = 1) -> bytes:
    buffer = io.BytesIO()
    write = np.lib.format.write_array_header_1_0 if version == 1 else np.lib.format.write_array_header_2_0
    write(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


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


def frames_of(blocks: list[Block]) -> list[dict[str, Any]]:
    """Blocks as the dicts that they came from, without what is neither whole number nor array."""
    frames: list[dict[str, Any]] = []
    for block in blocks:
        for i in range(block.count):
            frame: dict[str, Any] = {}
            for key, values in (*block.numbers.items(), *block.arrays.items()):
                *path, last = key.split("/")
                inner = frame
                for part in path:
                    inner = inner.setdefault(part, {})
                inner[last] = values[i]
            frames.append(frame)
    return frames


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


# What follows would run `touch MARK` under numpy.load(allow_pickle=True), or harm the process that loads it.

MARK = f"{tempfile.gettempdir()}/signverse-hostile-{os.getpid()}"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


TOUCH = text(f"touch {MARK}")
SYSTEM = b"cos\nsystem\n"


class Runs:
    def __reduce__(self) -> tuple:
        return os.system, (f"touch {MARK}",)


def rebuilt() -> bytes:
    """A numpy array whose state is what a call gives."""
    honest = pickle.dumps(objects({"a": 1}), 3)
    return honest[:-2] + b"0" + SYSTEM + TOUCH + b"\x85R" + b"b."


HOSTILE = {
    "GLOBAL and REDUCE": b"\x80\x03" + SYSTEM + TOUCH + b"\x85R.",
    "GLOBAL in protocol 0": f"cos\nsystem\n(S'touch {MARK}'\ntR.".encode(),
    "STACK_GLOBAL": b"\x80\x04" + text("os") + text("system") + b"\x93" + TOUCH + b"\x85R.",
    "STACK_GLOBAL by posix": b"\x80\x04" + text("posix") + text("system") + b"\x93" + TOUCH + b"\x85R.",
    "a dotted name": b"\x80\x04" + text("numpy") + text("ndarray.__class__") + b"\x93.",
    "builtins.eval": b"\x80\x03cbuiltins\neval\n" + text(f"open({MARK!r},'w')") + b"\x85R.",
    "builtins.getattr": b"\x80\x03cbuiltins\ngetattr\ncnumpy\ndtype\n" + text("__init__") + b"\x86R.",
    "numpy's own shell": b"\x80\x03cnumpy.testing._private.utils\nrunstring\n" + TOUCH + b"}\x86R.",
    "numpy.load": b"\x80\x03cnumpy\nload\n" + text("/etc/passwd") + b"\x85R.",
    "INST": f"(S'touch {MARK}'\nios\nsystem\n.".encode(),
    "OBJ": b"(" + SYSTEM + TOUCH + b"o.",
    "NEWOBJ": b"\x80\x03csubprocess\nPopen\n" + text("id") + b"\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04csubprocess\nPopen\n" + text("id") + b"\x85}\x92.",
    "EXT1": b"\x80\x02\x82\x01.",
    "EXT2": b"\x80\x02\x83\x01\x00.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "PERSID": b"Pos.system\n.",
    "BINPERSID": b"\x80\x03" + text("os.system") + b"Q.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "READONLY_BUFFER": b"\x80\x05C\x01a\x98.",
    "BUILD of a module's name": b"\x80\x03cos\nenviron\n}" + text("A") + text("b") + b"sb.",
    "BUILD of a class": b"\x80\x03cnumpy\nndarray\n(K\x01K\x01\x85NK\x00C\x00tb.",
    "BUILD of a function": b"\x80\x03cnumpy.core.multiarray\n_reconstruct\nN}" + text("x") + TOUCH + b"s\x86b.",
    "BUILD of a function's defaults": b"\x80\x03cnumpy.core.multiarray\nscalar\nN}"
    + text("__defaults__")
    + b"K\x01K\x02\x86s\x86b.",
    "BUILD of a dict of slots": b"\x80\x03}N}" + text("keys") + TOUCH + b"s\x86b.",
    "BUILD of an array with slots": b"\x80\x03cnumpy\nndarray\n)\x81N}" + text("__setstate__") + TOUCH + b"s\x86b.",
    "an array whose state is a call": rebuilt(),
    "an object in the array": pickle.dumps(objects(Runs(), 1), 4),
    "deep in a dict of the array": pickle.dumps(objects({"person_0": {"body": Runs()}}, 1), 4),
    "as a key": pickle.dumps(objects({"a": (1, 2)}, 1), 3).replace(text("a"), b"\x80\x03" + SYSTEM + TOUCH + b"\x85R"),
    "as the type of an array": b"\x80\x03cnumpy\ndtype\n" + SYSTEM + TOUCH + b"\x85R\x85R.",
    "an array of arrays of objects": pickle.dumps(objects(objects(Runs()), 1), 4),
    "a date": pickle.dumps(objects({"a": __import__("datetime").date(2020, 1, 1)}, 1), 4),
    "numpy's record type": pickle.dumps(objects({"a": np.zeros(1, "f4,i4")}, 1), 4),
    "a set": pickle.dumps(objects({"a": {1, 2}}, 1), 4),
    "an array of a strange subclass": pickle.dumps(objects({"a": np.ma.zeros(2)}, 1), 4),
}


@pytest.fixture
def mark() -> Path:
    path = Path(MARK)
    path.unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("how", HOSTILE)
def test_a_pickle_that_brings_more_than_arrays_is_refused_and_runs_nothing(how: str, mark: Path) -> None:
    data = zipped(frames=header() + HOSTILE[how])
    with pytest.raises(BadInputError) as refused:
        read_npz(data, "abc/poses.npz")
    assert not mark.exists()
    assert str(refused.value).startswith("abc/poses.npz cannot be read: ")
    assert "\n" not in str(refused.value)


def test_the_pickles_above_are_hostile_indeed(mark: Path) -> None:
    for how in ("GLOBAL and REDUCE", "STACK_GLOBAL", "INST", "OBJ", "an object in the array", "as a key"):
        mark.unlink(missing_ok=True)
        np.load(io.BytesIO(zipped(frames=header() + HOSTILE[how])), allow_pickle=True)["frames"]
        assert mark.exists(), how
    mark.unlink()


def test_a_refused_pickle_leaves_no_trace_on_the_next(mark: Path) -> None:
    honest = saved(frames=objects({"a": np.arange(3)}, {"a": np.arange(3)}))
    for pickled in HOSTILE.values():
        with pytest.raises(BadInputError):
            read_npz(zipped(frames=header() + pickled), "x")
    np.testing.assert_array_equal(frames_of(read_npz(honest, "x")["frames"])[0]["a"], np.arange(3))
    assert not mark.exists()


GIGABYTES = {
    "LONG_BINPUT": b"\x80\x03]r\x00\x00\x00\x08.",
    "LONG_BINPUT, the largest": b"\x80\x03]r\xff\xff\xff\xff.",
    "PUT": b"]p134217728\n.",
    "BINBYTES8": b"\x80\x04\x8e" + struct.pack("<Q", 2**31) + b".",
    "BINBYTES8, the largest": b"\x80\x04\x8e" + b"\xff" * 8 + b".",
    "BINUNICODE8": b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b".",
    "BYTEARRAY8": b"\x80\x05\x96" + struct.pack("<Q", 2**31) + b".",
    "LONG4": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "FRAME": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
    "a huge shape": pickle.dumps(objects({"a": np.zeros((1, 1))}, 1), 3).replace(
        b"K\x01K\x01\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"
    ),
}

LIMITED = """
import resource, sys
from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.lake.model.errors import BadInputError
read_npz(open(sys.argv[1] + "/honest.npz", "rb").read(), "honest")
room = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    try:
        read_npz(data, "x")
        print("taken", path)
    except BadInputError as error:
        print("refused", error)
print("grown by", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - room) // 1024)
"""


def test_a_few_bytes_cannot_ask_for_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "honest.npz").write_bytes(saved(frames=objects({"a": np.arange(3)}, {"a": np.arange(3)})))
    paths = []
    for i, pickled in enumerate(GIGABYTES.values()):
        paths.append(tmp_path / f"{i}.npz")
        paths[-1].write_bytes(zipped(frames=header() + pickled))
    for name, data in {
        "shape": header((2**40,), "<f4"),
        "objects": header((2**40,)) + pickle.dumps(objects({"a": 1}, 1), 3),
        "negative": header((-1, -8), "<f4") + bytes(32),
        "empty": header((0, 2**62), "<f4"),
        "no size": header((2**40,), "<U0"),
    }.items():
        paths.append(tmp_path / f"{name}.npz")
        paths[-1].write_bytes(zipped(frames=data) if name != "objects" else zipped(fps=header((2**40,), "<i8")))
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), *map(str, paths)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[4],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30)),
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *lines, grown = ran.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["refused"] * len(paths), ran.stdout
    assert int(grown.removeprefix("grown by ")) < 50


def test_what_unpacks_to_more_than_the_bound_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_reader, "MAX_BYTES", 1_000_000)
    assert len(read_npz(saved(True, a=np.zeros(100_000)), "x")["a"]) == 100_000
    with pytest.raises(BadInputError, match="unpacks to"):
        read_npz(saved(True, a=np.zeros(200_000)), "x")
    # Also where each array alone would pass.
    with pytest.raises(BadInputError, match="unpacks to"):
        read_npz(saved(True, a=np.zeros(100_000), b=np.zeros(100_000)), "x")


@pytest.mark.parametrize("across", [True, False], ids=["across frames", "inside each"])
def test_one_array_named_a_million_times_does_not_become_a_million(across: bool) -> None:
    one = np.ones((1000, 18, 3), np.float32)
    if across:
        frames = [{f"person_{i}": one for i in range(100)} for _ in range(30)]
    else:
        frames = [{f"person_{i}": array for i in range(100)} for array in (one + k for k in range(30))]
    data = saved(True, frames=objects(*frames))
    assert len(data) < 1_000_000
    with pytest.raises(BadInputError, match="again and again"):
        read_npz(data, "x")
    # Somebody who is nobody in every frame is shared as well, and no harm.
    nobody = {"body": np.zeros((18, 3), np.float32), "face": np.zeros((68, 3), np.float32)}
    honest = saved(frames=objects(*({"i": i, "person_0": nobody} for i in range(500))))
    assert sum(block.count for block in read_npz(honest, "x")["frames"]) == 500


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
