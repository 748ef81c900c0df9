"""Reading .npz files that a stranger wrote: arrays come out, nothing they bring is ever run.

`numpy.load(allow_pickle=True)` calls whatever a pickle names. Here a pickle may name four things, those that numpy's
own arrays are pickled with, and none of them is the real one: each is a small class of this file that keeps plain
data. Any other name is refused before anything happens.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lake.errors import BadInputError

MAX_ARRAY_BYTES: Final = 4 * 1024**3
"""Of one array, unpacked. Ten hours of two people are 2.6 GB."""

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


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _scalar(dtype: object, data: object) -> Any:
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a number has a strange form")
    real = dtype.real()
    if len(data) != real.itemsize:
        raise pickle.UnpicklingError("a number has a strange form")
    return np.frombuffer(data, real)[0].item()


_ADMITTED: Final = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
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
    for info in archive.infolist():
        if info.file_size > MAX_ARRAY_BYTES:
            raise ValueError(f"{info.filename} unpacks to {info.file_size:,} bytes")
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
        value = plain(_Unpickler(file).load())
        if not isinstance(value, list):
            raise pickle.UnpicklingError("an array of objects was expected")
        return value
    count = math.prod(shape)
    if len(data) - file.tell() != count * dtype.itemsize:
        raise ValueError("an array is not as long as its shape")
    return np.frombuffer(data, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")
