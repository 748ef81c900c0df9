"""Tars made to take time and memory, and things that are no files: refused at once, in one line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.untrusted.test_tar_reader import file, read


def statement(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    length += len(str(length + len(str(length))))
    return b"%d %s=%s\n" % (length, key, value)


@pytest.mark.parametrize(
    "bomb",
    {
        "statements": (b"x", b"".join(statement(b"path", b"%d" % i) for i in range(60_000)), 1),
        "statements of nothing": (b"x", b"5 a=\n" * 200_000, 1),
        "headers in a row": (b"x", statement(b"path", b"a"), 1000),
        "long names in a row": (b"L", b"name\0", 1000),
        "long names and statements in turn": (b"L", b"n" * 5000, 500),
    }.values(),
)
def test_headers_without_end_about_one_file_end_the_reading(bomb: tuple[bytes, bytes, int]) -> None:
    kind, content, count = bomb
    one = file(b"././@about", content, kind)
    found, _, damage = read(file(b"a/x", b"one") + one * count + file(b"a/y", b"two") + bytes(1024))
    assert found == [("a/x", b"one")]
    assert "about one file" in damage


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "link to a device"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.tar"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path = path if kind == "link to a device" else Path("/dev/zero")
        if kind == "link to a device":
            path.symlink_to("/dev/zero")
    with pytest.raises(BadInputError, match=r"^\S+ cannot be read: it is a (pipe|socket|folder|device), not a file$"):
        Tar(path)
