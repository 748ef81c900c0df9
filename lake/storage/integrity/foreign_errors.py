"""What a library raises over a damaged file, as one error of ours: the one list of foreign errors."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from signverse.lake.model.errors import DamagedLakeError, SignverseError

if TYPE_CHECKING:
    import polars as pl

VERIFY: Final = "Run: signverse verify LAKE."
"""What to do about a file of a lake that cannot be read."""

_LIBRARIES: Final = frozenset(("polars", "pyarrow", "deltalake", "_internal", "duckdb", "_duckdb", "pyo3_runtime"))
"""Where libraries define their errors: `_internal` is deltalake's. Those of pyo3_runtime are panics of Rust, which are
not an `Exception`; each library has a class of its own for them, and most export none."""

_OF_PYTHON: Final = (
    # Of these are: a file that is missing, bytes that are not UTF-8, an index or a name that is not there, a size that
    # is negative or does not fit.
    *(OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, EOFError),
    *(MemoryError, RecursionError, struct.error, zlib.error),
)


def is_foreign(error: BaseException) -> bool:
    """Whether a library, or Python itself, raises this where bytes are not what they should be."""
    if isinstance(error, SignverseError | KeyboardInterrupt):
        return False
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, _OF_PYTHON) or not roots.isdisjoint(_LIBRARIES)


def first_line(error: BaseException) -> str:
    """What a foreign error says, in one line; its class where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


@contextmanager
def foreign_errors_as(error_of: Callable[[str], SignverseError]) -> Iterator[None]:
    """Raises an error of ours where the block raises a foreign one; hold nothing but the reading inside.

    Args:
        error_of: makes it of what the foreign one says.
    """
    try:
        yield
    except BaseException as error:
        if not is_foreign(error):
            raise
        raise error_of(first_line(error)) from None


def damaged(what: str) -> Callable[[str], DamagedLakeError]:
    """For `foreign_errors_as`: `what`, such as "table videos", cannot be read."""
    return lambda why: DamagedLakeError(f"{what} cannot be read: {why}", VERIFY)


def collect(rows: pl.LazyFrame) -> pl.DataFrame:
    """Reads the rows of a query over a lake.

    Raises:
        DamagedLakeError: a file cannot be read.
    """
    with foreign_errors_as(damaged("a file of the lake")):
        return rows.collect()
