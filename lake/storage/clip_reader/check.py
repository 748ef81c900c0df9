"""Each page is compared with its checksum, which its header is part of, once a process."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.clip_reader.plan import Plan
from signverse.lake.storage.integrity.digests import DamagedBytes
from signverse.lake.storage.pages.page_table import SIZE


def check(plan: Plan, buffer: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> None:
    """Compares the pages of a batch that were not compared before.

    Args:
        buffer: the pages, with their headers.
        places: int64 [C, P], where in it each begins.

    Raises:
        DamagedBytes: one differs.
    """
    view = buffer.data
    for run, begin, end in zip(plan.runs, plan.begins[:-1].tolist(), plan.begins[1:].tolist(), strict=True):
        sums, index = run.file.checksums, plan.index[:, begin:end]
        known = sums.checked[index]
        if known.all():
            continue
        unknown = ~known
        sizes = plan.pieces[:, begin:end, SIZE][unknown].tolist()
        starts = places[:, begin:end][unknown].tolist()
        crcs = sums.crcs[index[unknown]].tolist()
        for start, size, crc in zip(starts, sizes, crcs, strict=True):
            if zlib.crc32(view[start : start + size]) != crc:
                raise DamagedBytes
        sums.checked[index] = True
