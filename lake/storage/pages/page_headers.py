"""The headers of pages of Parquet, as far as our own writer writes them: read once, when a file was written."""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(
    rb"\x15\x00 \x15(V) \x15(V) (?: \x15V\x1c | \x2c ) \x15(V) \x15\x12 \x15\x06 \x15\x06 (?:\x1c\x00)? \x00 \x00"
    .replace(b"V", rb"[\x80-\xff]{0,4}[\x00-\x7f]"),
    re.VERBOSE,
)  # fmt: skip
"""A page's header, a Thrift struct: a page of data, its bytes without and with compression, perhaps its checksum, how
many levels, byte streams, both kinds of levels in runs, no statistics."""

Page = tuple[int, int, int, int]
"""Of one page: bytes with its header, bytes of the header, bytes once unpacked (without the header), and levels."""


def pages_in(chunk: bytes) -> list[Page] | None:
    """The pages of a column chunk, from its first byte to its last; None where anything is not as we write it."""
    pages, at = [], 0
    while at < len(chunk):
        found = _HEADER.match(chunk, at)
        if found is None:
            return None
        unpacked, packed, levels = (_zigzag(found[i]) for i in (1, 2, 3))
        header = found.end() - at
        if min(unpacked, packed, levels) < 1 or found.end() + packed > len(chunk):
            return None
        pages.append((header + packed, header, unpacked, levels))
        at = found.end() + packed
    return pages


def _zigzag(varint: bytes) -> int:
    value = 0
    for place, byte in enumerate(varint):
        value |= (byte & 127) << 7 * place
    return (value >> 1) ^ -(value & 1)
