"""Writing .npz files whose bytes depend on their content alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from signverse.export.writers.pickle_writer import Layer, pickle_frames

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write_npz(
    out: IO[bytes],
    arrays: Mapping[str, npt.NDArray[Any]],
    name: str,
    count: int,
    batches: Iterable[Sequence[Layer]],
) -> None:
    """Writes an .npz of plain arrays, and of one object array of frames called `name`, see `pickle_frames`.

    Args:
        out: a seekable file: checksums are written before the data that they are of.
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{key}.npy", _EPOCH), "w") as file:
                np.lib.format.write_array(file, array, version=(1, 0))
        with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as file:
            header = {"descr": "|O", "fortran_order": False, "shape": (count,)}
            np.lib.format.write_array_header_1_0(file, header)
            for piece in pickle_frames(count, batches):
                file.write(piece)
