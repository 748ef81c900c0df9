"""A zip of millions of names is refused before one of them is read; what numpy writes is read."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.ingest.shards.untrusted.zip_directory import MAX_BYTES, check_directory
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.untrusted.npz_files import saved


def of_names(count: int, size: int = 100) -> bytes:
    """A zip of empty files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(count):
            archive.writestr(f"{i:0{size}}", b"")
    return buffer.getvalue()


def lying(data: bytes, length: int) -> bytes:
    """The same with a table of contents that states another length."""
    at = data.rfind(b"PK\x05\x06")
    return data[: at + 12] + struct.pack("<L", length) + data[at + 16 :]


def lying_in_64_bits(data: bytes, length: int) -> bytes:
    at = data.rfind(b"PK\x05\x06")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, length, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return data[:at] + record + locator + lying(data, 0xFFFFFFFF)[at:]


HONEST = saved(a=np.arange(3))

BOMBS = {
    "forty thousand names": of_names(40_000),
    "a table that says so": lying(HONEST, MAX_BYTES + 1),
    "a table of four gigabytes": lying(HONEST, 0xFFFFFFFE),
    "a table of many gigabytes": lying_in_64_bits(HONEST, 2**40),
    "behind a comment": lying(HONEST, 2**30) + b"c" * 1000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_table_of_contents_that_no_npz_has_is_refused(bomb: str) -> None:
    with pytest.raises(BadInputError, match=r"^x cannot be read: ValueError: its table of contents has [0-9,]+ bytes"):
        read_npz(BOMBS[bomb], "x")


def test_the_tables_of_honest_files_are_read() -> None:
    many = saved(**{f"person_{i:03}_body_keypoints": np.zeros(2) for i in range(1100)})
    assert len(read_npz(many, "x")) == 1100
    for data in (HONEST, many, b"", b"PK\x05\x06", of_names(100)):
        check_directory(io.BytesIO(data), len(data))
