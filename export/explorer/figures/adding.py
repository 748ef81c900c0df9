"""Sums by group over millions of clips, in little memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from signverse.export.explorer.clips.columns import pieces


def sums(
    groups: npt.NDArray[np.integer[Any]], size: int, values: npt.NDArray[np.number[Any]] | None = None
) -> npt.NDArray[np.float64]:
    """The sum of the values of each group, or how many there are: [size]. Whole numbers below 2^53 are exact.

    Args:
        groups: [N] below `size`.
        values: [N].
    """
    found = np.zeros(size)
    # Numpy makes eight bytes of each number before it adds them.
    for part in pieces(len(groups)):
        found += np.bincount(groups[part], None if values is None else values[part], size)
    return found
