"""Writing .npz files whose bytes depend on their content alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from export.frames import Run, pickle_frames

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write_npz(arrays: Mapping[str, npt.NDArray[Any]], name: str, runs: Sequence[Run]) -> bytes:
    """An .npz of plain arrays, and of one object array of frames called `name`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{key}.npy", _EPOCH), "w") as file:
                np.lib.format.write_array(file, array, version=(1, 0))
        with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as file:
            header = {"descr": "|O", "fortran_order": False, "shape": (sum(run.count for run in runs),)}
            np.lib.format.write_array_header_1_0(file, header)
            for piece in pickle_frames(runs):
                file.write(piece)
    return buffer.getvalue()
