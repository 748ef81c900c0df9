"""Property: a lake whose making was broken off, at whatever table and byte, is made by the next command that writes."""

from __future__ import annotations

import shutil

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import NotALakeError
from signverse.lake.model.schema import TABLES
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.integrity.log_entries import entry_path

LENGTHS = (0, 1, 100, 0.5, -2, -1)
"""Bytes that are there of the entry that makes a table: so many, that part of them, or all but so many."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "lake"
    Lake.create(folder).close()
    return folder


def of_length(text: bytes, length: float) -> bytes:
    return text[: int(length * len(text)) if 0 < length < 1 else int(length)]


@pytest.mark.parametrize("with_videos", [True, False], ids=["videos made", "videos not made"])
@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_a_lake_with_one_half_made_table_is_made(empty, tmp_path, name, with_videos):
    for length in LENGTHS:
        folder = tmp_path / f"lake{length}"
        shutil.copytree(empty, folder)
        entry = entry_path(folder / name, 0)
        entry.write_bytes(of_length(entry.read_bytes(), length))
        if not with_videos and name != "videos":
            shutil.rmtree(folder / "videos")
        if not with_videos or name == "videos":
            with pytest.raises(NotALakeError, match="is not a lake"):
                Lake.open(folder)
        Lake.create(folder).close()
        assert {table.name: log_entries.newest_version(folder / table.name) for table in TABLES} == {
            table.name: 0 for table in TABLES
        }
        assert Lake.open(folder).version == 0
