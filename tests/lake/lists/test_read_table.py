"""The reader of people's lists: bounded work for hostile files, paths of every kind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.lists.columns import IDENTIFYING
from signverse.lake.lists.table import Table, read_table
from signverse.lake.model.errors import BadInputError

NAMES = {**IDENTIFYING, "language_label": ("sign_language", "language")}


def read(path: Path) -> Table:
    return read_table(path, "list", NAMES, ("video_id", "language_label"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode) | st.text('",;\t|\r\n#a=[{\ufeff').map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(data)
    try:
        table = read(path)
    except BadInputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
    else:
        assert all(set(row.cells) == set(table.columns) for row in table.rows)


@pytest.mark.parametrize(
    "data",
    [
        b"\r" * 2_000_000,
        b'"' * 2_000_000,
        b'"a' * 1_000_000,
        b'a,"b\n' * 300_000,
        b" " * 2_000_000 + b"(",
        b"(" * 2_000_000,
        b"#" * 2_000_000,
        b"," * 2_000_000,
        b"a\n" * 1_000_000,
        b"[" * 2_000_000,
        b"[[" + b"null," * 400_000,
        b'{"a":' * 500_000,
        b"null " * 400_000,
        b"https://" * 250_000,
        b"\xff\xfe" + b"\xff\xfe" * 500_000,
        b"\xef\xbb\xbf" * 700_000,
        b"[" + b",".join(b'{"k%d":1}' % key for key in range(100_000)) + b"]",
    ],
    ids=range(17),
)
@pytest.mark.slow
def test_megabytes_of_one_thing_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(data)
    try:
        read(path)
    except BadInputError as error:
        assert len(str(error)) < 1000


def test_a_relative_path_and_a_pipe_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.csv").write_text("video_id;language\na;ase\n")
    monkeypatch.chdir(tmp_path)
    assert read(Path("list.csv")).rows[0].cells == {"video_id": "a", "language_label": "ase"}
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("video_id;language\na;ase\n"))
    writer.start()
    assert len(read(tmp_path / "pipe").rows) == 1
    writer.join()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadInputError, match="cannot be read"):
            read(path)
