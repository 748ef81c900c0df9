"""What pickles of numpy's arrays hold: types, numbers and arrays, with the places of their bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from signverse.lake.model.errors import BadInputError

_MAX_DIMENSIONS: Final = 4

_PLAIN_KINDS: Final = frozenset("biuf")


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy type that a pickle describes.

    Raises:
        BadPickleError: it is not one of numbers.
    """
    if not isinstance(dtype, Dtype) or not 2 <= len(dtype.name) <= 3 or dtype.name[0] not in _PLAIN_KINDS:
        raise BadPickleError(f"an array is of {getattr(dtype, 'name', 'no')!s:.20} type, numbers were expected")
    try:
        return np.dtype(dtype.name).newbyteorder(cast(Any, dtype.order))
    except TypeError:
        raise BadPickleError(f"an array is of type {dtype.name}, which numpy does not know") from None


class BadPickleError(BadInputError):
    """A pickle holds something that arrays of numbers never need, or ends early."""


@dataclass(eq=False, slots=True)
class Dtype:
    """A numpy type, as a pickle describes it."""

    name: str
    order: str = "<"


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes of the buffer, not yet read."""

    start: int
    size: int


class Number(int):
    """An int that knows the position of its bytes."""

    start: int
    size: int


@dataclass(eq=False, slots=True)
class Leaf:
    """An array inside a frame: where its bytes are and how to read them; or the items of an object array."""

    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    span: Span | None = None
    fortran: bool = False
    items: list[Any] | None = None

    @property
    def filled(self) -> bool:
        """Whether it has its state."""
        return self.dtype is not None or self.items is not None

    def fill(self, state: Any) -> None:
        """Takes the state that numpy pickles for an array: version, shape, type, order and bytes.

        Raises:
            BadPickleError: it is not that of an array of numbers, or of an array of objects.
        """
        _, shape, dtype, fortran, data = state
        if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
            raise BadPickleError("an array of invalid shape")
        if not all(isinstance(n, int) and 0 <= n < 2**31 for n in shape):
            raise BadPickleError("an array of invalid shape")
        self.shape = tuple(int(n) for n in shape)
        self.fortran = bool(fortran)
        if isinstance(data, list):
            if not isinstance(dtype, Dtype) or dtype.name[:1] != "O":
                raise BadPickleError("a list for an array of numbers")
            self.items = data
            return
        self.dtype = real_dtype(dtype)
        if not isinstance(data, Span) or data.size != math.prod(self.shape) * self.dtype.itemsize:
            raise BadPickleError("an array that is not as long as its shape")
        self.span = data

    def read(self, data: Any) -> npt.NDArray[Any]:
        """The array, as a view of the pickle's bytes.

        Raises:
            BadPickleError: it is not of numbers.
        """
        if self.span is None or self.dtype is None:
            raise BadPickleError("an array of numbers was expected")
        flat = np.frombuffer(data, self.dtype, math.prod(self.shape), self.span.start)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")
