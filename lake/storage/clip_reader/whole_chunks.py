"""Files of format 1, whose column chunks are of one page each: these are read as other pages are."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from signverse.lake.storage.integrity.chunk_checksums import Checksums
from signverse.lake.storage.integrity.digests import read_at
from signverse.lake.storage.pages.footers import Footers
from signverse.lake.storage.pages.page_headers import LONGEST, page_at
from signverse.lake.storage.pages.page_table import PageTable, are_regular, paged_columns, plain_groups


def pages_of_chunks(footers: Footers, file: str, checksums: Checksums) -> PageTable | None:
    """The table of pages of a file that has checksums of whole chunks.

    What the headers of pages say counts only where the checksum of the page does not differ; see `check`.

    Returns:
        None where anything is not as format 1 has it.
    """
    footer = footers.get(file)
    with footers.open(file) as opened:
        paged = paged_columns(opened.metadata)
        if paged is None or len(checksums.crcs) != len(footer.rows) * len(paged) or not footer.rows.all():
            return None
        starts, sizes = checksums.ends[:-1], np.diff(checksums.ends)
        pieces = np.zeros((len(starts), 5), np.int64)
        pieces[:, 0], pieces[:, 1] = starts, sizes
        handle = os.open(footers.folder / file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            for index in np.flatnonzero(np.tile(paged, len(footer.rows))).tolist():
                page = page_at(read_at(handle, LONGEST, int(starts[index])))
                if page is None or page[0] != sizes[index]:
                    return None
                pieces[index, 2:] = page[1:]
        finally:
            os.close(handle)
        page_rows = int(footer.rows.max())
        if not are_regular(pieces, footer.rows, paged, page_rows):
            return None
        several = np.flatnonzero(~plain_groups(footer.rows, footer.frames, footer.person)).tolist()
        steps: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        people = np.zeros(0, np.int8)
        if several:
            columns = ["frame", "person"]
            footers.compare(file, opened, several, columns)
            table = opened.read_row_groups(several, columns=columns, use_threads=False)
            frames, people = table["frame"].to_numpy().astype(np.int64), table["person"].to_numpy()
            firsts = np.cumsum(footer.rows[several]) - footer.rows[several]
            steps = np.diff(frames, prepend=0)
            steps[firsts] = 0
            if (steps < 0).any() or (frames[firsts] != footer.frames[several, 0]).any():
                return None
    kind = np.min_scalar_type(int(steps.max(initial=0)))
    has_visible = np.ones(len(footer.rows), np.bool_)
    return PageTable(
        footer.video_ids, footer.rows, footer.frames, footer.person, has_visible,
        page_rows, paged, pieces.astype(np.uint32), steps.astype(kind), people,
    )  # fmt: skip
