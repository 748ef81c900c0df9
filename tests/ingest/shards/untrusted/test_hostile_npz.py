"""Files of arrays that would run a program or take gigabytes are refused, and nothing of them is run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

from signverse.ingest.shards.untrusted import npz_reader
from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.untrusted.limited_process import read_all
from tests.ingest.shards.untrusted.npz_files import frames_of, header, objects, saved, zipped

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


def test_a_few_bytes_cannot_ask_for_gigabytes(tmp_path: Path) -> None:
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
    lines, grown = read_all(paths, tmp_path, address_space=3 * 2**30)
    assert [line.split()[0] for line in lines] == ["refused"] * len(paths), lines
    assert grown < 50


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
