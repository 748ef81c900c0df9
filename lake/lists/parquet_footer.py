"""Parquet whose table of contents contradicts itself: pyarrow ends the process where it is asked for such a part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def check_footer(metadata: pq.FileMetaData, size: int) -> None:
    """Has Arrow look at each column of each row group, whatever it says of its values.

    `metadata.row_group(i).column(j)` calls C++ that throws what pyarrow 26 does not catch. Arrow's own reader
    looks at the same parts and catches. So it is given the table of contents with a file that has nothing but zeros:
    zeros cannot be a page header, so what it says of them tells that all of the parts were fine, and no value is made.

    Args:
        metadata: from a file of anyone's.
        size: of the file, in bytes.

    Raises:
        OSError, ValueError and other foreign errors: what Arrow says of a part.
    """
    zeros = pa.py_buffer(np.zeros(size, np.uint8))  # Memory that is never written takes none.
    for group in range(metadata.num_row_groups):
        with pq.ParquetFile(pa.BufferReader(zeros), metadata=metadata, pre_buffer=True) as file:
            batches: Any = file.iter_batches(1, row_groups=[group], use_threads=False)
            try:
                next(batches, None)
            except OSError as error:
                if "page header" not in str(error):
                    raise
