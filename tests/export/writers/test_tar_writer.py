"""Tars that are written member by member are those that tarfile writes, and their checksums are right."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.writers.tar_writer import atomic_tar
from signverse.lake.model.errors import BadInputError


def streamed(data: bytes) -> Callable[[IO[bytes]], None]:
    """Writes data the other way round, as who fills in a checksum at the end."""

    def write(out: IO[bytes]) -> None:
        start = out.tell()
        half = len(data) // 2
        out.write(bytes(half))
        out.write(data[half:])
        end = out.tell()
        out.seek(start)
        out.write(data[:half])
        out.seek(end)

    return write


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=150)
sizes = st.sampled_from([0, 1, 511, 512, 513, 10_000, 300_000, 1_200_000])


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(names, st.tuples(sizes, st.booleans()), max_size=5))
def test_a_tar_is_that_of_tarfile(members: dict[str, tuple[int, bool]]) -> None:
    import tempfile

    contents = {name: (name.encode() * size)[:size] for name, (size, _) in members.items()}
    theirs = io.BytesIO()
    with tarfile.open(fileobj=theirs, mode="w|", format=tarfile.PAX_FORMAT) as file:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tar"
        with atomic_tar(path) as tar:
            for name, data in contents.items():
                tar.add(name, streamed(data) if members[name][1] else data)
        ours = path.read_bytes()
    assert ours == theirs.getvalue()
    assert (tar.file.size, tar.file.sha256()) == (len(ours), hashlib.sha256(ours).hexdigest())
    for name, data in contents.items():
        if members[name][1]:
            assert tar.sha256(name) == hashlib.sha256(data).hexdigest()


def test_what_fails_leaves_neither_file_nor_thread(tmp_path: Path) -> None:
    before = threading.active_count()

    def fail(out: IO[bytes]) -> None:
        out.write(b"x" * 3_000_000)
        raise BadInputError("no more")

    with pytest.raises(BadInputError, match="no more"), atomic_tar(tmp_path / "x.tar") as tar:
        tar.add("a", b"x" * 3_000_000)
        tar.add("b", fail)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == before
