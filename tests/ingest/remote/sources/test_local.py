"""A folder or a tar of this machine as a source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, tars

TAR = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "1.tar").write_bytes(TAR)
    (tmp_path / "2.tar").write_bytes(b"two")
    (tmp_path / "state.json").write_bytes(b"{}")
    (tmp_path / ".hidden.tar").write_bytes(b"half a file")
    return tmp_path


@pytest.mark.parametrize("relative", [False, True])
def test_a_folder_lists_its_files_and_those_of_folders_inside(
    folder: Path, relative: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with open_source("." if relative else str(folder)) as source:
        assert [file.path for file in source.files()] == ["2.tar", "dataset/1.tar", "state.json"]
        assert [(file.path, file.size) for file in tars(source.files())] == [("2.tar", 3), ("dataset/1.tar", len(TAR))]
        assert source.address == str(folder)
        assert source.revision is None


def test_one_tar_is_a_source_of_one_file(folder: Path) -> None:
    with open_source(folder / "dataset" / "1.tar") as source:
        (file,) = source.files()
        assert (file.path, file.size) == ("1.tar", len(TAR))
        opened = source.open("1.tar")
        assert opened.pread(0, opened.size) == TAR
        assert opened.pread(300, 12) == TAR[300:312]
        assert opened.pread(len(TAR), 0) == b""
        assert source.traffic.bytes == len(TAR) + 12
        opened.close()


def test_bytes_behind_the_end_are_an_error_and_never_fewer_bytes(folder: Path) -> None:
    with open_source(folder) as source:
        opened = source.open("2.tar")
        for start, size in [(0, 4), (3, 1), (10, 10)]:
            with pytest.raises(RemoteFileError, match=r"2\.tar ends at byte 3"):
                opened.pread(start, size)
        opened.close()


@pytest.mark.parametrize("change", [b"TWO", b"longer than before", b""])
def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path, change: bytes) -> None:
    with open_source(folder) as source:
        opened = source.open("2.tar")
        os.utime(folder / "2.tar", ns=(1, 1))
        (folder / "2.tar").write_bytes(change)
        with pytest.raises(RemoteFileError, match=r"2\.tar changed while it was read"):
            opened.pread(0, 3)
        opened.close()


def test_what_is_not_there_or_is_not_a_file_is_said(folder: Path) -> None:
    os.mkfifo(folder / "pipe.tar")
    with pytest.raises(SourceError, match="there is no nowhere/tars/more"):
        open_source("nowhere/tars/more")
    with open_source(folder) as source:
        assert "pipe.tar" not in [file.path for file in source.files()]
        for name, why in [("pipe.tar", "a pipe"), ("3.tar", "No such file"), ("dataset", "a folder")]:
            with pytest.raises(RemoteFileError, match=why):
                source.open(name)


def test_files_whose_names_cannot_be_shown_are_said_and_not_read(tmp_path: Path) -> None:
    names = [b"1.tar", b"\xff.tar", b"new\nline.tar", "\u202ert.tar".encode(), b"\x1b[31m.tar"]
    for name in names:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"one")
    with open_source(tmp_path) as source:
        assert [file.path for file in source.files()] == ["1.tar"]
        (remark,) = source.remarks
        assert remark.isprintable() and "4 files not read" in remark
    with open_source(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tar")) as source, pytest.raises(SourceError):
        source.files()


def test_a_folder_that_links_to_itself_is_listed_once(folder: Path) -> None:
    (folder / "again").symlink_to(folder)
    (folder / "linked.tar").symlink_to(folder / "2.tar")
    with open_source(folder) as source:
        assert [file.path for file in tars(source.files())] == ["2.tar", "dataset/1.tar", "linked.tar"]
