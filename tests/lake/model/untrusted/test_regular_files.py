"""What a folder or a listing names is opened only if it is an ordinary file: nothing waits, nothing flows for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular, read_given, read_regular

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "x")
    return folder / "x"


def listening(folder: Path) -> Path:
    # The address of a socket has at most 107 characters.
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("x")
    finally:
        os.chdir(here)
    return folder / "x"


def linked(target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "x").symlink_to(target)
        return folder / "x"

    return make


def looping(folder: Path) -> Path:
    (folder / "x").symlink_to(folder / "y")
    (folder / "y").symlink_to(folder / "x")
    return folder / "x"


def linked_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    (folder / "x").symlink_to("pipe")
    return folder / "x"


NOT_REGULAR = {
    "a pipe": pipe,
    "a socket": listening,
    "a folder": lambda folder: folder,
    "a device": linked("/dev/zero"),
    "a device, not": linked("/dev/tty"),
    "a pipe, not": linked_pipe,
    "No such file": linked("nothing"),
    "symbolic links": looping,
    "says that it is empty": linked("/proc/self/maps"),
    "it is empty, and": linked("/proc/cpuinfo"),
    "Not a directory": linked("/etc/passwd/x"),
    "File name too long": lambda folder: folder / ("x" * 300),
    "null": lambda folder: folder / "x\0y",
}


@posix
@pytest.mark.parametrize(("why", "make"), NOT_REGULAR.items(), ids=list(NOT_REGULAR))
def test_what_is_no_ordinary_file_is_refused_at_once_in_one_line(
    why: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path)
    if "empty" in why and not Path("/proc/cpuinfo").exists():
        pytest.skip("no /proc")
    for read in (open_regular, lambda given: read_regular(given, 100)):
        with pytest.raises(BadInputError, match=why) as refusal:
            read(path)
        assert str(path)[:40] in str(refusal.value)


def test_files_and_links_to_files_are_read_by_relative_paths_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"held")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "link").symlink_to("a")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "a", Path("a"), "link"):
        assert read_regular(path, 4) == b"held"
        with open_regular(path) as file:
            assert file.read(2) + file.read() == b"held"
    assert read_regular("empty", 0) == b""
    with open_regular("a", buffering=0) as file:
        assert not os.get_inheritable(file.fileno())


def test_a_file_larger_than_its_bound_is_refused_before_and_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(101))
    for read in (open_regular, read_regular, read_given):
        with pytest.raises(BadInputError, match="larger than 100 bytes"):
            read(tmp_path / "a", 100)


@posix
@pytest.mark.parametrize("endless", ["/dev/zero", "/dev/urandom"])
def test_what_a_person_names_may_be_endless_and_is_read_to_its_bound(endless: str) -> None:
    with pytest.raises(BadInputError, match="larger than 1,000,000 bytes"):
        read_given(endless, 1_000_000)


@posix
def test_what_a_person_names_may_be_a_pipe() -> None:
    program = (
        "import sys; from signverse.lake.model.untrusted.regular_files import read_given as r;"
        "sys.stdout.write(repr(r('/dev/stdin', 100)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], input=b"given", capture_output=True, check=True)
    assert ran.stdout == b"b'given'"
