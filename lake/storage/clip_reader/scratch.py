"""Memory that a thread uses again for the next batch: new memory costs as much as what is done in it."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt


class _Kept(threading.local):
    def __init__(self) -> None:
        self.by_name: dict[str, npt.NDArray[np.uint8]] = {}


_kept = _Kept()


def scratch(name: str, size: int) -> npt.NDArray[np.uint8]:
    """uint8 [size] of any content, until the same thread asks for the same name."""
    held = _kept.by_name.get(name)
    if held is None or len(held) < size:
        held = _kept.by_name[name] = np.empty(size + size // 4, np.uint8)
    return held[:size]


def floats(name: str, count: int) -> npt.NDArray[np.float32]:
    """As `scratch`, float32 [count]."""
    return scratch(name, 4 * count).view("<f4")
