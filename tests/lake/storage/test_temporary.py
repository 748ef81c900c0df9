"""Temporary files: those of killed processes are removed by the next start, those of others stay."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.temporary import leftovers, process_mark
from signverse.lake.storage.temporary.leftovers import (
    clear_halves,
    half_name,
    name_of_half,
    temporary_folder,
    temporary_folder_of,
)
from signverse.lake.storage.temporary.process_mark import MARK, has_ended, own_mark
from signverse.lake.storage.temporary.whole_file import create_whole, whole_file, write_whole

MAKES_SOME = """
import sys
from pathlib import Path
from signverse.lake.storage.temporary.leftovers import temporary_folder_of, temporary_folder
from signverse.lake.storage.temporary.whole_file import whole_file
class Owner: pass
owner = Owner()
(temporary_folder_of("duckdb", owner) / "spilled").write_text("x")
with temporary_folder("sort") as folder, whole_file(Path(sys.argv[1]) / "clips.csv") as file:
    (folder / "spilled").write_text("x")
    file.write(b"half")
    file.flush()
    print("made", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that has temporary folders and a half-written file; each in a life of its own."""
    for name in ("tmp", "out"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(leftovers, "_cleared", set())
    running: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MAKES_SOME, str(tmp_path / "out")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def made_by(process: subprocess.Popen[str], folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if f"-{process.pid}-" in path.name]


Start = Callable[[], subprocess.Popen[str]]


def test_the_next_start_removes_what_a_killed_process_left_and_nothing_of_a_living_one(
    start: Start, tmp_path: Path
) -> None:
    living, killed = start(), start()
    killed.kill()
    killed.wait()
    assert len(made_by(killed, tmp_path)) == 3
    third = start()
    assert made_by(killed, tmp_path) == []
    assert len(made_by(living, tmp_path)) == len(made_by(third, tmp_path)) == 3
    for process in (living, third):
        process.communicate("")
        assert made_by(process, tmp_path) == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["clips.csv", "out", "tmp"]


def test_what_is_of_another_machine_or_a_later_process_of_the_same_number_is_known(
    start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    machine, pid, began = own_mark().split("-")
    far = out / f".clips.csv.signverse-{'0' * 8}-{2**22 + 1}-{began}-abc"
    recycled = out / f".clips.csv.signverse-{machine}-{pid}-1-abc"
    own = out / f"{half_name('clips.csv')}abc"
    others = [out / name for name in (".clips.csv.swp", ".clips.csv.abcdefgh", "clips.csv", ".git")]
    for path in (far, recycled, own, *others):
        path.write_text("x")
    clear_halves(out)
    assert sorted(out.iterdir()) == sorted([far, own, *others])


def test_what_another_user_has_made_stays(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = start()
    killed.kill()
    killed.wait()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with temporary_folder("sort"):
        clear_halves(tmp_path / "out")
    assert len(made_by(killed, tmp_path)) == 3


def test_a_link_in_the_place_of_a_folder_is_removed_and_not_followed(start: Start, tmp_path: Path) -> None:
    machine, pid, _ = own_mark().split("-")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "tmp" / f"signverse-sort-{machine}-{pid}-1-abc").symlink_to(tmp_path / "precious")
    with temporary_folder("sort") as folder:
        assert [path.name for path in (tmp_path / "tmp").iterdir()] == [folder.name]
    assert (tmp_path / "precious" / "file").exists()


def test_a_temporary_folder_is_private_and_ends_with_its_owner(start: Start, tmp_path: Path) -> None:
    class Owner:
        pass

    owner = Owner()
    folder = temporary_folder_of("duckdb", owner)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch(rf"signverse-duckdb-{MARK}-\w+", folder.name)
    del owner
    assert not folder.exists()


def test_a_session_spills_into_a_private_folder_that_ends_with_it(start: Start, tmp_path: Path, town: Path) -> None:
    from signverse.lake.lake import Lake

    with Lake.open(town) as opened:
        con = opened.duckdb()
        folder = Path(con.sql("select current_setting('temp_directory')").fetchall()[0][0])
        assert folder.parent == tmp_path / "tmp"
        assert folder.stat().st_mode & 0o777 == 0o700
        del con
    assert list((tmp_path / "tmp").iterdir()) == []


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=250))
def test_a_half_written_file_has_a_name_that_fits_and_says_which_it_is_of(name: str) -> None:
    name = name.encode()[:255].decode("utf-8", "ignore") or "x"
    half = f"{half_name(name)}abcd1234"
    assert len(os.fsencode(half)) <= 255
    assert name.startswith(name_of_half(half)[:-1]) or len(os.fsencode(name)) > 180
    assert len(os.fsencode(name)) > 180 or name_of_half(half) == name


def test_a_process_that_lives_has_not_ended_and_one_that_is_gone_has() -> None:
    assert not has_ended(own_mark())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process_mark._mark(process.pid)
    assert not has_ended(mark)
    process.communicate(b"\n")
    assert has_ended(mark)


def test_a_file_is_created_whole_and_only_once(tmp_path: Path) -> None:
    assert create_whole(tmp_path / "lease", b"first")
    assert not create_whole(tmp_path / "lease", b"second")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"lease": "first"}


def test_a_file_is_created_where_the_file_system_has_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert create_whole(tmp_path / "lease", b"first")
    assert not create_whole(tmp_path / "lease", b"second")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"lease": "first"}


def test_a_file_that_is_written_again_is_the_new_one_or_the_old(tmp_path: Path) -> None:
    write_whole(tmp_path / "note", b"old")
    with pytest.raises(BadInputError), whole_file(tmp_path / "note") as file:
        file.write(b"ha")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "note").read_bytes() == b"old"
    write_whole(tmp_path / "note", b"new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"note": "new"}
