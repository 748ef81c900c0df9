"""The headers of pages of Parquet, as far as our own writer writes them: read once, when a file was written."""

from __future__ import annotations

import re
from functools import lru_cache
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

LONGEST: Final = 64
"""Bytes that no header of ours is longer than."""


def pages_in(chunk: bytes) -> list[Page] | None:
    """The pages of a column chunk, from its first byte to its last; None where anything is not as we write it."""
    pages, at = [], 0
    while at < len(chunk):
        page = page_at(chunk, at)
        if page is None or at + page[0] > len(chunk):
            return None
        pages.append(page)
        at += page[0]
    return pages


def page_at(data: bytes, at: int = 0) -> Page | None:
    """The page whose header begins at a place; None where it is not as we write it."""
    found = _HEADER.match(data, at)
    if found is None:
        return None
    unpacked, packed, levels = _number(found[1]), _number(found[2]), _number(found[3])
    if unpacked < 1 or packed < 1 or levels < 1:
        return None
    header = found.end() - at
    return header + packed, header, unpacked, levels


@lru_cache(maxsize=4096)
def _number(varint: bytes) -> int:
    """A number of Thrift, as a varint in zigzag."""
    value = 0
    for place, byte in enumerate(varint):
        value |= (byte & 127) << 7 * place
    return (value >> 1) ^ -(value & 1)
