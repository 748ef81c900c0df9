"""All pages of a batch by one call of zstd."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_ZSTD: Final = pa.Codec("zstd")

_SKIPPABLE: Final = 0x184D2A50
"""What a skippable frame of zstd begins with (RFC 8878, section 3.1.2)."""


def unpack(
    buffer: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int64],
    headers: npt.NDArray[np.int64],
    unpacked: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint8]:
    """What the pages hold, one behind the other.

    A page is a header of Parquet and a frame of zstd. The decoder takes any number of frames in a row, and skips those
    that say so: four bytes that mean "skippable", four of length, and so many bytes of anything. So each page's header
    is overwritten by the beginning of a skippable frame of the header's length: all pages together are then one stream,
    and one call unpacks it, without the interpreter's lock and without a context for each of a thousand pages.

    Args:
        buffer: the pages, which this spoils.
        places: int64 [N], where each begins, in order.
        headers, unpacked: int64 [N], bytes of the header, and of the data once unpacked.

    Raises:
        OSError: a page does not hold what zstd writes.
    """
    # Four bytes at any place: headers are not aligned.
    words = np.ndarray((len(buffer) - 3,), "<u4", buffer, strides=(1,))
    words[places] = _SKIPPABLE
    words[places + 4] = headers - 8
    return np.frombuffer(_ZSTD.decompress(buffer.data, int(unpacked.sum())), np.uint8)
