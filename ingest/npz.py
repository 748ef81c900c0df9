"""Reading .npz files that a stranger wrote: arrays come out, nothing they bring is ever run.

`numpy.load(allow_pickle=True)` calls whatever a pickle names. Here a pickle may name four things, those that numpy's
own arrays are pickled with, and none of them is the real one: each is a small class of this file that keeps plain
data. Any other name is refused before anything happens, and so is a pickle that would make the unpickler itself ask
for memory out of proportion.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lake.errors import BadInputError

MAX_BYTES: Final = 4 * 1024**3
"""Of all arrays of a file, unpacked. Ten hours of two people are 2.6 GB."""

_PLAIN: Final = frozenset("biuf")
"""Kinds of numpy dtype that an array inside a pickle may have: booleans and numbers."""


class _Dtype:
    """Stands for numpy.dtype: keeps its name, such as f4."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = "<" if state[1] in ("|", "=") else state[1]

    def real(self) -> np.dtype[Any]:
        if not isinstance(self.name, str) or len(self.name) > 4:
            raise pickle.UnpicklingError("an array has a strange type")
        real = np.dtype(self.name).newbyteorder(self.order)  # type: ignore[arg-type]
        if real.kind not in _PLAIN:
            raise pickle.UnpicklingError(f"an array holds {self.name}, not numbers")
        return real


class _Array:
    """Stands for numpy.ndarray: takes its state and keeps a plain array, or a list for an array of objects."""

    value: Any = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array has a strange state")
        _, shape, dtype, fortran, data = state
        if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
            raise pickle.UnpicklingError("an array has a strange shape")
        count = math.prod(shape)
        if isinstance(data, list):
            if len(data) != count:
                raise pickle.UnpicklingError("an array is not as long as its shape")
            self.value = data
        elif isinstance(data, bytes) and isinstance(dtype, _Dtype):
            real = dtype.real()
            if len(data) != count * real.itemsize:
                raise pickle.UnpicklingError("an array is not as long as its shape")
            self.value = np.frombuffer(data, real).reshape(shape, order="F" if fortran else "C")
        else:
            raise pickle.UnpicklingError("an array has strange data")


class _Reconstruct:
    """Stands for numpy's function of this name. No function itself: a pickle can set a function's attributes."""

    __slots__ = ()

    def __call__(self, *_: object) -> _Array:
        return _Array()


class _Scalar:
    """Stands for numpy's function that makes a number."""

    __slots__ = ()

    def __call__(self, dtype: object, data: object) -> Any:
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("a number has a strange form")
        real = dtype.real()
        if len(data) != real.itemsize:
            raise pickle.UnpicklingError("a number has a strange form")
        return np.frombuffer(data, real)[0].item()


_ADMITTED: Final = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Reconstruct() for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar() for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no array needs") from None

    def persistent_load(self, _: object) -> Any:
        raise pickle.UnpicklingError("it refers to something outside itself")


# Opcodes of fixed length that pickled arrays, dicts, lists and plain values consist of (our own writer's too) ...
_FIXED: Final = rb"[()\]}N0tb\x85-\x89Raesu\x93\x94]|[Khq\x80].|M..|[Jj]....|[G\x95]........"
# ... and those that say how long they are, with the bytes that say it.
_COUNTED: Final = {0x43: 1, 0x8C: 1, 0x8A: 1, 0x42: 4, 0x58: 4, 0x8E: 8, 0x8D: 8}
_GLOBAL, _STOP = ord("c"), ord(".")


def _check_pickle(data: bytes, start: int) -> None:
    """Walks through a pickle without running it: 0.1 s for ten minutes of video, a seventh of what loading it takes.

    The unpickler makes room for the highest number that anything is remembered under: ten bytes can ask for 16 GB. A
    number beyond the pickle's own length (rounded up to 65,536) is never a real one.

    Raises:
        UnpicklingError: it holds what no array needs, or such a number, or has no end.
    """
    high, top = len(data) >> 16 & 0xFF, min(255, len(data) >> 24)
    numbers = rb"[\x00-\x%02x]\x%02x" % (high, top) + (rb"|.[\x00-\x%02x]" % (top - 1) if top else b"")
    run = re.compile(rb"(?:%b|r..(?:%b))*+" % (_FIXED, numbers), re.DOTALL)
    at = start
    while found := run.match(data, at):
        at = found.end()
        code = data[at] if at < len(data) else -1
        if code == _STOP:
            return
        if code in _COUNTED:
            after = at + 1 + _COUNTED[code]
            at = after + int.from_bytes(data[at + 1 : after], "little")
        elif code == _GLOBAL and (lines := re.compile(rb"c[^\n]*\n[^\n]*\n").match(data, at)):
            at = lines.end()
        elif code < 0 or at >= len(data):
            break
        else:
            what = next((known.name for known in pickletools.opcodes if ord(known.code) == code), hex(code))
            raise pickle.UnpicklingError(f"its pickle holds {what}, which no array needs")
    raise pickle.UnpicklingError("its pickle ends early")


def plain(value: Any) -> Any:
    """What stands for an array as the array itself; anything else as it is."""
    return value.value if isinstance(value, _Array) else value


def read_npz(data: bytes, name: str) -> dict[str, Any]:
    """The arrays of an .npz: numbers and text as numpy arrays, arrays of objects as lists.

    Inside such lists, arrays are wrapped: pass each value through `plain`.

    Raises:
        BadInputError: it is not an .npz, too large, damaged, or its pickles name anything but numpy's arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return dict(_members(archive))
    except (zipfile.BadZipFile, pickle.UnpicklingError, ValueError, EOFError, OSError, KeyError, TypeError) as error:
        raise BadInputError(f"{name} cannot be read: {error}") from None
    except (
        AttributeError,
        IndexError,
        NotImplementedError,
        RuntimeError,
        ImportError,
        MemoryError,
        OverflowError,
    ) as error:
        # What zipfile and pickle raise on made-up bytes.
        raise BadInputError(f"{name} cannot be read: {type(error).__name__} {error}") from None


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, Any]]:
    total = sum(info.file_size for info in archive.infolist())
    if total > MAX_BYTES:
        raise ValueError(f"it unpacks to {total:,} bytes, at most {MAX_BYTES:,} are read")
    for info in archive.infolist():
        if info.filename.endswith(".npy"):
            yield info.filename.removesuffix(".npy"), _read_npy(archive.read(info))


def _read_npy(data: bytes) -> npt.NDArray[Any] | list[Any]:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"npy version {version} is not read")
    if dtype.hasobject:
        _check_pickle(data, file.tell())
        value = plain(_Unpickler(file).load())
        if not isinstance(value, list):
            raise pickle.UnpicklingError("an array of objects was expected")
        return value
    count = math.prod(shape)
    if len(data) - file.tell() != count * dtype.itemsize:
        raise ValueError("an array is not as long as its shape")
    return np.frombuffer(data, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")
